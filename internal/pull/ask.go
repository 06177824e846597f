package pull

import (
	"context"
	"time"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

const (
	maxRounds = 3                // that go by without a byte before a pull gives up
	maxPause  = 20 * time.Second // that a host may ask for before it is asked again
)

// getter asks one host for one object. A refusal leads to the next host, an
// error of our own ends the pull.
type getter func(ctx context.Context, q question) (*refusal, error)

// ask asks hosts one after the other until one gives what is wanted. When all
// have refused, and some only for the moment, they are asked again.
func (p *pull) ask(ctx context.Context, what string, list []question, get getter) error {
	said := &Refusals{what: what}
	for round := 0; ; round++ {
		got, gained, err := p.askAll(ctx, list, get, said)
		if got || err != nil {
			return err
		}
		if gained {
			round = -1 // it goes on, however haltingly
			continue
		}
		pause := said.pause(round)
		if pause == 0 || round == maxRounds-1 {
			return said
		}
		p.tell(Event{State: Pausing, Text: said.Error(), Wait: pause})
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// askAll asks every host once, until one gives what is wanted. gained: one has
// given a part of it.
func (p *pull) askAll(ctx context.Context, list []question, get getter, said *Refusals) (got, gained bool, err error) {
	asked := map[*host]bool{}
	p.hosts.dropped(list, asked, said)
	for q, ok := p.hosts.next(list, asked); ok; q, ok = p.hosts.next(list, asked) {
		asked[q.host] = true
		r, err := get(ctx, q)
		switch {
		case err != nil:
			return false, false, err
		case ctx.Err() != nil:
			return false, false, context.Cause(ctx)
		case r == nil:
			return true, false, nil
		}
		gained = gained || r.gained
		said.add(q.endpoint.String(), *r)
		p.hosts.blame(q.host, r)
		p.tell(Event{State: Refused, Endpoint: q.endpoint.String(), Text: r.Text})
	}
	p.hosts.dropped(list, asked, said)
	return false, gained, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// badReply is what a host gets that answers with something else.
func badReply(stage snapshot.Stage, text string) *refusal {
	return &refusal{Failure: snapshot.Failure{Stage: stage, Cause: snapshot.BadReply, Text: text}}
}
