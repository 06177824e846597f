package apply

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/plan"
)

// daemon is a containerd of the system with directories of its own.
type daemon struct {
	node
	cmd *exec.Cmd
	log bytes.Buffer
}

func (d *daemon) config(registry string) string {
	return fmt.Sprintf("version = 2\nroot = %q\nstate = %q\n[grpc]\n  address = %q\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\n%s",
		d.path("/data"), d.path("/run"), d.path("/sock"), registry)
}

func (d *daemon) restart(context.Context, plan.Restart) error {
	d.stop()
	d.cmd = exec.Command("containerd", "--config", d.path("/config.toml"))
	d.cmd.Stdout, d.cmd.Stderr = &d.log, &d.log
	return d.cmd.Start()
}

func (d *daemon) stop() {
	if d.cmd != nil {
		_ = d.cmd.Process.Signal(syscall.SIGTERM)
		_ = d.cmd.Wait()
		d.cmd = nil
	}
}

// well asks the daemon until it answers whether its CRI plugin is loaded.
func (d *daemon) well(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		out, err := exec.CommandContext(ctx, "ctr", "--address", d.path("/sock"), "plugins", "ls").CombinedOutput()
		for line := range strings.SplitSeq(string(out), "\n") {
			if f := strings.Fields(line); err == nil && len(f) == 4 && f[1] == "cri" {
				if f[3] == "ok" {
					return nil
				}
				return errors.New("the CRI plugin is not loaded")
			}
		}
		if ctx.Err() != nil {
			return fmt.Errorf("containerd does not answer: %s", out)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func TestAContainerdThatRefusesItsNewConfigurationGetsTheOldOneBack(t *testing.T) {
	for _, program := range []string{"containerd", "ctr"} {
		if _, err := exec.LookPath(program); err != nil || os.Geteuid() != 0 {
			t.Skip("left out: it needs root and an installed containerd")
		}
	}
	d := &daemon{node: newNode(t)}
	t.Cleanup(d.stop)
	const mirrors = "  [plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.\"docker.io\"]\n    endpoint = [\"https://m.example\"]\n"
	d.write("/config.toml", d.config(mirrors), 0o640)
	d.must(d.restart(t.Context(), plan.Restart{}))
	d.must(d.well(t.Context()))
	if version, _ := exec.Command("containerd", "--version").Output(); !bytes.Contains(version, []byte(" 1.")) {
		t.Skipf("left out: it needs containerd 1.6 or 1.7, this is %s", version)
	}
	before := d.describe("/config.toml")

	// Both ways of naming mirrors at once make the plugin refuse to load.
	c := d.edit("/config.toml", d.config("  config_path = \"/etc/containerd/certs.d\"\n"+mirrors))
	c.Before.Path, c.After.Path = d.path("/config.toml"), d.path("/config.toml")
	p := of("convert", c)
	p.Restart = []plan.Restart{{Unit: "containerd", Why: "config.toml"}}
	begun := time.Now()
	r, err := Run(t.Context(), Site{State: d.path("/state")}, p, Hooks{Restart: d.restart, Check: d.well})
	if err == nil || err.Error() != "the CRI plugin is not loaded" || r.State != RolledBack || len(r.Left)+len(r.Restart) > 0 {
		t.Errorf("got %v, %+v\n%s", err, r, d.log.String())
	}
	if got := d.describe("/config.toml"); got != before {
		t.Errorf("got %s, want %s", got, before)
	}
	if err := d.well(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	t.Logf("well again after %v", time.Since(begun))
}
