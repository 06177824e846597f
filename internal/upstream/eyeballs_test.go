package upstream

import (
	"net/netip"
	"testing"
	"time"
)

// TestTheWinnerIsThatOfGosDialer gives the outcomes of parallel dials and asks
// which one serial dials with a head start for the first family would have won.
func TestTheWinnerIsThatOfGosDialer(t *testing.T) {
	const ms = time.Millisecond
	six, four := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.1")
	ok := func(ip netip.Addr, d time.Duration) outcome { return outcome{ip, true, true, d} }
	bad := func(ip netip.Addr, d time.Duration) outcome { return outcome{ip, true, false, d} }
	open := func(ip netip.Addr) outcome { return outcome{ip: ip} }
	for _, c := range []struct {
		name   string
		all    []outcome
		passed time.Duration
		winner int
		known  bool
		again  time.Duration
	}{
		{"nothing", nil, 0, -1, true, 0},
		{"one works", []outcome{ok(four, 5*ms)}, 5 * ms, 0, true, 0},
		{"one is open", []outcome{open(four)}, 5 * ms, -1, false, 0},
		{"one fails", []outcome{bad(four, 5*ms)}, 5 * ms, -1, true, 0},
		{"second family faster, within the head start", []outcome{ok(six, 200*ms), ok(four, 5*ms)}, 200 * ms, 0, true, 0},
		{"first family slower than the head start", []outcome{ok(six, 400*ms), ok(four, 5*ms)}, 400 * ms, 1, true, 0},
		{"first open, second there: wait out the head start", []outcome{open(six), ok(four, 5*ms)}, 20 * ms, -1, false, 285 * ms},
		{"first open, head start over", []outcome{open(six), ok(four, 5*ms)}, 306 * ms, 1, true, 0},
		{"first fails at once: no head start", []outcome{bad(six, 2*ms), ok(four, 5*ms)}, 5 * ms, 1, true, 0},
		{"first there, second open", []outcome{ok(six, 5*ms), open(four)}, 5 * ms, 0, true, 0},
		{"both fail", []outcome{bad(six, 2*ms), bad(four, 5*ms)}, 5 * ms, -1, true, 0},
		{"first of a family fails slowly, second would come later than the other family", []outcome{bad(six, 290*ms), ok(six, 50*ms), ok(four, 10*ms)}, 300 * ms, 2, true, 0},
		{"one after the other within a family", []outcome{bad(four, 10*ms), ok(four, 5*ms)}, 10 * ms, 1, true, 0},
		{"second of a family is there, first is open", []outcome{open(four), ok(four, 5*ms)}, 10 * ms, -1, false, 0},
		{"first slow and there, second open: it may have been faster", []outcome{ok(six, 500*ms), open(four)}, 100 * ms, -1, false, 100 * ms},
	} {
		winner, known, again := goWinner(c.all, c.passed)
		if winner != c.winner || known != c.known || again != c.again {
			t.Errorf("%s: %d %v %s, want %d %v %s", c.name, winner, known, again, c.winner, c.known, c.again)
		}
	}
}
