package hostscheck

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

const digest = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"

// registries are the names that trees are made for.
var registries = []string{
	"docker.io", "ghcr.io", "r.example", "r.example:5000", "r.example:443", "localhost", "localhost:5000",
	"localhost:80", "localhost:443", "127.0.0.1:5000", "[::1]:5000", "[fd00::1]:5000", "[fd00::1]", "192.168.0.4:5500",
}

// images lists a tag and a digest of each registry.
func images(registries ...string) []string {
	var out []string
	for _, r := range registries {
		repo := r + "/team/app"
		if r == "docker.io" {
			repo = "docker.io/library/nginx"
		}
		out = append(out, repo+":1.2", repo+"@"+digest)
	}
	return out
}

// directory is the name under which a registry is looked up first.
func directory(registry string) string {
	if i := strings.LastIndexByte(registry, ':'); i > 0 {
		return registry[:i] + "_" + registry[i+1:] + "_"
	}
	return registry
}

// fixed lists the cases that are worth a name.
func fixed(p pki) []Tree {
	var out []Tree
	for i, text := range texts(p) {
		for _, registry := range []string{"r.example:5000", []string{"docker.io", "localhost:5000", "localhost"}[i%3]} {
			out = append(out, Tree{
				Name: fmt.Sprintf("text %d", i), Roots: []string{"certs.d"}, Images: images(registry),
				Entries: []Entry{{Path: "certs.d/" + directory(registry) + "/hosts.toml", Data: text}},
			})
		}
	}
	return slices.Concat(out, directories(p), implicit())
}

// implicit are registries without any file.
func implicit() []Tree {
	var out []Tree
	for _, r := range registries {
		out = append(out, Tree{Name: "no file for " + r, Roots: []string{"certs.d"}, Images: images(r), Entries: []Entry{{Path: "certs.d", Dir: true}}})
	}
	return out
}

const mirror = "[host.\"https://m.example\"]\n"

// texts are hosts.toml files, one fact each.
func texts(p pki) []string {
	out := []string{
		"", "\n", "# only a comment\n", "server = \"\"\n", "server = \"https://u.example\"\n", "server = \"https://u.example\"\n[host]\n",
		mirror, "server = \"\"\n" + mirror, "server = \"https://u.example\"\n" + mirror, mirror + "server = \"https://u.example\"\n",
		"capabilities = [\"pull\"]\n" + mirror, "server = \"https://u.example\"\ncapabilities = [\"pull\"]\n" + mirror,
		"SERVER = \"https://u.example\"\n" + mirror, "Server = \"https://u.example\"\n" + mirror,
		mirror + "Skip_Verify = true\n", mirror + "SKIP_VERIFY = true\n", mirror + "CAPABILITIES = [\"pull\"]\n",
		"[Host.\"https://m.example\"]\n", "[hosts.\"https://m.example\"]\n", "[HOST.\"https://m.example\"]\n",
		"host = { \"https://m.example\" = { capabilities = [\"pull\", \"resolve\"] } }\n",
		"host = { \"https://m.example\" = {}, \"https://n.example\" = {} }\n",
		"host.\"https://m.example\".capabilities = [\"pull\", \"resolve\"]\n",
		"[host]\n\"https://m.example\" = { capabilities = [\"pull\", \"resolve\"] }\n",
		"[host]\n\"https://m.example\".capabilities = [\"pull\", \"resolve\"]\n",
		"[host]\nfoo = 1\n", "[host]\nfoo = 1\n[host.\"https://m.example\"]\n", "host = 1\n", "host = []\n",
		"[[host]]\n", "[[host.\"https://m.example\"]]\n", "[host.m.example]\n", "[host.m]\n", "[host.'https://m.example']\n",
		"[ host . \"https://m.example\" ]\n", "[host.\"https://m.example\".x]\n", "[host.\"\"]\n", mirror + "[host.\"\"]\n",
		"[host.\"https://a.example\"]\n[host.\"https://b.example\"]\n[host.\"https://a.example\".header]\nx = \"1\"\n",
		"[host.\"https://a.example\".header]\nx = \"1\"\n[host.\"https://b.example\"]\n[host.\"https://a.example\"]\n",
		mirror + mirror, mirror + "capabilities = [\"pull\"]\ncapabilities = [\"push\"]\n",
		"\xef\xbb\xbfserver = \"https://u.example\"\n" + mirror, "\xff\xfes\x00=\x001\x00", "\xfe\xff\x00s", "a = \x00\n", "a = \"\xff\"\n",
		strings.ReplaceAll("server = \"https://u.example\"\n"+mirror+"capabilities = [\"pull\"]\n", "\n", "\r\n"),
		"server = “https://u.example”\n" + mirror, mirror + "capabilities = [“pull”]\n", "server: https://u.example\n", "server = https://u.example\n",
		"server = 'https://u.example'\n" + mirror, "server = \"\"\"https://u.example\"\"\"\n" + mirror, "\tserver = \"https://u.example\"\n" + mirror,
		"server = \"https://u.example\" x\n" + mirror, "server = 1\n" + mirror, "server = [\"https://u.example\"]\n" + mirror,
		"[header]\nx = \"1\"\n" + mirror, "[header]\nx = [\"1\", \"2\"]\n" + mirror, "server = \"https://u.example\"\n[header]\nx = \"1\"\n" + mirror,
	}
	for _, url := range urls {
		out = append(out,
			fmt.Sprintf("[host.%q]\n", url), fmt.Sprintf("[host.%q]\noverride_path = true\n", url),
			fmt.Sprintf("server = %q\n[host]\n", url), fmt.Sprintf("[host.%q]\nskip_verify = false\n", url),
		)
	}
	for _, line := range values(p) {
		out = append(out, mirror+line+"\n", line+"\n"+mirror, "server = \"https://u.example\"\n"+line+"\n[host]\n")
	}
	return out
}

