package runbook

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/source"
)

// word is one word of a command line, without its quotes, and its bytes.
type word struct {
	text       string
	start, end int
}

// commands are the simple commands of a script: lines joined by backslashes, cut
// at what separates commands. In notes a # in front of a command is a prompt.
func commands(data []byte, notes bool) [][]word {
	var out [][]word
	var now []word
	flush := func() {
		if len(now) > 0 {
			out = append(out, now)
		}
		now = nil
	}
	for i := 0; i < len(data); {
		switch c := data[i]; {
		case c == '\\' && i+1 < len(data) && (data[i+1] == '\n' || data[i+1] == '\r'):
			i += 2
		case c == '\n' || strings.IndexByte(";|&()`", c) >= 0:
			flush()
			i++
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case c == '#' && (len(now) > 0 || !notes):
			i = lineEnd(data, i)
		default:
			w := readWord(data, i)
			now, i = append(now, w), w.end
		}
	}
	flush()
	return out
}

func lineEnd(data []byte, i int) int {
	for i < len(data) && data[i] != '\n' {
		i++
	}
	return i
}

// readWord reads up to a blank or an operator outside of quotes. A quote that is
// not closed on its line is an ordinary character.
func readWord(data []byte, start int) word {
	var text strings.Builder
	i := start
	for i < len(data) && strings.IndexByte(" \t\r\n;|&()`", data[i]) < 0 {
		c := data[i]
		end := i + 1
		if c == '"' || c == '\'' {
			for end < len(data) && data[end] != c && data[end] != '\n' {
				end++
			}
			if end < len(data) && data[end] == c {
				text.Write(data[i+1 : end])
				i = end + 1
				continue
			}
		}
		text.WriteByte(c)
		i++
	}
	return word{text.String(), start, max(i, start+1)}
}

// before are words that may stand in front of a command.
var before = []string{"$", "#", "sudo", "-E", "time", "exec", "if", "then", "do", "while", "until", "!", "-", "run:", "-c"}

var assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)

// call is a command that is of interest.
type call struct {
	tool   string // ctr, crictl, nerdctl, minikube
	distro string // k3s in "k3s ctr"
	head   word   // the tool's name
	flags  []flag
	args   []word // what is no flag, with subcommands
}

// flag is one flag with its value.
type flag struct {
	name       string // without dashes
	value      string
	at         word // the flag itself
	end        int  // of its value
	behindArgs int  // how many arguments stand before it
}

func (c call) flag(names ...string) (flag, bool) {
	i := slices.IndexFunc(c.flags, func(f flag) bool { return slices.Contains(names, f.name) })
	if i < 0 {
		return flag{}, false
	}
	return c.flags[i], true
}

// valued are flags that take a value as the next word.
var valued = map[string][]string{
	"ctr": {
		"a", "address", "n", "namespace", "timeout", "connect-timeout", "u", "user", "hosts-dir", "platform", "refresh", "tlscacert", "tlscert",
		"tlskey", "snapshotter", "label", "max-concurrent-downloads", "http-retry",
	},
	"crictl": {
		"c", "config", "r", "runtime-endpoint", "i", "image-endpoint", "t", "timeout", "creds", "auth", "a", "annotation", "u", "username",
		"pod-config", "pull-timeout", "pt",
	},
	"nerdctl":  {"a", "address", "H", "host", "n", "namespace", "snapshotter", "hosts-dir", "cni-path", "data-root", "platform", "unpack", "verify"},
	"minikube": {"p", "profile", "container-runtime", "registry-mirror", "insecure-registry", "driver", "memory", "cpus", "kubernetes-version"},
}

// parse finds the tool in a command and takes flags and arguments apart.
func parse(words []word) (call, bool) {
	for len(words) > 0 && (slices.Contains(before, words[0].text) || assignment.MatchString(words[0].text)) {
		words = words[1:]
	}
	if len(words) == 0 {
		return call{}, false
	}
	c := call{head: words[0], tool: path.Base(words[0].text)}
	if distro, tool, dotted := strings.Cut(c.tool, "."); dotted && tool != "" {
		c.distro, c.tool = distro, tool
	}
	if len(words) > 1 && slices.Contains([]string{"k3s", "rke2", "k0s", "microk8s"}, c.tool) {
		c.distro, c.tool, c.head, words = c.tool, words[1].text, words[1], words[1:]
	}
	takes, known := valued[c.tool]
	if !known {
		return call{}, false
	}
	for i := 1; i < len(words); i++ {
		w := words[i]
		name := strings.TrimLeft(w.text, "-")
		if !strings.HasPrefix(w.text, "-") || name == "" {
			c.args = append(c.args, w)
			continue
		}
		f := flag{at: w, end: w.end, behindArgs: len(c.args)}
		var inline bool
		if f.name, f.value, inline = strings.Cut(name, "="); !inline && slices.Contains(takes, f.name) && i+1 < len(words) {
			i++
			f.value, f.end = words[i].text, words[i].end
		}
		c.flags = append(c.flags, f)
	}
	return c, true
}

// image is the argument of a pull, and how many arguments there are up to it.
func (c call) image() (word, int, bool) {
	i := 1
	switch {
	case c.tool == "ctr" && len(c.args) > 2 && slices.Contains([]string{"i", "image", "images"}, c.args[0].text) && c.args[1].text == "pull":
		i = 2
	case c.tool == "nerdctl" && len(c.args) > 2 && c.args[0].text == "image" && c.args[1].text == "pull":
		i = 2
	case (c.tool == "nerdctl" || c.tool == "crictl") && len(c.args) > 1 && c.args[0].text == "pull":
	default:
		return word{}, 0, false
	}
	if w := c.args[i]; w.text != "" {
		return w, i + 1, true
	}
	return word{}, 0, false
}

// inFront is the edit that puts the flags behind an image in front of it.
func inFront(f source.File, image word, flags []flag) []source.Edit {
	edits := []source.Edit{}
	text := ""
	for _, x := range flags {
		text += string(f.Data[x.at.start:x.end]) + " "
		start := x.at.start
		for start > 0 && (f.Data[start-1] == ' ' || f.Data[start-1] == '\t') {
			start--
		}
		edits = append(edits, source.Edit{File: f.Path, Start: start, End: x.end})
	}
	if strings.ContainsAny(text, "\n") {
		return nil
	}
	return append(edits, source.Edit{File: f.Path, Start: image.start, End: image.start, New: text})
}

var (
	service  = regexp.MustCompile(`(?m)(?:systemctl\s+(?:-\S+\s+)*\S+\s+(?:(k3s)|(rke2)|(k0s))\w*(?:-\w+)?|snap\s+\S+\s+(microk8s))\b`)
	onKube   = regexp.MustCompile(`(?m)\b(kubectl|kubelet|kubeadm|kubernetes|crictl)\b`)
	variable = regexp.MustCompile(`(?i)(\w*(?:pass|token|secret|key|auth)\w*=)("[^"]*"|'[^']*'|\S+)`)
	password = regexp.MustCompile(`(\s-{1,2}(?:u|user|creds|auth|p|password|refresh)(?:\s+|=))("[^"]*"|'[^']*'|\S+)`)
)

// hidden is a line without the values of flags and variables that may hold a
// password.
func hidden(line string) string {
	const widest = 300
	line = evidence.URL(variable.ReplaceAllString(password.ReplaceAllString(evidence.OneLine(line), "${1}***"), "${1}***"))
	return strings.ToValidUTF8(line[:min(len(line), widest)], "")
}
