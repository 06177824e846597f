package upstream

import (
	"sync"
	"time"
)

// pool keeps idle connections for the next request.
type pool struct {
	mu     sync.Mutex
	idle   map[string][]parked
	closed bool
}

type parked struct {
	link  *link
	since time.Time
}

// How many idle connections are kept to one host and for how long; containerd
// keeps its own for 30 s.
const (
	maxIdle  = 8
	idleTime = 25 * time.Second
)

func newPool() *pool { return &pool{idle: map[string][]parked{}} }

// take returns the connection that was used last, nil if there is none.
func (p *pool) take(key string) *link {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		list := p.idle[key]
		if len(list) == 0 {
			return nil
		}
		last := list[len(list)-1]
		p.idle[key] = list[:len(list)-1]
		if time.Since(last.since) < idleTime {
			return last.link
		}
		_ = last.link.Close()
	}
}

// put keeps a connection, unless there are enough.
func (p *pool) put(k *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || k.key == "" || k.in.Buffered() > 0 || len(p.idle[k.key]) >= maxIdle {
		return false
	}
	p.idle[k.key] = append(p.idle[k.key], parked{k, time.Now()})
	return true
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, list := range p.idle {
		for _, k := range list {
			_ = k.link.Close()
		}
	}
	clear(p.idle)
}
