// Package machine reads the files of a node that surround its runtime: the units
// and environment files that give it a proxy, the folders of the system's
// certificate store, and what sets the clock. It says what is wrong with them;
// it reads no registry configuration, opens no file and asks nobody.
package machine

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/unit"
)

// Machine is what is known of a node.
type Machine struct {
	Files     []source.File     // those of Patterns and of the services
	Runtime   *snapshot.Runtime // that pulls; nil: files were named, and nothing is known of their node
	Service   unit.Service      // that starts it; its Name is empty where nobody knows
	Others    []unit.Service    // others that pull on some nodes, those with a proxy setting
	Endpoints []route.Endpoint  // that the configuration names
	Hosts     []snapshot.HostsLine

	Unsynchronised bool // the kernel says that nobody sets its clock; false: it does, or cannot be asked
}

// Kinds are all findings of this package.
var Kinds = []finding.Kind{
	elsewhere, ignored, schemeMissing, notLoaded, otherNamespace,
	notURL, percent, cases, readable,
	uncovered, network, badItem, dotted,
	passedOver, notAdded, addedLate, replaced, noAuthority, weakAuthority, scheduledUpdate,
	unsynchronised, twoDaemons, scheduledRestart,
}

// Patterns are the files that are read, besides units and their drop-ins.
var Patterns = []string{
	"/etc/environment", "/etc/profile.d/*.sh", "/etc/os-release", "/usr/lib/os-release",
	"/etc/systemd/system/*.service.d/*", "/etc/systemd/system/*.service.env", "/etc/conf.d/*",
	"/usr/local/share/ca-certificates/*", "/usr/local/share/ca-certificates/*/*", "/etc/pki/ca-trust/source/*", "/etc/pki/ca-trust/source/anchors/*",
	"/etc/pki/trust/anchors/*", "/etc/ca-certificates/trust-source/anchors/*",
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/var/lib/ca-certificates/ca-bundle.pem",
	"/etc/systemd/system/*.wants/*", "/etc/systemd/system/*time*.service", "/etc/systemd/system/*ntp*.service", "/etc/systemd/system/chrony*.service", "/etc/runlevels/*/*", "/usr/lib/systemd/system/*time*.service.d/*",
	"/usr/lib/systemd/system/systemd-timesyncd.service", "/lib/systemd/system/systemd-timesyncd.service",
	"/etc/crontab", "/etc/cron.d/*", "/etc/cron.hourly/*", "/etc/cron.daily/*", "/etc/cron.weekly/*", "/etc/cron.monthly/*",
	"/var/spool/cron/crontabs/*", "/var/spool/cron/*", "/etc/crontabs/*",
}

// Units are services whose environment decides how images are pulled.
var Units = []string{
	"containerd.service", "k3s.service", "k3s-agent.service", "rke2-server.service", "rke2-agent.service", "k0sworker.service", "k0scontroller.service",
	"docker.service", "crio.service", "buildkit.service", "snap.microk8s.daemon-containerd.service",
}

// Lint says what is wrong.
func Lint(m Machine) []finding.Finding {
	l := &lint{Machine: m, Book: evidence.Book{Files: m.Files}}
	for _, s := range append([]unit.Service{m.Service}, m.Others...) {
		if s.Name != "" {
			l.service(s)
		}
	}
	l.openRC()
	l.places()
	l.store()
	l.clock()
	l.schedules()
	return l.Findings
}

// Repeats reports whether a finding of the configuration says what one of ours
// says, with a fix: that a drop-in is for a unit that pulls nothing.
func Repeats(f finding.Finding, ours []finding.Finding) bool {
	return f.Code == "config/wrong-containerd-instance" && slices.ContainsFunc(ours, func(o finding.Finding) bool {
		return o.ID == elsewhere.ID && o.At.File == f.At.File
	})
}

// LintFile says what is wrong with one file of which nothing but itself and its
// path is known.
func LintFile(f source.File) []finding.Finding {
	l := &lint{Machine: Machine{Files: []source.File{f}}, Book: evidence.Book{Files: []source.File{f}}, alone: true}
	switch what, name := Guess(f); what {
	case dropIn:
		l.dropIn(f, name)
		l.service(unit.Service{Name: name, Parts: []source.File{f}})
	case environment:
		s := unit.Service{Name: name, Env: []source.File{f}, Parts: []source.File{{Path: "/", Data: []byte("[Service]\nEnvironmentFile=" + strings.ReplaceAll(f.Path, "%", "%%") + "\n")}}}
		l.exports(f)
		l.service(s)
	case schedule:
		l.schedule(f)
	}
	return l.Findings
}

