package runtime

import (
	"errors"
	"testing"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

func TestAPlainProcessIsNotRestarted(t *testing.T) {
	rt := snapshot.Runtime{Target: route.Target{Runtime: "containerd"}, PID: 12}
	if err := Restart(t.Context(), rt, true); !errors.Is(err, ErrPlain) || err.Error() != "restart containerd (process 12): no service manager runs it, restart it yourself" {
		t.Errorf("got %v", err)
	}
	if _, err := IsActive(t.Context(), rt); !errors.Is(err, ErrPlain) {
		t.Errorf("got %v", err)
	}
}
