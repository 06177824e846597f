package effective_test

import (
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/effective"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

var born = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// changed is a node whose config.toml names a directory since some moment.
func changed(version string, at time.Time, loaded *snapshot.Loaded) []finding.Finding {
	v := route.MustVersion(version)
	rt := snapshot.Runtime{Target: route.Target{Runtime: "containerd", Version: v, Containerd: v}, Started: born, Config: "/etc/containerd/config.toml"}
	rt.CRI = snapshot.CRI{Answers: true, Images: true, Loaded: loaded}
	text := "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\n  config_path = \"/etc/containerd/certs.d\"\n"
	file := source.File{Path: rt.Config, Data: []byte(text), ModTime: at}
	var out []finding.Finding
	for _, f := range effective.Read(effective.Input{Runtime: rt, Files: []source.File{file}}).Findings {
		if f.Code == "config/not-loaded" {
			out = append(out, f)
		}
	}
	return out
}

func TestAConfigurationIsReadOnceAtStart(t *testing.T) {
	old, same := &snapshot.Loaded{}, &snapshot.Loaded{ConfigPath: "/etc/containerd/certs.d"}
	for _, c := range []struct {
		name, version string
		at            time.Time
		loaded        *snapshot.Loaded
		want          finding.Confidence // empty: nothing to tell
	}{
		{"changed later, and the runtime tells that it goes by something else", "1.7.35", born.Add(time.Second), old, finding.Certain},
		{"changed later without a consequence", "1.7.35", born.Add(time.Hour), same, ""},
		{"written before the start", "1.7.35", born.Add(-time.Hour), old, ""},
		{"changed later, and the runtime does not tell", "2.4.2", born.Add(time.Hour), nil, finding.Likely},
		{"written about when it started", "2.4.2", born.Add(time.Second), nil, ""},
	} {
		got := changed(c.version, c.at, c.loaded)
		switch {
		case c.want == "" && len(got) > 0:
			t.Errorf("%s: found %s", c.name, got[0].Text)
		case c.want != "" && (len(got) != 1 || got[0].Confidence != c.want || len(got[0].Evidence) == 0 || got[0].Fix == nil):
			t.Errorf("%s: got %+v, want one that is %s", c.name, got, c.want)
		}
	}
}
