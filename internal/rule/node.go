package rule

import (
	"fmt"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

var couldNotLook = finding.Kind{
	Code: "node/could-not-look", ID: "node/could-not-look",
	Title:    "Something of the node could not be looked at",
	Severity: finding.Info,
	Text:     "could not look at {what}: {why}",
	Doc:      "The diagnosis lacks something, usually because Towpath does not run as root. What it says is true; what it could not see, it does not judge. Run it as root on the node to see everything.",
}

func findCouldNotLook(s *snapshot.Snapshot) []finding.Finding {
	if s.Node == nil {
		return nil
	}
	return Unseen(s.Node, "sudo towpath doctor "+quote(s.Image))
}

// Unseen is what could not be looked at on a node, and the command that would see it.
func Unseen(n *snapshot.Node, command string) []finding.Finding {
	var out []finding.Finding
	for _, u := range n.Unseen {
		f := couldNotLook.New("node", finding.Args{"what": u.What, "why": u.Why})
		f.Stage = "node"
		out = append(out, f.Saw(u.Why, u.What, command))
	}
	return out
}

var diskFull = finding.Kind{
	Code: "node/disk-full", ID: "IMG-01",
	Title:    "The disk of the content store or snapshotter is full",
	Severity: finding.Error,
	Stops:    true,
	Text:     "{free} are free under {path}, and the image needs {need} for its {what}",
	Variants: map[string]finding.Variant{
		"bare": {Text: "{free} of {total} are free under {path}"},
	},
	Doc: "A pull needs room for the compressed layers in the content store and for the unpacked ones in the snapshotter, at the same time. The error comes at the end of the download, as \"no space left on device\". " +
		"Remove unused images (`crictl rmi --prune`), enlarge the disk, or move the runtime's root directory.",
}

func findDiskFull(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, d := range disks(s) {
		need := imageBytes(s)
		args := finding.Args{"free": size(d.Free), "total": size(d.Total), "path": d.Path, "need": size(need), "what": d.What}
		variant := ""
		switch {
		case d.Total == 0:
			continue
		case need > 0 && d.Free < need:
		case d.Free < 1<<20:
			variant = "bare"
		default:
			continue
		}
		f := diskFull.Vary(variant, "node", args)
		f.Stage = "node"
		out = append(out, f.Saw(fmt.Sprintf("%d of %d bytes free", d.Free, d.Total), d.Path, "df -B1 "+quote(d.Path)))
		break // content and snapshots usually share a file system
	}
	return out
}

// imageBytes is what the image weighs as it comes over the network.
func imageBytes(s *snapshot.Snapshot) uint64 {
	for _, h := range hops(s) {
		if h.Manifest != nil && h.Manifest.Bytes > 0 {
			return uint64(h.Manifest.Bytes)
		}
	}
	return 0
}

func disks(s *snapshot.Snapshot) []snapshot.Disk {
	if s.Node == nil || !s.Node.Live {
		return nil
	}
	return s.Node.Disks
}

func size(n uint64) string {
	unit := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	f, i := float64(n), 0
	for f >= 1024 && i < len(unit)-1 {
		f, i = f/1024, i+1
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", f), ".0") + " " + unit[i]
}

var inodesFull = finding.Kind{
	Code: "node/inodes-full", ID: "IMG-02",
	Title:    "The file system has no free inodes",
	Severity: finding.Error,
	Stops:    true,
	Text:     "{free} of {total} inodes are free under {path}",
	Doc:      "The file system has room and cannot hold one more file: many small files, often in unused images, have taken every inode. The message is \"no space left on device\" while `df -h` shows free space; `df -i` tells. Remove unused images or make the file system anew with more inodes.",
}

func findInodesFull(s *snapshot.Snapshot) []finding.Finding {
	for _, d := range disks(s) {
		if d.Inodes == 0 || d.InodesFree > 16 {
			continue
		}
		f := inodesFull.New("node", finding.Args{"free": d.InodesFree, "total": d.Inodes, "path": d.Path})
		f.Stage = "node"
		return []finding.Finding{f.Saw(fmt.Sprintf("%d of %d inodes free", d.InodesFree, d.Inodes), d.Path, "df -i "+quote(d.Path))}
	}
	return nil
}

var readOnly = finding.Kind{
	Code: "node/read-only-file-system", ID: "IMG-03",
	Title:    "The file system is read-only or reports I/O errors",
	Severity: finding.Error,
	Stops:    true,
	Text:     "the file system under {path} is mounted read-only",
	Doc:      "The runtime cannot store anything. Most often the kernel remounted the file system after an I/O error: look at `dmesg` before remounting it.",
}

func findReadOnly(s *snapshot.Snapshot) []finding.Finding {
	for _, d := range disks(s) {
		if d.ReadOnly {
			f := readOnly.New("node", finding.Args{"path": d.Path})
			f.Stage = "node"
			return []finding.Finding{f.Saw("mounted read-only", d.Path, "findmnt -T "+quote(d.Path))}
		}
	}
	return nil
}

var runtimeDown = finding.Kind{
	Code: "node/runtime-not-responding", ID: "IMG-13",
	Title:    "The runtime process is down or hangs",
	Severity: finding.Error,
	Stops:    true,
	Text:     "{runtime} does not answer on {socket}: {why}",
	Variants: map[string]finding.Variant{
		"absent": {Text: "{runtime} is not running: nothing answers on {socket}"},
		"hangs":  {Text: "{runtime} accepts connections on {socket} and does not answer: it hangs"},
		"plugin": {Text: "{runtime} answers on {socket} without the CRI plugin: {why}"},
	},
	Doc: "The kubelet cannot pull, start or list anything while the runtime's socket is dead. Look at the runtime's log (`journalctl -u containerd`, K3s: its containerd.log) for why it stopped; a configuration file that it cannot decode keeps it from starting.",
}

func findRuntimeDown(s *snapshot.Snapshot) []finding.Finding {
	r := s.Runtime
	if r == nil || !r.CRI.Asked || r.CRI.Answers && r.CRI.Images {
		return nil
	}
	args := finding.Args{"runtime": runtimeName(s), "socket": r.Door(), "why": r.CRI.Err}
	variant := ""
	switch {
	case r.CRI.Unlisted:
		variant = "plugin"
	case r.CRI.TimedOut:
		variant = "hangs"
	case r.PID == 0:
		variant = "absent"
	}
	f := runtimeDown.Vary(variant, "node", args)
	f.Stage = "node"
	command := "crictl -r unix://" + r.Door() + " version"
	if r.Socket == "" {
		command = "docker -H unix://" + r.Door() + " version"
	}
	return []finding.Finding{f.Saw(r.CRI.Err, r.Door(), command)}
}

var otherEndpoint = finding.Kind{
	Code: "config/wrong-containerd-instance", ID: "CFG-16",
	Title:    "The file or socket of another containerd was used",
	Severity: finding.Error,
	Text:     "the kubelet asks for images at {endpoint}, and {runtime} listens at {socket}: the kubelet's pulls do not come to it",
	Doc: "The kubelet's `containerRuntimeEndpoint` (or `--container-runtime-endpoint`) names a socket that belongs to none of the runtimes that were found. " +
		"If nothing listens there, the node is NotReady. Name the runtime's own socket and restart the kubelet; if the kubelet uses a runtime that Towpath does not know, what is said here of pulls is not about it.",
}

func findOtherEndpoint(s *snapshot.Snapshot) []finding.Finding {
	if s.Node == nil || s.Runtime == nil || s.Node.Kubelet == nil {
		return nil
	}
	k, rt := s.Node.Kubelet, s.Runtime
	// /var/run leads to /run.
	asked := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(k.Endpoint, "unix:"), "//"), "/var")
	if k.PID == 0 || asked == "" || rt.Given || rt.PID == 0 || rt.Socket == "" || asked == strings.TrimPrefix(rt.Socket, "/var") {
		return nil
	}
	f := otherEndpoint.New("node", finding.Args{"endpoint": k.Endpoint, "runtime": runtimeName(s), "socket": rt.Socket}).In(k.From).Sure(finding.Likely)
	f.Stage = "node"
	return []finding.Finding{f.Saw("endpoint "+k.Endpoint, k.From.String(), "crictl -r "+quote(k.Endpoint)+" version")}
}

