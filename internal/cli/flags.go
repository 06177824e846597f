package cli

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/towpath-dev/towpath/internal/dialect/all"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/suppress"
)

// flags are those that several commands share.
type flags struct {
	output string

	root             string
	runtime          string
	hostsDir         string
	registries       string
	containerdConfig string
	state            string

	creds         string
	user          string
	passwordFile  string
	passwordStdin bool
	resolvers     []string
	timeout       time.Duration

	failOn string
	ignore []string
	yes    bool

	allowRestart bool
	restartWith  string
}

// node adds the flags that say which node and which files.
func (f *flags) node(s *pflag.FlagSet) {
	s.StringVar(&f.root, "root", "/", "look at the node whose file system is mounted at `DIR`")
	s.StringVar(&f.runtime, "runtime", "", "judge as `NAME[@VERSION]` instead of what is found: containerd@1.6, k3s@1.31")
	s.StringVar(&f.hostsDir, "hosts-dir", "", "read certs.d from `DIR`")
	s.StringVar(&f.registries, "registries", "", "read registries.yaml from `FILE`")
	s.StringVar(&f.containerdConfig, "containerd-config", "", "read containerd's configuration from `FILE`")
	s.StringVar(&f.state, "state", "", "the journal of changes is in `DIR` (default ROOT/var/lib/towpath)")
}

// network adds the flags of commands that ask hosts.
func (f *flags) network(s *pflag.FlagSet) {
	s.StringVar(&f.creds, "creds", "", "credentials of the pull: a docker config.json or a Kubernetes dockerconfigjson secret in `FILE`")
	s.StringVar(&f.user, "user", "", "log in as `NAME`, with --password-stdin or --password-file")
	s.StringVar(&f.passwordFile, "password-file", "", "read the password from `FILE`")
	s.BoolVar(&f.passwordStdin, "password-stdin", false, "read the password from standard input")
	s.StringArrayVar(&f.resolvers, "resolver", nil, "compare with the name server `ADDR[:PORT]` as well (repeatable)")
	s.DurationVar(&f.timeout, "timeout", 20*time.Second, "give up after this `time`")
}

// severities are what --fail-on takes.
var severities = []string{"error", "warning", "info", "none"}

// dialect adds the flag that says what the files of the command line are.
func (f *flags) dialect(c *cobra.Command, into *string) {
	c.Flags().StringVar(into, "from", "", "read every PATH as `DIALECT`: "+strings.Join(all.Names(), ", "))
	complete(c, "from", all.Names()...)
}

// findings adds the flags of commands that judge, with the severity at which they fail.
func (f *flags) findings(s *pflag.FlagSet, failOn string) {
	s.StringVar(&f.failOn, "fail-on", failOn, "exit with 1 at findings of this `severity` or above: error, warning, info, or none of them")
	s.StringArrayVar(&f.ignore, "ignore", nil, "leave out findings with this `CODE` (repeatable)")
}

// changes adds the flags of commands that change a node.
func (f *flags) changes(s *pflag.FlagSet) {
	s.BoolVarP(&f.yes, "yes", "y", false, "answer every question with yes")
	s.BoolVar(&f.allowRestart, "allow-restart", false, "restart the runtime where a change needs it")
	s.StringVar(&f.restartWith, "restart-with", "", "restart a runtime that no service manager runs by the shell `COMMAND`")
}

// check refuses values that no command can use.
func (f *flags) check(a *app, cmd *cobra.Command) error {
	if own := cmd.Flag("fail-on"); own != nil && !own.Changed {
		f.failOn = own.DefValue // commands share the variable, not the default
	}
	if !slices.Contains(formats, report.Format(f.output)) {
		return usage("-o json", "-o %s: the formats are text, json and yaml", f.output)
	}
	a.format = report.Format(f.output)
	if f.failOn != "" && !slices.Contains(severities, f.failOn) {
		return usage("--fail-on warning", "--fail-on %s: it takes error, warning, info or none", f.failOn)
	}
	for _, code := range f.ignore {
		if !isCode(code) {
			return usage("towpath rules", "--ignore %s: there is no such code", code)
		}
	}
	if f.timeout < 0 {
		return usage("--timeout 20s", "--timeout %s: it cannot be negative", f.timeout)
	}
	if f.user == "" && (f.passwordFile != "" || f.passwordStdin) {
		return usage("--user NAME", "a password needs --user")
	}
	if f.user != "" && (f.passwordFile != "") == f.passwordStdin {
		return usage("--user NAME --password-stdin", "--user needs exactly one of --password-stdin and --password-file")
	}
	return nil
}

// kept drops the findings that --ignore names.
func (f *flags) kept(found []finding.Finding) []finding.Finding {
	kept, _ := suppress.ByCode(found, f.ignore)
	return kept
}

// isCode reports whether a word is the code or number of a finding that there is.
func isCode(word string) bool { return everyCode()[strings.ToLower(word)] }

// everyCode has the codes and numbers of all findings, in lower case.
var everyCode = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	for _, k := range kinds() {
		out[strings.ToLower(k.Code)], out[strings.ToLower(k.ID)] = true, true
	}
	return out
})

// status is the exit status that findings ask for, as an error for cobra.
func (f *flags) status(found []finding.Finding) error {
	var limit finding.Severity
	if limit.UnmarshalText([]byte(f.failOn)) != nil {
		return nil // "none", or a command without the flag
	}
	if slices.ContainsFunc(found, func(x finding.Finding) bool { return x.Severity >= limit }) {
		return exitError{status: exitFindings}
	}
	return nil
}
