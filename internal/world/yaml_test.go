package world_test

import (
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/towpath-dev/towpath/internal/world"
)

func TestASpecIsPlainYAML(t *testing.T) {
	const text = `
dir: ""
issuer: http://pki.example/intermediate.crt
servers:
  mirror:
    listen: 127.0.0.1:0
    tls: {kind: missing-intermediate, names: [mirror.example], bysni: {other.example: {kind: good}}, max: "1.2"}
    gate: {maxhello: 1000, refuse: [blocked.example]}
    faults:
      - {do: stall, on: [blob], bytes: 1048576}
      - {do: rate-limit, delay: 1m30s, skip: 2, times: 1}
    registry:
      images:
        - {ref: "library/nginx:1", platforms: [linux/amd64, linux/arm64], layers: [1000, 2000], missing: [layer1]}
      auth: {scheme: bearer, realm: "https://auth.example/token", service: s}
  names:
    listen: 127.0.0.1:0
    dns:
      "*.corp.example": {addrs: [127.0.0.2], delay: 3s}
  proxy:
    listen: 127.0.0.1:0
    proxy: {user: u, password: p, deny: [blocked.example]}
`
	var spec world.Spec
	if err := yaml.Unmarshal([]byte(text), &spec); err != nil {
		t.Fatal(err)
	}
	w, err := world.Serve(spec)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	m := spec.Servers["mirror"]
	if m.Gate.MaxHello != 1000 || m.TLS.BySNI["other.example"].Kind != world.Good || m.Faults[1].Delay != world.Duration(90*time.Second) || w.Server("mirror") == nil || w.DNS("names") == nil || w.Registry("mirror") == nil {
		t.Errorf("%+v", m)
	}
}
