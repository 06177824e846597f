package node

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestProxiesOfOtherProgramsAreFoundWithTheirPlace(t *testing.T) {
	r := openRoot(t, writeTree(t, map[string]string{
		"etc/systemd/system/containerd.service.d/p.conf": "[Service]\nEnvironment=HTTPS_PROXY=http://no-effect\n",
		"etc/systemd/system/k3s.service":                 "[Service]\nEnvironment=HTTPS_PROXY=http://own\n",
		"lib/systemd/system/docker.service":              "[Service]\nEnvironmentFile=-/etc/default/docker\n",
		"etc/default/docker":                             "# export http_proxy=\"http://127.0.0.1:3128/\"\nHTTP_PROXY=http://u:p@docker\n",
		"etc/systemd/system.conf":                        "[Manager]\nDefaultEnvironment=HTTPS_PROXY=http://all\n",
		"etc/environment":                                "PATH=/bin\nhttps_proxy=\"http://env:1\"\nno_proxy=\n",
		"etc/profile.d/proxy.sh":                         "export HTTPS_PROXY='http://shell:1'\r\nexport OTHER_PROXY=x\n",
		"etc/apt/apt.conf.d/95proxy":                     "Acquire::http::Proxy \"http://apt:3142\";\n# Acquire::https::Proxy \"x\";\nAcquire::https::Proxy \"DIRECT\";\n",
		"etc/dnf/dnf.conf":                               "[main]\nproxy=http://dnf:1\nproxy_username=x\n",
		"etc/docker/daemon.json":                         "{\n \"proxies\": {\"https-proxy\": \"http://daemon:1\", \"no-proxy\": \"\", \"x\": 1}}",
		"root/.docker/config.json":                       "{\"proxies\":{\"default\":{\"httpsProxy\":\"http://u:pw@client\"}}}",
		"etc/wgetrc":                                     "https_proxy = http://wget\n",
	}))
	want := []string{
		"/etc/systemd/system/containerd.service.d/p.conf:2:13 HTTPS_PROXY=http://no-effect",
		"/etc/default/docker:2:1 HTTP_PROXY=http://u:***@docker",
		"/etc/environment:2 https_proxy=http://env:1",
		"/etc/profile.d/proxy.sh:1 HTTPS_PROXY=http://shell:1",
		"/etc/apt/apt.conf.d/95proxy:1 Acquire::http::Proxy=http://apt:3142",
		"/etc/dnf/dnf.conf:2 proxy=http://dnf:1",
		"/etc/wgetrc:1 https_proxy=http://wget",
		"/etc/docker/daemon.json:2:14 https-proxy=http://daemon:1",
		"/root/.docker/config.json:1:24 httpsProxy=http://u:***@client",
	}
	var got []string
	for _, p := range OtherProxies(r, "k3s.service") {
		got = append(got, fmt.Sprintf("%s %s=%s", p.At, p.Key, p.Value))
		if strings.Contains(p.Value, "***") && !strings.Contains(p.Reveal.Reveal(), ":p") {
			t.Errorf("the value of %s cannot be had", p.At)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