// What a file may be, for those who name one.
const (
	dropIn      = "drop-in"
	environment = "environment"
	schedule    = "schedule"
)

var (
	dropInDir = regexp.MustCompile(`(?:^|/)([^/]+\.service)\.d/[^/]+$`)
	unitName  = regexp.MustCompile(`(?:^|/)([^/]+\.service)$`)
	envName   = regexp.MustCompile(`(?:^|/)([^/]+\.service)\.env$`)
	envOf     = regexp.MustCompile(`/etc/(?:default|sysconfig)/(k3s|k3s-agent|rke2-server|rke2-agent)$`)
)

// Guess tells what a file is and of which service: a unit or drop-in, an
// environment file, or a schedule of cron; empty: none of these.
func Guess(f source.File) (what, service string) {
	if f.Kind != source.Regular {
		return "", ""
	}
	for _, form := range []*regexp.Regexp{dropInDir, unitName} {
		if m := form.FindStringSubmatch(f.Path); m != nil {
			return dropIn, m[1]
		}
	}
	if m := envName.FindStringSubmatch(f.Path); m != nil {
		return environment, m[1]
	}
	if m := envOf.FindStringSubmatch(f.Path); m != nil {
		return environment, m[1] + ".service"
	}
	if name := path.Base(f.Path); name == "crontab" || slices.ContainsFunc([]string{"/etc/cron", "/var/spool/cron"}, func(p string) bool { return strings.HasPrefix(f.Path, p) }) {
		return schedule, ""
	}
	return "", ""
}

// lint is one run.
type lint struct {
	Machine
	evidence.Book
	alone bool // one file was named, and others may belong to it
}

// Files of Machine and of the book are the same.
func (l *lint) file(name string) *source.File { return source.Find(l.Machine.Files, name) }

// say adds a finding about a place. A password in the line is masked.
func (l *lint) say(k finding.Kind, variant string, at source.Pos, args finding.Args) *finding.Finding {
	for name, v := range args {
		if text, ok := v.(string); ok {
			args[name] = masked(text)
		}
	}
	f := l.Say(k, variant, at, args)
	for i := range f.Evidence {
		f.Evidence[i].Saw = masked(f.Evidence[i].Saw)
	}
	f.Ignores = k.Ignores
	return f
}

// login is a user name and password in front of a host, with or without a scheme.
// The password goes to the last @, whatever it holds.
var login = regexp.MustCompile(`([=/"'\s]|^)([^\s/"'=:@]+):(?:/?[^\s"'/@][^\s"']*|[/@]?)@`)

func masked(text string) string { return login.ReplaceAllString(text, "$1$2:***@") }

// secret reports whether a value holds a password, which no edit may carry.
func secret(value string) bool { return login.MatchString(value) }

// runs is the name of the service that pulls, for people.
func (l *lint) runs() string {
	if l.Service.Name != "" {
		return l.Service.Name
	}
	return "the runtime"
}

// restart are the commands after which a service sees its new environment.
func restart(service string, reload bool) []string {
	if service == "" {
		return nil
	}
	if !strings.HasSuffix(service, ".service") {
		return []string{"rc-service " + service + " restart"}
	}
	if reload {
		return []string{"systemctl daemon-reload", "systemctl restart " + service}
	}
	return []string{"systemctl restart " + service}
}

// do adds edits and commands to the fix of a finding, if its wording has one.
func do(f *finding.Finding, run []string, edits ...source.Edit) {
	if f.Fix != nil {
		f.Fix.Edits, f.Fix.Run = edits, run
	}
}

// systemd reports whether a tree is of a machine that systemd runs.
func (l *lint) systemd() bool {
	return slices.ContainsFunc(l.Machine.Files, func(f source.File) bool {
		return strings.HasPrefix(f.Path, "/etc/systemd/system/") || strings.HasPrefix(f.Path, "/usr/lib/systemd/")
	})
}
