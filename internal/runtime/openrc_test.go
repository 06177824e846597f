package runtime

import (
	"os"
	"os/exec"
	"testing"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// openrcService names a service of a machine with OpenRC that may be restarted.
// Its reload makes /run/reloaded.
const openrcService = "TOWPATH_OPENRC_SERVICE"

func TestOpenRCRestartsWhatItRuns(t *testing.T) {
	name := os.Getenv(openrcService)
	if name == "" || !exists("/run/openrc") {
		t.Skip("not looked at: no OpenRC here, or " + openrcService + " names no service to play with")
	}
	if out, err := exec.Command("rc-service", name, "start").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	pid := func() string {
		t.Helper()
		data, err := os.ReadFile("/run/" + name + ".pid")
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	before, rt := pid(), snapshot.Runtime{Unit: name + ".service"}
	if err := Manages(rt); err != nil {
		t.Error(err)
	}
	if active, err := IsActive(t.Context(), rt); !active || err != nil {
		t.Errorf("active: %v, %v", active, err)
	}
	if err := Reload(t.Context(), rt); err != nil || !exists("/run/reloaded") || pid() != before {
		t.Errorf("reload: %v", err)
	}
	if err := Restart(t.Context(), rt, true); err != nil || pid() == before {
		t.Errorf("restart: %v, process %s was %s", err, pid(), before)
	}
	if err := Restart(t.Context(), snapshot.Runtime{Unit: "none.service"}, false); err == nil {
		t.Error("no such service, and no error")
	}
}
