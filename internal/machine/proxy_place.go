package machine

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/unit"
)

const notSet = "proxy/not-set-for-runtime"

var elsewhere = finding.Kind{
	Code: notSet, ID: "PX001", Severity: finding.Error, Ignores: true,
	Title: "The proxy is given to a unit that pulls nothing",
	Text:  "{file} sets {key} for {unit}, and images are pulled by {service}, which has no proxy",
	Fix:   "set {key} in {place}",
	Variants: map[string]finding.Variant{
		"shell": {Text: "{file} sets {key} for logins; {service} does not read it and has no proxy"},
	},
	Doc: "The containerd of K3s, RKE2 and k0s is a child of their own service and gets its environment from there. A drop-in for `containerd.service` is read by nobody. " +
		"K3s reads `/etc/systemd/system/k3s.service.env` (agents `k3s-agent.service.env`), RKE2 `/etc/default/rke2-server` or `rke2-agent`, k0s a drop-in for its unit. " +
		"A shell's exports and `/etc/environment` reach no systemd service.",
}

var ignored = finding.Kind{
	Code: notSet, ID: "PX002", Severity: finding.Error, Ignores: true,
	Title: "A proxy setting stands where systemd passes over it",
	Text:  "{file} sets {key} outside of [Service], where systemd ignores it",
	Fix:   "write [Service] above it",
	Variants: map[string]finding.Variant{
		"extension": {Text: "{file} is not read: the name of a drop-in has to end in .conf", Fix: "rename it to {name}"},
		"export":    {Text: "systemd ignores {key}: an environment file has no export", Fix: "remove the word export"},
	},
	Doc: "systemd reads drop-ins `UNIT.d/*.conf` and takes `Environment=` in their `[Service]` section alone. In a file of `EnvironmentFile=` a line is `KEY=VALUE`: `export KEY=VALUE` assigns nothing, and nothing is expanded. " +
		"systemd logs a line and starts the service without the variable.",
}

var schemeMissing = finding.Kind{
	Code: notSet, ID: "PX004", Severity: finding.Warning,
	Title: "HTTP_PROXY is set and HTTPS_PROXY is not",
	Text:  "{service} has HTTP_PROXY and no HTTPS_PROXY: registries are asked over https, and so without the proxy",
	Fix:   "set HTTPS_PROXY in {place} as well",
	Doc: "Go chooses the proxy by the scheme of what is asked for: `https://` goes by HTTPS_PROXY alone and never falls back to HTTP_PROXY; ALL_PROXY is not read at all. " +
		"The value of HTTPS_PROXY is usually an `http://` URL, the same one.",
}

var notLoaded = finding.Kind{
	Code: "proxy/not-loaded", ID: "PX011", Severity: finding.Warning, Ignores: true,
	Title: "A proxy variable was changed after the runtime was started",
	Text:  "{file} sets {key} to another value than {service} was started with",
	Fix:   "reload systemd and restart {service}",
	Doc:   "A process has the environment that it was started with. A unit or drop-in counts after `systemctl daemon-reload` and a restart, an environment file after a restart.",
}

var otherNamespace = finding.Kind{
	Code: "proxy/unreachable", ID: "PX013", Severity: finding.Warning,
	Title: "A proxy on loopback for a service in a network of its own",
	Text:  "{service} runs in a network namespace of its own, in which nothing listens on {proxy}",
	Doc: "127.0.0.1 is each network namespace's own. With `PrivateNetwork=` or `NetworkNamespacePath=` in the unit, or in a container, the proxy of the node is not there. " +
		"Name the proxy by an address that is reachable from within.",
}

// proxyKeys are the variables that lead through a proxy.
var proxyKeys = []string{"HTTPS_PROXY", "HTTP_PROXY"}

