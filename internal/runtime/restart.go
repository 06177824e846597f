package runtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	"golang.org/x/sys/unix"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// restartWait bounds a restart: systemd gives a service 90 seconds to stop
// unless it says otherwise.
const restartWait = 2 * time.Minute

// ErrPlain tells that nothing we know runs the runtime, so that a person has to
// restart it.
var ErrPlain = errors.New("no service manager runs it, restart it yourself")

// manager starts and stops services: systemd over D-Bus, OpenRC and whatever
// else by commands.
type manager struct {
	name    string
	restart func(context.Context, snapshot.Runtime) error
	again   func(context.Context, snapshot.Runtime) error // has the service read its files again
	reload  func(context.Context) error                   // nil: the manager has no files of its own to read again
	active  func(context.Context, string) (bool, error)
}

// managerOf finds what manages the services of this machine. Sources:
// sd_booted(3); OpenRC keeps its state in /run/openrc.
func managerOf(rt snapshot.Runtime) (manager, error) {
	if rt.Unit == "" {
		return manager{}, fmt.Errorf("%s (process %d): %w", rt.Target.Runtime, rt.PID, ErrPlain)
	}
	if exists("/run/systemd/system") {
		return manager{"systemd", restartUnit, reloadUnit, reloadUnits, unitActive}, nil
	}
	if exists("/run/openrc") {
		return manager{"OpenRC", restartService, reloadService, nil, serviceActive}, nil
	}
	return manager{}, fmt.Errorf("%s: %w", rt.Unit, ErrPlain)
}

// Manages tells why nothing on this machine can restart a runtime; nil: it can
// be restarted.
func Manages(rt snapshot.Runtime) error {
	_, err := managerOf(rt)
	return err
}

