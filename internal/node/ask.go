package node

import (
	"context"
	"path"
	"strings"
	"sync"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// Ask asks a runtime at its socket, CRI or Docker's API, whether it answers and
// pulls, and for its version as it writes it. It bounds its own time.
type Ask func(ctx context.Context, rt snapshot.Runtime, socket string) (cri snapshot.CRI, version string)

// ask asks the sockets of all runtimes side by side.
func (f *finder) ask(ctx context.Context, ask Ask) {
	var wg sync.WaitGroup
	said := make([]string, len(f.node.Runtimes))
	for i := range f.node.Runtimes {
		rt := &f.node.Runtimes[i]
		if !path.IsAbs(rt.Door()) || rt.PID == 0 && rt.Target.Runtime == "docker" {
			continue // systemd would start dockerd for who asks
		}
		wg.Go(func() { rt.CRI, said[i] = ask(ctx, *rt, f.socket(rt)) })
	}
	wg.Wait()
	for i := range f.node.Runtimes {
		rt := &f.node.Runtimes[i]
		setContainerd(rt, said[i])
		if strings.Contains(rt.CRI.Err, "permission denied") {
			rt.CRI = snapshot.CRI{} // to be kept out says nothing of the runtime
			f.unseen(snapshot.Unseen{What: map[bool]string{true: "CRI ", false: "API "}[rt.Socket != ""] + "socket " + rt.Door(), Why: "permission denied, run as root"})
		}
	}
}

// socket is where the runtime's socket can be reached from here.
func (f *finder) socket(rt *snapshot.Runtime) string {
	view, free := f.seen(rt)
	defer free()
	if where, err := view.Real(rt.Door()); err == nil {
		return where
	}
	return path.Join(rt.Root, rt.Door())
}

// seen opens the file system of a runtime that was described before. The
// function gives it back.
func (f *finder) seen(rt *snapshot.Runtime) (*Root, func()) {
	if rt.Root == f.root.Name() {
		return f.root, func() {}
	}
	view, err := OpenRoot(rt.Root)
	if err != nil {
		return f.root, func() {} // its process has ended meanwhile
	}
	return view, func() { view.Close() }
}