// places says where proxy settings stand that nobody reads.
func (l *lint) places() {
	for _, f := range l.Machine.Files {
		if m := dropInDir.FindStringSubmatch(f.Path); m != nil && slices.Contains(Units, m[1]) {
			l.dropIn(f, m[1])
		}
	}
	seen := map[string]bool{}
	for _, s := range append([]unit.Service{l.Service}, l.Others...) {
		for _, f := range s.Env {
			if !seen[f.Path] {
				seen[f.Path] = true
				l.exports(f)
			}
		}
	}
	if l.Service.Name == "" || hasProxy(l.Service) {
		return
	}
	for _, s := range l.Others {
		l.wrongUnit(s)
	}
	l.shells()
}

func hasProxy(s unit.Service) bool {
	return slices.ContainsFunc(proxyKeys, func(key string) bool { v, ok := s.Lookup(key); return ok && v.Value != "" })
}

// wrongUnit tells of a unit that was given the proxy in place of the one that
// pulls. Docker and buildkit pull for themselves.
func (l *lint) wrongUnit(s unit.Service) {
	stands := len(s.Parts) > 0 && path.Base(s.Parts[0].Path) == s.Name
	if stands && l.Service.Prefix == "" {
		return // it is there, and does what it does
	}
	if slices.Contains([]string{"docker.service", "buildkit.service", "crio.service"}, s.Name) {
		return
	}
	for _, key := range proxyKeys {
		v, ok := s.Lookup(key)
		if !ok || v.Value == "" {
			continue
		}
		place, _ := l.Service.Place(key)
		f := l.say(elsewhere, "", v.At, finding.Args{"key": v.Key, "unit": s.Name, "service": l.Service.Name, "place": place})
		if stands { // a containerd of Docker's, say, for which it may be meant
			f.Severity, f.Confidence = finding.Warning, finding.Likely
		}
		var edits []source.Edit
		change := l.Service.Set(key, v.Value)
		if _, why := judge(v.Value); why == "" && !secret(v.Value) {
			edits = change.Edits
		}
		do(f, restart(l.Service.Name, change.Reload), edits...)
		return
	}
}

// shells tells of proxies that only logins have. It may be meant so.
func (l *lint) shells() {
	for _, f := range l.Machine.Files {
		if f.Path != "/etc/environment" && !strings.HasPrefix(f.Path, "/etc/profile.d/") {
			continue
		}
		for _, v := range shellVariables(f) {
			if slices.Contains(proxyKeys, strings.ToUpper(v.Key)) && v.Value != "" {
				l.say(elsewhere, "shell", v.At, finding.Args{"key": v.Key, "service": l.Service.Name}).Severity = finding.Info
				break
			}
		}
	}
}

// shellVariables reads the plain assignments of a shell script or /etc/environment.
func shellVariables(f source.File) []unit.Variable {
	var out []unit.Variable
	for n, line := range strings.Split(string(f.Data), "\n") {
		text := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "export "))
		key, value, ok := strings.Cut(text, "=")
		if ok && unit.IsProxy(key) {
			out = append(out, unit.Variable{Key: key, Value: strings.Trim(value, `"'`), At: source.Pos{File: f.Path, Line: n + 1}})
		}
	}
	return out
}

// backups are endings of drop-ins that somebody has put aside on purpose.
var backups = []string{".bak", ".orig", ".old", ".save", ".disabled", ".off", ".swp", ".rpmsave", ".rpmnew", ".dpkg-old", ".dpkg-dist", ".example", ".sample", "~"}

// dropIn tells of settings of one drop-in that systemd does not take.
func (l *lint) dropIn(f source.File, service string) {
	if f.Kind != source.Regular || slices.ContainsFunc(backups, func(end string) bool { return strings.HasSuffix(f.Path, end) }) {
		return
	}
	inDir := dropInDir.MatchString(f.Path)
	for _, i := range unit.Items(f, service) {
		key, _, _ := strings.Cut(i.Text, "=")
		switch {
		case !unit.IsProxy(key):
			continue
		case inDir && path.Ext(f.Path) != ".conf":
			name := strings.TrimSuffix(f.Path, path.Ext(f.Path)) + ".conf"
			l.ignore("extension", i, finding.Args{"key": key, "name": name}, service, source.Edit{Op: source.Rename, File: f.Path, To: name})
			return
		case i.Section != "Service":
			line := source.Offset(f.Data, source.Pos{Line: i.At.Line, Column: 1})
			l.ignore("", i, finding.Args{"key": key}, service, source.Edit{File: f.Path, Start: line, End: line, New: "[Service]\n"})
			return
		}
	}
}

