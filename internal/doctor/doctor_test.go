package doctor_test

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/diagnosis"
	"github.com/towpath-dev/towpath/internal/doctor"
	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/repair"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/survey"
)

// secrets are the passwords and tokens of the nodes below.
var secrets = []string{"hunter2", "dXNlcjpwYXNzd29yZA", "s3cr3t-token", "pr0xy-pass", "l0gin-pass"}

// nodes are trees with a secret wherever a node may have one.
var nodes = map[string]map[string]string{
	"containerd@1.7.35": {
		"etc/containerd/config.toml": "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/etc/containerd/certs.d\"\n" +
			"[plugins.\"io.containerd.grpc.v1.cri\".registry.configs.\"127.0.0.1:5\".auth]\nusername = \"u\"\npassword = \"hunter2\"\nidentitytoken = \"s3cr3t-token\"\n",
		"etc/containerd/certs.d/127.0.0.1:5/hosts.toml": "[host.\"https://127.0.0.1:6\"]\n[host.\"https://127.0.0.1:6\".header]\nAuthorization = \"Basic dXNlcjpwYXNzd29yZA==\"\nnonsense = 1\n",
		"etc/systemd/system/containerd.service":         "[Service]\nEnvironment=HTTPS_PROXY=http://u:pr0xy-pass@127.0.0.1:7\nExecStart=/usr/bin/containerd\n",
		"etc/environment":                               "HTTPS_PROXY=http://u:pr0xy-pass@127.0.0.1:7\n",
	},
	"k3s@1.30.4": {
		"etc/rancher/k3s/registries.yaml": "mirrors:\n  127.0.0.1:5:\n    endpoint:\n      - https://127.0.0.1:6\n    oops: 1\nconfigs:\n  127.0.0.1:6:\n    auth:\n      username: u\n      password: hunter2\n      identity_token: s3cr3t-token\n      auth: dXNlcjpwYXNzd29yZA==\n",
		"etc/rancher/k3s/config.yaml":     "token: s3cr3t-token\n",
	},
}

// look takes a snapshot of a tree whose every connection is refused.
func look(t *testing.T, runtime string, files map[string]string) (*snapshot.Snapshot, *survey.Survey) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root, err := node.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	s, v, err := doctor.Look(ctx, doctor.Request{
		Survey: survey.Request{Root: root, Runtime: runtime, Env: []string{"HTTPS_PROXY=http://u:pr0xy-pass@127.0.0.1:7"}},
		Image:  "127.0.0.1:5/team/app:1", Login: &route.Auth{User: "u", Password: route.NewSecret("l0gin-pass"), Source: "--creds"}, Budget: 5 * time.Second,
		Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return s, v
}

// What --save writes, --from judges: elsewhere, later, as here and now. Only the
// lines that are quoted, and edits, need the files, which stay on the node.
func TestASavedSnapshotIsJudgedAsTheLiveOne(t *testing.T) {
	for runtime, files := range nodes {
		s, _ := look(t, runtime, files)
		saved, err := json.MarshalIndent(s, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		var loaded snapshot.Snapshot
		if err := json.Unmarshal(saved, &loaded); err != nil {
			t.Fatal(err)
		}
		live, later := doctor.Judge(s), doctor.Judge(&loaded)
		if live.Verdict != diagnosis.Broken || live.Verdict != later.Verdict || len(live.Findings) != len(later.Findings) {
			t.Fatalf("%s: live %s with %d findings, later %s with %d", runtime, live.Verdict, len(live.Findings), later.Verdict, len(later.Findings))
		}
		for i := range live.Findings {
			a, b := live.Findings[i], later.Findings[i]
			a.Fix, b.Fix = nil, nil
			if !reflect.DeepEqual(a, b) {
				t.Errorf("%s: live\n%+v\nlater\n%+v", runtime, a, b)
			}
		}
	}
}

func TestASavedSnapshotHoldsNoSecret(t *testing.T) {
	for runtime, files := range nodes {
		s, v := look(t, runtime, files)
		d := doctor.Judge(s)
		d.Findings = repair.Resolve(doctor.Repairable(v), d.Findings)
		if len(s.Files) == 0 || len(s.Config) == 0 {
			t.Errorf("%s: %d files were read and %d findings made of them: the test hides nothing", runtime, len(s.Files), len(s.Config))
		}
		for what, value := range map[string]any{"snapshot": s, "table": s.Table} {
			text, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range secrets {
				if i := strings.Index(string(text), secret); i >= 0 {
					t.Errorf("%s: the %s shows %s: …%s…", runtime, what, secret, text[max(0, i-200):min(len(text), i+60)])
				}
			}
		}
		for _, f := range d.Findings {
			said := f.Text
			for _, e := range f.Evidence {
				said += e.Saw + e.Where + e.Command
			}
			for _, secret := range secrets {
				if strings.Contains(said, secret) {
					t.Errorf("%s: %s shows %s: %s", runtime, f.Code, secret, said)
				}
			}
		}
	}
}

// The repair of a surveyed node may edit the files that the survey saw, and the
// unit that starts the runtime.
func TestARepairKnowsTheFilesOfTheSurveyAndTheUnit(t *testing.T) {
	_, v := look(t, "containerd@1.7.35", nodes["containerd@1.7.35"])
	n := doctor.Repairable(v)
	for _, want := range []string{"/etc/containerd/config.toml", "/etc/containerd/certs.d/127.0.0.1:5/hosts.toml", "/etc/systemd/system/containerd.service"} {
		count := 0
		for _, f := range n.Files {
			if f.Path == want {
				count++
			}
		}
		if count != 1 {
			t.Errorf("%s is there %d times", want, count)
		}
	}
}

func TestOfANameThatIsNoneTheNodeAloneIsLookedAt(t *testing.T) {
	root, err := node.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	s, v, err := doctor.Look(t.Context(), doctor.Request{
		Survey: survey.Request{Root: root}, Image: "https://r.lab/x",
		Dial: func(context.Context, string, string) (net.Conn, error) {
			t.Error("somebody was asked")
			return nil, syscall.ECONNREFUSED
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	d := doctor.Judge(s)
	if d.Verdict != diagnosis.Broken || len(d.Findings) == 0 || d.Findings[0].Code != "content/invalid-reference" {
		t.Errorf("%s: %v", d.Verdict, d.Findings)
	}
}