// urls are ways to write an endpoint, most of them wrong.
var urls = []string{
	"https://m.example", "http://m.example", "m.example", "m.example:5000", "http://m.example:5000", "https://m.example:443",
	"http://m.example:80", "localhost:5000", "httpbin.example", "HTTPS://m.example", "HTTP://m.example", "httpS://m.example",
	"ftp://m.example", "httpx://m.example", "https:/m.example", "http:s//m.example", "https//m.example", "https:///m.example", "http:m.example",
	"https://m.example/", "https://m.example/v2", "https://m.example/v2/", "https://m.example/v2/hub", "https://m.example/hub",
	"https://m.example/hub/", "https://m.example//hub/../x", "https://m.example/v1", "https://m.example/a/v2", "https://m.example?x=1",
	"https://m.example/a?x=1", "https://m.example#f", "https://user:secret@m.example", "https://user@m.example/x", " https://m.example",
	"https://m.example ", "https://m .example", "https://m.example:port", "https://m.example:", "https://m.example:99999", "https://[fd00::1]:5000",
	"http://[::1]:5000", "https://[fd00::1", "https://*", "*", "https://m.example/%20x", "https://m.example/%zz", "https://m.example/a%25b", "https://m.example/a%3Fb", "https://m.example/a%23b", "https://m.example/ü%2Fx", "https://m_x.example",
	"https://", "http://", "/", ".", "://", "https://r.example:5000", "https://docker.io", "https://registry-1.docker.io", "https://docker.i://x", "https://ü.example",
	"http://127.0.0.1:80", "http://localhost", "https://m.example:5000/v2/x/v2",
}

