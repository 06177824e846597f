// Lab plays scenarios of failing image pulls on real containerds, each on a
// machine of its own made of namespaces, and holds what towpath doctor says
// against what really happened. It needs Linux and root.
//
//	cd lab && go run . [-real-only] [-j N] [-on 1.6,2.4] [-v] [-keep DIR] [PATTERN...]
//
// A pattern is the beginning of a scenario's path or of an element of it, such as
// tls/other-server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/towpath-dev/towpath/lab/internal/containerd"
	"github.com/towpath-dev/towpath/lab/internal/crew"
	"github.com/towpath-dev/towpath/lab/internal/judge"
	"github.com/towpath-dev/towpath/lab/internal/play"
	"github.com/towpath-dev/towpath/lab/internal/report"
	"github.com/towpath-dev/towpath/lab/internal/scenario"
)

func main() {
	if name := filepath.Base(os.Args[0]); slices.Contains(play.Names, name) {
		exit(play.Standin(name, os.Args[1:]))
	}
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "machine":
			exit(play.Main(os.Stdin, os.NewFile(3, "result")))
		case "player":
			exit(play.Player(os.Stdin, os.NewFile(3, "result"), os.NewFile(4, "boot")))
		case "outside":
			exit(play.Outside(os.Stdin, os.Stdout))
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	failed, err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err == nil && failed > 0 {
		os.Exit(1)
	}
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(3)
	}
	os.Exit(0)
}

// options are the flags.
type options struct {
	real     bool
	width    int
	on       []containerd.Generation
	verbose  bool
	keep     string
	summary  string
	patterns []string
}

func parse(args []string) (options, error) {
	var o options
	var on string
	fs := flag.NewFlagSet("lab", flag.ExitOnError)
	fs.BoolVar(&o.real, "real-only", false, "check what the runtimes do, without towpath")
	fs.IntVar(&o.width, "j", 2*runtime.NumCPU(), "machines at a time; most of their time they wait")
	fs.StringVar(&on, "on", "1.6,1.7,2.4,docker,podman", "generations of containerd, and engines")
	fs.BoolVar(&o.verbose, "v", false, "print what each pull and doctor said")
	fs.StringVar(&o.keep, "keep", "", "directory for the logs and results of all machines")
	fs.StringVar(&o.summary, "summary", "", "file to append the counts to, for ./test")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	for _, s := range strings.Split(on, ",") {
		g, err := containerd.Parse(s)
		if err != nil {
			return o, err
		}
		o.on = append(o.on, g)
	}
	o.patterns = fs.Args()
	return o, nil
}

func run(ctx context.Context, args []string, out io.Writer) (failed int, err error) {
	o, err := parse(args)
	if err != nil {
		return 0, err
	}
	if os.Geteuid() != 0 {
		return 0, fmt.Errorf("namespaces and packet filters need root")
	}
	tree := os.DirFS("scenarios")
	all, err := scenario.Load(tree)
	if err != nil {
		return 0, err
	}
	left := absent(ctx, &o, all, out)
	cases := choose(all, o)
	if len(cases) == 0 {
		return 0, fmt.Errorf("no scenario matches %v", o.patterns)
	}
	c := crew.Crew{Scenario: func(path string) ([]byte, error) { return os.ReadFile(filepath.Join("scenarios", path+".txtar")) }}
	if !o.real {
		dir, err := os.MkdirTemp("", "towpath-lab-")
		if err != nil {
			return 0, err
		}
		defer os.RemoveAll(dir)
		if c.Towpath, c.Fix, err = towpath(ctx, dir, out); err != nil {
			return 0, err
		}
	}
	if err := c.Prepare(ctx, ".", o.on, out); err != nil {
		return 0, err
	}
	table := report.New(out, len(cases), o.verbose, o.keep)
	c.All(ctx, cases, o.width, func(one judge.Case, r play.Result) {
		table.Add(one, r, report.Asked{Doctor: c.Towpath != "", Fix: c.Fix})
	})
	failed = table.End()
	return failed, errors.Join(ctx.Err(), sum(table, left, o.summary))
}

// absent takes the engines out of the options that are not installed, and says
// in a line for each how many cases that leaves out.
func absent(ctx context.Context, o *options, all []scenario.Scenario, out io.Writer) []string {
	var left []string
	for _, g := range containerd.Engines {
		if !slices.Contains(o.on, g) {
			continue
		}
		_, err := g.Binary(ctx, ".", out)
		if err == nil {
			continue
		}
		one := *o
		one.on = []containerd.Generation{g}
		if n := len(choose(all, one)); n > 0 {
			left = append(left, fmt.Sprintf("left-out %d cases of the lab on %s: %v", n, g, err))
			fmt.Fprintln(out, left[len(left)-1])
		}
		o.on = slices.DeleteFunc(o.on, func(have containerd.Generation) bool { return have == g })
	}
	return left
}

// sum appends the counts to a file, and what was left out.
func sum(table *report.Report, left []string, path string) error {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	for _, line := range left {
		fmt.Fprintln(f, line)
	}
	return errors.Join(table.Summary(f), f.Close())
}

// choose lists the cases of the scenarios that match, a twin after its fault.
func choose(all []scenario.Scenario, o options) []judge.Case {
	var out []judge.Case
	for _, s := range all {
		if len(o.patterns) > 0 && !slices.ContainsFunc(o.patterns, func(p string) bool { return strings.Contains("/"+s.Path, "/"+p) }) {
			continue
		}
		for _, g := range o.on {
			for _, twin := range []bool{false, true} {
				one := judge.Case{Scenario: s, Twin: twin, Generation: g}
				if slices.Contains(one.Spec().Generations(), g) {
					out = append(out, one)
				}
			}
		}
	}
	return out
}

// What a towpath can do, in its help.
var (
	doctor = regexp.MustCompile(`(?m)^\s+doctor\s`)
	fixes  = regexp.MustCompile(`\s--fix\s`)
)

// towpath returns the binary under test: that of $TOWPATH, or one built from
// the tree around the lab into a directory. It is empty when that one has no
// doctor; fix tells whether doctor can repair.
func towpath(ctx context.Context, dir string, log io.Writer) (path string, fix bool, err error) {
	path = os.Getenv("TOWPATH")
	if path == "" {
		path = filepath.Join(dir, "towpath")
		cmd := exec.CommandContext(ctx, "go", "build", "-o", path, ".")
		cmd.Dir = ".."
		if msg, err := cmd.CombinedOutput(); err != nil {
			return "", false, fmt.Errorf("build towpath: %w\n%s", err, msg)
		}
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", false, err
	}
	help, err := exec.CommandContext(ctx, path, "--help").Output()
	if err != nil {
		return "", false, fmt.Errorf("run %s: %w", path, err)
	}
	if !doctor.Match(help) {
		fmt.Fprintln(log, "this towpath has no doctor: only the runtimes are tried")
		return "", false, nil
	}
	help, err = exec.CommandContext(ctx, path, "doctor", "--help").Output()
	return path, fixes.Match(help), err
}
