package fulfil_test

import (
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/desired"
	"github.com/towpath-dev/towpath/internal/fulfil"
	"github.com/towpath-dev/towpath/internal/plan"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

func TestTheSandboxImageGoesIntoConfigTOML(t *testing.T) {
	ask := fulfil.Ask{Wishes: desired.Wishes{SandboxImage: "registry.corp/pause:3.10"}}
	n := setUp(target("containerd", "2.4.2"), map[string]string{"/etc/containerd/config.toml": "version = 3\n# mine\n"})
	got, err := fulfil.Make(n, ask)
	if err != nil {
		t.Fatal(err)
	}
	then := after(n, got.Plan)
	if text := string(then.Files[len(then.Files)-1].Data); !strings.Contains(text, "registry.corp/pause:3.10") || !strings.Contains(text, "# mine") {
		t.Errorf("config.toml is\n%s", text)
	}
	if len(got.Plan.Restart) != 1 || got.Plan.Changes[0].Needs != plan.ByRestart {
		t.Errorf("restart: %+v", got.Plan.Restart)
	}
	if again, err := fulfil.Make(then, ask); err != nil || !again.Plan.Empty() {
		t.Errorf("again: %+v, %v", again.Plan, err)
	}
	got, err = fulfil.Make(setUp(target("k3s", "1.31.6"), nil), ask)
	if err != nil || !got.Plan.Empty() || len(got.Losses) != 1 || !strings.Contains(got.Losses[0].Text, "pause-image: registry.corp/pause:3.10") {
		t.Errorf("k3s: %v, %+v", err, got)
	}
}

func TestRegistriesThatNobodyNamedAreNotAskedOtherwise(t *testing.T) {
	n := setUp(target("k3s", "1.31.6"), map[string]string{
		"/etc/rancher/k3s/registries.yaml": "mirrors:\n  foreign.example:\n    endpoint: [https://mirror.corp]\n",
	})
	table := route.Table{Target: target("containerd", "2.4.2"), Routes: []route.Route{{
		Match: "ghcr.io",
		Mirrors: []route.Endpoint{{
			Scheme: "https", Host: "mirror.corp", Path: "/v2", Serves: route.Pull | route.Resolve,
			TLS: route.TLS{Set: true, CA: []string{"/pki/ca.pem"}},
		}},
		Upstream: &route.Endpoint{},
	}}}
	from := fulfil.DialectOf("containerd")
	files := from.Render(table, nil)
	got, err := fulfil.Make(n, fulfil.Ask{Routes: []fulfil.Source{{Dialect: from, Reading: from.Parse(files, table.Target), Files: files}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range got.Losses {
		if f.ID == fulfil.Shifted.ID && f.Subject == "foreign.example" {
			return
		}
	}
	t.Errorf("K3s has one certificate for a host, whoever asks it, and nobody says so: %+v", got.Losses)
}

func TestAnEnabledTimeDaemonIsLeftAlone(t *testing.T) {
	n := setUp(target("containerd", "2.4.2"), nil)
	n.Input.Runtime = snapshot.Runtime{Target: target("containerd", "2.4.2")}
	n.Host = fulfil.Host{Manager: "systemd", Clocks: []fulfil.Clock{{Unit: "chrony.service"}, {Unit: "systemd-timesyncd.service", Enabled: true}}}
	ask := fulfil.Ask{Wishes: desired.Wishes{SyncTime: true}}
	if got, err := fulfil.Make(n, ask); err != nil || !got.Plan.Empty() {
		t.Errorf("enabled: %+v, %v", got.Plan, err)
	}
	n.Host.Clocks[1].Enabled = false
	got, err := fulfil.Make(n, ask)
	if err != nil || len(got.Plan.Command) != 1 || strings.Join(got.Plan.Command[0].Undo, " ") != "systemctl disable --now chrony.service" {
		t.Errorf("not enabled: %+v, %v", got.Plan, err)
	}
}

func TestAKeyBesideACertificateIsNotCopied(t *testing.T) {
	data := "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
	if _, err := fulfil.Certificates([]byte(data)); err == nil {
		t.Error("a key is no certificate")
	}
}

func TestWhereTheTrustStoreIs(t *testing.T) {
	for _, c := range []struct {
		paths []string
		dir   string
	}{
		{[]string{"/usr/sbin/update-ca-certificates"}, "/usr/local/share/ca-certificates"},
		{[]string{"/usr/sbin/update-ca-certificates", "/etc/pki/trust/anchors"}, "/etc/pki/trust/anchors"},
		{[]string{"/usr/sbin/update-ca-certificates", "/etc/alpine-release"}, "/usr/local/share/ca-certificates"},
		{[]string{"/usr/bin/update-ca-trust", "/etc/pki/ca-trust/source/anchors"}, "/etc/pki/ca-trust/source/anchors"},
		{[]string{"/usr/bin/update-ca-trust", "/etc/ca-certificates/trust-source/anchors"}, "/etc/ca-certificates/trust-source/anchors"},
		{nil, ""},
	} {
		h := fulfil.Look(func(string) (source.File, bool) { return source.File{}, false }, func(pattern string) []string {
			for _, p := range c.paths {
				if p == pattern {
					return []string{p}
				}
			}
			return nil
		})
		switch {
		case h.Store == nil && c.dir != "", h.Store != nil && h.Store.Dir != c.dir, h.Store == nil && h.NoStore == "":
			t.Errorf("%q: %+v", c.paths, h)
		}
	}
}

func TestAFileThatGetsASecretIsClosedToOthers(t *testing.T) {
	n := setUp(target("k3s", "1.31.6"), map[string]string{"/etc/rancher/k3s/registries.yaml": "# by hand\nmirrors: {}\n"})
	files := []source.File{{Path: "/etc/rancher/rke2/registries.yaml", Data: []byte("configs:\n  registry.corp:\n    auth:\n      username: u\n      password: geheim\n")}}
	from := fulfil.DialectOf("rke2")
	ask := fulfil.Ask{Whole: true, Routes: []fulfil.Source{{Dialect: from, Reading: from.Parse(files, target("rke2", "1.31.6")), Files: files}}}
	got, err := fulfil.Make(n, ask)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Plan.Changes) != 1 || got.Plan.Changes[0].After.Mode != 0o600 || got.Plan.Changes[0].Before.Mode != 0o640 {
		t.Fatalf("got %s", got.Plan.Unified())
	}
	if strings.Contains(got.Plan.Unified(), "geheim") {
		t.Error("the diff shows the password")
	}
	then := after(n, got.Plan)
	if gone, err := fulfil.Make(then, fulfil.Ask{Whole: true}); err != nil || gone.Plan.Changes[0].After.Mode != 0o640 {
		t.Errorf("it is not open again: %+v, %v", gone.Plan, err)
	}
}
