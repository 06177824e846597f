package play

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/world"
	"github.com/towpath-dev/towpath/lab/internal/node"
	"github.com/towpath-dev/towpath/lab/internal/scenario"
)

// Where the worlds keep their authorities and request logs. The company's is
// the scenario's own; the Internet's authority is the one that every node
// trusts out of the box.
const (
	companyDir  = "/lab/world"
	internetDir = "/lab/internet"
)

// nameserver is the address that resolv.conf of a node names, unless it has
// its own. It knows the names of the scenario.
const nameserver = "10.20.0.53"

// abroad is what the process outside the node gets to do.
type abroad struct {
	Worlds       []world.Spec
	Distribution []scenario.Distribution
	Rules        string // packet filter rules on the path
}

// openWorld starts all servers: those on the node's own addresses in this
// process, all others in a network of their own.
func (s *stage) openWorld(ctx context.Context) error {
	spec := s.variant.Spec.World
	company := world.Spec{Dir: companyDir, Shift: spec.Shift, Issuer: spec.Issuer, Servers: map[string]world.Role{}}
	maps.Copy(company.Servers, spec.Servers)
	internet := world.Spec{Dir: internetDir, Shift: spec.Shift, Servers: spec.Internet}
	if len(spec.Names) > 0 {
		company.Servers["nameserver"] = nameServer(spec.Names)
	}
	now := time.Now().Add(time.Duration(spec.Shift))
	if err := found(now); err != nil {
		return err
	}
	if err := issue(spec.Certificates, now); err != nil {
		return err
	}
	local, rest, err := divide(company)
	if err != nil {
		return err
	}
	if err := s.goAbroad(ctx, abroad{Worlds: []world.Spec{rest, internet}, Distribution: spec.Distribution}); err != nil {
		return err
	}
	_, err = world.Serve(local)
	return err
}

// nameServer is the server that resolv.conf of a node names.
func nameServer(names map[string]scenario.Name) world.Role {
	role := world.Role{Listen: nameserver + ":53", DNS: world.Names{}}
	for name, reply := range names {
		role.DNS[name] = reply.Reply
	}
	return role
}

// divide splits a world into the servers on the node and those outside.
func divide(w world.Spec) (local, rest world.Spec, err error) {
	local, rest = w, w
	local.Servers, rest.Servers = map[string]world.Role{}, map[string]world.Role{}
	for name, role := range w.Servers {
		at, err := netip.ParseAddrPort(role.Listen)
		if err != nil {
			return local, rest, fmt.Errorf("server %s: %w", name, err)
		}
		if node.Local(at.Addr()) {
			local.Servers[name] = role
		} else {
			rest.Servers[name] = role
		}
	}
	return local, rest, nil
}

// goAbroad starts the process outside, connects the node to it and waits until
// its servers are up. The process ends with the machine.
func (s *stage) goAbroad(ctx context.Context, a abroad) error {
	if err := s.filter("nft/path", func(rules string) error { a.Rules = rules; return nil }); err != nil {
		return err
	}
	cmd := node.Elsewhere(ctx, "outside")
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := node.Connect(cmd.Process.Pid); err != nil {
		return err
	}
	if err := json.NewEncoder(in).Encode(a); err != nil {
		return err
	}
	said, err := bufio.NewReader(out).ReadString('\n')
	if said != ready {
		return errors.Join(fmt.Errorf("outside: %s", strings.TrimSpace(said)), err)
	}
	return nil
}

const ready = "ready\n"

// Outside is the process outside the node: the router of its network, and every
// server that is not on the node itself.
func Outside(in io.Reader, out io.Writer) error {
	var a abroad
	if err := json.NewDecoder(in).Decode(&a); err != nil {
		return fmt.Errorf("read the world: %w", err)
	}
	if err := open(a); err != nil {
		fmt.Fprintf(out, "%v\n", strings.ReplaceAll(err.Error(), "\n", " "))
		return err
	}
	fmt.Fprint(out, ready)
	select {}
}

func open(a abroad) error {
	addrs, err := addresses(a)
	if err != nil {
		return err
	}
	if err := node.Route(addrs); err != nil {
		return err
	}
	if a.Rules != "" {
		if err := node.Filter(a.Rules); err != nil {
			return err
		}
	}
	for _, w := range a.Worlds {
		if _, err := world.Serve(w); err != nil {
			return err
		}
	}
	for i, d := range a.Distribution {
		if err := serveDistribution(fmt.Sprintf("distribution%d", i), d); err != nil {
			return err
		}
	}
	return nil
}

// addresses lists those that servers listen at, each once.
func addresses(a abroad) ([]netip.Addr, error) {
	listen := []string{}
	for _, w := range a.Worlds {
		for _, role := range w.Servers {
			listen = append(listen, role.Listen)
		}
	}
	for _, d := range a.Distribution {
		listen = append(listen, d.Listen)
	}
	seen := map[netip.Addr]bool{}
	var out []netip.Addr
	for _, text := range listen {
		at, err := net.ResolveTCPAddr("tcp", text)
		if err != nil {
			return nil, err
		}
		addr := at.AddrPort().Addr().Unmap()
		if !seen[addr] {
			seen[addr] = true
			out = append(out, addr)
		}
	}
	return out, nil
}