// values are lines of a table, right and wrong.
func values(p pki) []string {
	out := []string{
		`capabilities = ["pull"]`, `capabilities = ["pull", "resolve"]`, `capabilities = ["PULL", "Resolve", "push"]`, `capabilities = []`,
		`capabilities = ["pul"]`, `capabilities = "pull"`, `capabilities = [""]`, `capabilities = ["pull "]`, `capabilities = ["push"]`,
		`capabilities = ["resolve"]`, `capabilities = ["referrers"]`, `capabilities = [1]`, `capabilities = [["pull"]]`, `capabilities = { pull = true }`,
		`skip_verify = true`, `skip_verify = false`, `skip_verify = "true"`, `skip_verify = 1`, `skip_verify = []`,
		`override_path = true`, `override_path = "true"`, `override_path = 1`, `unknown = 1`, `skipverify = true`, `rewrite = { "a" = "b" }`, `rewrite = 1`,
		`ca = ""`, `ca = []`, `ca = 1`, `ca = [1]`, `ca = [[]]`, `ca = {}`, `ca = [{}]`, `ca = true`, `ca = "missing.pem"`, `client = ""`, `client = []`, `client = 1`, `client = [1]`,
		`client = {}`, `client = [[]]`, `client = [["a"]]`, `client = [["a", "b", "c"]]`, `client = [[1, 2]]`, `client = "missing.pem"`,
		`dial_timeout = "5s"`, `dial_timeout = "5"`, `dial_timeout = 5`, `dial_timeout = "0s"`, `dial_timeout = "-5s"`, `dial_timeout = ""`, `dial_timeout = "1m30s"`, `dial_timeout = {}`,
		`header = { x = "1" }`, `header = { X-A = ["1", "2"], x-a = "3" }`, `header = { x = 1 }`, `header = { x = [1] }`, `header = { x = [] }`, `header = {}`, `header = "x"`, `header = []`,
		`header = { authorization = "Basic eDp5" }`, `header = { "User-Agent" = "me" }`, `header = { "a b" = "1" }`, `header = { a = "1\n2" }`, `header = { "" = "1" }`, `header = { Accept = "x" }`, `header = { Host = "other" }`,
		`header.x = "1"`, `server = "https://x.example"`, `dial_timeout = 1979-05-27`, `server = 1979-05-27T07:32:00Z`, `skip_verify = inf`,
	}
	for _, f := range slices.Concat(p.ca, p.bad) {
		out = append(out, fmt.Sprintf("ca = %q", f), fmt.Sprintf("ca = [%q, %q]", p.ca[0], f), fmt.Sprintf("client = %q", f))
	}
	return append(out,
		fmt.Sprintf("client = %q", p.path("combined.pem")), fmt.Sprintf("client = [%q]", p.path("combined.pem")),
		fmt.Sprintf("client = [[%q, %q]]", p.path("client.pem"), p.path("client.key")),
		fmt.Sprintf("client = [%q, %q]", p.path("client.pem"), p.path("client.key")),
		fmt.Sprintf("client = [[%q, \"\"]]", p.path("combined.pem")),
		fmt.Sprintf("client = [[%q, %q], %q]", p.path("client.pem"), p.path("client.key"), p.path("combined.pem")),
		fmt.Sprintf("ca = %q\nskip_verify = true\nclient = []", p.ca[1]),
	)
}

