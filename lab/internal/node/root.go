package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// mountpoint is where the new root is put together. Only the machine sees it.
const mountpoint = "/mnt"

// Hostname is that of every machine.
const Hostname = "node1"

// Enter gives this process, the first of a new machine, its own root: the
// programs of the real machine, everything else empty and in memory, as is all
// that is written. Binds are further files: where they come from by where they
// go. Absent are programs that this machine does not have.
func Enter(binds map[string]string, absent []string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	sources, err := open(binds)
	if err != nil {
		return err
	}
	if err := unix.Mount("node", mountpoint, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount the root: %w", err)
	}
	for _, step := range []func() error{programs, directories, devices, kernel} {
		if err := step(); err != nil {
			return err
		}
	}
	for to, from := range sources {
		if err := bindFile(fmt.Sprintf("/proc/self/fd/%d", from.Fd()), mountpoint+to); err != nil {
			return err
		}
		from.Close()
	}
	if err := pivot(); err != nil {
		return err
	}
	for _, name := range absent {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return unix.Sethostname([]byte(Hostname))
}

// open keeps the sources reachable when the new root covers them.
func open(binds map[string]string) (map[string]*os.File, error) {
	out := map[string]*os.File{}
	for to, from := range binds {
		f, err := os.OpenFile(from, unix.O_PATH, 0)
		if err != nil {
			return nil, err
		}
		out[to] = f
	}
	return out, nil
}

// programs shows /usr and what merges with it, with an empty /usr/local. What is
// changed there stays on this machine.
func programs() error {
	if err := over("/usr", mountpoint+"/usr"); err != nil {
		return err
	}
	for _, dir := range []string{"bin", "sbin", "lib", "lib32", "lib64", "libx32"} {
		link, err := os.Readlink("/" + dir)
		if err == nil {
			if err := os.Symlink(link, filepath.Join(mountpoint, dir)); err != nil {
				return err
			}
		} else if _, err := os.Stat("/" + dir); err == nil {
			if err := over("/"+dir, filepath.Join(mountpoint, dir)); err != nil {
				return err
			}
		}
	}
	if err := unix.Mount("local", mountpoint+"/usr/local", "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount /usr/local: %w", err)
	}
	return nil
}

// over shows a directory, and keeps changes to it in memory.
func over(from, to string) error {
	upper, work := mountpoint+"/lab/changes"+from, mountpoint+"/lab/work"+from
	for _, dir := range []string{upper, work, to} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount("overlay", to, "overlay", 0, fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", from, upper, work)); err != nil {
		return fmt.Errorf("show %s: %w", from, err)
	}
	return nil
}

// directories makes what is empty on a new machine. Those that are mounted on
// every machine have to be here too: systemd mounts them itself otherwise, over
// what is in them.
func directories() error {
	for _, dir := range strings.Fields("etc/ssl/certs var/cache proc sys root var/lib var/log var/tmp usr/local/bin") {
		if err := os.MkdirAll(filepath.Join(mountpoint, dir), 0o755); err != nil {
			return err
		}
	}
	for _, m := range []struct{ dir, mode string }{{"dev", "755"}, {"dev/shm", "1777"}, {"run", "755"}, {"tmp", "1777"}} {
		dir := filepath.Join(mountpoint, m.dir)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := unix.Mount("node", dir, "tmpfs", unix.MS_NOSUID, "mode="+m.mode); err != nil {
			return fmt.Errorf("mount /%s: %w", m.dir, err)
		}
	}
	return os.Symlink("/run", mountpoint+"/var/run")
}

func devices() error {
	for _, name := range strings.Fields("null zero full random urandom tty") {
		if err := bindFile("/dev/"+name, mountpoint+"/dev/"+name); err != nil {
			return err
		}
	}
	for name, to := range map[string]string{"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"} {
		if err := os.Symlink(to, mountpoint+"/dev/"+name); err != nil {
			return err
		}
	}
	return nil
}

// kernel mounts what shows the machine's own processes and network.
func kernel() error {
	if err := unix.Mount("proc", mountpoint+"/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	if err := unix.Mount("sysfs", mountpoint+"/sys", "sysfs", unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("mount /sys: %w", err)
	}
	if err := unix.Mount("cgroup2", mountpoint+"/sys/fs/cgroup", "cgroup2", 0, ""); err != nil {
		return fmt.Errorf("mount /sys/fs/cgroup: %w", err)
	}
	return nil
}

// bindFile shows one file. It makes the place for it, unless that is there.
func bindFile(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if _, err := os.Lstat(to); err != nil {
		if err := os.WriteFile(to, nil, 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind %s: %w", to, err)
	}
	return nil
}

// pivot makes the new root the only one.
func pivot() error {
	old := mountpoint + "/.old"
	if err := os.Mkdir(old, 0o700); err != nil {
		return err
	}
	if err := unix.PivotRoot(mountpoint, old); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	if err := unix.Unmount("/.old", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount the old root: %w", err)
	}
	return os.Remove("/.old")
}
