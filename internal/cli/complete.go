package cli

import (
	"github.com/spf13/cobra"

	"github.com/towpath-dev/towpath/internal/apply"
	"github.com/towpath-dev/towpath/internal/node"
)

// Flags that take a directory, a file, or something that is none.
var (
	wordFlags      = []string{"verify", "user", "resolver", "timeout", "token-server", "scene"}
	directoryFlags = []string{"root", "hosts-dir", "state"}
	fileFlags      = []string{"registries", "containerd-config", "creds", "password-file", "save"}
)

// complete offers words for the value of a flag, if the command has it.
func complete(c *cobra.Command, flag string, words ...string) {
	if c.Flag(flag) != nil {
		_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
}

// completions adds what a shell may offer for the flags of a command.
func completions(c *cobra.Command) {
	complete(c, "fail-on", severities...)
	complete(c, "ignore", codes()...)
	complete(c, "runtime", node.Names()...)
	for _, flag := range wordFlags {
		complete(c, flag)
	}
	for _, flag := range directoryFlags {
		if c.Flag(flag) != nil {
			_ = c.MarkFlagDirname(flag)
		}
	}
	for _, flag := range fileFlags {
		if c.Flag(flag) != nil {
			_ = c.MarkFlagFilename(flag)
		}
	}
}

// codes are those of all findings, each once and with its title.
func codes() []string {
	var out []string
	last := ""
	for _, k := range kinds() {
		if k.Code != last {
			out = append(out, k.Code+"\t"+k.Title)
		}
		last = k.Code
	}
	return out
}

// completeFormats offers the formats that a command has.
func completeFormats(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	all := formats
	if cmd.Name() == "lint" {
		all = append(all[:len(all):len(all)], exports...)
	}
	out := make([]string, len(all))
	for i, f := range all {
		out[i] = string(f)
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

func completeCodes(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return codes(), cobra.ShellCompDirectiveNoFileComp
}

// completeEntries offers the changes that can be rolled back.
func (a *app) completeEntries(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	site, err := a.site()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	list, _ := apply.History(site)
	var out []string
	for _, e := range list {
		if e.State == apply.Done {
			out = append(out, e.ID+"\t"+e.Reason)
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
