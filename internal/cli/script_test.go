package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.yaml.in/yaml/v4"
	"golang.org/x/sys/unix"

	"github.com/towpath-dev/towpath/internal/report"
)

func TestMain(m *testing.M) {
	if os.Getenv("TOWPATH_TEST_DEMO") != "" { // the demonstration is to be alone in its directory
		os.Exit(m.Run())
	}
	testscript.Main(m, map[string]func(){"towpath": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		os.Exit(Main(ctx, World{Args: os.Args[1:], Env: os.Environ(), In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
	}})
}

// The scripts under testdata/script say what each command does, exit status
// included. Besides the usual commands they have
//
//	status N COMMAND…   the command exits with N
//	document [KIND]     stdout is one document of that kind, and stderr holds no other
//	hold FILE           somebody else has locked the file until the script ends
//
// $SILENT is the address of a server on loopback that accepts and never answers,
// $CLOSED one where nothing listens.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: os.Getenv("UPDATE") != "",
		Setup: addresses,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": status, "document": document, "hold": hold,
		},
	})
}

func addresses(env *testscript.Env) error {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	env.Defer(func() { silent.Close() })
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	env.Setenv("SILENT", silent.Addr().String())
	env.Setenv("CLOSED", closed.Addr().String())
	return closed.Close()
}

func status(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// document checks that a program can rely on stdout, whatever happened.
func document(ts *testscript.TestScript, _ bool, args []string) {
	doc, err := oneDocument(ts.ReadFile("stdout"))
	if err != nil {
		ts.Fatalf("stdout: %v", err)
	}
	if doc["schema"] != report.Schema {
		ts.Fatalf("schema is %v", doc["schema"])
	}
	if len(args) == 1 && doc["kind"] != args[0] {
		ts.Fatalf("kind is %v, want %s", doc["kind"], args[0])
	}
	if found, has := doc["findings"]; has && found == nil {
		ts.Fatalf("findings is null")
	}
	if strings.Contains(ts.ReadFile("stderr"), `"schema"`) {
		ts.Fatalf("stderr holds a document, too")
	}
}

// oneDocument reads JSON, or else YAML, and refuses anything after it.
func oneDocument(text string) (doc map[string]any, err error) {
	if !strings.HasPrefix(text, "{") {
		dec := yaml.NewDecoder(strings.NewReader(text))
		if err := dec.Decode(&doc); err != nil {
			return nil, err
		}
		if err := dec.Decode(new(any)); err != io.EOF {
			return nil, errors.New("there is more than one document")
		}
		return doc, nil
	}
	dec := json.NewDecoder(strings.NewReader(text))
	if err := dec.Decode(&doc); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("something follows the document")
	}
	return doc, nil
}

func hold(ts *testscript.TestScript, _ bool, args []string) {
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR|os.O_CREATE, 0o600)
	ts.Check(err)
	ts.Defer(func() { f.Close() })
	_, err = f.WriteString("1 apply somewhere\n")
	ts.Check(err)
	ts.Check(unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}))
}
