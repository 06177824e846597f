package probe

import (
	"context"
	"sync"
	"time"
)

// grace is how long the hosts behind one that has the image are waited for. The
// runtime does not come to them: in an air gap they never answer.
const grace = time.Second

// behind ends looks at hosts that turn out not to be needed.
type behind struct {
	look []context.Context // by the place of the host in the chain
	stop []context.CancelFunc

	mu     sync.Mutex
	timers []*time.Timer
}

func newBehind(ctx context.Context, hosts int) *behind {
	b := &behind{}
	for range hosts {
		c, stop := context.WithCancel(ctx)
		b.look, b.stop = append(b.look, c), append(b.stop, stop)
	}
	return b
}

// hurry gives the hosts behind one that has the image a little time.
func (b *behind) hurry(host int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.timers = append(b.timers, time.AfterFunc(grace, func() {
		for _, stop := range b.stop[host+1:] {
			stop()
		}
	}))
}

func (b *behind) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, t := range b.timers {
		t.Stop()
	}
	for _, stop := range b.stop {
		stop()
	}
}
