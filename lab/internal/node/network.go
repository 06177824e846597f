package node

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
)

// The network of every machine: eth0 leads to a router, behind which all
// addresses are that are neither loopback nor in Subnet.
const (
	Address = "10.20.0.2"
	Router  = "10.20.0.1"
	uplink  = "up0"
)

// Subnet is the network of eth0. Nobody else lives there, so an address of it
// gets "no route to host".
var Subnet = netip.MustParsePrefix("10.20.0.0/24")

// Local tells whether an address belongs to the node rather than to the outside.
func Local(a netip.Addr) bool { return a.IsLoopback() || a.IsUnspecified() || a.String() == Address }

// Connect brings up the network of the node and a cable to the process that
// holds the network outside.
func Connect(outside int) error {
	return ip(
		"link set lo up",
		fmt.Sprintf("link add eth0 type veth peer name %s netns %d", uplink, outside),
		"addr add "+Address+"/24 dev eth0",
		"link set eth0 up",
		"route add default via "+Router,
	)
}

// Route brings up the network outside: the router's end of the cable, and every
// address that a server there listens at. It is called in the outside process.
func Route(addrs []netip.Addr) error {
	steps := []string{
		"link set lo up",
		"addr add " + Router + "/24 dev " + uplink,
		"link set " + uplink + " up",
	}
	for _, a := range addrs {
		if a.String() != Router {
			steps = append(steps, "addr add "+netip.PrefixFrom(a, a.BitLen()).String()+" dev lo")
		}
	}
	// To an address that nobody outside has, packets vanish as they do on the Internet.
	steps = append(steps, "route add blackhole default")
	if err := ip(steps...); err != nil {
		return err
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1\n"), 0o644)
}

// Filter loads packet filter rules into the network of this process.
func Filter(rules string) error {
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w\n%s", err, out)
	}
	return nil
}

// Set writes one sysctl of the network of this process: "net/ipv4/ip_forward".
func Set(name, value string) error {
	return os.WriteFile("/proc/sys/"+name, []byte(value+"\n"), 0o644)
}

func ip(steps ...string) error {
	cmd := exec.Command("ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(steps, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ip: %w\n%s", err, out)
	}
	return nil
}
