package cli

import (
	"context"
	"errors"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/dialect/all"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/machine"
	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/rule"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/suppress"
	"github.com/towpath-dev/towpath/internal/survey"
)

// lintFlags are those of lint alone.
type lintFlags struct {
	from   string
	fix    bool
	export report.Format // empty: one of the formats that every command has
}

// exports are the formats that lint has besides.
var exports = []report.Format{report.SARIF, report.JUnit, report.GitHub}

func newLint(a *app) *cobra.Command {
	var f lintFlags
	c := &cobra.Command{
		Use:   "lint [PATH…]",
		Short: "Say what is wrong in registry configuration, without any network",
		Long: `Lint reads files as the runtime does and tells what it would refuse, drop in
silence, or take for something else than what was meant. On a node it also reads
what surrounds the runtime: units with proxy settings, the folders of the system's
certificate store, time services and jobs of cron.

Without a PATH it reads those of this node, or of --root. A PATH is a file, or a
directory with all that is below it, units and crontabs among them; what it is,
its name and content tell, or --from does. With --root paths are those of that tree.

A comment takes a finding away: "# towpath:ignore CODE" at the end of a line or on
the line above, "# towpath:ignore-file CODE" for a whole file. CODE is a code or a
number, several are separated by blanks, and a reason goes behind "--".

With --fix it makes the edits that cure findings at warning or above: it shows a
diff, asks, writes all or nothing, and reads the files again. A file in which that
would uncover an error stays as it is. rollback takes a fix back.

Besides text, json and yaml, -o takes sarif (code scanning), junit (test reports)
and github (annotations of a workflow); paths are relative to the working directory
there.`,
		Example: `  towpath lint
  towpath lint ./certs.d registries.yaml
  towpath lint --from containerd --runtime containerd@1.6 ./hosts
  towpath lint --fail-on warning -o json
  towpath lint -o sarif ./certs.d > lint.sarif
  towpath lint --fix ./certs.d`,
		Args: cobra.ArbitraryArgs,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			format := report.Format(a.flags.output)
			switch {
			case slices.Contains(exports, format):
				a.flags.output, f.export = string(report.Text), format
			case !slices.Contains(formats, format):
				return usage("-o json", "-o %s: the formats are text, json and yaml, and for lint sarif, junit and github", format)
			}
			return a.flags.check(a, cmd)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.fix && f.export != "":
				return usage("-o json", "-o %s has no place for what --fix does", f.export)
			case f.fix:
				return a.lintFix(cmd.Context(), args, f)
			}
			return a.lint(cmd.Context(), args, f)
		},
	}
	a.flags.node(c.Flags())
	a.flags.findings(c.Flags(), "error")
	a.flags.dialect(c, &f.from)
	a.flags.changes(c.Flags())
	c.Flags().BoolVar(&f.fix, "fix", false, "make the edits that cure what is at warning or above, after showing them")
	return c
}

func (a *app) lint(ctx context.Context, args []string, f lintFlags) error {
	a.notePending()
	inspect := a.inspectNode
	if len(args) > 0 || f.from != "" {
		inspect = func(ctx context.Context) (report.Inspection, error) { return a.inspectPaths(ctx, args, f.from) }
	}
	i, err := inspect(ctx)
	if err != nil {
		return err
	}
	a.sorted(&i)
	if err := a.printLint(i, f); err != nil {
		return err
	}
	return a.flags.status(i.Findings)
}

// sorted takes away what comments in the files and --ignore name, and puts the
// rest into the order in which it is told.
func (a *app) sorted(i *report.Inspection) {
	kept, byComment := suppress.ByComment(i.Findings, i.Files, isCode)
	kept, byCode := suppress.ByCode(kept, a.flags.ignore)
	i.Findings, i.Suppressed = kept, len(byComment)+len(byCode)
	report.InOrder(i.Findings)
}

// printLint prints what lint found, in the format that was asked for.
func (a *app) printLint(i report.Inspection, f lintFlags) error {
	switch {
	case f.export != "":
		here, err := os.Getwd()
		if err != nil {
			here = ""
		}
		root, err := absolute(a.flags.root)
		if err != nil {
			return err
		}
		e := report.Export{Inspection: i, Kinds: kinds(), Version: Version, Root: root, Dir: here}
		return e.Write(a.Out, f.export)
	case a.format != report.Text:
		return report.Write(a.Out, a.format, report.NewLint(i))
	}
	report.NewTerminal(a.Out, a.Env).Lint(i)
	return nil
}

// inspectNode reads the files of the node that the flags name.
func (a *app) inspectNode(ctx context.Context) (report.Inspection, error) {
	s, done, err := a.survey(ctx, survey.Request{Still: true})
	if err != nil {
		return report.Inspection{}, err
	}
	defer done()
	return inspectionOf(s), nil
}

// inspectionOf is what reading a node has found.
func inspectionOf(s *survey.Survey) report.Inspection {
	m := s.Machine()
	around := machine.Lint(m)
	config := slices.DeleteFunc(slices.Clone(s.Reading.Findings), func(f finding.Finding) bool { return machine.Repeats(f, around) })
	found := slices.Concat(config, around, rule.Unseen(s.Node, "sudo towpath lint"))
	return report.Inspection{Target: s.Reading.Table.Target, Findings: found, Files: slices.Concat(s.Files, m.Files)}
}

