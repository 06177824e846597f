package store

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/towpath-dev/towpath/internal/ca"
)

// entry is a file that is to be written.
type entry struct {
	name string
	data []byte
	mode os.FileMode
}

// Saved says what Save did.
type Saved struct {
	Backup string // where the certificate that was there before lies; empty: there was none
}

// Save lays a certificate down beside its key and its authority. Where nothing
// is yet, the directory appears with all of it at once. Where a certificate is,
// only that changes, in one step, since its key stays; the old one is kept
// under a name that ends in the time.
func Save(dir, name string, client bool, c ca.Certificate) (Saved, error) {
	key, err := ca.KeyPEM(c.Key)
	if err != nil {
		return Saved{}, err
	}
	certFile, keyFile, authority := Files(dir, name, client)
	parts := []entry{
		{filepath.Base(keyFile), key, keyMode},
		{filepath.Base(authority), ca.PEM(c.Chain[len(c.Chain)-1]), certMode},
		{filepath.Base(certFile), ca.PEM(c.Chain...), certMode},
	}
	if err := fresh(dir, 0o755, parts); !errors.Is(err, ErrTaken) {
		return Saved{}, err
	}
	unlock, err := lock(dir)
	if err != nil {
		return Saved{}, err
	}
	defer unlock()
	if there, err := readKey(keyFile); err == nil && !ca.PublicKey(there.Public()).Equal(ca.PublicKey(c.Key.Public())) {
		return Saved{}, fmt.Errorf("%s was made meanwhile by somebody else", keyFile)
	}
	var saved Saved
	for i, e := range parts {
		backup, err := put(dir, e, i > 0)
		if err != nil {
			return saved, err
		}
		if i == len(parts)-1 {
			saved.Backup = backup
		}
	}
	return saved, nil
}

// fresh fills a directory that does not exist, or is empty: it is made complete
// under another name and then gets its own.
func fresh(dir string, mode os.FileMode, parts []entry) (err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return err
	}
	if list, err := os.ReadDir(dir); err == nil && len(list) > 0 {
		return fmt.Errorf("%s: %w", dir, ErrTaken)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	stage, unlock, err := makeStage(parent, filepath.Base(dir))
	if err != nil {
		return err
	}
	defer unlock()
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(stage))
		}
	}()
	for _, e := range parts {
		if err := create(filepath.Join(stage, e.name), e); err != nil {
			return err
		}
	}
	if err := errors.Join(os.Chmod(stage, mode), sync(stage)); err != nil {
		return err
	}
	// rename(2) replaces an empty directory and refuses any other; os.Rename refuses both.
	if err := unix.Rename(stage, dir); errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("%s: %w", dir, ErrTaken)
	} else if err != nil {
		return &os.LinkError{Op: "rename", Old: stage, New: dir, Err: err}
	}
	return sync(parent)
}

// makeStage makes the directory in which another is prepared, and removes those
// of earlier attempts that were cut short: nobody holds their locks any more.
func makeStage(parent, name string) (stage string, unlock func(), err error) {
	old, _ := filepath.Glob(filepath.Join(parent, literal(litter(name))+"*"))
	for _, dir := range old {
		if release, err := lock(dir); err == nil {
			err = os.RemoveAll(dir)
			release()
			if err != nil {
				return "", nil, err
			}
		}
	}
	if stage, err = os.MkdirTemp(parent, litter(name)); err != nil { // mode 0700
		return "", nil, err
	}
	unlock, err = lock(stage)
	return stage, unlock, err
}

// literal is a name without meaning to Glob.
func literal(name string) string {
	return strings.NewReplacer("[", `\[`, "*", `\*`, "?", `\?`, `\`, `\\`).Replace(name)
}

// put replaces one file, if it may, and keeps what was there. A file that is the
// same already is left alone.
func put(dir string, e entry, replace bool) (backup string, err error) {
	target := filepath.Join(dir, e.name)
	have, err := read(target)
	switch {
	case err == nil && (bytes.Equal(have, e.data) || !replace):
		return "", nil // a key is the one that the certificate was issued for: the caller has read it
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	there := err == nil
	old, _ := filepath.Glob(filepath.Join(dir, literal(litter(e.name))+"*"))
	for _, left := range old { // of an attempt that was cut short: the lock is ours
		if err := os.Remove(left); err != nil {
			return "", err
		}
	}
	stage := filepath.Join(dir, litter(e.name)+rand.Text()[:8])
	if err := create(stage, e); err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(stage))
		}
	}()
	if !there {
		if err := unix.Renameat2(unix.AT_FDCWD, stage, unix.AT_FDCWD, target, unix.RENAME_NOREPLACE); err != nil {
			return "", &os.LinkError{Op: "rename", Old: stage, New: target, Err: err}
		}
		return "", sync(dir)
	}
	if backup, err = keep(target); err != nil {
		return "", err
	}
	if err := os.Rename(stage, target); err != nil {
		return "", err
	}
	return backup, sync(dir)
}

// keep gives a file a second name.
func keep(target string) (string, error) {
	base := target + ".backup-" + time.Now().UTC().Format("20060102T150405Z")
	for n := 0; ; n++ {
		name := base
		if n > 0 {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		if err := os.Link(target, name); !errors.Is(err, fs.ErrExist) || n == 100 {
			return name, err
		}
	}
}

// create writes a new file to the disk. Nobody else can open a key at any moment.
func create(name string, e entry) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, keyMode)
	if err != nil {
		return err
	}
	_, err = f.Write(e.data)
	return errors.Join(err, f.Chmod(e.mode), f.Sync(), f.Close())
}

// litter is how names of unfinished work begin; what a crash leaves is hidden,
// recognised and in nobody's way.
func litter(name string) string { return "." + strings.ReplaceAll(name, "*", "_") + ".towpath-" }

func sync(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// lock keeps two writers out of one directory.
func lock(dir string) (unlock func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", dir, err), d.Close())
	}
	return func() { _ = d.Close() }, nil
}
