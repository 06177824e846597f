package convert_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/convert"
	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/dialect/all"
	"github.com/towpath-dev/towpath/internal/dialect/hostscheck"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// runtimes are whose each dialect is, with a version.
func target(name string) route.Target {
	t := route.Target{Runtime: name, Version: route.MustVersion("1.31.4"), Containerd: route.MustVersion("1.7.23"), Fork: true}
	if name != "k3s" && name != "rke2" {
		v := route.MustVersion("2.4.2")
		t = route.Target{Runtime: "containerd", Version: v, Containerd: v}
	}
	return t
}

func TestNothingIsLostInSilence(t *testing.T) {
	for _, from := range all.Dialects {
		for _, to := range all.Writable() {
			if from.Render == nil {
				continue
			}
			t.Run(from.Name+" to "+to.Name, func(t *testing.T) { t.Parallel(); converts(t, from, to) })
		}
	}
}

func converts(t *testing.T, from, to dialect.Dialect) {
	lossless, refused := 0, 0
	for i, table := range hostscheck.Tables(target(from.Name), 21, 60) {
		if i%2 == 0 {
			table = modest(table)
		}
		files := from.Render(table, nil)
		r, err := convert.Run(convert.Job{From: from, To: to, Source: target(from.Name), Target: target(to.Name), Files: files})
		if errors.Is(err, convert.ErrUnsafe) {
			refused++
			continue
		}
		if err != nil {
			t.Fatalf("table %d: %v\n%s", i, err, text(files))
		}
		for _, f := range r.Losses {
			if f.ID == convert.Unforeseen.ID && f.Severity == finding.Error {
				t.Logf("table %d: %s", i, f.Text)
			}
			if len(f.Evidence) == 0 {
				t.Fatalf("table %d: %s has no evidence", i, f.Text)
			}
		}
		if len(r.Losses) == 0 && len(r.Files) > 0 {
			lossless++
		}
	}
	if from.Name == to.Name && lossless < 5 {
		t.Errorf("only %d of the conversions were without loss", lossless)
	}
	if refused > 15 {
		t.Errorf("%d of the conversions were refused", refused)
	}
}

// modest is a table without what few dialects can say.
func modest(t route.Table) route.Table {
	t.Header, t.Hosts = nil, nil
	for i := range t.Routes {
		r := &t.Routes[i]
		var kept []route.Endpoint
		seen := map[string]bool{}
		for _, e := range r.Mirrors {
			if !seen[e.Host] && !route.IsLocalhost(e.Host) {
				seen[e.Host] = true
				kept = append(kept, route.Endpoint{Scheme: "https", Host: e.Host, Path: "/v2", Serves: route.Pull | route.Resolve})
			}
		}
		*r = route.Route{Match: r.Match, Mirrors: kept, Upstream: &route.Endpoint{Role: route.Upstream, Serves: t.Target.Everything()}}
	}
	return t
}

func text(files []source.File) string {
	var b strings.Builder
	for _, f := range files {
		if f.Kind == source.Regular {
			b.WriteString("-- " + f.Path + " --\n" + string(f.Data))
		}
	}
	return b.String()
}

// TestACarelessDialectIsCaught renders with a dialect that forgets, and with
// one that does worse.
func TestACarelessDialectIsCaught(t *testing.T) {
	from, _ := all.Named("containerd")
	files := []source.File{{Path: "/etc/containerd/certs.d/r.example/hosts.toml", Data: []byte(
		"server = \"https://r.example\"\n[host.\"https://m.example\"]\n  capabilities = [\"pull\", \"resolve\"]\n  [host.\"https://m.example\".header]\n    Authorization = \"Basic c2VjcmV0\"\n")}}
	job := convert.Job{From: from, To: from, Source: target("containerd"), Target: target("containerd"), Files: files}

	forget := from
	forget.Render = func(want route.Table, have []source.File) []source.File {
		want.Routes[0].Mirrors = nil
		return from.Render(want, have)
	}
	job.To = forget
	r, err := convert.Run(job)
	if err != nil || len(r.Losses) != 1 || r.Losses[0].ID != convert.Unforeseen.ID {
		t.Errorf("a mirror was forgotten: %v, %v", r.Losses, err)
	}
	for _, f := range r.Losses {
		if strings.Contains(f.Text+f.Evidence[0].Saw, "c2VjcmV0") {
			t.Errorf("a secret is shown: %s", f.Text)
		}
	}

	for name, harm := range map[string]func(*route.Endpoint){
		"unverified":  func(e *route.Endpoint) { e.TLS = route.TLS{SkipVerify: true, Set: true} },
		"in clear":    func(e *route.Endpoint) { e.Scheme = "http" },
		"credentials": func(e *route.Endpoint) { e.Host = "other.example" },
	} {
		careless := from
		careless.Render = func(want route.Table, have []source.File) []source.File {
			if len(want.Routes[0].Mirrors) > 0 {
				harm(&want.Routes[0].Mirrors[0])
			}
			return from.Render(want, have)
		}
		job.To = careless
		r, err := convert.Run(job)
		told := slices.ContainsFunc(r.Losses, func(f finding.Finding) bool { return f.ID == convert.Widened.ID })
		if !errors.Is(err, convert.ErrUnsafe) && !told {
			t.Errorf("%s: got %v, %v; want a refusal, or a loss", name, r.Losses, err)
		}
		for _, e := range r.After.Endpoints("r.example") {
			if e.TLS.SkipVerify || e.Scheme == "http" || e.Host == "other.example" && len(e.Header) > 0 {
				t.Errorf("%s: the result has %+v", name, e)
			}
		}
	}
}

func TestCertificatesComeAlong(t *testing.T) {
	from, _ := all.Named("containerd")
	to, _ := all.Named("k3s")
	files := []source.File{
		{Path: "/etc/containerd/certs.d/r.example/hosts.toml", Data: []byte("server = \"https://r.example\"\n[host.\"https://r.example\"]\n  ca = \"corp.crt\"\n")},
		{Path: "/etc/containerd/certs.d/r.example/corp.crt", Data: []byte("-----BEGIN CERTIFICATE-----\n")},
	}
	r, err := convert.Run(convert.Job{From: from, To: to, Source: target("containerd"), Target: target("k3s"), Files: files})
	if err != nil {
		t.Fatal(err)
	}
	if source.Find(r.Files, "/etc/containerd/certs.d/r.example/corp.crt") == nil {
		t.Errorf("the certificate is missing:\n%s", text(r.Files))
	}
}