func (l *lint) ignore(variant string, i unit.Item, args finding.Args, service string, e source.Edit) {
	do(l.say(ignored, variant, i.At, args), restart(service, true), e)
}

// exports tells of lines in an environment file that only a shell understands.
func (l *lint) exports(f source.File) {
	for _, e := range unit.Exports(f) {
		if unit.IsProxy(strings.TrimPrefix(e.Key, "CONTAINERD_")) {
			do(l.say(ignored, "export", e.At, finding.Args{"key": e.Key}), restart(l.Service.Name, false), source.Edit{File: f.Path, Start: e.Word.Start, End: e.Word.End})
		}
	}
}

// schemes tells of a service that has a proxy for the wrong scheme alone.
func (l *lint) schemes(s unit.Service) {
	plain, has := s.Lookup("HTTP_PROXY")
	if l.alone {
		return // another drop-in may have it
	}
	if _, both := s.Lookup("HTTPS_PROXY"); !has || both || plain.Value == "" {
		return
	}
	place := plain.At.File
	f := l.say(schemeMissing, "", plain.At, finding.Args{"service": s.Name, "place": place})
	change := s.Set("HTTPS_PROXY", plain.Value)
	if _, why := judge(plain.Value); why != "" || secret(plain.Value) {
		change.Edits = nil
	}
	do(f, restart(s.Name, change.Reload), change.Edits...)
}

// margin is how much later than the start of a process a file must have changed
// to be surely later: start times are told in ticks.
const margin = 2 * time.Second

// loaded tells of variables that the running process does not have yet.
func (l *lint) loaded() {
	rt := l.Runtime
	if rt == nil || rt.PID == 0 || rt.Started.IsZero() || len(rt.Env) == 0 {
		return
	}
	last := map[string]int{}
	for i, p := range rt.Proxies {
		last[strings.TrimPrefix(p.Key, l.Service.Prefix)] = i
	}
	for i, p := range rt.Proxies {
		key := strings.TrimPrefix(p.Key, l.Service.Prefix)
		f := source.Find(slices.Concat(l.Service.Parts, l.Service.Env), p.At.File)
		if last[key] != i || f == nil || !f.ModTime.After(rt.Started.Add(margin)) || has(key, rt.Env[key], p.Value) {
			continue
		}
		do(l.say(notLoaded, "", p.At, finding.Args{"key": p.Key, "service": l.Service.Name}), restart(l.Service.Name, true))
		l.Findings[len(l.Findings)-1].Fix.Intent = &finding.Intent{Do: finding.RestartRuntime, Value: "the environment is read at start"}
	}
}

// has reports whether a process has a value, a NO_PROXY be it with items that
// its program has added to it.
func has(key, env, value string) bool {
	if strings.ToUpper(key) != "NO_PROXY" {
		return env == value
	}
	items := strings.Split(env, ",")
	for item := range strings.SplitSeq(value, ",") {
		if !slices.Contains(items, item) {
			return false
		}
	}
	return true
}

// namespaces tells of a proxy on loopback that is not there for the service.
func (l *lint) namespaces(s unit.Service) {
	apart := s.Name == l.Service.Name && l.Runtime != nil && l.Runtime.Apart
	for _, f := range s.Parts {
		for _, set := range unit.Parse(f) {
			if set.Section == "Service" && (set.Key == "PrivateNetwork" && slices.Contains([]string{"yes", "true", "1", "on"}, set.Value) || set.Key == "NetworkNamespacePath" && set.Value != "") {
				apart = true
			}
		}
	}
	for _, key := range proxyKeys {
		if v, ok := s.Lookup(key); ok && apart && isLoopback(v.Value) {
			l.say(otherNamespace, "", v.At, finding.Args{"service": s.Name, "proxy": v.Value})
			return
		}
	}
}
