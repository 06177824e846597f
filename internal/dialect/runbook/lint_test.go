package runbook_test

import (
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/dialecttest"
	"github.com/towpath-dev/towpath/internal/dialect/runbook"
)

func TestFindings(t *testing.T) {
	dialecttest.Cases(t, runbook.Dialect, "testdata/lint/*.txtar", runbook.Kinds)
	dialecttest.Kinds(t, runbook.Kinds)
}

const sound = "#!/bin/sh\nctr -n k8s.io i pull --hosts-dir /etc/containerd/certs.d -u \"$USER\" docker.io/library/nginx:1\n"

func TestHostileFilesComeToAnEnd(t *testing.T) {
	for _, path := range []string{"/x.sh", "/etc/crictl.yaml", "/etc/nerdctl/nerdctl.toml"} {
		dialecttest.Hostile(t, runbook.Dialect, path, sound)
	}
}

func FuzzScript(f *testing.F) {
	dialecttest.Fuzz(f, runbook.Dialect, "/x.sh", sound, "k3s ctr i pull \\\n x -u a:b\n", "crictl pull --creds 'a:b' x &&nerdctl pull y # z\n")
}
