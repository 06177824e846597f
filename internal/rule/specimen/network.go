package specimen

import (
	"time"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

// node are troubles of the machine itself.
var node = []Specimen{
	{"node/could-not-look", "", func(s *snapshot.Snapshot) {
		s.Node.Unseen = []snapshot.Unseen{{What: "/proc/812/environ", Why: "permission denied"}}
	}, func(s *snapshot.Snapshot) { s.Node.Unseen = nil }},
	{"node/disk-full", "the image is larger than what is free", func(s *snapshot.Snapshot) {
		first(s).Manifest.Bytes, s.Node.Disks[0].Free = 2<<30, 1<<30
	}, func(s *snapshot.Snapshot) { s.Node.Disks[0].Free = 2 << 30 }},
	{"node/disk-full", "nothing is free, whatever the image", func(s *snapshot.Snapshot) {
		first(s).Manifest, s.Node.Disks[0].Free = nil, 4096
	}, func(s *snapshot.Snapshot) { s.Node.Live = false }},
	{"node/inodes-full", "", func(s *snapshot.Snapshot) { s.Node.Disks[0].InodesFree = 3 },
		func(s *snapshot.Snapshot) { s.Node.Disks[0].Inodes = 0 }}, // btrfs counts none
	{"node/read-only-file-system", "", func(s *snapshot.Snapshot) { s.Node.Disks[0].ReadOnly = true },
		func(s *snapshot.Snapshot) { s.Node.Live = false }},
	{"node/runtime-not-responding", "down", func(s *snapshot.Snapshot) {
		s.Runtime.CRI, s.Runtime.PID = snapshot.CRI{Asked: true, Err: "connection refused"}, 0
	}, func(s *snapshot.Snapshot) { s.Runtime.CRI.Asked = false }},
	{"node/runtime-not-responding", "hangs", func(s *snapshot.Snapshot) {
		s.Runtime.CRI = snapshot.CRI{Asked: true, Err: "deadline exceeded", TimedOut: true}
	}, func(s *snapshot.Snapshot) { s.Runtime = nil }},
	{"node/runtime-not-responding", "without the CRI plugin", func(s *snapshot.Snapshot) {
		s.Runtime.CRI = snapshot.CRI{Asked: true, Answers: true, Err: "unknown service", Unlisted: true}
	}, func(s *snapshot.Snapshot) { s.Runtime.CRI.Images = true }},
	{"node/remote-snapshotter-down", "", func(s *snapshot.Snapshot) {
		s.Runtime.Remote = &snapshot.Remote{Name: "stargz", Socket: "/run/stargz.sock", Asked: true, Absent: true, Err: "connection refused", From: source.Pos{File: "/etc/containerd/config.toml", Line: 4}}
	}, func(s *snapshot.Snapshot) { s.Runtime.Remote.Asked = false }},
	{"node/remote-snapshotter-down", "it hangs", func(s *snapshot.Snapshot) {
		s.Runtime.Remote = &snapshot.Remote{Name: "stargz", Socket: "/run/stargz.sock", Asked: true, Err: "i/o timeout"}
	}, func(s *snapshot.Snapshot) { s.Runtime.Remote.Err = "" }},
	{"node/sandbox-image-unavailable", "", func(s *snapshot.Snapshot) {
		h := Hop(0, "registry.k8s.io")
		fail(&h, snapshot.Connect, snapshot.DialTimeout)
		s.Sandbox = &snapshot.Pull{Image: "registry.k8s.io/pause:3.10", Hops: []snapshot.Hop{h}}
	}, func(s *snapshot.Snapshot) { s.Sandbox.Hops[0].Failure = nil }},
	{"config/wrong-containerd-instance", "", func(s *snapshot.Snapshot) {
		s.Node.Kubelet = &snapshot.Kubelet{PID: 700, Endpoint: "unix:///run/k3s/containerd/containerd.sock", From: source.Pos{File: "/var/lib/kubelet/config.yaml", Line: 3}}
	}, func(s *snapshot.Snapshot) { s.Node.Kubelet.Endpoint = "unix:///var" + s.Runtime.Socket }}, // /var/run leads to /run
	{"config/registry-blocked", "", func(s *snapshot.Snapshot) {
		fail(first(s), snapshot.Connect, snapshot.BadConfig)
		first(s).Broken = "registry " + Registry + " is blocked"
	}, func(s *snapshot.Snapshot) { first(s).Broken = "the URL names no host" }},
	{"config/registry-blocked", "all of it", func(s *snapshot.Snapshot) {
		s.Table.Routes = append(s.Table.Routes, route.Route{Match: Registry, Fails: "registry " + Registry + " is blocked"})
	}, func(s *snapshot.Snapshot) { s.Table.Routes[len(s.Table.Routes)-1].Match = "other.example" }},
	{"network/slow", "", func(s *snapshot.Snapshot) { try(s).Took.FirstByte = 3 * time.Second },
		func(s *snapshot.Snapshot) { try(s).Took.FirstByte = time.Second }},
}

// names are troubles of name resolution.
var names = []Specimen{
	{"dns/name-not-found", "", failing(snapshot.Resolve, snapshot.NoSuchHost), cause(snapshot.DNSTimeout)},
	{"dns/name-not-found", "a mirror's", func(s *snapshot.Snapshot) {
		InFront(s)
		fail(first(s), snapshot.Resolve, snapshot.NoAddress)
	}, cause(snapshot.DNSError)},
	{"dns/resolver-timeout", "", failing(snapshot.Resolve, snapshot.DNSTimeout), func(s *snapshot.Snapshot) {
		over := snapshot.Answer{Server: server(true), Name: Registry + ".", Type: "A", Net: "tcp", RCode: "NOERROR", Addrs: []string{"10.0.0.10"}}
		try(s).Lookup.Answers = append(try(s).Lookup.Answers, over)
	}},
	{"dns/servfail-or-refused", "", failing(snapshot.Resolve, snapshot.DNSError),
		func(s *snapshot.Snapshot) { try(s).Lookup.Answers[0].Server.Node = false }},
	{"dns/resolver-not-listening", "", failing(snapshot.Resolve, snapshot.DNSRefused), cause(snapshot.DNSForbidden)},
	{"dns/blocked-by-local-firewall", "", failing(snapshot.Resolve, snapshot.DNSForbidden), cause(snapshot.DNSRefused)},
	{"dns/resolv-conf-unusable", "", func(s *snapshot.Snapshot) {
		fail(first(s), snapshot.Resolve, snapshot.DNSNoServer)
		s.Node.Resolv.Problem = "it is empty"
	}, func(s *snapshot.Snapshot) {
		try(s).Lookup.Hosts = &snapshot.HostsLine{Addr: "10.0.0.10", Names: []string{Registry}}
	}},
	{"dns/sinkholed", "", func(s *snapshot.Snapshot) {
		fail(first(s), snapshot.Connect, snapshot.Refused)
		try(s).Lookup.Addrs = []string{"0.0.0.0", "::"}
	}, func(s *snapshot.Snapshot) { try(s).Lookup.Addrs = []string{"0.0.0.0", "10.0.0.10"} }},
	{"dns/sinkholed", "loopback, where nothing listens", func(s *snapshot.Snapshot) {
		fail(first(s), snapshot.Connect, snapshot.Refused)
		try(s).Lookup.Addrs = []string{"127.0.0.1"}
	}, cause(snapshot.DialTimeout)},
	{"dns/poisoned-answer", "", func(s *snapshot.Snapshot) {
		badChain(snapshot.OtherNames)(s)
		trial(s, snapshot.OtherResolver, "10.0.0.54:53", true)
	}, inVain},
	{"dns/poisoned-answer", "invents", func(s *snapshot.Snapshot) {
		badChain(snapshot.OtherNames)(s)
		try(s).Lookup.Control = []snapshot.Answer{{Server: server(true), Name: "cannot.exist.", Addrs: []string{"10.0.0.10"}}}
	}, func(s *snapshot.Snapshot) { try(s).Lookup.Control[0].Addrs = []string{"10.0.0.11"} }},
	{"dns/search-domain-capture", "ndots", func(s *snapshot.Snapshot) {
		belowSearch(s)
		s.Node.Resolv.Ndots = 5
		trial(s, snapshot.WithoutSearch, Registry+".", true)
	}, inVain},
	{"dns/search-domain-capture", "a public registry that does not resolve", func(s *snapshot.Snapshot) {
		belowSearch(s)
		first(s).Host, try(s).Lookup.Name, try(s).Lookup.Answers[0].Name = "ghcr.io", "ghcr.io", "ghcr.io.corp.example"
	}, func(s *snapshot.Snapshot) { try(s).Lookup.Answers[0].Name = "ghcr.io" }},
	{"dns/hosts-file-override", "", func(s *snapshot.Snapshot) {
		fail(first(s), snapshot.Connect, snapshot.Refused)
		try(s).Lookup.Hosts = &snapshot.HostsLine{At: source.Pos{File: "/etc/hosts", Line: 7}, Addr: "10.0.0.98", Names: []string{Registry}}
		trial(s, snapshot.WithoutHosts, "", true)
	}, func(s *snapshot.Snapshot) { try(s).Lookup.Hosts = nil }},
	{"dns/cluster-internal-name", "", func(s *snapshot.Snapshot) {
		first(s).Host = "reg.default.svc.cluster.local:5000"
		fail(first(s), snapshot.Resolve, snapshot.NoSuchHost)
	}, func(s *snapshot.Snapshot) { first(s).Host = "svc.example:5000" }},
	{"dns/localhost-ipv6", "", func(s *snapshot.Snapshot) {
		first(s).Host = "localhost:5000"
		fail(first(s), snapshot.Connect, snapshot.Refused)
		try(s).Lookup.Addrs, try(s).Dials[0].Addr = []string{"::1"}, "[::1]:5000"
		trial(s, snapshot.OtherAddress, "127.0.0.1", true).Dials[0].Addr = "127.0.0.1:5000"
	}, inVain},
}

// belowSearch: the address is that of a name below a search domain, where
// somebody else answers.
func belowSearch(s *snapshot.Snapshot) {
	badChain(snapshot.OtherNames)(s)
	try(s).Lookup.Answers[0].Name = Registry + ".corp.example"
}

// network are troubles of the way to a host.
var network = []Specimen{
	{"network/connection-refused", "", failing(snapshot.Connect, snapshot.Refused), cause(snapshot.DialTimeout)},
	{"network/connect-timeout", "", failing(snapshot.Connect, snapshot.DialTimeout), cause(snapshot.NoRoute)},
	{"network/no-route-to-host", "", failing(snapshot.Connect, snapshot.NoRoute), cause(snapshot.Unreachable)},
	{"network/ipv6-unreachable", "", func(s *snapshot.Snapshot) {
		fail(first(s), snapshot.Connect, snapshot.Unreachable)
		try(s).Dials[0].Addr = "[2001:db8::1]:443"
	}, func(s *snapshot.Snapshot) { try(s).Dials = append(try(s).Dials, snapshot.Dial{Addr: address}) }},
	{"network/ipv4-only-registry", "", failing(snapshot.Connect, snapshot.Unreachable),
		func(s *snapshot.Snapshot) {
			try(s).Dials = append(try(s).Dials, snapshot.Dial{Addr: "[2001:db8::1]:443"})
		}},
	{"mirror/black-holed", "", func(s *snapshot.Snapshot) { fail(InFront(s), snapshot.Connect, snapshot.DialTimeout) },
		func(s *snapshot.Snapshot) { first(s).Mirror = false }},
	{"network/reset-in-tls-handshake", "", failing(snapshot.TLS, snapshot.Reset),
		func(s *snapshot.Snapshot) { trial(s, snapshot.PlainHTTP, "", true) }}, // it speaks plain HTTP, which is told
	{"network/post-quantum-hello-dropped", "", func(s *snapshot.Snapshot) {
		fail(first(s), snapshot.TLS, snapshot.Silent)
		trial(s, snapshot.ClassicHello, "", true)
	}, inVain},
	{"network/mtu-black-hole", "in the handshake", func(s *snapshot.Snapshot) {
		fail(first(s), snapshot.TLS, snapshot.Silent)
		trial(s, snapshot.SmallSegments, "segments of 536 bytes", true)
	}, inVain},
	{"network/mtu-black-hole", "in a layer", func(s *snapshot.Snapshot) {
		fail(first(s), snapshot.Blob, snapshot.Stalled)
		trial(s, snapshot.SmallSegments, "segments of 536 bytes", true)
	}, func(s *snapshot.Snapshot) { first(s).Trials = nil }},
	{"network/socket-limits-exhausted", "ports", func(s *snapshot.Snapshot) {
		fail(first(s), snapshot.Connect, snapshot.NoPort)
		s.Node.Limits = []snapshot.Limit{{What: "ports", Used: -1, Max: 2, From: "/proc/sys/net/ipv4/ip_local_port_range"}}
	}, cause(snapshot.Refused)},
	{"network/socket-limits-exhausted", "conntrack", func(s *snapshot.Snapshot) {
		fail(first(s), snapshot.Connect, snapshot.DialTimeout)
		s.Node.Limits = []snapshot.Limit{{What: "conntrack", Used: 1024, Max: 1024, From: "/proc/sys/net/netfilter/nf_conntrack_count"}}
	}, func(s *snapshot.Snapshot) { s.Node.Limits[0].Used = 900 }},
	{"network/socket-limits-exhausted", "files of the runtime", func(s *snapshot.Snapshot) {
		s.Node.Limits = []snapshot.Limit{{What: "files", Used: 1024, Max: 1024, From: "/proc/812/limits"}}
	}, func(s *snapshot.Snapshot) { s.Node.Limits[0].Used = 1019 }},
	{"network/source-ip-blocked", "nothing is served", func(s *snapshot.Snapshot) {
		status(403)(s)
		ping := attempt("GET", first(s).Endpoint+"/", 403)
		first(s).Ping = &ping
	}, func(s *snapshot.Snapshot) { first(s).Ping.Response.Status = 200 }},
	{"network/source-ip-blocked", "it says so", func(s *snapshot.Snapshot) {
		status(403)(s)
		try(s).Response.Head = "Access denied: your IP is not in USTCnet-only range"
	}, func(s *snapshot.Snapshot) { try(s).Response.Head = "requested access to the resource is denied" }},
	{"mirror/bootstrap-deadlock", "", func(s *snapshot.Snapshot) {
		h := InFront(s)
		h.Host, h.Endpoint = "127.0.0.1:30020", "http://127.0.0.1:30020/v2"
		s.Ref.Repository = "spegel-org/spegel"
		fail(h, snapshot.Connect, snapshot.Refused)
		fail(&s.Pull.Hops[1], snapshot.Connect, snapshot.DialTimeout)
	}, func(s *snapshot.Snapshot) { s.Ref.Repository = "team/app" }},
	{"mirror/bootstrap-deadlock", "but not while the registry serves it", func(s *snapshot.Snapshot) {
		h := InFront(s)
		h.Host = "registry.kube-system.svc.cluster.local:5000"
		s.Ref.Repository = "calico/node"
		fail(h, snapshot.Resolve, snapshot.NoSuchHost)
		fail(&s.Pull.Hops[1], snapshot.Connect, snapshot.DialTimeout)
	}, func(s *snapshot.Snapshot) { s.Pull.Hops[1] = Hop(1, Registry) }},
	{"network/silent-after-connect", "in the handshake", failing(snapshot.TLS, snapshot.Silent), cause(snapshot.Closed)},
	{"network/silent-after-connect", "after the request", failing(snapshot.Manifest, snapshot.Silent), func(s *snapshot.Snapshot) { *try(s) = attempt("HEAD", try(s).URL, 503) }},
	{"mirror/timeout-used-up", "", func(s *snapshot.Snapshot) { fail(InFront(s), snapshot.Manifest, snapshot.Silent) },
		func(s *snapshot.Snapshot) { first(s).Mirror = false }},
	{"config/resolve-capability-missing", "", func(s *snapshot.Snapshot) {
		InFront(s)
		first(s).Resolves = false
		fail(&s.Pull.Hops[1], snapshot.Connect, snapshot.DialTimeout)
		trial(s, snapshot.AsResolver, "", true)
	}, func(s *snapshot.Snapshot) { s.Pull.Hops[1].Failure = nil }},
	{"network/redirect-target-blocked", "", func(s *snapshot.Snapshot) {
		redirected(s, &snapshot.Failure{Stage: snapshot.Connect, Cause: snapshot.DialTimeout, Text: "i/o timeout"})
	}, func(s *snapshot.Snapshot) { try(s).Next.Response = &snapshot.Response{Status: 503} }},
	{"network/redirect-loop", "", func(s *snapshot.Snapshot) {
		redirected(s, &snapshot.Failure{Stage: snapshot.Manifest, Cause: snapshot.RedirectLoop, Text: "stopped after 10 redirects"})
	}, func(s *snapshot.Snapshot) { try(s).Next.Failure.Cause = snapshot.RedirectBad }},
}

// redirected sends the first host's clients elsewhere, where they fail.
func redirected(s *snapshot.Snapshot, why *snapshot.Failure) {
	fail(first(s), why.Stage, why.Cause)
	*try(s) = attempt("GET", try(s).URL, 307)
	try(s).Response.Header["Location"] = []string{"https://cdn.example/blob"}
	try(s).Next = &snapshot.Attempt{Method: "GET", URL: "https://cdn.example/blob", Failure: why, Dials: []snapshot.Dial{{Addr: theirs, Err: why}}}
}

// proxies are troubles with proxies.
var proxies = []Specimen{
	{"proxy/unreachable", "", through(0, snapshot.ProxyDial), both(cause(snapshot.ProxyStatus), answersAs(503))},
	{"proxy/unreachable", "no URL", through(0, snapshot.ProxyInvalid), cause(snapshot.DialTimeout)},
	{"proxy/auth-required", "", through(407, snapshot.ProxyStatus), proxyStatus(403)},
	{"proxy/denied-by-policy", "", through(403, snapshot.ProxyStatus), proxyStatus(502)},
	{"proxy/upstream-failure", "", through(502, snapshot.ProxyStatus), proxyStatus(407)},
	{"proxy/no-proxy-incomplete", "", both(through(403, snapshot.ProxyStatus), directly), proxyStatus(407)},
	{"proxy/mirror-sent-through-proxy", "", both(through(403, snapshot.ProxyStatus), directly, overHTTP),
		func(s *snapshot.Snapshot) { try(s).URL = "https://" + Registry + "/v2/" }},
	{"proxy/content-rewritten", "", func(s *snapshot.Snapshot) {
		fail(first(s), snapshot.Manifest, snapshot.WrongDigest)
		byProxy(proxy)(s)
		trial(s, snapshot.Direct, "the same object", true)
	}, inVain},
	{"proxy/not-set-for-runtime", "", func(s *snapshot.Snapshot) {
		fail(first(s), snapshot.Connect, snapshot.DialTimeout)
		trial(s, snapshot.ThroughProxy, "/etc/environment:2", true).Proxy = proxy
	}, byProxy(proxy)},
}

// through makes the first host fail at the proxy; status 0: it says nothing.
func through(status int, c snapshot.Cause) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) {
		fail(first(s), snapshot.Connect, c)
		byProxy(proxy)(s)
		if status > 0 {
			answersAs(status)(s)
		}
	}
}

// byProxy makes the first host be asked through a proxy; empty: directly.
func byProxy(proxy string) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) { first(s).Proxy, try(s).Proxy = proxy, proxy }
}

// answersAs makes the proxy of the first host answer with a status.
func answersAs(code int) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) {
		try(s).ProxyHTTP = &snapshot.Response{}
		proxyStatus(code)(s)
	}
}

func proxyStatus(code int) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) { try(s).ProxyHTTP.Status, try(s).ProxyHTTP.Line = code, "says the proxy" }
}

func directly(s *snapshot.Snapshot) { trial(s, snapshot.Direct, "", true) }

func overHTTP(s *snapshot.Snapshot) {
	first(s).Endpoint, try(s).URL = "http://"+Registry+"/v2", "http://"+Registry+"/v2/"
}
