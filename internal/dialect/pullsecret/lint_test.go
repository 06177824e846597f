package pullsecret_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/dialecttest"
	"github.com/towpath-dev/towpath/internal/dialect/pullsecret"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

const (
	tooLarge = "CD021"               // found in files that are too long for a case
	onlyHere = "convert/pull-secret" // a loss, told by conversions alone
	openFile = "CD016"               // a matter of the file's mode, which cases have not
)

func TestFindings(t *testing.T) {
	short := slices.DeleteFunc(slices.Clone(pullsecret.Kinds), func(k finding.Kind) bool {
		return slices.Contains([]string{tooLarge, onlyHere, openFile}, k.ID)
	})
	dialecttest.Cases(t, pullsecret.Dialect, "testdata/lint/*.txtar", short)
	dialecttest.Kinds(t, pullsecret.Kinds)
}

func TestAFileThatIsTooLargeIsSaidToBeUnread(t *testing.T) {
	for _, path := range []string{"/secret.yaml", "/root/.docker/config.json"} {
		files := []source.File{{Path: path, Data: []byte("{" + strings.Repeat(" ", 9<<20) + "}")}}
		found := pullsecret.Parse(files, route.Target{}).Findings
		if len(found) != 1 || found[0].ID != tooLarge {
			t.Errorf("%s: got %+v", path, found)
		}
	}
}

const sound = `{
  "auths": {
    "r.example:5000": {"auth": "cHVsbGVyOmh1bnRlcjI="},
    "docker.io/team": {"username": "me", "password": "hunter2"}
  }
}
`

func TestOnlyFilesOfTheNodeNeedATightMode(t *testing.T) {
	for _, c := range []struct {
		path string
		mode fs.FileMode
		want bool
	}{{"/var/lib/kubelet/config.json", 0o644, true}, {"/var/lib/kubelet/config.json", 0o600, false}, {"/work/config.json", 0o644, false}} {
		files := []source.File{{Path: c.path, Data: []byte(sound), Mode: c.mode}}
		found := pullsecret.Parse(files, route.Target{}).Findings
		if got := len(found) == 1 && found[0].ID == openFile; got != c.want {
			t.Errorf("%s %o: %+v", c.path, c.mode, found)
		}
		for _, f := range found {
			dialecttest.Decent(t, f)
		}
	}
}

func TestEntriesBecomeTheLoginsOfHosts(t *testing.T) {
	got := pullsecret.Parse([]source.File{{Path: "/root/.docker/config.json", Data: []byte(sound)}}, route.Target{}).Table
	var all []string
	for _, h := range got.Hosts {
		all = append(all, h.Name+" "+h.Auth.User+" "+h.Auth.Password.Reveal())
	}
	if want := []string{"r.example:5000 puller hunter2", "registry-1.docker.io/team me hunter2"}; !slices.Equal(all, want) {
		t.Errorf("got %q, want %q", all, want)
	}
}

func TestWhatNoOtherFormatCanSayIsALoss(t *testing.T) {
	for text, want := range map[string]int{
		`{"auths": {"*.example": {"auth": "dTpw"}}}`:                                                  1,
		`{"auths": {"r.example": {"auth": "dTpw"}, "https://r.example": {"auth": "djpw"}}}`:           1,
		`{"auths": {"r.example": {"auth": "dTpw"}, "https://r.example": {"auth": "dTpw"}}}`:           0,
		`{"auths": {"docker.io": {"auth": "dTpw"}, "https://index.docker.io/v1/": {"auth": "dTpw"}}}`: 1,
		`{"auths": {"https://index.docker.io/v1/": {"auth": "dTpw"}}}`:                                0,
		`{"auths": {"*": {"auth": "dTpw"}}}`:                                                          1,
	} {
		got := pullsecret.Parse([]source.File{{Path: "/config.json", Data: []byte(text)}}, route.Target{})
		if len(got.Losses) != want {
			t.Errorf("%s: %+v", text, got.Losses)
		}
		for _, f := range got.Losses {
			dialecttest.Decent(t, f)
		}
		for _, h := range got.Table.Hosts {
			if h.Name == route.Any {
				t.Errorf("%s: credentials for every host", text)
			}
		}
	}
}

func TestTheKubeletTakesTheFirstFileOfTheNodeThatItCanDecode(t *testing.T) {
	files := []source.File{
		{Path: "/root/.docker/config.json", Data: []byte(`{"auths": {"second.example": {"auth": "dTpw"}}}`)},
		{Path: "/var/lib/kubelet/config.json", Data: []byte(`{"auths": {"first.example": {"auth": "dTpw"}}}`)},
	}
	if got := pullsecret.Read(files).Ring.Keys(); !slices.Equal(got, []string{"first.example"}) {
		t.Errorf("got %q", got)
	}
	files[1].Data = []byte(`{"auths": {"first.example": {"auth": "%"}}}`)
	if got := pullsecret.Read(files).Ring.Keys(); !slices.Equal(got, []string{"second.example"}) {
		t.Errorf("got %q", got)
	}
}

func TestBrokenFilesThatAreNoSecretsAreLeftAlone(t *testing.T) {
	secret := source.File{Path: "/all/secret.yaml", Data: []byte(manifest)}
	template := source.File{Path: "/all/template.yaml", Data: []byte("a: {{ .Values.b }}\n- c\n")}
	if found := pullsecret.Parse([]source.File{secret, template}, route.Target{}).Findings; len(found) > 0 {
		t.Errorf("got %+v", found)
	}
	if found := pullsecret.Parse([]source.File{template}, route.Target{}).Findings; len(found) != 1 {
		t.Errorf("alone: %+v", found)
	}
}

func TestHostileFilesComeToAnEnd(t *testing.T) {
	dialecttest.Hostile(t, pullsecret.Dialect, "/config.json", sound)
	dialecttest.Hostile(t, pullsecret.Dialect, "/secret.yaml", manifest)
}

const manifest = `apiVersion: v1
kind: Secret
metadata:
  name: regcred
type: kubernetes.io/dockerconfigjson
data:
  .dockerconfigjson: eyJhdXRocyI6eyJyLmV4YW1wbGUiOnsiYXV0aCI6ImRYTmxjanB3WVhOeiJ9fX0=
---
apiVersion: v1
kind: Pod
metadata:
  name: app
spec:
  imagePullSecrets:
  - name: regcred
  containers:
  - name: app
    image: r.example/app:1
`

func FuzzParse(f *testing.F) {
	dialecttest.Fuzz(f, pullsecret.Dialect, "/secret.yaml", sound, manifest)
}
