package node

import (
	"bytes"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// Capacity reads how far the limits that end connections are used: the table of
// connection tracking, the ports of outgoing connections and the files of a
// runtime's process. What cannot be read is left out.
func Capacity(r *Root, n *Net, rt *snapshot.Runtime) []snapshot.Limit {
	var out []snapshot.Limit
	_ = n.Do(func() error { // /proc/sys/net is that of the thread that reads it
		out = append(out, conntrack()...)
		out = append(out, ports()...)
		return nil
	})
	if rt.PID != 0 {
		out = append(out, files(r, rt.PID)...)
	}
	return out
}

const (
	trackedCount = "/proc/sys/net/netfilter/nf_conntrack_count"
	trackedMax   = "/proc/sys/net/netfilter/nf_conntrack_max"
	portRange    = "/proc/sys/net/ipv4/ip_local_port_range"
	reserved     = "/proc/sys/net/ipv4/ip_local_reserved_ports"
)

func conntrack() []snapshot.Limit {
	used, okUsed := number(trackedCount)
	most, okMax := number(trackedMax)
	if !okUsed || !okMax || most == 0 {
		return nil
	}
	return []snapshot.Limit{{What: "conntrack", Used: used, Max: most, From: trackedCount}}
}

func number(name string) (int, bool) {
	data, err := os.ReadFile(name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(data)))
	return n, err == nil
}

// ports is how many ports an outgoing connection may choose from. How many are
// in use depends on where it leads, so that is not known.
func ports() []snapshot.Limit {
	data, err := os.ReadFile(portRange)
	if err != nil {
		return nil
	}
	low, high, ok := bounds(strings.Join(strings.Fields(string(data)), "-"))
	if !ok {
		return nil
	}
	most := high - low + 1
	held, _ := os.ReadFile(reserved)
	for part := range strings.SplitSeq(strings.TrimSpace(string(held)), ",") {
		if from, to, ok := bounds(part); ok {
			most -= max(min(to, high)-max(from, low)+1, 0)
		}
	}
	return []snapshot.Limit{{What: "ports", Used: -1, Max: most, From: portRange}}
}

// bounds reads "32768-60999" or one number.
func bounds(text string) (low, high int, ok bool) {
	from, to, both := strings.Cut(text, "-")
	if !both {
		to = from
	}
	low, errLow := strconv.Atoi(from)
	high, errHigh := strconv.Atoi(to)
	return low, high, errLow == nil && errHigh == nil && low <= high
}

// files is how many files a process has open and may have. Source: proc_pid_limits(5).
func files(r *Root, pid int) []snapshot.Limit {
	dir := "/proc/" + strconv.Itoa(pid)
	data, err := r.slurp(dir + "/limits")
	if err != nil {
		return nil
	}
	for line := range bytes.Lines(data) {
		rest, ok := strings.CutPrefix(string(line), "Max open files")
		fields := strings.Fields(rest)
		if !ok || len(fields) == 0 {
			continue
		}
		most, err := strconv.Atoi(fields[0])
		fd, errOpen := r.open(dir+"/fd", unix.O_RDONLY|unix.O_DIRECTORY)
		if err != nil || errOpen != nil {
			return nil
		}
		return []snapshot.Limit{{What: "files", Used: len(names(fd)), Max: most, From: dir + "/limits"}}
	}
	return nil
}