var sandboxImage = finding.Kind{
	Code: "node/sandbox-image-unavailable", ID: "IMG-09",
	Title:    "The sandbox (pause) image cannot be pulled",
	Severity: finding.Error,
	Text:     "the sandbox image {image} is not on this node and cannot be pulled: no pod can start here",
	Variants: map[string]finding.Variant{
		"name": {Text: "the sandbox image {image} is not on this node and cannot be pulled, because that is no name of an image ({why}): no pod can start here"},
	},
	Doc: "Every pod needs the sandbox (pause) image first. Without it pods stay in ContainerCreating with FailedCreatePodSandBox, and their own images are never asked for. " +
		"It is pulled with the node's credentials only, never with a pull secret. Point `sandbox_image` (config version 1 and 2) or `pinned_images.sandbox` (3 and 4) to an image that this node can get, or repair the way to it.",
}

func findSandboxImage(s *snapshot.Snapshot) []finding.Finding {
	if s.Sandbox == nil || s.Runtime == nil || s.Sandbox.Serving() >= 0 {
		return nil
	}
	args, variant := finding.Args{"image": s.Sandbox.Image}, ""
	if _, err := route.ParseRef(s.Sandbox.Image); err != nil {
		args["why"], variant = err, "name"
	} else if len(s.Sandbox.Hops) == 0 {
		return nil
	}
	f := sandboxImage.Vary(variant, "node", args).In(s.Runtime.Sandbox.From)
	f.Stage = "node"
	for i := range s.Sandbox.Hops {
		h := &s.Sandbox.Hops[i]
		if h.Failure != nil {
			f = f.Saw(h.Failure.Text, h.Endpoint, "towpath doctor "+quote(s.Sandbox.Image))
		}
	}
	return []finding.Finding{f.Saw("not present", "images of "+runtimeName(s), "crictl -r unix://"+s.Runtime.Socket+" inspecti "+quote(s.Sandbox.Image))}
}

