package node

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

// View is what surrounds a runtime, in forms that are for use and not for saving.
type View struct {
	Files   *Root    // the file system as the runtime sees it
	Net     *Net     // its network namespace; nil: ours
	Pool    Pool     // what it would trust if it started now
	Proxies []Proxy  // of other programs
	Servers []string // time servers of the node

	ours bool // Files belongs to somebody else
}

// Close gives back what Look has opened.
func (v *View) Close() {
	if !v.ours {
		v.Files.Close()
	}
	v.Net.Close()
}

// Look fills in the surroundings of a runtime: the names, certificates, disks,
// proxies and packet rules that decide how it pulls. Without a runtime they are
// those of the tree itself. What cannot be seen is listed in the node.
func Look(ctx context.Context, r *Root, n *snapshot.Node, rt *snapshot.Runtime) *View {
	if rt == nil {
		rt = &snapshot.Runtime{Root: r.Name()}
	}
	v := enter(r, n, rt)
	n.Sources, n.Hosts, n.Resolv = Sources(v.Files), Hosts(v.Files), ReadResolv(v.Files, n.Name)
	v.Pool = ReadPool(v.Files, rt.Env, rt.Dir)
	n.Trust = v.Pool.Trust
	v.Proxies = OtherProxies(v.Files, rt.Unit)
	n.OtherProxy = nil
	for _, p := range v.Proxies {
		n.OtherProxy = append(n.OtherProxy, p.ProxySetting)
	}
	v.Servers = NTPServers(r)
	if rt.Data != "" {
		disks, unseen := Disks(v.Files, rt.Data)
		n.Disks, n.Unseen = disks, append(n.Unseen, unseen...)
	}
	if r.Name() == "/" {
		n.Limits = Capacity(r, v.Net, rt)
		rules, err := PacketRules(ctx, v.Net)
		n.Translation = rules
		n.Unseen = append(n.Unseen, refused("packet filter rules", err)...)
	}
	return v
}

// Glance is Look for those who want files alone: it opens the file system of a
// runtime and leaves all else unseen.
func Glance(r *Root, n *snapshot.Node, rt *snapshot.Runtime) *View {
	v := &View{Files: r, ours: true}
	if rt.PID != 0 && rt.Root != r.Name() {
		files, err := r.Process(rt.PID)
		n.Unseen = append(n.Unseen, refused("file system of "+ofProcess(rt), err)...)
		if err == nil {
			v.Files, v.ours = files, false
		}
	}
	return v
}

// enter opens the file system and the network of a runtime. On a tree that is
// not this machine connections are made from where we are.
func enter(r *Root, n *snapshot.Node, rt *snapshot.Runtime) *View {
	v := Glance(r, n, rt)
	if r.Name() == "/" {
		net, err := EnterNet(r, rt)
		n.Unseen = append(n.Unseen, refused("network of "+ofProcess(rt), err)...)
		v.Net = net
	}
	return v
}

func ofProcess(rt *snapshot.Runtime) string {
	return fmt.Sprintf("%s (process %d)", rt.Target.Runtime, rt.PID)
}

// refused notes what could not be looked at; nothing when there was no error.
func refused(what string, err error) []snapshot.Unseen {
	if err == nil {
		return nil
	}
	why := err.Error()
	if forbidden(err) {
		why += ", run as root"
	}
	return []snapshot.Unseen{{What: what, Why: strings.ReplaceAll(why, "\n", "; ")}}
}

// unread notes a file that could not be read.
func unread(f source.File) snapshot.Unseen {
	why := f.Problem
	if why == unix.EACCES.Error() {
		why += ", run as root"
	}
	return snapshot.Unseen{What: f.Path, Why: why}
}