// directories are trees whose point is what stat finds.
func directories(p pki) []Tree {
	a, b := "[host.\"https://a.example\"]\n", "[host.\"https://b.example\"]\n"
	tree := func(name string, entries ...Entry) Tree {
		return Tree{Name: name, Roots: []string{"certs.d"}, Entries: entries, Images: images("r.example:5000", "r.example", "docker.io", "[fd00::1]", "[fd00::1]:5000")}
	}
	in := func(dir, data string) Entry { return Entry{Path: "certs.d/" + dir + "/hosts.toml", Data: data} }
	out := []Tree{
		tree("both spellings of a port", in("r.example_5000_", a), in("r.example:5000", b)),
		tree("colon before default", in("r.example:5000", a), in("_default", b)),
		tree("default alone", in("_default", a)),
		tree("empty directory hides default", Entry{Path: "certs.d/r.example", Dir: true}, in("_default", a)),
		tree("empty file hides default", in("r.example", ""), in("_default", a)),
		tree("empty directory hides colon", Entry{Path: "certs.d/r.example_5000_", Dir: true}, in("r.example:5000", a)),
		tree("a file in place of a directory", Entry{Path: "certs.d/r.example", Data: a}, in("_default", b)),
		tree("a link that leads nowhere", Entry{Path: "certs.d/r.example", Link: "gone"}, in("_default", b)),
		tree("a linked directory", Entry{Path: "certs.d/r.example", Link: "loop"}, Entry{Path: "certs.d/loop", Link: "r.example"}),
		tree("hosts.toml is a directory", Entry{Path: "certs.d/r.example/hosts.toml", Dir: true}),
		tree("hosts.toml leads nowhere", Entry{Path: "certs.d/r.example/hosts.toml", Link: "gone"}),
		tree("misnamed", in("r.example_5000", a), in("r.example-5000", a), in("*", a), in("default", a)),
		tree("address without port", in("[fd00::1]", a), in("[fd00:_1]_", b)),
		tree("address with port", in("[fd00::1]_5000_", a), in("[fd00::1]:5000", b)),
		tree("the root is a file", Entry{Path: "certs.d", Data: "x"}),
	}
	cert := func(name, from string) Entry {
		data := ""
		if from != "" {
			data = string(mustRead(filepath.Join(p.dir, from)))
		}
		return Entry{Path: "certs.d/r.example/" + name, Data: data}
	}
	for _, entries := range [][]Entry{
		{cert("x.crt", "ca0.pem")}, {cert("x.crt", "ca0.pem"), cert("y.crt", "ca1.pem")}, {cert("x.crt", "ca.der")}, {cert("x.pem", "ca0.pem")},
		{cert("c.cert", "client.pem"), cert("c.key", "client.key")}, {cert("c.cert", "client.pem")}, {cert("c.cert", "combined.pem")}, {cert("c.key", "client.key")},
		{cert("x.crt", "ca0.pem"), cert("hosts.toml", ""), cert("c.cert", "combined.pem")},
		{cert("x.crt", "ca0.pem"), {Path: "certs.d/r.example/hosts.toml", Data: "nonsense"}},
		{cert("x.crt", "ca.der"), {Path: "certs.d/r.example/hosts.toml", Data: a}}, {cert("x.crt", "ca.der"), {Path: "certs.d/r.example/hosts.toml", Data: "# nothing\n[host]\n"}},
		{{Path: "certs.d/r.example/x.crt", Link: "gone"}}, {{Path: "certs.d/r.example/x.crt", Dir: true}}, {cert("c.cert", "combined.pem"), {Path: "certs.d/r.example/c.key", Link: "gone"}},
		{cert("host.toml", "ca0.pem")}, {cert("x.crt", "ca0.pem"), {Path: "certs.d/r.example/hosts.toml", Link: "gone"}},
	} {
		out = append(out, tree("certificate files", entries...))
	}
	return append(out, roots(a, b)...)
}

// roots are lists in config_path.
func roots(a, b string) []Tree {
	in := func(dir, data string) Entry { return Entry{Path: dir + "/hosts.toml", Data: data} }
	all := images("r.example", "r.example:5000", "docker.io", "q.example")
	return []Tree{
		{Name: "first root", Roots: []string{"a", "b"}, Images: all, Entries: []Entry{in("a/r.example", a), in("b/r.example", b), in("b/docker.io", b)}},
		{Name: "default of the first root", Roots: []string{"a", "b"}, Images: all, Entries: []Entry{in("a/_default", a), in("b/r.example", b), in("b/docker.io", b)}},
		{Name: "default of the second root", Roots: []string{"a", "b"}, Images: all, Entries: []Entry{in("a/r.example", a), in("b/_default", b), in("b/r.example_5000_", a)}},
		{Name: "second root alone", Roots: []string{"a", "b"}, Images: all, Entries: []Entry{in("b/r.example", b)}},
		{Name: "three roots", Roots: []string{"a", "b", "c"}, Images: all, Entries: []Entry{in("a/docker.io", a), in("b/r.example:5000", b), in("c/_default", a), in("c/r.example_5000_", a)}},
		{Name: "first root is a file", Roots: []string{"a", "b"}, Images: all, Entries: []Entry{{Path: "a", Data: "x"}, in("b/r.example", b)}},
	}
}
