package upstream_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/upstream"
	"github.com/towpath-dev/towpath/internal/world"
)

func server(addr string) snapshot.NameServer { return snapshot.NameServer{Addr: addr, Node: true} }

const second = "192.0.2.54:53"

// TestNamesBecomeAddressesAsInGo covers what name servers can do to one name.
func TestNamesBecomeAddressesAsInGo(t *testing.T) {
	good := world.Names{host: {Addrs: []string{hostAddr}}}
	for _, c := range []struct {
		name    string
		first   world.Names // of the first server
		fate    world.Fate  // of its address
		second  world.Names // nil: there is none
		cause   snapshot.Cause
		text    string
		addrs   string
		from    string        // server whose answer counts
		wait    time.Duration // with the timeout of 5 s
		answers int
	}{
		{name: "answer", first: good, addrs: hostAddr, from: resolver, answers: 2},
		{name: "both families", first: world.Names{host: {Addrs: []string{"2001:db8::10", hostAddr}}}, addrs: "2001:db8::10 " + hostAddr, from: resolver, answers: 2},
		{name: "alias", first: world.Names{host: {CNAME: "cdn.example"}, "cdn.example": {Addrs: []string{hostAddr}}}, addrs: hostAddr, from: resolver, answers: 2},
		{name: "long answer", first: world.Names{host: {Addrs: []string{hostAddr}, Truncate: true}}, addrs: hostAddr, from: resolver, answers: 2},
		{name: "unknown name", first: world.Names{}, cause: snapshot.NoSuchHost, text: "lookup " + host + " on " + resolver + ": no such host", from: resolver, answers: 2},
		{name: "no address", first: world.Names{host: {}}, cause: snapshot.NoAddress, text: "no such host", from: resolver, answers: 2},
		{name: "servfail", first: world.Names{host: {RCode: "SERVFAIL"}}, cause: snapshot.DNSError, text: "server misbehaving", answers: 2},
		{name: "refused by policy", first: world.Names{host: {RCode: "REFUSED"}}, cause: snapshot.DNSError, text: "server misbehaving", answers: 2},
		{name: "lame", first: world.Names{host: {Lame: true}}, cause: snapshot.DNSError, text: "lame referral", answers: 2},
		{name: "silent", first: world.Names{host: {Silent: true}}, cause: snapshot.DNSTimeout, text: "i/o timeout", wait: 10 * time.Second, answers: 2},
		{name: "dropped", fate: world.Dropped, cause: snapshot.DNSTimeout, text: "i/o timeout", wait: 10 * time.Second, answers: 2},
		{name: "nobody listens", fate: world.Refused, cause: snapshot.DNSRefused, text: "connection refused", answers: 2},
		{name: "own packet filter", fate: world.Forbidden, cause: snapshot.DNSForbidden, text: "operation not permitted", answers: 2},
		{name: "no network", fate: world.Unreachable, cause: snapshot.Unreachable, text: "network is unreachable", answers: 2},
		{name: "second after a silent first", fate: world.Dropped, second: good, addrs: hostAddr, from: second, wait: 5 * time.Second, answers: 4},
		{name: "second after servfail", first: world.Names{host: {RCode: "SERVFAIL"}}, second: good, addrs: hostAddr, from: second, answers: 4},
		{name: "second after refusal", fate: world.Refused, second: good, addrs: hostAddr, from: second, answers: 4},
		{name: "unknown to the first, known to the second", first: world.Names{}, second: good, cause: snapshot.NoSuchHost, from: resolver, answers: 4},
		{name: "first believed, second differs", first: good, second: world.Names{host: {Addrs: []string{"198.51.100.7"}}}, addrs: hostAddr, from: resolver, answers: 4},
		{name: "one family fails", first: world.Names{host: {Addrs: []string{hostAddr}}, host + "/AAAA": {RCode: "SERVFAIL"}}, addrs: hostAddr, from: resolver, answers: 2},
		{name: "one family is silent", first: world.Names{host: {Addrs: []string{hostAddr}}, host + "/AAAA": {Silent: true}}, addrs: hostAddr, from: resolver, wait: 10 * time.Second, answers: 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			spec := world.Spec{Servers: map[string]world.Role{"dns": {Listen: resolver, DNS: c.first}}}
			if c.fate != "" {
				spec.Servers["dns"] = world.Role{Listen: "192.0.2.99:53", DNS: world.Names{}}
				spec.Fates = map[string]world.Fate{"192.0.2.53": c.fate}
			}
			servers := []snapshot.NameServer{server(resolver)}
			if c.second != nil {
				spec.Servers["dns2"] = world.Role{Listen: second, DNS: c.second}
				servers = append(servers, server(second))
			}
			w := playSpec(t, spec)
			cl := client(w)
			cl.Resolv.Servers = servers
			if c.wait > 0 {
				cl.Limits.Name = 3 * time.Second
			}
			l := cl.Lookup(t.Context(), host, upstream.Ask{})
			if got := strings.Join(l.Addrs, " "); got != c.addrs {
				t.Errorf("addresses %q, want %q", got, c.addrs)
			}
			if c.from != "" && (l.Server == nil || l.Server.Addr != c.from) {
				t.Errorf("server %v, want %s", l.Server, c.from)
			}
			if l.Wait != c.wait || len(l.Answers) != c.answers {
				t.Errorf("wait %s, %d answers; want %s, %d", l.Wait, len(l.Answers), c.wait, c.answers)
			}
			switch {
			case c.cause == "" && l.Failure != nil:
				t.Errorf("failure %+v", l.Failure)
			case c.cause != "" && (l.Failure == nil || l.Failure.Cause != c.cause || !strings.Contains(l.Failure.Text, c.text)):
				t.Errorf("failure %+v, want %s %q", l.Failure, c.cause, c.text)
			}
		})
	}
}