var slow = finding.Kind{
	Code: "network/slow", ID: "network/slow",
	Title:    "A host of the chain answers slowly",
	Severity: finding.Warning,
	Text:     "{host} takes {took} to answer a request",
	Doc:      "The host works and each of its answers takes seconds. A pull needs one request for the manifest, one for the config and one per layer, and more while it logs in. Look at the load of the host and at the path to it.",
}

func findSlow(s *snapshot.Snapshot) []finding.Finding {
	var out []finding.Finding
	for _, h := range hops(s) {
		if h.Failure != nil {
			continue
		}
		i := slices.IndexFunc(h.Steps, func(st snapshot.Step) bool {
			return st.Attempt.Took.FirstByte.Seconds() > 2 || st.Attempt.Took.Connect.Seconds() > 2
		})
		if i < 0 {
			continue
		}
		a := &h.Steps[i].Attempt
		f := slow.New(h.Host, finding.Args{"host": h.Host, "took": brief(max(a.Took.FirstByte, a.Took.Connect))})
		f = f.Saw(fmt.Sprintf("connect %s, first byte %s", brief(a.Took.Connect), brief(a.Took.FirstByte)), a.URL, curlCommand(a))
		out = append(out, at(f, h, h.Steps[i].Stage))
	}
	return out
}
