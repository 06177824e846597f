package node_test

import (
	"errors"
	"io/fs"
	"net"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/towpath-dev/towpath/internal/node"
)

// answering is a socket whose every client gets some bytes, or none.
func answering(t *testing.T, bytes string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte(bytes)) // the client may be gone
			defer c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return name
}

func TestAServerThatAnswersListens(t *testing.T) {
	if err := node.Listens(t.Context(), answering(t, "\x00\x00\x00\x04\x00\x00\x00\x00\x00")); err != nil {
		t.Error(err)
	}
}

func TestASocketWithNobodyOrASilentServerDoesNotListen(t *testing.T) {
	name := filepath.Join(t.TempDir(), "s")
	if err := node.Listens(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no socket: %v", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if err := node.Listens(t.Context(), name); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("nobody: %v", err)
	}
	if err := node.Listens(t.Context(), answering(t, "")); err == nil {
		t.Error("a silent server listens")
	}
}