// Reload has a runtime read its files again, which interrupts nothing: through
// its service, or where no service manager runs it by SIGHUP, which dockerd and
// CRI-O take for that.
func Reload(ctx context.Context, rt snapshot.Runtime) error {
	m, err := managerOf(rt)
	if errors.Is(err, ErrPlain) && rt.PID > 1 {
		if err := unix.Kill(rt.PID, unix.SIGHUP); err != nil {
			return fmt.Errorf("send SIGHUP to process %d: %w", rt.PID, err)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("reload %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, restartWait)
	defer cancel()
	if err := m.again(ctx, rt); err != nil {
		return fmt.Errorf("reload %s: %w", rt.Unit, err)
	}
	return nil
}

// Command runs a program of this machine, for two minutes at most. The error has
// what it said.
func Command(ctx context.Context, args []string) error {
	ctx, cancel := context.WithTimeout(ctx, restartWait)
	defer cancel()
	return command(ctx, args[0], args[1:]...)
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// Restart restarts the service that a runtime runs in and returns when the
// service manager calls it started. With reload the manager reads its unit files
// again before. A runtime that no manager runs gives ErrPlain.
func Restart(ctx context.Context, rt snapshot.Runtime, reload bool) error {
	m, err := managerOf(rt)
	if err != nil {
		return fmt.Errorf("restart %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, restartWait)
	defer cancel()
	if reload && m.reload != nil {
		if err := m.reload(ctx); err != nil {
			return fmt.Errorf("have %s read its units again: %w", m.name, err)
		}
	}
	if err := m.restart(ctx, rt); err != nil {
		return fmt.Errorf("restart %s: %w", rt.Unit, err)
	}
	return nil
}

// IsActive reports whether the service that a runtime runs in is running.
func IsActive(ctx context.Context, rt snapshot.Runtime) (bool, error) {
	m, err := managerOf(rt)
	if err != nil {
		return false, fmt.Errorf("ask for %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, callWait)
	defer cancel()
	active, err := m.active(ctx, rt.Unit)
	if err != nil {
		return false, fmt.Errorf("ask %s for %s: %w", m.name, rt.Unit, err)
	}
	return active, nil
}

// bus connects to systemd: directly, which root may do even without a message
// bus, else over the bus.
func bus(ctx context.Context) (*dbus.Conn, error) {
	conn, err := dbus.NewSystemdConnectionContext(ctx)
	if err == nil {
		return conn, nil
	}
	return dbus.NewSystemConnectionContext(ctx)
}

func restartUnit(ctx context.Context, rt snapshot.Runtime) error {
	conn, err := bus(ctx)
	if err != nil {
		return command(ctx, "systemctl", "restart", rt.Unit)
	}
	defer conn.Close()
	if err := belongs(ctx, conn, rt); err != nil {
		return err
	}
	done := make(chan string, 1)
	if _, err := conn.RestartUnitContext(ctx, rt.Unit, "replace", done); err != nil {
		return err
	}
	return ended(ctx, done)
}

func reloadUnit(ctx context.Context, rt snapshot.Runtime) error {
	conn, err := bus(ctx)
	if err != nil {
		return command(ctx, "systemctl", "reload", rt.Unit)
	}
	defer conn.Close()
	if err := belongs(ctx, conn, rt); err != nil {
		return err
	}
	done := make(chan string, 1)
	if _, err := conn.ReloadUnitContext(ctx, rt.Unit, "replace", done); err != nil {
		return err
	}
	return ended(ctx, done)
}

// ended waits for the end of a job.
func ended(ctx context.Context, done <-chan string) error {
	select {
	case result := <-done:
		if result != "done" {
			return fmt.Errorf("the job ended as %q", result)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// belongs refuses to restart a unit of ours for a process that another systemd
// runs, such as that of a container with a unit of the same name.
func belongs(ctx context.Context, conn *dbus.Conn, rt snapshot.Runtime) error {
	if rt.PID == 0 || !exists(fmt.Sprintf("/proc/%d", rt.PID)) {
		return nil // it does not run, or ended when it was restarted before
	}
	unit, err := conn.GetUnitNameByPID(ctx, uint32(rt.PID))
	if err != nil {
		return fmt.Errorf("find the unit of process %d: %w", rt.PID, err)
	}
	if unit != rt.Unit {
		return fmt.Errorf("process %d belongs to %s here", rt.PID, unit)
	}
	return nil
}

func reloadUnits(ctx context.Context) error {
	conn, err := bus(ctx)
	if err != nil {
		return command(ctx, "systemctl", "daemon-reload")
	}
	defer conn.Close()
	return conn.ReloadContext(ctx)
}

func unitActive(ctx context.Context, unit string) (bool, error) {
	conn, err := bus(ctx)
	if err != nil {
		return answered(command(ctx, "systemctl", "is-active", "--quiet", unit))
	}
	defer conn.Close()
	state, err := conn.GetUnitPropertyContext(ctx, unit, "ActiveState")
	if err != nil {
		return false, err
	}
	return state.Value.Value() == "active", nil
}

func restartService(ctx context.Context, rt snapshot.Runtime) error {
	return command(ctx, "rc-service", strings.TrimSuffix(rt.Unit, ".service"), "restart")
}

func reloadService(ctx context.Context, rt snapshot.Runtime) error {
	return command(ctx, "rc-service", strings.TrimSuffix(rt.Unit, ".service"), "reload")
}

func serviceActive(ctx context.Context, unit string) (bool, error) {
	return answered(command(ctx, "rc-service", strings.TrimSuffix(unit, ".service"), "status"))
}

// answered turns the exit status of a question into its answer.
func answered(err error) (bool, error) {
	if _, no := errors.AsType[*exec.ExitError](err); no {
		return false, nil
	}
	return err == nil, err
}

// maxSaid is how much of a tool's complaint is kept. Bytes.
const maxSaid = 4096

// command runs a tool of the service manager; the error has what it said.
func command(ctx context.Context, tool string, args ...string) error {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Stderr, cmd.WaitDelay = &said, time.Second
	err := cmd.Run()
	if err == nil {
		return nil
	}
	text := strings.TrimSpace(string(said.Bytes()[:min(said.Len(), maxSaid)]))
	return fmt.Errorf("%s %s: %w: %s", filepath.Base(tool), strings.Join(args, " "), err, text)
}
