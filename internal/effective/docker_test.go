package effective_test

import (
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/effective"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

// TestDockerIsReplayedByWhatItHasLoaded changes daemon.json after dockerd has
// told what it goes by.
func TestDockerIsReplayedByWhatItHasLoaded(t *testing.T) {
	mirror := &snapshot.Loaded{Mirrors: map[string][]string{"docker.io": {"https://m.lab/"}}}
	for name, c := range map[string]struct {
		text   string
		loaded *snapshot.Loaded
		asks   string // for docker.io
		told   bool
	}{
		"the same":              {`{"registry-mirrors": ["https://m.lab"], "insecure-registries": ["127.0.0.0/8"]}`, mirror, "m.lab registry-1.docker.io", false},
		"a mirror is new":       {`{"registry-mirrors": ["https://m.lab", "https://n.lab"]}`, mirror, "m.lab registry-1.docker.io", true},
		"a mirror is gone":      {`{}`, mirror, "m.lab registry-1.docker.io", true},
		"a registry is new":     {`{"registry-mirrors": ["https://m.lab"], "insecure-registries": ["r.lab"]}`, mirror, "m.lab registry-1.docker.io", true},
		"the next start fails":  {`{"registry-mirror`, mirror, "m.lab registry-1.docker.io", true},
		"it does not tell":      {`{"registry-mirrors": ["https://n.lab"]}`, nil, "n.lab registry-1.docker.io", false},
		"a range, written long": {`{"insecure-registries": ["10.1.2.3/8"]}`, &snapshot.Loaded{Insecure: []string{"10.0.0.0/8"}}, "registry-1.docker.io", false},
	} {
		t.Run(name, func(t *testing.T) {
			const file = "/etc/docker/daemon.json"
			rt := snapshot.Runtime{Target: route.Target{Runtime: "docker", Version: route.MustVersion("20.10.24")}, PID: 500, Config: file, CRI: snapshot.CRI{Answers: true, Images: true, Loaded: c.loaded}}
			got := effective.Read(effective.Input{Runtime: rt, Files: []source.File{{Path: file, Data: []byte(c.text)}}})
			var hosts []string
			for _, e := range got.Table.Endpoints("docker.io") {
				hosts = append(hosts, e.Host)
			}
			if asks := strings.Join(hosts, " "); asks != c.asks {
				t.Errorf("asks %q, want %q", asks, c.asks)
			}
			told := false
			for _, f := range got.Findings {
				told = told || f.Code == "config/not-loaded"
				if f.Stops && c.loaded != nil {
					t.Errorf("%s is said to stop a dockerd that runs", f.Code)
				}
				if f.Code == "config/not-loaded" && f.Severity != finding.Error {
					t.Errorf("severity %v", f.Severity)
				}
			}
			if told != c.told {
				t.Errorf("told: %t; found %v", told, got.Findings)
			}
		})
	}
}
