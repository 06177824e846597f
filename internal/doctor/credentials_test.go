package doctor

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/pullsecret"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/keyring"
	"github.com/towpath-dev/towpath/internal/node"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/survey"
)

func entries(t *testing.T, text, image string) ([]keyring.Login, []finding.Finding) {
	t.Helper()
	ref, err := route.ParseRef(image)
	if err != nil {
		t.Fatal(err)
	}
	return Entries(pullsecret.Read([]source.File{{Path: "config.json", Data: []byte(text)}}), ref)
}

func TestMistakesOfASecretAreToldOnlyWhereTheyLeaveThePullWithoutCredentials(t *testing.T) {
	const hub = `{"auths": {"registry-1.docker.io": {"auth": "dTpw"}, "r.lab": {"auth": "dTpw"}, "empty.lab": {}}, "credsStore": "desktop"}`
	for image, want := range map[string]struct{ entries, wrong int }{
		"r.lab/app":     {1, 0},
		"nginx":         {0, 1},
		"empty.lab/app": {0, 1},
		"other.lab/app": {0, 0},
	} {
		got, wrong := entries(t, hub, image)
		if len(got) != want.entries || len(wrong) != want.wrong {
			t.Errorf("%s: %d entries, wrong: %+v", image, len(got), wrong)
		}
	}
	if got, wrong := entries(t, `{"auths": {"r.lab": {"auth": "dTpw"}, "bad.lab": {"auth": "%"}}}`, "r.lab/app"); len(got) != 0 || len(wrong) != 1 {
		t.Errorf("one entry spoils all: %v, %+v", got, wrong)
	}
}

// looked is a look at a node with some files, whose pull has failed.
func looked(t *testing.T, image string, files map[string]string) *looker {
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
	ref, err := route.ParseRef(image)
	if err != nil {
		t.Fatal(err)
	}
	host := ref.Registry
	if host == "docker.io" {
		host = "registry-1.docker.io"
	}
	failed := snapshot.Hop{Host: host, Failure: &snapshot.Failure{Stage: snapshot.Manifest}}
	s := &snapshot.Snapshot{Ref: ref, Node: &snapshot.Node{Kubelet: &snapshot.Kubelet{}}, Pull: &snapshot.Pull{Hops: []snapshot.Hop{failed}}}
	return &looker{Request: Request{Survey: survey.Request{Root: root}}, s: s}
}

func TestLoginsOfOtherProgramsAreFound(t *testing.T) {
	const text = `{"auths": {"https://index.docker.io/v1/": {"auth": "dTpw"}, "r.lab/team": {"auth": "dTpw"}, "kept.lab": {}, "bare.lab": {}}, "credHelpers": {"kept.lab": "pass"}}`
	for image, want := range map[string]string{
		"nginx": "podman", "r.lab/team/app": "podman", "r.lab/teamwork/app": "", "kept.lab/app": "podman docker-credential-pass", "bare.lab/app": "", "other.lab/app": "",
	} {
		l := looked(t, image, map[string]string{"run/containers/0/auth.json": text, "root/.docker/config.json": "{", "home/x/.docker/config.json": `{"auths": []}`})
		l.logins()
		got := ""
		for _, x := range l.s.Logins {
			if got += x.Program; x.Helper != "" {
				got += " " + x.Helper
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", image, got, want)
		}
	}
}

func TestTheKubeletsOwnFilesAreCredentialsOfThePull(t *testing.T) {
	l := looked(t, "r.lab/app", map[string]string{"var/lib/kubelet/config.json": `{"auths": {"r.lab": {"auth": "dTpw"}, "*.lab": {"auth": "djpw"}}}`, "root/.docker/config.json": `{"auths": {"r.lab": {"auth": "eDp4"}}}`})
	var got []string
	for _, e := range l.nodeEntries() {
		got = append(got, e.User+" "+e.Source)
	}
	if want := []string{"u /var/lib/kubelet/config.json", "v /var/lib/kubelet/config.json"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	l.s.Node.Kubelet = nil
	if got := l.nodeEntries(); len(got) != 0 {
		t.Errorf("without a kubelet: %v", got)
	}
}
