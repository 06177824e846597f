// Package docker holds Towpath to the code of Docker Engine 28.5.2.
//
// The flags of dockerd are those of its package main, which cannot be imported:
// they are listed here by name. How containerd's image store is set up is not
// reachable either (daemon/hosts.go); that reading relies on the source.
package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/daemon/config"
	"github.com/docker/docker/opts"
	"github.com/docker/docker/registry"
	"github.com/spf13/pflag"

	ours "github.com/towpath-dev/towpath/internal/dialect/docker"
	"github.com/towpath-dev/towpath/internal/dialect/docker/corpus"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// each is how many generated, mutated and rendered files are compared.
const each = 1500

func TestDaemonJSONIsReadAsDockerReadsIt(t *testing.T) {
	offline(t)
	counts := map[string]int{}
	g, m, w := corpus.New(1), corpus.New(2), corpus.New(3)
	for i := range each {
		compare(t, fmt.Sprintf("generated %d", i), g.File(), counts)
		compare(t, fmt.Sprintf("mutated %d", i), m.Mutated(), counts)
		if files := ours.Render(w.Table(), nil); len(files) > 0 {
			compare(t, fmt.Sprintf("rendered %d", i), string(files[0].Data), counts)
		}
	}
	t.Logf("%v", counts)
	if counts["accepted"] < each || counts["refused"] < each/2 {
		t.Errorf("too few of a sort: %v", counts)
	}
}

// offline answers every look-up of a name with an error at once: dockerd looks
// up the names of registries to compare their addresses with its ranges.
func offline(t *testing.T) {
	was := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = was })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no network")
	}}
}

func compare(t *testing.T, name, text string, counts map[string]int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "daemon.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	service, err := start(t, file)
	files := []source.File{{Path: "/etc/docker/daemon.json", Data: []byte(text)}}
	reading := ours.Read(files, route.Target{}, ours.Options{})
	refused := slices.ContainsFunc(reading.Table.Routes, func(r route.Route) bool { return r.Match == route.Any && r.Fails != "" })
	if refused != (err != nil) {
		t.Errorf("%s: dockerd says %v, we refuse: %v %v\n%s", name, err, refused, reading.Table.Routes, text)
		return
	}
	if err != nil {
		counts["refused"]++
		if !slices.ContainsFunc(reading.Findings, func(f finding.Finding) bool { return f.Stops }) {
			t.Errorf("%s: refused without a finding: %v\n%s", name, err, text)
		}
		return
	}
	counts["accepted"]++
	for _, host := range corpus.Registries {
		counts["registries"]++
		if got, want := asked(t, reading.Table, host), endpoints(t, service, host); got != want {
			t.Errorf("%s, %s: got\n%swant\n%s%s", name, host, got, want, text)
			return
		}
	}
}

// start does with a file what dockerd does before it serves.
func start(t *testing.T, file string) (*registry.Service, error) {
	t.Helper()
	defaults, err := config.New()
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.MergeDaemonConfigurations(defaults, dockerd(), file)
	if err != nil {
		return nil, err
	}
	return registry.NewService(c.ServiceOptions)
}

func endpoints(t *testing.T, s *registry.Service, host string) string {
	t.Helper()
	list, err := s.LookupPullEndpoints(host)
	if err != nil {
		return "fails\n"
	}
	var out strings.Builder
	for _, e := range list {
		if e.URL.Host == "" || strings.HasSuffix(e.URL.Host, ":") {
			out.WriteString("broken\n")
			continue
		}
		verify := !e.TLSConfig.InsecureSkipVerify
		if e.URL.Scheme == "http" {
			verify = false
		}
		fmt.Fprintf(&out, "%s/v2/ verify=%v mirror=%v\n", strings.TrimRight(e.URL.String(), "/"), verify, e.Mirror)
	}
	return out.String()
}

// asked is the same from the table: an endpoint that falls back to plain HTTP
// is two to dockerd.
func asked(t *testing.T, table route.Table, host string) string {
	t.Helper()
	ref, err := route.ParseRef(host + "/team/app:1")
	if err != nil {
		t.Fatal(err)
	}
	if table.RouteFor(ref).Fails != "" {
		return "fails\n"
	}
	var out strings.Builder
	for _, e := range table.EndpointsFor(ref) {
		if e.Broken != "" {
			out.WriteString("broken\n")
			continue
		}
		mirror := e.Role == route.Mirror
		fmt.Fprintf(&out, "%s verify=%v mirror=%v\n", e.Ping(), e.Scheme == "https" && !e.TLS.SkipVerify, mirror)
		if e.PlainFallback {
			fmt.Fprintf(&out, "%s verify=false mirror=%v\n", strings.Replace(e.Ping(), "https", "http", 1), mirror)
		}
	}
	return out.String()
}

// dockerd is its set of flags by name, as cmd/dockerd/{config,config_unix,options,docker}.go add them.
func dockerd() *pflag.FlagSet {
	f := pflag.NewFlagSet("dockerd", pflag.ContinueOnError)
	for name, flag := range map[string]string{
		"registry-mirrors": "registry-mirror", "insecure-registries": "insecure-registry", "storage-opts": "storage-opt",
		"authorization-plugins": "authorization-plugin", "exec-opts": "exec-opt", "features": "feature", "default-network-opts": "default-network-opt",
		"dns-opts": "dns-opt", "host-gateway-ips": "host-gateway-ip", "labels": "label", "log-opts": "log-opt", "node-generic-resources": "node-generic-resource",
		"cdi-spec-dirs": "cdi-spec-dir", "runtimes": "add-runtime", "default-ulimits": "default-ulimit", "hosts": "host",
		"allow-nondistributable-artifacts": "allow-nondistributable-artifacts",
	} {
		f.Var(opts.NewNamedListOptsRef(name, &[]string{}, nil), flag, "")
	}
	f.Var(&opts.PoolsOpt{}, "default-address-pool", "")
	for _, name := range strings.Fields(`pidfile data-root exec-root containerd log-driver swarm-default-advertise-addr metrics-addr containerd-namespace
		containerd-plugins-namespace default-runtime http-proxy https-proxy no-proxy api-cors-header group storage-driver bip bip6 bridge fixed-cidr fixed-cidr-v6
		default-gateway default-gateway-v6 ip userland-proxy-path cgroup-parent userns-remap init-path seccomp-profile default-shm-size default-ipc-mode
		default-cgroupns-mode config-file log-level log-format tlscacert tlscert tlskey dns dns-search`) {
		f.String(name, "", "")
	}
	for _, name := range strings.Fields(`mtu network-control-plane-mtu network-diagnostic-port max-concurrent-downloads max-concurrent-uploads max-download-attempts
		shutdown-timeout cpu-rt-period cpu-rt-runtime`) {
		f.Int(name, 0, "")
	}
	for _, name := range strings.Fields(`cri-containerd raw-logs experimental restart selinux-enabled iptables ip6tables ip-forward ip-forward-no-drop ip-masq ipv6 icc
		userland-proxy allow-direct-routing live-restore init no-new-privileges rootless version debug validate tls tlsverify help`) {
		f.Bool(name, false, "")
	}
	return f
}