func TestATruncatedAnswerIsAskedForAgainOverTCP(t *testing.T) {
	w := play(t, map[string]world.Role{"dns": names(world.Names{host: {Addrs: []string{hostAddr}, Truncate: true}})})
	l := client(w).Lookup(t.Context(), host, upstream.Ask{})
	if l.Answers[0].Net != "tcp" || l.Answers[0].RCode != "NOERROR" {
		t.Errorf("%+v", l.Answers[0])
	}
}

func TestALostQuestionIsSentAgain(t *testing.T) {
	w := play(t, map[string]world.Role{"dns": names(world.Names{host: {Silent: true}})})
	c := client(w)
	c.Limits.Name = 2 * time.Second
	c.Lookup(t.Context(), host, upstream.Ask{})
	if n := len(w.DNS("dns").Asked()); n != 4 {
		t.Errorf("%d questions, want two for each of two types", n)
	}
}

func TestTheHostsFileWins(t *testing.T) {
	w := play(t, map[string]world.Role{})
	c := client(w)
	c.Hosts = []snapshot.HostsLine{
		{At: source.Pos{File: "/etc/hosts", Line: 1}, Addr: "127.0.0.1", Names: []string{"localhost"}},
		{At: source.Pos{File: "/etc/hosts", Line: 7}, Addr: "198.51.100.1", Names: []string{"Registry.Example."}},
		{At: source.Pos{File: "/etc/hosts", Line: 9}, Addr: "198.51.100.2", Names: []string{"x", host}},
		{At: source.Pos{File: "/etc/hosts", Line: 10}, Addr: "not-an-address", Names: []string{host}},
	}
	l := c.Lookup(t.Context(), host, upstream.Ask{})
	if l.Hosts == nil || l.Hosts.At.Line != 7 || !slices.Equal(l.Addrs, []string{"198.51.100.1", "198.51.100.2"}) || len(l.Answers) != 0 {
		t.Errorf("%+v", l)
	}
	l = c.Lookup(t.Context(), host, upstream.Ask{NoHosts: true})
	if l.Hosts != nil || !slices.Equal(l.Addrs, []string{hostAddr}) {
		t.Errorf("%+v", l)
	}
}

