package pull

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// stage is the private directory in which the blobs of one output are collected.
// It lies beside the output, so that they only have to be renamed, and survives
// a pull that fails, so that the next one goes on. A lock on it keeps others
// away from the output.
type stage struct {
	out  output
	home *os.Root
	name string // in home
	lock *os.File
	gone bool // removed: whatever has its name now is another's
}

// openStage makes the stage or takes over what an earlier run left. While
// another process has it, it waits.
func openStage(ctx context.Context, out output, waiting func()) (*stage, error) {
	s := &stage{out: out}
	s.home, s.name = out.where()
	for told := false; ; told = true {
		ok, err := s.enter()
		if err != nil {
			return nil, fmt.Errorf("prepare %s: %w", s.dir(), err)
		}
		if ok {
			return s, nil
		}
		if !told {
			waiting()
		}
		if err := sleep(ctx, 200*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// enter tries to get the lock. The holder may remove the directory when it is
// done, so the one that was locked has to be the one that is there.
func (s *stage) enter() (bool, error) {
	if err := s.home.Mkdir(s.name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return false, err
	}
	f, err := s.home.OpenFile(s.name, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	mine, err := f.Stat()
	if err == nil {
		err = private(mine)
	}
	if err == nil {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	if err == nil {
		there, lerr := s.home.Lstat(s.name)
		if lerr == nil && os.SameFile(mine, there) {
			s.lock = f
			return true, nil
		}
	}
	f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = nil
	}
	return false, err
}

// private refuses a directory in which others could exchange blobs.
func private(info fs.FileInfo) error {
	owner, ok := info.Sys().(*syscall.Stat_t)
	if ok && int(owner.Uid) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return errors.New("somebody else may write there")
	}
	return nil
}

// dir is the stage as people find it.
func (s *stage) dir() string { return path.Join(s.home.Name(), s.name) }

// path is a file of the stage, seen from home.
func (s *stage) path(name string) string { return path.Join(s.name, name) }

// blobName is the file of a blob: "sha256-0123…".
func blobName(d descriptor) string { return strings.Replace(d.Digest, ":", "-", 1) }

// open opens a blob of which everything has been verified.
func (s *stage) open(d descriptor) (*os.File, error) {
	f, err := s.home.Open(s.path(blobName(d)))
	if errors.Is(err, fs.ErrNotExist) {
		if f := s.out.find(d); f != nil {
			return f, nil
		}
	}
	return f, err
}

// keep puts content into the stage that is in memory and verified.
func (s *stage) keep(ctx context.Context, d descriptor, data []byte) error {
	b, err := s.blob(ctx, d, nil)
	if err != nil || b.whole {
		return err
	}
	defer b.close()
	if err := b.restart(); err != nil {
		return err
	}
	if _, err := b.Write(data); err != nil {
		return err
	}
	_, err = b.settle()
	return err
}

// write puts a small file into the stage, to be renamed from there.
func (s *stage) write(name string, data []byte) error {
	f, err := s.home.OpenFile(s.path(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(f.Sync(), f.Close())
}

// clear removes the stage: everything of it is in the output now.
func (s *stage) clear() error {
	if err := s.home.RemoveAll(s.name); err != nil {
		return fmt.Errorf("remove %s: %w", s.dir(), err)
	}
	s.gone = true
	return nil
}

// close gives up the lock and says what is left for the next run. An empty
// stage goes.
func (s *stage) close() Kept {
	defer s.lock.Close()
	if s.gone {
		return Kept{}
	}
	kept := Kept{Dir: s.dir()}
	entries, _ := fs.ReadDir(s.home.FS(), s.name)
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.Size() == 0 || !digestForm.MatchString(strings.Replace(e.Name(), "-", ":", 1)) {
			_ = s.home.Remove(s.path(e.Name()))
			continue
		}
		kept.Blobs++
		kept.Bytes += info.Size()
	}
	if kept.Blobs == 0 {
		_ = s.home.Remove(s.name)
		return Kept{}
	}
	return kept
}
