package machine_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/ca"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/machine"
	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/survey"
)

// tree is a node by its files: text, "0600 text" for a private file, "-> target"
// for a link.
type tree map[string]string

func (files tree) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		at := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(at), 0o755)
		mode := os.FileMode(0o644)
		text, private := strings.CutPrefix(text, "0600 ")
		if private {
			mode = 0o600
		}
		if target, link := strings.CutPrefix(text, "-> "); link && err == nil {
			err = os.Symlink(target, at)
		} else if err == nil {
			err = os.WriteFile(at, []byte(text), mode)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// with is a tree with further files, or with other contents; an empty text takes
// a file away.
func (files tree) with(more tree) tree {
	out := tree{}
	for _, m := range []tree{files, more} {
		for name, text := range m {
			if out[name] = text; text == "" {
				delete(out, name)
			}
		}
	}
	return out
}

// look is the machine that a tree is, as lint sees it.
func look(t *testing.T, files tree) machine.Machine {
	t.Helper()
	root, err := node.OpenRoot(files.write(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	q := survey.Request{Root: root, Still: true}
	if files["usr/local/bin/k3s"] != "" {
		q.Runtime = "k3s" // some have another besides
	}
	s, err := survey.Take(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s.Machine()
}

const (
	unitFile = "[Unit]\nDescription=x\n[Service]\nExecStart=/usr/bin/%\n"
	k3sUnit  = "[Service]\nEnvironmentFile=-/etc/default/%N\nEnvironmentFile=-/etc/sysconfig/%N\nEnvironmentFile=-/etc/systemd/system/k3s.service.env\nExecStart=/usr/local/bin/k3s server\n"
	dropIn   = "etc/systemd/system/containerd.service.d/http-proxy.conf"
	k3sEnv   = "etc/systemd/system/k3s.service.env"
	cas      = "usr/local/share/ca-certificates/"
	anchors  = "etc/pki/ca-trust/source/anchors/"
	bundle   = "etc/ssl/certs/ca-certificates.crt"
	wants    = "etc/systemd/system/multi-user.target.wants/"
	timesync = "etc/systemd/system/sysinit.target.wants/systemd-timesyncd.service"
)

// healthy nodes, on which nothing is found at warning or above.
var (
	debian = tree{
		"etc/os-release": "ID=debian\nVERSION_ID=\"12\"\n",
		"usr/lib/systemd/system/containerd.service": strings.ReplaceAll(unitFile, "%", "containerd"),
		"usr/bin/containerd":                        "x",
		"etc/containerd/config.toml":                "version = 2\n",
		bundle:                                      authority,
		cas + "corp.crt":                            authority,
		cas + "README":                              "put certificates here\n",
		timesync:                                    "-> /usr/lib/systemd/system/systemd-timesyncd.service",
		"usr/lib/systemd/system/systemd-timesyncd.service": "[Service]\nExecStart=!!/usr/lib/systemd/systemd-timesyncd\n",
		"etc/crontab":             "17 * * * * root cd / && run-parts /etc/cron.hourly\n",
		"etc/cron.daily/apt":      "#!/bin/sh\nexec /usr/lib/apt/apt.systemd.daily\n",
		"etc/environment":         "PATH=/usr/bin\n",
		"etc/default/docker":      "#export http_proxy=\"http://127.0.0.1:3128/\"\n",
		"etc/systemd/system.conf": "[Manager]\n",
		"etc/cron.weekly/man-db":  "#!/bin/sh\nexit 0\n",
		"etc/profile.d/locale.sh": "export LANG=C\n",
	}
	behindProxy = debian.with(tree{dropIn: "[Service]\nEnvironment=\"HTTP_PROXY=http://proxy.example.com:3128\"\nEnvironment=\"HTTPS_PROXY=http://proxy.example.com:3128\"\n" +
		"Environment=\"NO_PROXY=localhost,127.0.0.1,10.0.0.0/8,docker-registry.example.com,.corp,*.lan\"\n"})
	k3s = tree{
		"etc/os-release":                 "ID=ubuntu\nID_LIKE=debian\n",
		"usr/local/bin/k3s":              "x",
		"etc/systemd/system/k3s.service": k3sUnit,
		k3sEnv:                           "0600 HTTP_PROXY=http://your-proxy.example.com:8888\nHTTPS_PROXY=http://your-proxy.example.com:8888\nNO_PROXY=127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16\n",
	}
	alpine = tree{
		"etc/os-release":                "ID=alpine\n",
		"usr/bin/containerd":            "x",
		"etc/containerd/config.toml":    "version = 2\n",
		"etc/init.d/containerd":         "#!/sbin/openrc-run\ncommand=/usr/bin/containerd\n",
		"etc/init.d/chronyd":            "#!/sbin/openrc-run\n",
		"etc/conf.d/containerd":         "export HTTPS_PROXY=\"http://proxy.corp.example:3128\"\nexport NO_PROXY=\"localhost,.corp.example\"\n",
		"etc/runlevels/default/chronyd": "-> /etc/init.d/chronyd",
		cas + "corp.pem":                authority,
		bundle:                          authority,
		"etc/crontabs/root":             "*/15 * * * * run-parts /etc/periodic/15min\n",
	}
	rhel = tree{
		"etc/os-release":                                   "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n",
		"usr/bin/containerd":                               "x",
		"etc/containerd/config.toml":                       "version = 2\n",
		"usr/lib/systemd/system/containerd.service":        strings.ReplaceAll(unitFile, "%", "containerd"),
		"usr/lib/systemd/system/chronyd.service":           "[Service]\n",
		wants + "chronyd.service":                          "-> /usr/lib/systemd/system/chronyd.service",
		anchors + "corp.pem":                               authority,
		"etc/pki/ca-trust/source/README":                   "see update-ca-trust(8)\n",
		"etc/pki/ca-trust/source/ca-bundle.legacy.crt":     "-----BEGIN TRUSTED CERTIFICATE-----\n",
		"etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem": "# corp\n" + authority,
		"etc/cron.d/0hourly":                               "01 * * * * root run-parts /etc/cron.hourly\n",
	}
)

// certificates of the tests.
var authority, authorityDER, otherCA, leaf = certificates()

func certificates() (root, der, other, leaf string) {
	a, err := ca.New(ca.Profile{Name: "Corp Root", Now: time.Now()})
	if err != nil {
		panic(err)
	}
	b, err := ca.New(ca.Profile{Name: "Other Root", Now: time.Now()})
	if err != nil {
		panic(err)
	}
	names, err := ca.ParseNames([]string{"registry.corp.example"})
	if err != nil {
		panic(err)
	}
	c, err := a.Issue(ca.Order{Names: names, Now: time.Now()})
	if err != nil {
		panic(err)
	}
	return string(ca.PEM(a.Cert)), string(a.Cert.Raw), string(ca.PEM(b.Cert)), string(ca.PEM(c.Chain[0]))
}

func proxied(lines ...string) tree {
	return debian.with(tree{dropIn: "[Service]\n" + strings.Join(lines, "\n") + "\n"})
}

const bothProxies = `Environment="HTTP_PROXY=http://p.example:3128" "HTTPS_PROXY=http://p.example:3128"`

func mirror(host string) string {
	return "server = \"https://" + host + "\"\n[host.\"https://" + host + "\"]\n"
}

var withPath = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/etc/containerd/certs.d\"\n"

// registry adds one private registry to a node.
func registry(files tree, host string) tree {
	return files.with(tree{"etc/containerd/config.toml": withPath, "etc/containerd/certs.d/" + host + "/hosts.toml": mirror(host)})
}

// Each broken node and the neighbour that differs in one thing and has no such finding.
var faults = []struct {
	name      string
	ill, twin tree
	id, text  string
	severity  finding.Severity
	unedited  bool // no edit cures it
}{
	{"a drop-in for containerd on K3s", k3s.with(tree{k3sEnv: "", dropIn: "[Service]\n" + bothProxies + "\n"}), k3s.with(tree{dropIn: "[Service]\n" + bothProxies + "\n"}),
		"PX001", `^/etc/systemd/system/containerd\.service\.d/http-proxy\.conf sets HTTPS_PROXY for containerd\.service, and images are pulled by k3s\.service, which has no proxy$`, finding.Error, false},
	{"a drop-in for another containerd beside K3s", k3s.with(tree{k3sEnv: "", dropIn: "[Service]\n" + bothProxies + "\n", "usr/lib/systemd/system/containerd.service": unitFile}), k3s.with(tree{dropIn: "[Service]\n" + bothProxies + "\n"}),
		"PX001", `which has no proxy$`, finding.Warning, false},
	{"a proxy for logins alone", debian.with(tree{"etc/environment": "https_proxy=\"http://p.example:3128\"\n"}), behindProxy.with(tree{"etc/environment": "https_proxy=\"http://p.example:3128\"\n"}),
		"PX001", `^/etc/environment sets https_proxy for logins`, finding.Info, true},
	{"no section", debian.with(tree{dropIn: bothProxies + "\n"}), proxied(bothProxies), "PX002", `outside of \[Service\]`, finding.Error, false},
	{"another section", debian.with(tree{dropIn: "[Unit]\n" + bothProxies + "\n"}), debian.with(tree{dropIn: "[Unit]\nAfter=x\n[Service]\n" + bothProxies + "\n"}), "PX002", `outside of \[Service\]`, finding.Error, false},
	{"a drop-in of another name", debian.with(tree{"etc/systemd/system/containerd.service.d/proxy.cfg": "[Service]\n" + bothProxies + "\n"}),
		debian.with(tree{"etc/systemd/system/containerd.service.d/proxy.conf.bak": "[Service]\n" + bothProxies + "\n"}), "PX002", `has to end in \.conf`, finding.Error, false},
	{"export in an environment file", k3s.with(tree{k3sEnv: "export HTTPS_PROXY=http://p.example:3128\n"}), k3s.with(tree{k3sEnv: "HTTPS_PROXY=http://p.example:3128\n"}), "PX002", `has no export$`, finding.Error, false},
	{"the name of a guide", proxied(`Environment="HTTPS_PROXY=http://your-proxy:3128"`), proxied(`Environment="HTTPS_PROXY=http://your-proxy.example.com:8888"`), "PX003", `name of an example, your-proxy: every request fails$`, finding.Error, true},
	{"the name and the port of a guide", proxied(`Environment="HTTPS_PROXY=http://your-proxy:port"`), proxied(bothProxies), "PX003", `its port is not a number$`, finding.Error, true},
	{"a place holder", proxied(`Environment="HTTPS_PROXY=http://<proxy>:3128"`), proxied(`Environment="HTTPS_PROXY=proxy:3128"`), "PX003", `place holder`, finding.Error, true},
	{"a scheme that Go does not know", proxied(`Environment="HTTPS_PROXY=socks4://p.example:1080"`), proxied(`Environment="HTTPS_PROXY=socks5://p.example:1080"`), "PX003", `no proxy of the scheme socks4$`, finding.Error, true},
	{"the name of a guide on OpenRC", alpine.with(tree{"etc/conf.d/containerd": "rc_ulimit=\"-n 1048576\"\nexport HTTPS_PROXY=\"http://your-proxy:3128\"\n"}), alpine.with(tree{"etc/conf.d/containerd": "export HTTPS_PROXY=\"http://${proxy}:3128\"\n"}), "PX003", `your-proxy`, finding.Error, true},
	{"a star on OpenRC", alpine.with(tree{"etc/conf.d/docker": "export NO_PROXY=\"localhost,10.*\"\n"}), alpine.with(tree{"etc/conf.d/hostname": "export NO_PROXY=\"10.*\"\n"}), "PX008", `of docker covers nothing`, finding.Warning, false},
	{"a shell variable", k3s.with(tree{k3sEnv: "HTTPS_PROXY=$http_proxy\n"}), k3s, "PX003", `expands no variables`, finding.Error, true},
	{"HTTP_PROXY alone", proxied(`Environment="HTTP_PROXY=http://p.example:3128"`), proxied(`Environment="HTTPS_PROXY=http://p.example:3128"`), "PX004", `no HTTPS_PROXY`, finding.Warning, false},
	{"a percent sign", proxied(`Environment="HTTPS_PROXY=http://u:a%40b@p.example:3128"`), proxied(`Environment="HTTPS_PROXY=http://u:a%%40b@p.example:3128"`), "PX005", `single percent sign`, finding.Warning, false},
	{"a percent sign where it is itself", proxied(`Environment="HTTPS_PROXY=http://u:a%2Fb@p.example:3128"`), k3s.with(tree{k3sEnv: "0600 HTTPS_PROXY=http://u:a%2Fb@p.example:3128\n"}), "PX005", ``, finding.Warning, false},
	{"an internal registry", registry(proxied(bothProxies), "10.1.2.3:5000"), registry(proxied(bothProxies, "Environment=NO_PROXY=10.0.0.0/8"), "10.1.2.3:5000"), "PX006", `asks 10\.1\.2\.3:5000 through the proxy`, finding.Warning, false},
	{"an internal registry by name", registry(proxied(bothProxies, "Environment=NO_PROXY=localhost"), "registry.lan"), registry(proxied(bothProxies), "registry.example"), "PX006", `registry\.lan`, finding.Warning, false},
	{"a network for a name", registry(proxied(bothProxies, "Environment=NO_PROXY=10.0.0.0/8"), "reg.corp.example").with(tree{"etc/hosts": "10.1.2.3 reg.corp.example\n"}),
		registry(proxied(bothProxies, "Environment=NO_PROXY=10.0.0.0/8,.corp.example"), "reg.corp.example").with(tree{"etc/hosts": "10.1.2.3 reg.corp.example\n"}), "PX007", `by the hosts file, which is in 10\.0\.0\.0/8`, finding.Warning, false},
	{"networks alone", registry(proxied(bothProxies, "Environment=NO_PROXY=10.0.0.0/8,localhost"), "reg.corp.example"), registry(proxied(bothProxies, "Environment=NO_PROXY=10.0.0.0/8,x.example"), "reg.corp.example"), "PX007", `has only networks`, finding.Info, true},
	{"a scheme in NO_PROXY", proxied(bothProxies, "Environment=NO_PROXY=https://reg.example/,localhost"), proxied(bothProxies, "Environment=NO_PROXY=reg.example:443,localhost"), "PX008", `has a scheme`, finding.Warning, false},
	{"a star behind a network", proxied(bothProxies, "Environment=NO_PROXY=localhost,10.*"), proxied(bothProxies, "Environment=NO_PROXY=localhost,10.0.0.0/8,*.example"), "PX008", `^10\.\* in NO_PROXY`, finding.Warning, false},
	{"semicolons", proxied(bothProxies, `Environment="NO_PROXY=localhost;a.example"`), proxied(bothProxies, `Environment="NO_PROXY=localhost, a.example"`), "PX008", `separated by commas$`, finding.Warning, false},
	{"a path", proxied(bothProxies, "Environment=NO_PROXY=reg.example/v2"), proxied(bothProxies, "Environment=NO_PROXY=*"), "PX008", `has a path$`, finding.Warning, false},
	{"a range", proxied(bothProxies, "Environment=NO_PROXY=10.0.0.1-10.0.0.9"), proxied(bothProxies, "Environment=NO_PROXY=10-0-0-1.example"), "PX008", `ranges`, finding.Warning, true},
	{"a blank outside of quotes", proxied(bothProxies, "Environment=NO_PROXY=localhost, 10.0.0.0/8"), proxied(bothProxies, "Environment=NO_PROXY=localhost A=b"), "PX008", `^systemd drops 10\.0\.0\.0/8`, finding.Warning, false},
	{"a cluster left out", proxied(bothProxies, "Environment=NO_PROXY=localhost"), proxied(bothProxies, "Environment=NO_PROXY=localhost,.svc"), "PX006", `neither \.svc`, finding.Info, true},
	{"a dot in front", registry(proxied(bothProxies, "Environment=NO_PROXY=.reg.example"), "reg.example"), registry(proxied(bothProxies, "Environment=NO_PROXY=.reg.example"), "a.reg.example"), "PX009", `^\.reg\.example in NO_PROXY`, finding.Warning, false},
	{"two cases", proxied(`Environment=HTTPS_PROXY=http://a.example:1 https_proxy=http://b.example:1`), proxied(`Environment=HTTPS_PROXY=http://a.example:1 https_proxy=http://a.example:1`), "PX010", `HTTPS_PROXY and https_proxy with different values`, finding.Warning, false},
	{"a password for all to read", k3s.with(tree{k3sEnv: "HTTPS_PROXY=http://u:secret@p.example:3128\n"}), k3s.with(tree{k3sEnv: "0600 HTTPS_PROXY=http://u:secret@p.example:3128\n"}), "PX012", `readable for all`, finding.Warning, true},
	{"a password in a unit", proxied("Environment=HTTPS_PROXY=u:secret@p.example:3128"), proxied("Environment=HTTPS_PROXY=u@p.example:3128"), "PX012", `systemctl show`, finding.Warning, true},
	{"loopback in another network", proxied("PrivateNetwork=yes", "Environment=HTTPS_PROXY=http://127.0.0.1:3128"), proxied("PrivateNetwork=no", "Environment=HTTPS_PROXY=http://127.0.0.1:3128"), "PX013", `namespace of its own`, finding.Warning, true},

	{"pem on Debian", debian.with(tree{cas + "new.pem": otherCA}), debian.with(tree{cas + "new.pem": "no certificate\n"}), "TR001", `does not end in \.crt$`, finding.Error, false},
	{"DER on Debian", debian.with(tree{cas + "new.crt": authorityDER}), rhel.with(tree{anchors + "new.crt": authorityDER}), "TR001", `is DER`, finding.Error, true},
	{"the folder of another distribution", debian.with(tree{anchors + "new.crt": authority}), rhel.with(tree{anchors + "new.crt": authority}), "TR001", `does not read$`, finding.Error, false},
	{"two blocks in one line", debian.with(tree{cas + "new.crt": strings.TrimSpace(authority) + otherCA, bundle: authority + otherCA}), debian.with(tree{cas + "new.crt": authority + otherCA, bundle: authority + otherCA}), "TR001", `damaged|beginning of the line`, finding.Error, false},
	{"a byte order mark", debian.with(tree{cas + "new.crt": "\ufeff" + authority}), debian.with(tree{cas + "new.crt": strings.ReplaceAll(authority, "\n", "\r\n")}), "TR001", `byte order mark`, finding.Error, false},
	{"never added", debian.with(tree{cas + "new.crt": otherCA}), debian.with(tree{cas + "new.crt": otherCA, bundle: authority + otherCA}), "TR008", `\(Other Root\) is not in /etc/ssl/certs/ca-certificates\.crt`, finding.Error, true},
	{"never extracted", rhel.with(tree{anchors + "new.crt": otherCA}), rhel, "TR008", `update-ca-trust was not run`, finding.Error, true},
	{"another store", proxied("Environment=SSL_CERT_FILE=/etc/corp.pem"), proxied("Environment=SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"), "TR003", `replaces the system's`, finding.Warning, true},
	{"a leaf", debian.with(tree{cas + "new.crt": leaf}), debian.with(tree{cas + "new.crt": authority}), "TR004", `is the certificate of a server`, finding.Warning, true},
	{"an update by cron", debian.with(tree{"etc/cron.d/ca": "0 0 * * 0 root update-ca-certificates --fresh\n"}), debian.with(tree{"etc/cron.d/ca": "#0 0 * * 0 root update-ca-certificates --fresh\n"}), "TR007", `downloads nothing`, finding.Info, true},

	{"two time services", debian.with(tree{wants + "chrony.service": "-> /usr/lib/systemd/system/chrony.service", "usr/lib/systemd/system/chrony.service": "x"}),
		debian.with(tree{wants + "chrony.service": "-> /usr/lib/systemd/system/chrony.service"}), "TM002", `^systemd-timesyncd and chrony are both enabled`, finding.Warning, true},
	{"two time services, one masked", debian.with(tree{wants + "ntp.service": "-> /etc/ntp.unit", "etc/ntp.unit": "x"}),
		debian.with(tree{wants + "ntp.service": "-> /etc/ntp.unit", "etc/ntp.unit": "x", "etc/systemd/system/systemd-timesyncd.service": "-> /dev/null"}), "TM002", ``, finding.Warning, true},
	{"two time services of OpenRC", alpine.with(tree{"etc/init.d/ntpd": "x", "etc/runlevels/default/ntpd": "-> /etc/init.d/ntpd"}), alpine, "TM002", `chronyd and ntpd`, finding.Warning, true},
	{"a restart by cron", debian.with(tree{"var/spool/cron/crontabs/root": "# refresh\n0 0 * * 0 update-ca-certificates --fresh && systemctl restart k3s\n"}),
		debian.with(tree{"var/spool/cron/crontabs/root": "0 0 * * 0 systemctl restart myapp\n"}), "TM003", `restarts k3s on a schedule`, finding.Warning, false},
	{"a restart by a weekly script", debian.with(tree{"etc/cron.weekly/ca": "#!/bin/sh\nupdate-ca-certificates\nsystemctl restart containerd.service\n"}),
		debian.with(tree{"etc/cron.weekly/ca": "#!/bin/sh\n# update-ca-certificates\nsystemctl restart containerd\n"}), "TM003", `restarts containerd`, finding.Warning, true},
}

// numbered are the findings of a number, at a severity or above.
func numbered(all []finding.Finding, id string, from finding.Severity) []finding.Finding {
	return slices.DeleteFunc(slices.Clone(all), func(f finding.Finding) bool { return f.ID != id || f.Severity < from })
}

func TestEachFaultIsFoundAndNotOnItsHealthyNeighbour(t *testing.T) {
	for _, x := range faults {
		t.Run(x.id+" "+x.name, func(t *testing.T) {
			m := look(t, x.ill)
			found := numbered(machine.Lint(m), x.id, x.severity)
			if len(found) == 0 {
				t.Fatalf("not found; there are %v", machine.Lint(m))
			}
			f := found[0]
			if !regexp.MustCompile(x.text).MatchString(f.Text) {
				t.Errorf("%s, want %s", f.Text, x.text)
			}
			if edits := f.Fix != nil && len(f.Fix.Edits) > 0; edits == x.unedited {
				t.Errorf("edits are there: %t, fix %+v", edits, f.Fix)
			}
			for _, f := range numbered(machine.Lint(look(t, x.twin)), x.id, x.severity) {
				t.Errorf("found on the neighbour: %s", f.Text)
			}
			complete(t, f)
			if !x.unedited && len(numbered(machine.Lint(look(t, edited(t, x.ill, f.Fix.Edits))), x.id, x.severity)) > 0 {
				t.Errorf("the edits do not cure it: %+v", f.Fix.Edits)
			}
		})
	}
}

func complete(t *testing.T, f finding.Finding) {
	t.Helper()
	said := f.Text
	if f.Fix != nil {
		said += f.Fix.Text
	}
	if strings.ContainsAny(said, "{}\n") || strings.Contains(said, "secret") || len(f.Evidence) == 0 || f.At.IsZero() || f.Stage == "" {
		t.Errorf("incomplete, or tells too much: %+v", f)
	}
	for _, e := range f.Evidence {
		if strings.Contains(e.Saw, "secret") || strings.Contains(e.Saw, "a%40b") {
			t.Errorf("the evidence tells a password: %s", e.Saw)
		}
	}
}

// edited is a tree after the edits of a fix.
func edited(t *testing.T, files tree, edits []source.Edit) tree {
	t.Helper()
	out := files.with(nil)
	byFile := map[string][]source.Edit{}
	for _, e := range edits {
		name := strings.TrimPrefix(e.File, "/")
		switch e.Op {
		case source.Create:
			out[name] = e.New
		case source.Rename:
			out[strings.TrimPrefix(e.To, "/")] = out[name]
			delete(out, name)
		default:
			byFile[name] = append(byFile[name], e)
		}
	}
	for name, all := range byFile {
		data, err := source.Apply([]byte(strings.TrimPrefix(out[name], "0600 ")), all)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = string(data)
	}
	return out
}

func TestHealthyNodesHaveNoWarnings(t *testing.T) {
	for name, files := range map[string]tree{"Debian": debian, "behind a proxy": behindProxy, "K3s": k3s, "Alpine": alpine, "RHEL": rhel, "empty": {"etc/x": "x"}} {
		for _, f := range machine.Lint(look(t, files)) {
			if f.Severity >= finding.Warning {
				t.Errorf("%s: %s %s: %s", name, f.Severity, f.ID, f.Text)
			}
		}
	}
}

func TestWhatTheRunningProcessLacksIsTold(t *testing.T) {
	m := look(t, debian.with(tree{dropIn: "[Service]\n" + bothProxies + "\n"}))
	m.Runtime.PID, m.Runtime.Started, m.Runtime.Env = 812, time.Now().Add(-time.Hour), map[string]string{"PATH": "/bin"}
	got := machine.Lint(m)
	if len(numbered(got, "PX011", finding.Warning)) != 2 || len(numbered(got, "TR002", finding.Warning)) != 1 {
		t.Errorf("an hour later: %v", got)
	}
	m.Runtime.Started = time.Now().Add(time.Minute)
	if got := machine.Lint(m); len(got) > 0 {
		t.Errorf("started after it: %v", got)
	}
	m.Runtime.Started, m.Runtime.Env = time.Now().Add(-time.Hour), map[string]string{"HTTP_PROXY": "http://p.example:3128", "HTTPS_PROXY": "http://p.example:3128,and.more"}
	if got := numbered(machine.Lint(m), "PX011", finding.Warning); len(got) != 1 {
		t.Errorf("one of the two differs: %v", got)
	}
}

func TestAClockThatNobodySetsIsTold(t *testing.T) {
	m := look(t, debian.with(tree{timesync: ""}))
	if got := machine.Lint(m); len(got) > 0 {
		t.Errorf("the kernel says that it is set: %v", got)
	}
	m.Unsynchronised = true
	if got := numbered(machine.Lint(m), "TM001", finding.Warning); len(got) != 1 || got[0].Fix.Run[0] != "timedatectl set-ntp true" {
		t.Errorf("%v", machine.Lint(m))
	}
	m = look(t, debian)
	m.Unsynchronised = true
	if got := machine.Lint(m); len(got) > 0 {
		t.Errorf("a service is enabled, and will set it: %v", got)
	}
}

// What one file decides is told where it alone was named.
func TestOneFileIsJudgedAlone(t *testing.T) {
	for name, c := range map[string]struct{ text, ids string }{
		"/x/containerd.service.d/http-proxy.conf":             {"[Service]\nEnvironment=\"HTTPS_PROXY=http://your-proxy:port\" \"NO_PROXY=10.*\"\n", "PX003 PX006 PX008"},
		"/x/docker.service.d/proxy.conf":                      {bothProxies + "\n", "PX002"},
		"/x/k3s.service.env":                                  {"export HTTPS_PROXY=http://p.example:3128\n", "PX002"},
		"/x/crontab":                                          {"0 0 * * 0 update-ca-certificates && service docker restart && systemctl restart k3s\n", "TM003"},
		"/x/docker.service.d/http-proxy.conf":                 {"[Service]\nEnvironment=\"HTTP_PROXY=http://proxy.example.com:3128/\"\n", ""},
		"/etc/default/k3s":                                    {"HTTPS_PROXY=http://p.example:3128\n", ""},
		"/x/docker.service.d/https-proxy.conf":                {"[Service]\nEnvironment=\"HTTPS_PROXY=http://proxy.example.com:443/\"\n", ""},
		"/x/snap.microk8s.daemon-containerd.service.d/p.conf": {"[Service]\nEnvironment=HTTPS_PROXY=http://p.example:3128 https_proxy=x:1\n", "PX010"},
	} {
		var got []string
		for _, f := range machine.LintFile(source.File{Path: name, Data: []byte(c.text), Mode: 0o644}) {
			got = append(got, f.ID)
		}
		slices.Sort(got)
		if strings.Join(slices.Compact(got), " ") != c.ids {
			t.Errorf("%s: %v, want %s", name, got, c.ids)
		}
	}
}

func TestEveryKindIsListedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range machine.Kinds {
		if seen[k.ID] || len(k.Doc) < 80 || k.Title == "" || strings.HasSuffix(k.Text, ".") {
			t.Errorf("%s is listed twice or incomplete", k.ID)
		}
		seen[k.ID] = true
	}
	for _, x := range faults {
		if !seen[x.id] {
			t.Errorf("%s is tested and not listed", x.id)
		}
	}
}

// Whatever a file holds, judging it ends, and its edits are within it.
func FuzzLintFile(f *testing.F) {
	f.Add("/x/containerd.service.d/p.conf", []byte("[Service]\nEnvironment=\"HTTPS_PROXY=http://a:b@c:%20\" NO_PROXY=a, b\n"))
	f.Add("/x/k3s.service.env", []byte("export HTTP_PROXY=$x\nno_proxy=10.*;a/b\n"))
	f.Add("/etc/crontab", []byte("* * * * * update-ca-certificates; systemctl restart k3s # x\n"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		for _, found := range machine.LintFile(source.File{Path: name, Data: data, Mode: 0o644}) {
			if found.Fix == nil {
				continue
			}
			var replaced []source.Edit
			for _, e := range found.Fix.Edits {
				if e.Op == source.Replace && e.File == name {
					replaced = append(replaced, e)
				}
			}
			if _, err := source.Apply(data, replaced); err != nil {
				t.Fatal(err)
			}
		}
	})
}