func TestTheSearchListIsGoneThrough(t *testing.T) {
	zone := world.Names{"reg.corp.example": {Addrs: []string{"192.0.2.77"}}, "reg.lab.example": {Addrs: []string{"192.0.2.78"}}, "a.b": {Addrs: []string{"192.0.2.79"}}}
	w := play(t, map[string]world.Role{"dns": {Listen: resolver, DNS: zone}})
	for _, c := range []struct {
		name  string
		ndots int
		want  string
	}{
		{"reg", 1, "192.0.2.77"},
		{"reg.", 1, ""},
		{"a.b", 1, "192.0.2.79"},
		{"a.b", 5, "192.0.2.79"},
		{"reg.corp.example", 1, "192.0.2.77"},
		{"nothing", 1, ""},
		{"bad name", 1, ""},
		{"12345", 1, ""},
	} {
		cl := client(w)
		cl.Resolv.Ndots, cl.Resolv.Search = c.ndots, []string{"corp.example", "lab.example."}
		l := cl.Lookup(t.Context(), c.name, upstream.Ask{})
		if got := strings.Join(l.Addrs, " "); got != c.want || (c.want == "") != (l.Failure != nil) {
			t.Errorf("%s: %q %v, want %q", c.name, got, l.Failure, c.want)
		}
	}
	cl := client(w)
	cl.Resolv.Ndots, cl.Resolv.Search = 5, []string{"corp.example"}
	l := cl.Lookup(t.Context(), "a.b", upstream.Ask{})
	if l.Answers[0].Name != "a.b.corp.example" || l.Answers[2].Name != "a.b" {
		t.Errorf("with ndots:5 the search list goes first: %+v", l.Answers)
	}
}

func TestOtherServersAreAskedToCompareAndNotBelieved(t *testing.T) {
	w := play(t, map[string]world.Role{
		"dns": names(world.Names{host: {Addrs: []string{"203.0.113.1"}}}),
		"pub": {Listen: "198.51.100.53:53", DNS: world.Names{host: {Addrs: []string{hostAddr}}}},
	})
	c := client(w)
	c.Extra = []snapshot.NameServer{{Addr: "198.51.100.53:53"}}
	l := c.Lookup(t.Context(), host, upstream.Ask{})
	if !slices.Equal(l.Addrs, []string{"203.0.113.1"}) || len(l.Answers) != 4 || l.Answers[2].Addrs[0] != hostAddr || l.Answers[2].Server.Node {
		t.Errorf("%+v", l)
	}
	l = c.Lookup(t.Context(), host, upstream.Ask{Server: &c.Extra[0]})
	if !slices.Equal(l.Addrs, []string{hostAddr}) || len(l.Answers) != 2 {
		t.Errorf("%+v", l)
	}
}

func TestALyingServerGivesItselfAwayByControlQuestions(t *testing.T) {
	w := play(t, map[string]world.Role{"dns": {Listen: resolver, DNS: world.Names{"*": {Addrs: []string{"203.0.113.66"}}}}})
	l := client(w).Lookup(t.Context(), "docker.registry.example", upstream.Ask{Control: true})
	if len(l.Control) != 4 || l.Control[0].Addrs[0] != "203.0.113.66" {
		t.Fatalf("%+v", l.Control)
	}
	var invalid, sibling bool
	for _, a := range l.Control {
		invalid = invalid || strings.HasSuffix(a.Name, ".invalid")
		sibling = sibling || strings.HasSuffix(a.Name, ".registry.example")
	}
	if !invalid || !sibling {
		t.Errorf("%+v", l.Control)
	}
}

