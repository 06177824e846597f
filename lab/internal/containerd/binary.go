package containerd

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// debian is where the Debian package puts containerd 1.6.
const debian = "/usr/bin/containerd"

// Debian are the files by which one sees that the package is installed.
var Debian = []string{debian, "/lib/systemd/system/containerd.service"}

// Absent are files that a node with this generation does not have, although
// the machine that the lab runs on does.
func (g Generation) Absent() []string {
	out := g.others()
	if g.Path() == debian || g.Engine() {
		return out
	}
	return append(out, Debian...)
}

// Binary returns the path of the generation's containerd. What is missing is
// built from the pinned modules under lab/runtimes, which takes about a minute
// each; several callers may ask at once, one of them builds.
func (g Generation) Binary(ctx context.Context, lab string, log io.Writer) (string, error) {
	if g.Engine() {
		return g.installed(ctx)
	}
	f := known[g]
	if f.module == "" {
		out, err := exec.CommandContext(ctx, debian, "--version").Output()
		if err != nil {
			return "", fmt.Errorf("run %s, which the package containerd brings: %w", debian, err)
		}
		if !strings.Contains(string(out), " "+string(g)+".") {
			return "", fmt.Errorf("%s is no %s: %s", debian, g, out)
		}
		return debian, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache directory: %w", err)
	}
	dir := filepath.Join(cache, "towpath-lab", fmt.Sprintf("containerd-%s-%s-%s", f.version, runtime.Version(), runtime.GOARCH))
	return build(ctx, f, filepath.Join(lab, "runtimes", f.module), dir, log)
}

// build makes the binary unless it is there, under a lock that dies with us.
func build(ctx context.Context, f facts, module, dir string, log io.Writer) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return "", fmt.Errorf("lock %s: %w", dir, err)
	}
	path := filepath.Join(dir, "containerd")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	fmt.Fprintf(log, "building containerd %s, about a minute\n", f.version)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w -X "+f.stamp+"="+f.version, "-o", path+".new", f.pkg)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly -buildvcs=false", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build containerd %s: %w\n%s", f.version, err, out)
	}
	return path, os.Rename(path+".new", path)
}
