package apply

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// Some tests need a process of their own: to kill it, to give it another user
// or mounts that nobody else sees. It is this test program again. With an act in
// its environment it does nothing but that; with a root, it is the same test
// that started it.
const (
	actVar  = "TOWPATH_TEST_ACT"
	rootVar = "TOWPATH_TEST_ROOT"
)

func TestMain(m *testing.M) {
	order := strings.Fields(os.Getenv(actVar))
	if len(order) == 0 {
		os.Exit(m.Run())
	}
	if err := killed(order); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// alone runs a test in a process with other attributes, where it has the root
// of a node to itself. It skips nothing: the child's failure is the test's.
func alone(t *testing.T, attr *syscall.SysProcAttr, test func(node)) {
	t.Helper()
	if root := os.Getenv(rootVar); root != "" {
		test(node{t, root})
		return
	}
	n := newFastNode(t)
	self := n.program()
	n.must(os.Mkdir(n.path("/node"), 0o755))
	if c := attr.Credential; c != nil {
		n.must(os.Chmod(n.root, 0o755))
		n.must(os.Chown(n.path("/node"), int(c.Uid), int(c.Gid)))
	}
	cmd := exec.Command(self, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), rootVar+"="+n.path("/node"))
	cmd.Dir, cmd.SysProcAttr = "/", attr
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// program is a copy of this program that anybody can run.
func (n node) program() string {
	n.Helper()
	self, err := os.Executable()
	n.must(err)
	data, err := os.ReadFile(self)
	n.must(err)
	n.must(os.WriteFile(n.path("/program"), data, 0o755))
	n.must(os.Chmod(n.path("/program"), 0o755))
	return n.path("/program")
}