// inspectPaths reads files and directories that were named.
func (a *app) inspectPaths(ctx context.Context, args []string, from string) (report.Inspection, error) {
	i, _, err := a.inspectParts(ctx, args, from)
	return i, err
}

// inspectParts reads them, with what each dialect makes of them.
func (a *app) inspectParts(ctx context.Context, args []string, from string) (i report.Inspection, parts []survey.Part, err error) {
	if len(args) == 0 {
		return i, nil, usage("towpath lint --from "+from+" PATH", "--from says what a PATH is; which one?")
	}
	if err := a.onlyNode("a PATH says which files to read"); err != nil {
		return i, nil, err
	}
	root, err := a.openRoot()
	if err != nil {
		return i, nil, err
	}
	defer root.Close()
	n := survey.Named{Root: root, Dialect: from, Runtime: a.flags.runtime, InPlace: true}
	for _, arg := range args {
		name, err := a.inside(root, arg)
		if err != nil {
			return i, nil, err
		}
		n.Paths = append(n.Paths, name)
		n.InPlace = n.InPlace && (!a.atHome() || ofNode(name))
	}
	if from == "" {
		n.Paths, i.Files, i.Findings = certified(root, n.Paths)
		around := survey.MachineFiles(root, n.Paths)
		for _, f := range around {
			i.Findings = append(i.Findings, machine.LintFile(f)...)
		}
		i.Files = append(i.Files, around...)
	}
	if len(n.Paths) == 0 {
		return i, parts, nil
	}
	parts, err = a.besides(ctx, n, i.Files)
	if err != nil {
		return i, nil, err
	}
	i.Target, i.Findings = common(parts), append(i.Findings, survey.Findings(parts)...)
	for _, p := range parts {
		i.Files = append(i.Files, p.Files...)
	}
	return i, parts, nil
}

// besides reads what was named but for the files that are no configuration of
// registries. A directory may hold those alone.
func (a *app) besides(ctx context.Context, n survey.Named, others []source.File) ([]survey.Part, error) {
	n.Paths = slices.DeleteFunc(n.Paths, func(name string) bool { return source.Find(others, name) != nil })
	for {
		parts, err := a.read(ctx, n)
		unknown, ok := errors.AsType[*survey.Unknown](err)
		if !ok || !slices.ContainsFunc(others, func(f source.File) bool { return strings.HasPrefix(f.Path, unknown.Path+"/") }) {
			return parts, err
		}
		n.Paths = slices.DeleteFunc(n.Paths, func(name string) bool { return name == unknown.Path })
	}
}

// read reads what was named; what is wrong with the names is wrong usage.
func (a *app) read(ctx context.Context, n survey.Named) ([]survey.Part, error) {
	if n.Dialect != "" {
		d, known := all.Target(n.Dialect)
		if d.Spoken {
			return nil, usage("--from runbook", "--from %s: command lines are written, not read as a configuration; runbook judges scripts with them", n.Dialect)
		}
		if !known {
			return nil, usage("", "--from %s: the dialects are %s", n.Dialect, strings.Join(all.Names(), ", "))
		}
	}
	parts, err := n.Read(ctx)
	if err != nil {
		return nil, exitError{status: exitUsage, err: err}
	}
	return parts, nil
}

// onlyNode refuses flags that say where a node has its files.
func (a *app) onlyNode(why string) error {
	for flag, value := range map[string]string{
		"--hosts-dir": a.flags.hostsDir, "--registries": a.flags.registries, "--containerd-config": a.flags.containerdConfig,
	} {
		if value != "" {
			return usage("", "%s is about the node's own files: %s", flag, why)
		}
	}
	return nil
}

// inside is a path of the command line as one of the tree. Who names the tree
// and a path below it by its full name means the same.
func (a *app) inside(root *node.Root, arg string) (string, error) {
	name, err := a.path(arg)
	if err != nil || a.atHome() || root.Exists(name) {
		return name, err
	}
	if rest, below := strings.CutPrefix(path.Clean(arg), path.Clean(a.flags.root)+"/"); below && root.Exists(rest) {
		return path.Join("/", rest), nil
	}
	return name, nil
}

// ofNode reports whether a path lies where a runtime has its files, so that what
// they name has to be there.
func ofNode(name string) bool {
	return slices.ContainsFunc(all.Dialects, func(d dialect.Dialect) bool {
		return slices.ContainsFunc(d.Paths, func(glob string) bool {
			dir, _, _ := strings.Cut(glob, "*")
			if dir == glob || !strings.HasSuffix(dir, "/") {
				dir = path.Dir(dir)
			}
			dir = path.Clean(dir)
			return name == dir || strings.HasPrefix(name, dir+"/")
		})
	})
}

// common is the runtime that reads all parts; zero: there are several.
func common(parts []survey.Part) route.Target {
	var t route.Target
	for i, p := range parts {
		switch got := p.Reading.Table.Target; {
		case i == 0:
			t = got
		case got != t:
			return route.Target{}
		}
	}
	return t
}
