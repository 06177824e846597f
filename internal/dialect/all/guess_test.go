package all_test

import (
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/all"
	"github.com/towpath-dev/towpath/internal/source"
)

func TestAFileIsRecognisedByItsNameOrByALineInIt(t *testing.T) {
	for _, c := range []struct{ path, text, want string }{
		{"/000-shortnames.conf", "[aliases]\n\"a\" = \"docker.io/library/a\"\n", "registries-conf"},
		{"/01-mode.conf", "short-name-mode = \"enforcing\"\n", "registries-conf"},
		{"/helpers.conf", "credential-helpers = [\"ecr-login\"]\n", "registries-conf"},
		{"/nginx.conf", "server {\n}\n", ""},
		{"/machine.yaml", "\ufeffmachine:\n  type: worker\n", "talos"},
		{"/kind.yaml", "\ufeffapiVersion: kind.x-k8s.io/v1alpha4\n", "kind"},
		{"/values.yaml", "image: nginx\n", ""},
	} {
		if got := all.Guess(source.File{Path: c.path, Data: []byte(c.text)}); got != c.want {
			t.Errorf("%s is taken for %q, not for %q", c.path, got, c.want)
		}
	}
}
