package corpus

import "strings"

// cri writes the table of the CRI plugin without its registries.
func (g *generator) cri(table, id string) string {
	if id == "io.containerd.cri.v1.images" {
		return "[" + table + "]\n" +
			g.some(8, g.imageFlag, g.imageFlag, g.progress, func() string { return "sandbox_image = \"r.lab/pause:1\"\n" }) +
			g.some(4, func() string { return "[" + table + ".pinned_images]\nsandbox = " + g.sandbox() + "\n" })
	}
	return "[" + table + "]\n" +
		g.some(5, func() string { return "sandbox_image = " + g.sandbox() + "\n" }, g.progress) +
		g.some(12, g.plain, g.imageFlag) +
		g.some(6, func() string { return "[" + table + ".containerd]\n" + g.containerd(table) })
}

func (g *generator) sandbox() string {
	return g.one(`"r.lab:5000/pause:3.9"`, `"registry.k8s.io/pause:3.9"`, `""`, `'k8s.gcr.io/pause:3.2'`)
}

func (g *generator) progress() string {
	return "image_pull_progress_timeout = " + g.one(`"1m0s"`, `"0"`, `"10"`, `""`) + "\n"
}

func (g *generator) plain() string {
	return g.rarely("enable_selinux = \"yes\"\n", "systemd_cgroup = true\n", "stream_idle_timeout = \"4\"\n", "max_container_log_line_size = 100\n",
		"unknown_key = 5\n", "max_concurrent_downloads = 5\n", "enable_cdi = true\n")
}

func (g *generator) imageFlag() string {
	return g.one("use_local_image_pull = true\n", "discard_unpacked_layers = true\n", "disable_snapshot_annotations = false\n",
		"max_concurrent_downloads = 4\n", "image_pull_with_sync_fs = true\n", "snapshotter = \"native\"\n")
}

func (g *generator) containerd(table string) string {
	return g.some(3,
		func() string { return "snapshotter = \"" + g.one("native", "overlayfs") + "\"\n" },
		func() string { return "default_runtime_name = \"" + g.one("runc", "runc", "kata", "") + "\"\n" },
		func() string { return "disable_snapshot_annotations = false\n" },
	) + g.some(3, func() string {
		return "[" + table + ".containerd.runtimes." + g.one("runc", "runc", "kata") + "]\nruntime_type = \"io.containerd.runc.v2\"\n" +
			g.some(3, func() string { return "sandbox_mode = \"podsandbox\"\n" }, func() string { return "runtime_engine = \"/usr/bin/runc\"\n" })
	})
}

// registry writes the registry table in one of the ways that TOML allows.
func (g *generator) registry(table string) string {
	path := ""
	if g.in(3) {
		path = "config_path = " + g.rarely(`["/etc/containerd/certs.d"]`, `"/etc/containerd/certs.d"`, `"/etc/containerd/certs.d:/etc/docker/certs.d"`,
			`"etc/containerd/certs.d"`, `""`, `'/a'`, `":"`) + "\n"
	}
	head := "[" + table + "]\n" + path + g.some(12, func() string {
		return g.one("config-path = \"/x\"\n", "mirror = 5\n", "CONFIG_PATH = \"/upper\"\n", "Config_Path = \"/mixed\"\n")
	})
	return head + g.some(3, func() string { return g.mirrors(table) }, func() string { return g.configs(table) }) +
		g.some(8, func() string { return g.auths(table) }, func() string { return g.headers(table) })
}

var names = []string{"docker.io", "ghcr.io", "registry.lab:5000", "*", "localhost:5000", "10.0.0.1:5000", "registry-1.docker.io", "harbor.lab"}

func (g *generator) name() string { return g.one(names...) }

func (g *generator) mirrors(table string) string {
	if g.in(10) {
		return "[" + table + "]\nmirrors = { \"" + g.name() + "\" = { endpoint = [" + g.endpoint() + "] } }\n"
	}
	var out []string
	if g.in(3) {
		out = append(out, "["+table+".mirrors]\n")
	}
	for range g.rng.IntN(3) {
		name := `"` + g.name() + `"`
		if g.in(10) {
			name = g.one("docker.io", "localhost", "'ghcr.io'", "harbor.lab")
		}
		var list []string
		for range g.rng.IntN(3) {
			list = append(list, g.endpoint())
		}
		out = append(out, "["+table+".mirrors."+name+"]\n  endpoint = ["+strings.Join(list, ", ")+"]\n")
	}
	return strings.Join(out, "")
}

func (g *generator) endpoint() string {
	return `"` + g.one("https://mirror.lab", "http://registry.lab:5000", "https://registry-1.docker.io", "https://docker.io", "registry.lab:5000", "localhost:5000",
		"https://harbor.lab/v2/proxy", "https://harbor.lab/proxy/", "http://10.0.0.1:5000", "10.0.0.1:5000", "https://user:pw@harbor.lab", "https://ghcr.io/",
		"https://h:port", "ftp://x", "http:/one", "https://[::1]:5000", "HTTPS://Up.Lab", "https://m.lab?x=1#y", "", "https://", "http://127.0.0.1:80", "harbor.lab/a b") + `"`
}

func (g *generator) configs(table string) string {
	var out []string
	for range 1 + g.rng.IntN(2) {
		host := g.one("registry.lab:5000", "harbor.lab", "registry-1.docker.io", "docker.io", "ghcr.io", "mirror.lab", "localhost:5000", "10.0.0.1:5000", "*", "https://harbor.lab")
		at := "[" + table + ".configs.\"" + host + "\""
		out = append(out, g.some(2,
			func() string { return at + ".auth]\n" + g.auth() },
			func() string { return at + ".tls]\n" + g.tls() },
		))
	}
	return strings.Join(out, "")
}

func (g *generator) auth() string {
	return g.rarely("username = \"u\"\npassword = 5\n", "username = \"u\"\npassword = \"p\"\n", "auth = \"dTpw\"\n", "identitytoken = \"t\"\n", "auth = \"???\"\n", "auth = \"dXA=\"\n",
		"username = \"u\"\n", "username = \"u\"\npassword = \"p\"\nauth = \"eDp5\"\n", "auth = \"dTpwAAA=\"\n", "")
}

func (g *generator) tls() string {
	return g.rarely("insecure_skip_verify = \"yes\"\n", "insecure_skip_verify = true\n", "cert_file = \"/c.pem\"\n", "key_file = \"/k.pem\"\n", "", "insecure_skip_verify = false\n")
}

func (g *generator) auths(table string) string {
	return "[" + table + ".auths.\"" + g.one("https://harbor.lab", "http://registry.lab:5000", "harbor.lab", "harbor.lab:443", "10.0.0.1:5000", "https://docker.io/v1/", "") +
		"\"]\n" + g.auth()
}

func (g *generator) headers(table string) string {
	return "[" + table + ".headers]\n" + g.rarely("Authorization = \"Basic eDp5\"\n", "User-Agent = [\"c/1\"]\n", "X-A = [\"1\", \"2\"]\nx-b = [\"3\"]\n", "X = []\n")
}
