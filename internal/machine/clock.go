package machine

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

var unsynchronised = finding.Kind{
	Code: "tls/node-clock-wrong", ID: "TM001", Severity: finding.Warning,
	Title: "Nothing sets the clock of this node",
	Text:  "no time service is enabled on this node, and the kernel's clock is not synchronised",
	Fix:   "enable time synchronisation",
	Doc: "Certificates and tokens are valid between two moments, which the node's own clock decides. When it drifts away, valid certificates look expired or not yet valid. " +
		"One service sets it: systemd-timesyncd, chrony or ntpd. `timedatectl set-ntp true` starts the one that is installed.",
}

var twoDaemons = finding.Kind{
	Code: "node/two-time-services", ID: "TM002", Severity: finding.Warning,
	Title: "Two time services are enabled",
	Text:  "{first} and {second} are both enabled: they set the clock against each other, or only one of them gets its port",
	Fix:   "disable {first}",
	Doc: "Each time service takes port 123 and disciplines the clock. Two of them fight, or the second fails to start; which one runs is left to chance. " +
		"Keep chrony or ntpd where one was installed on purpose, else systemd-timesyncd. `ntpdate` cannot run beside any of them.",
}

var scheduledRestart = finding.Kind{
	Code: "node/restart-on-schedule", ID: "TM003", Severity: finding.Warning,
	Title: "A scheduled job restarts the runtime to refresh CA certificates",
	Text:  "{file} restarts {service} on a schedule for the sake of CA certificates",
	Fix:   "take the job out",
	Doc: "`update-ca-certificates` rebuilds links and downloads nothing; new certificates come with updates of the package. Restarting the runtime each week interrupts the node and changes nothing. " +
		"Restart it once, after the store has really changed.",
}

var scheduledUpdate = finding.Kind{
	Code: "tls/ca-update-without-effect", ID: "TR007", Severity: finding.Info,
	Title: "A scheduled job rebuilds the certificate store as a remedy",
	Text:  "{file} runs update-ca-certificates on a schedule; it downloads nothing and cures no certificate of a wrong name",
	Doc: "The command collects the certificates that are on the node. It cannot make a server's certificate valid for another name: \"certificate is valid for X, not Y\" means that another server answered, by DNS, a hosts file, a proxy or a wrong endpoint. " +
		"Look at towpath doctor for the image.",
}

// timeServices by the names of their units and of OpenRC's scripts. Aliases of
// one service stand in one line.
var timeServices = [][]string{
	{"systemd-timesyncd"}, {"chronyd", "chrony"}, {"ntpd", "ntp", "ntpsec"}, {"openntpd"}, {"busybox-ntpd"},
}

// enabled lists the time services that start with the machine. A link that leads
// nowhere is what is left of a package that was removed.
func (l *lint) enabled() []string {
	var out []string
	for _, names := range timeServices {
		for _, f := range l.Machine.Files {
			dir, base := path.Split(f.Path)
			starts := strings.HasSuffix(strings.TrimSuffix(dir, "/"), ".wants") || strings.HasPrefix(dir, "/etc/runlevels/")
			name := strings.TrimSuffix(base, ".service")
			if starts && f.Kind == source.Regular && slices.Contains(names, name) && !l.stands(name) && !slices.Contains(out, name) {
				out = append(out, name)
				break
			}
		}
	}
	return out
}

// stands reports whether a time service is masked, or leaves the field to others
// by a drop-in of the distribution, as Ubuntu's timesyncd does.
func (l *lint) stands(name string) bool {
	return slices.ContainsFunc(l.Machine.Files, func(f source.File) bool {
		dropIn := strings.Contains(f.Path, "/"+name+".service.d/") && strings.Contains(string(f.Data), "ConditionFileIsExecutable=!")
		return dropIn || f.Path == "/etc/systemd/system/"+name+".service" && f.Link == "/dev/null"
	})
}

// clock judges what sets the time.
func (l *lint) clock() {
	on := l.enabled()
	if len(on) > 1 {
		args := finding.Args{"first": on[0], "second": on[1]}
		i := slices.IndexFunc(l.Machine.Files, func(f source.File) bool {
			return strings.Contains(f.Path, ".wants/"+on[0]+".service") || strings.HasPrefix(f.Path, "/etc/runlevels/") && path.Base(f.Path) == on[0]
		})
		where := source.Pos{File: l.Machine.Files[i].Path}
		command := "systemctl disable --now " + on[0]
		if strings.HasPrefix(where.File, "/etc/runlevels/") {
			command = "rc-update del " + on[0]
		}
		do(l.say(twoDaemons, "", where, args), []string{command})
	}
	if len(on) == 0 && l.Unsynchronised && l.systemd() {
		do(l.say(unsynchronised, "", source.Pos{File: "/etc/systemd/system"}, nil), []string{"timedatectl set-ntp true"})
	}
}

var (
	restarts = regexp.MustCompile(`(?:systemctl\s+(?:try-)?restart|service|rc-service)\s+(?:\S+\s+)*?(k3s(?:-agent)?|rke2-(?:server|agent)|containerd|docker|k0s\w*|crio)(?:\.service)?\b`)
	updates  = regexp.MustCompile(`\bupdate-ca-(?:certificates|trust)\b`)
)

// schedules judges the jobs of cron.
func (l *lint) schedules() {
	for _, f := range l.Machine.Files {
		if what, _ := Guess(f); what == schedule {
			l.schedule(f)
		}
	}
}

// schedule judges one file of cron: a table, whose lines are jobs, or a script,
// which is one.
func (l *lint) schedule(f source.File) {
	data := string(f.Data)
	if strings.HasPrefix(data, "#!") {
		l.job(f, data, 0)
		return
	}
	at := 0
	for line := range strings.Lines(data) {
		l.job(f, line, at)
		at += len(line)
	}
}

func (l *lint) job(f source.File, text string, start int) {
	plain := comments.ReplaceAllString(text, "$1")
	update, again := updates.FindStringIndex(plain), restarts.FindStringSubmatch(plain)
	if update == nil {
		return
	}
	pos := source.PosAt(f.Path, f.Data, start+strings.Index(text, plain[update[0]:update[1]]))
	if again == nil {
		l.quote(l.say(scheduledUpdate, "", pos, nil), f)
		return
	}
	told := l.say(scheduledRestart, "", pos, finding.Args{"service": again[1]})
	l.quote(told, f)
	if !strings.HasPrefix(text, "#!") {
		do(told, nil, source.Edit{File: f.Path, Start: start, End: start + len(text)})
		told.Fix.Live = true
	}
}

// quote shows the line of a job, which is no setting.
func (l *lint) quote(told *finding.Finding, f source.File) {
	told.Evidence[0].Saw = masked(evidence.OneLine(source.Line(f.Data, told.At.Line)))
}

// comments of a shell or of cron, to the end of their line.
var comments = regexp.MustCompile(`(?m)(^|\s)#[^\n]*`)
