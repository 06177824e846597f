package pull_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/pull"
	"github.com/towpath-dev/towpath/internal/world"
)

// TestSkopeoReadsTheResults lets another program read and copy what was pulled,
// which makes it check every blob.
func TestSkopeoReadsTheResults(t *testing.T) {
	skopeo, err := exec.LookPath("skopeo")
	if err != nil {
		t.Skip("not looked at: skopeo is not installed")
	}
	for _, form := range []world.Form{world.OCI, world.Docker} {
		t.Run(string(form), func(t *testing.T) {
			image := app
			image.Form, image.Platforms = form, []string{"linux/arm64", "linux/amd64"}
			w := play(t, map[string]world.Role{home: holds(home, image)})
			dir := t.TempDir()
			layout, archive := filepath.Join(dir, "layout"), filepath.Join(dir, "app.tar")
			r := self(t, request(w, layoutIn(layout)))
			self(t, request(w, pull.Output{Format: pull.DockerArchive, Path: archive}))
			sources := []string{"oci:" + layout, "oci-archive:" + archive, "docker-archive:" + archive, "docker-archive:" + archive + ":" + name}
			if form == world.OCI {
				sources = append(sources, "oci:"+layout+":1") // it looks for manifests of the OCI's type alone
			}
			for _, source := range sources {
				var seen struct {
					Digest, Architecture string
					Layers               []string
				}
				out, err := exec.Command(skopeo, "inspect", source).Output()
				if err == nil {
					err = json.Unmarshal(out, &seen)
				}
				if err != nil || seen.Architecture != "amd64" || len(seen.Layers) != 4 || strings.HasPrefix(source, "oci") && seen.Digest != r.Manifest {
					t.Errorf("%s: %v %s", source, err, out)
				}
				copied := filepath.Join(t.TempDir(), "copy")
				if out, err := exec.Command(skopeo, "--insecure-policy", "copy", source, "dir:"+copied).CombinedOutput(); err != nil {
					t.Errorf("%s: %s", source, out)
				}
			}
		})
	}
}

// TestDockersOwnListIsWhatDockerReads checks what docker load goes by, which no
// program here reads.
func TestDockersOwnListIsWhatDockerReads(t *testing.T) {
	w := play(t, map[string]world.Role{home: holds(home, app)})
	archive := filepath.Join(t.TempDir(), "app.tar")
	self(t, request(w, pull.Output{Format: pull.DockerArchive, Path: archive}))
	out, err := exec.Command("tar", "-xOf", archive, "manifest.json").Output()
	if err != nil {
		t.Skip("not looked at: tar is not installed")
	}
	var m []map[string]any
	if err := json.Unmarshal(out, &m); err != nil || len(m) != 1 || m[0]["Config"] == "" {
		t.Errorf("%v %s", err, out)
	}
	if info, err := os.Stat(archive); err != nil || info.Size()%512 != 0 || info.Mode().Perm() != 0o644 {
		t.Errorf("%v %v", info, err)
	}
}
