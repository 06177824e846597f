package runtime

import (
	"bufio"
	"errors"
	"os/exec"
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

func TestAPlainProcessIsToldToReadItsFilesAgain(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `trap "echo told; exit 0" HUP; echo ready; while :; do sleep 0.05; done`)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	rt := snapshot.Runtime{Target: route.Target{Runtime: "crio"}, PID: cmd.Process.Pid}
	if err := Reload(t.Context(), rt); err != nil {
		t.Error(err)
	}
	if lines.Scan(); lines.Text() != "told" {
		t.Errorf("it said %q", lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
