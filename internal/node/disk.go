package node

import (
	"cmp"
	"fmt"
	"path"

	"golang.org/x/sys/unix"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// Disks tells how full the file systems are on which a containerd keeps content
// and snapshots. data is its root directory; what it has not made yet is looked
// at one directory further up.
func Disks(r *Root, data string) ([]snapshot.Disk, []snapshot.Unseen) {
	snapshots := path.Join(data, "io.containerd.snapshotter.v1.overlayfs")
	if !r.Exists(snapshots) {
		if found, _ := r.Glob(path.Join(data, "io.containerd.snapshotter.v1.*")); len(found) > 0 {
			snapshots = found[0]
		}
	}
	var out []snapshot.Disk
	for _, d := range []snapshot.Disk{
		{What: "content", Path: path.Join(data, "io.containerd.content.v1.content")},
		{What: "snapshots", Path: snapshots},
	} {
		if err := measure(r, &d); err != nil {
			return nil, refused("free space of "+data, err)
		}
		out = append(out, d)
	}
	return out, nil
}

// measure fills in a disk and sets its path to the directory that was there.
func measure(r *Root, d *snapshot.Disk) error {
	fd, err := r.open(d.Path, unix.O_PATH)
	for absent(err) && d.Path != "/" {
		d.Path = path.Dir(d.Path)
		fd, err = r.open(d.Path, unix.O_PATH)
	}
	if err != nil {
		return fmt.Errorf("look at %s: %w", d.Path, err)
	}
	defer unix.Close(fd)
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return fmt.Errorf("look at %s: %w", d.Path, err)
	}
	unit := uint64(cmp.Or(fs.Frsize, fs.Bsize))
	d.Total, d.Free = fs.Blocks*unit, fs.Bavail*unit
	d.Inodes, d.InodesFree = fs.Files, fs.Ffree
	d.ReadOnly = fs.Flags&unix.ST_RDONLY != 0
	return nil
}
