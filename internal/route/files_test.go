package route_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

func TestContentsOfCertificateFilesAreNeverSaved(t *testing.T) {
	table := route.Table{Files: []source.File{{Path: "/etc/cri/client.key", Data: []byte("-----BEGIN PRIVATE KEY-----")}}}
	saved, err := json.Marshal(table)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(saved), "client.key") || strings.Contains(string(saved), "Files") {
		t.Errorf("a key is saved: %s", saved)
	}
}
