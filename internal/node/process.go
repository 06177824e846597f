package node

import (
	"bytes"
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// process is one process as the tree's procfs shows it. Fields that may not be
// read stay empty.
type process struct {
	pid, parent int
	comm        string
	args        []string
	exe         string
	dir         string
	env         []string
	uid         int
	started     time.Time
	net, mnt    string // "net:[4026531840]"
	pidns       string
	unit        string // "containerd.service"
	root        string // target of its root link
}

// base is the name under which a process was started, whatever it calls itself.
func (p *process) base() string {
	if len(p.args) > 0 && p.args[0] != "" {
		return path.Base(p.args[0])
	}
	return p.comm
}

// procfs reads /proc of a tree.
type procfs struct {
	root *Root
	boot time.Time
	self process // the caller, as far as its namespaces go
}

// openProc looks whether a tree has a procfs of its own. Trees that are copies
// of a disk have none.
func openProc(r *Root) (*procfs, bool) {
	stat, err := r.slurp("/proc/stat")
	if err != nil {
		return nil, false
	}
	boot, ok := bootTime(stat)
	if !ok {
		return nil, false
	}
	p := &procfs{root: r, boot: boot}
	p.self.net, _ = r.link("/proc/self/ns/net")
	p.self.mnt, _ = r.link("/proc/self/ns/mnt")
	p.self.root, _ = r.link("/proc/self/root")
	return p, true
}

// slurp reads a file of procfs; shorter than ReadFile, which also says what the
// file is.
func (r *Root) slurp(name string) ([]byte, error) {
	fd, err := r.open(name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return readAll(fd, 0, r.limit)
}

// bootTime finds when the machine was started. The kernel prints whole seconds;
// where they are those of our own clocks the exact time is known, which matters
// to "was this file changed before or after that process was started".
func bootTime(stat []byte) (time.Time, bool) {
	for l := range bytes.Lines(stat) {
		text, ok := strings.CutPrefix(string(l), "btime ")
		if !ok {
			continue
		}
		seconds, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil {
			return time.Time{}, false
		}
		var up unix.Timespec
		if unix.ClockGettime(unix.CLOCK_BOOTTIME, &up) == nil {
			exact := time.Now().Round(0).Add(-time.Duration(up.Nano()))
			if off := exact.Sub(time.Unix(seconds, 0)); off > -10*time.Millisecond && off < 1010*time.Millisecond {
				return exact, true
			}
		}
		return time.Unix(seconds, 0), true
	}
	return time.Time{}, false
}

// list returns the processes that are no kernel threads, with their names only,
// and whether those of other users can be seen at all.
func (p *procfs) list() (all []*process, complete bool) {
	fd, err := p.root.open("/proc", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, false
	}
	for _, name := range names(fd) {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		cmdline, err := p.root.slurp(path.Join("/proc", name, "cmdline"))
		if err != nil || len(cmdline) == 0 {
			continue
		}
		complete = complete || pid == 1
		proc := &process{pid: pid, args: strings.Split(strings.TrimRight(string(cmdline), "\x00"), "\x00")}
		p.stat(proc)
		all = append(all, proc)
	}
	slices.SortFunc(all, func(a, b *process) int { return a.pid - b.pid })
	return all, complete
}

// stat reads what everybody may know of a process.
func (p *procfs) stat(proc *process) {
	data, err := p.root.slurp(p.path(proc, "stat"))
	if err != nil {
		return
	}
	comm, parent, ticks, ok := parseStat(data)
	if !ok {
		return
	}
	proc.comm, proc.parent = comm, parent
	// The kernel rounds down to a tick of 10 ms: the end of the tick is the
	// latest moment at which it can have started.
	proc.started = p.boot.Add(time.Duration(ticks+1) * (time.Second / 100))
}

// parseStat reads name, parent and start of a process. The name may hold blanks
// and brackets, so the fields are counted from the last bracket. Source:
// proc_pid_stat(5).
func parseStat(data []byte) (comm string, parent int, ticks int64, ok bool) {
	from, to := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')')
	if from < 0 || to < from {
		return "", 0, 0, false
	}
	fields := strings.Fields(string(data[to+1:]))
	if len(fields) < 20 {
		return "", 0, 0, false
	}
	parent, errParent := strconv.Atoi(fields[1])
	ticks, errTicks := strconv.ParseInt(fields[19], 10, 64)
	return string(data[from+1 : to]), parent, ticks, errParent == nil && errTicks == nil
}

func (p *procfs) path(proc *process, name string) string {
	return path.Join("/proc", strconv.Itoa(proc.pid), name)
}

// detail reads the rest of a process and says what was not allowed. label names
// the process for people.
func (p *procfs) detail(proc *process, label string) []snapshot.Unseen {
	var denied []string
	link := func(name, what string) string {
		target, err := p.root.link(p.path(proc, name))
		if forbidden(err) && !slices.Contains(denied, what) {
			denied = append(denied, what)
		}
		return target
	}
	proc.exe = strings.TrimSuffix(link("exe", "executable"), " (deleted)")
	proc.dir = link("cwd", "working directory")
	proc.net = link("ns/net", "namespaces")
	proc.mnt = link("ns/mnt", "namespaces")
	proc.pidns = link("ns/pid", "namespaces")
	proc.root = link("root", "file system")
	env, err := p.root.slurp(p.path(proc, "environ"))
	if forbidden(err) {
		denied = append(denied, "environment")
	}
	proc.env = strings.FieldsFunc(string(env), func(r rune) bool { return r == 0 })
	proc.uid = p.owner(proc)
	proc.unit = p.unitOf(proc)
	if len(denied) == 0 {
		return nil
	}
	return []snapshot.Unseen{{What: strings.Join(denied, ", ") + " of " + label, Why: "permission denied, run as root"}}
}

func forbidden(err error) bool { return errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) }

func (p *procfs) owner(proc *process) int {
	status, err := p.root.slurp(p.path(proc, "status"))
	if err != nil {
		return -1
	}
	for l := range bytes.Lines(status) {
		if fields := strings.Fields(string(l)); len(fields) > 1 && fields[0] == "Uid:" {
			uid, err := strconv.Atoi(fields[1])
			if err != nil {
				return -1
			}
			return uid
		}
	}
	return -1
}

// unitOf finds the systemd unit that owns a process by its control group, in
// the forms of version 1 ("1:name=systemd:/…") and version 2 ("0::/…"). The
// innermost service counts.
func (p *procfs) unitOf(proc *process) string {
	data, err := p.root.slurp(p.path(proc, "cgroup"))
	if err != nil {
		return ""
	}
	unit := ""
	for l := range bytes.Lines(data) {
		parts := strings.SplitN(strings.TrimSpace(string(l)), ":", 3)
		if len(parts) != 3 || parts[1] != "name=systemd" && parts[1] != "" {
			continue
		}
		for _, name := range strings.Split(parts[2], "/") {
			if strings.HasSuffix(name, ".service") {
				unit = name
			}
		}
		if parts[1] == "name=systemd" && unit != "" {
			return unit
		}
	}
	return unit
}
