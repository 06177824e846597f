package registriesconf_test

import (
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/dialecttest"
	"github.com/towpath-dev/towpath/internal/dialect/registriesconf"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

func TestWhereNamesWithoutARegistryLeadIsALoss(t *testing.T) {
	for text, want := range map[string]string{
		"unqualified-search-registries = [\"quay.io\"]\n":                                   "quay.io",
		"unqualified-search-registries = [\"docker.io\"]\n":                                 "",
		"unqualified-search-registries = []\n":                                              "",
		"[[registry]]\nlocation = \"r.example\"\n":                                          "",
		"[aliases]\napp = \"quay.io/team/app\"\n":                                           "the alias app",
		"[aliases]\napp = \"quay.io/team/app\"\nbig = \"quay.io/team/big\"\n":               "2 aliases",
		"[aliases]\nalpine = \"docker.io/library/alpine\"\n\"a/b\" = \"docker.io/a/b\"\n":   "",
		"unqualified-search-registries = [\"registry.access.redhat.com\", \"docker.io\"]\n": "registry.access.redhat.com",
	} {
		files := []source.File{{Path: "/etc/containers/registries.conf", Data: []byte(text)}}
		got := registriesconf.Parse(files, route.Target{Runtime: "crio"}).Losses
		if (want == "") != (len(got) == 0) || len(got) > 1 {
			t.Fatalf("%s: %+v", text, got)
		}
		for _, f := range got {
			dialecttest.Decent(t, f)
			if !strings.Contains(f.Text, want) || f.At.IsZero() {
				t.Errorf("%s: %s at %s", text, f.Text, f.At)
			}
		}
	}
}
