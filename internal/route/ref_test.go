package route_test

import (
	"testing"

	"github.com/towpath-dev/towpath/internal/route"
)

func TestANameWithoutDotOrPortIsOnDockerHub(t *testing.T) {
	for name, want := range map[string]bool{
		"team": true, "library": true, "r.example": false, "r:5000": false, "localhost": false, "docker.io": false,
		"*": false, "": false, "Team": false, "r.example/team": false, "team/part": true, "index.docker.io": false,
	} {
		if route.OnHub(name) != want {
			t.Errorf("OnHub(%q) is %v", name, !want)
		}
	}
}
