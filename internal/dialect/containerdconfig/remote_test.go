package containerdconfig_test

import (
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/containerdconfig"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

func TestASnapshotterOfAnotherProgramIsKnownByItsSocket(t *testing.T) {
	const plugin = "[proxy_plugins.stargz]\ntype = \"snapshot\"\naddress = \"/run/s.sock\"\n"
	const cri = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]\nruntime_type = \"io.containerd.runc.v2\"\n[plugins.\"io.containerd.grpc.v1.cri\".containerd]\n"
	for text, want := range map[string]string{
		cri + "snapshotter = \"stargz\"\n" + plugin:    "/run/s.sock",
		cri + "snapshotter = \"overlayfs\"\n" + plugin: "",
		cri + "snapshotter = \"stargz\"\n":             "",
		"version = 2\n" + plugin:                       "",
	} {
		for _, v := range []string{"1.6.20", "1.7.35", "2.4.2"} {
			target := route.Target{Runtime: "containerd", Version: route.MustVersion(v), Containerd: route.MustVersion(v)}
			files := []source.File{{Path: "/etc/containerd/config.toml", Kind: source.Regular, Data: []byte(text)}}
			if got := containerdconfig.Read(files, "/etc/containerd/config.toml", target).Remote; got.Value != want || (want != "") != (got.At.Line > 0) {
				t.Errorf("%s: %+v, want %q\n%s", v, got, want, text)
			}
		}
	}
}