func TestWithoutNameServersGoAsksThisMachine(t *testing.T) {
	w := play(t, map[string]world.Role{})
	c := client(w)
	c.Resolv = snapshot.Resolv{Ndots: 1, Problem: "it is empty"}
	l := c.Lookup(t.Context(), host, upstream.Ask{})
	if l.Failure == nil || l.Failure.Cause != snapshot.DNSNoServer || !strings.Contains(l.Failure.Text, "[::1]:53") {
		t.Errorf("%+v", l.Failure)
	}
}

func TestAServerThatIsNotNeededIsNotWaitedFor(t *testing.T) {
	w := playSpec(t, world.Spec{Servers: map[string]world.Role{}, Fates: map[string]world.Fate{"192.0.2.54": world.Dropped}})
	c := client(w)
	c.Resolv.Servers = []snapshot.NameServer{server(resolver), server(second)}
	c.Limits.Name, c.Limits.Others = time.Hour, short // the test would never end
	l := c.Lookup(t.Context(), host, upstream.Ask{})
	if l.Failure != nil || l.Wait != 0 {
		t.Errorf("%+v", l)
	}
	last := l.Answers[3]
	if last.Err == nil || last.Err.Cause != snapshot.Canceled || !strings.Contains(last.Err.Text, "not waited for") {
		t.Errorf("%+v", last)
	}
}

// TestNsswitchSaysWhereNamesAreLookedUp: the hosts file and DNS give different
// addresses, and each of them knows a name that the other does not.
func TestNsswitchSaysWhereNamesAreLookedUp(t *testing.T) {
	const pinned, other = "198.51.100.9", "other.example"
	w := play(t, map[string]world.Role{"dns": names(world.Names{host: {Addrs: []string{hostAddr}}})})
	for sources, want := range map[string][2]string{
		"":                              {pinned, pinned},
		"files dns":                     {pinned, pinned},
		"dns files":                     {hostAddr, pinned},
		"files":                         {pinned, pinned},
		"dns":                           {hostAddr, ""},
		"mymachines resolve myhostname": {hostAddr, ""},
		"files mdns4_minimal":           {pinned, pinned},
		"sss":                           {pinned, pinned},
	} {
		c := client(w)
		c.Sources = strings.Fields(sources)
		c.Hosts = []snapshot.HostsLine{{Addr: pinned, Names: []string{host}}, {Addr: pinned, Names: []string{other}}}
		for i, name := range []string{host, other} {
			if got := strings.Join(c.Lookup(t.Context(), name, upstream.Ask{}).Addrs, " "); got != want[i] {
				t.Errorf("hosts: %s: %s is %q, want %q", sources, name, got, want[i])
			}
		}
	}
	c := client(w)
	c.Sources = []string{"files"}
	l := c.Lookup(t.Context(), host, upstream.Ask{})
	if l.Failure == nil || l.Failure.Cause != snapshot.NoSuchHost || len(l.Answers) != 0 {
		t.Errorf("DNS was asked: %+v", l)
	}
}

func TestAServerThatIsWaitedForInVainTimesOut(t *testing.T) {
	w := playSpec(t, world.Spec{
		Servers: map[string]world.Role{"dns2": {Listen: second, DNS: world.Names{host: {Addrs: []string{hostAddr}}}}},
		Fates:   map[string]world.Fate{"192.0.2.53": world.Dropped},
	})
	c := client(w)
	c.Resolv.Servers = []snapshot.NameServer{server(resolver), server(second)}
	c.Limits.Name, c.Limits.Others = time.Hour, short // it never times out by itself
	l := c.Lookup(t.Context(), host, upstream.Ask{})
	if l.Failure != nil || l.Wait == 0 {
		t.Errorf("%+v", l)
	}
	if e := l.Answers[0].Err; e == nil || e.Cause != snapshot.DNSTimeout {
		t.Errorf("%+v", e)
	}
}
