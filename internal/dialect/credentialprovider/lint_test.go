package credentialprovider_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/credentialprovider"
	"github.com/towpath-dev/towpath/internal/dialect/dialecttest"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

const (
	tooLarge = "CD023"                       // found in files that are too long for a case
	program  = "convert/credential-provider" // a loss, told by conversions alone
)

func TestFindings(t *testing.T) {
	short := slices.DeleteFunc(slices.Clone(credentialprovider.Kinds), func(k finding.Kind) bool { return k.ID == tooLarge || k.ID == program })
	dialecttest.Cases(t, credentialprovider.Dialect, "testdata/lint/*.txtar", short)
	dialecttest.Kinds(t, credentialprovider.Kinds)
}

func TestAFileThatIsTooLargeIsSaidToBeUnread(t *testing.T) {
	files := []source.File{{Path: "/config.yaml", Data: []byte(sound + strings.Repeat("# a long comment\n", 1<<20))}}
	found := credentialprovider.Parse(files, route.Target{}).Findings
	if len(found) != 1 || found[0].ID != tooLarge {
		t.Errorf("got %+v", found)
	}
}

const sound = `apiVersion: kubelet.config.k8s.io/v1
kind: CredentialProviderConfig
providers:
- name: ecr-credential-provider
  matchImages: ["*.dkr.ecr.*.amazonaws.com"]
  defaultCacheDuration: 12h
  apiVersion: credentialprovider.kubelet.k8s.io/v1
`

func TestTheProgramHasToBeThereAndExecutable(t *testing.T) {
	const bin = "/opt/bin"
	dir := source.File{Path: bin, Kind: source.Directory}
	at := func(kind source.Kind, mode fs.FileMode) []source.File {
		return []source.File{dir, {Path: bin + "/ecr-credential-provider", Kind: kind, Mode: mode}}
	}
	for name, c := range map[string]struct {
		programs []source.File
		want     string
	}{
		"there":         {at(source.Regular, 0o755), ""},
		"nobody looked": {nil, ""},
		"missing":       {[]source.File{dir}, "there is no program"},
		"dangling":      {at(source.Dangling, 0), "there is no program"},
		"no directory":  {[]source.File{}, "there is no directory"},
		"a directory":   {at(source.Directory, 0o755), "is no file"},
		"a mode":        {at(source.Regular, 0o644), "may not be executed"},
	} {
		c1 := credentialprovider.Read([]source.File{{Path: "/config.yaml", Data: []byte(sound)}}, route.Target{}, credentialprovider.Options{Bin: bin, Programs: c.programs, Whole: true})
		found := c1.Findings()
		if len(found) > 1 || c.want == "" && len(found) > 0 || c.want != "" && (len(found) == 0 || !strings.Contains(found[0].Text, c.want)) {
			t.Errorf("%s: %+v", name, found)
		}
		for _, f := range found {
			dialecttest.Decent(t, f)
		}
	}
}

func TestWhatAProgramFetchesIsALoss(t *testing.T) {
	got := credentialprovider.Parse([]source.File{{Path: "/config.yaml", Data: []byte(sound)}}, route.Target{})
	if len(got.Losses) != 1 || len(got.Findings) != 0 || !strings.Contains(got.Losses[0].Text, "*.dkr.ecr.*.amazonaws.com") {
		t.Errorf("got %+v", got)
	}
	for _, f := range got.Losses {
		dialecttest.Decent(t, f)
	}
}

func TestHostileFilesComeToAnEnd(t *testing.T) {
	dialecttest.Hostile(t, credentialprovider.Dialect, "/config.yaml", sound)
}

func FuzzParse(f *testing.F) { dialecttest.Fuzz(f, credentialprovider.Dialect, "/config.yaml", sound) }
