package upstream

import (
	"net/netip"
	"time"
)

// outcome is how one of several dials that began together stands.
type outcome struct {
	ip   netip.Addr
	done bool
	ok   bool
	took time.Duration // until it was done
}

// fallbackDelay is how long Go waits for the first family. Source: net.Dialer.
const fallbackDelay = 300 * time.Millisecond

// goWinner tells which connection Go's dialer would have ended up with, had it
// dialled the same addresses: those of the first one's family one after the
// other, the other family likewise after a delay or once the first has failed.
// With passed since the beginning it may not be known yet; then again says when
// to look once more, 0 meaning when another dial is done. Winner is -1 when all
// have failed. Source: net/dial.go, dialParallel.
func goWinner(all []outcome, passed time.Duration) (winner int, known bool, again time.Duration) {
	if len(all) == 0 {
		return -1, true, 0
	}
	first := serial(all, func(o outcome) bool { return family(o) == family(all[0]) }, passed)
	second := serial(all, func(o outcome) bool { return family(o) != family(all[0]) }, passed)
	start := fallbackDelay
	if first.done && first.index < 0 {
		start = min(start, first.at)
	}
	second.at += start
	switch {
	case first.index < 0 && first.done && second.done:
		return second.index, true, 0
	case first.index >= 0 && (first.at <= second.at || second.done && second.index < 0):
		return first.index, true, 0
	case second.index >= 0 && (second.at < first.at || first.done && first.index < 0):
		return second.index, true, 0
	case first.index >= 0:
		return -1, false, first.at - second.at
	case second.index >= 0:
		return -1, false, second.at - first.at
	}
	return -1, false, 0
}

func family(o outcome) bool { return o.ip.Unmap().Is4() }

// run is one family's addresses, dialled one after the other.
type run struct {
	index int           // of the connection; -1: none yet
	done  bool          // nothing more can come
	at    time.Duration // when it was there; while it is not: the earliest that it can be
}

func serial(all []outcome, mine func(outcome) bool, passed time.Duration) run {
	var at time.Duration
	for i, o := range all {
		switch {
		case !mine(o):
		case !o.done:
			return run{-1, false, at + passed}
		case o.ok:
			return run{i, true, at + o.took}
		default:
			at += o.took
		}
	}
	return run{-1, true, at}
}
