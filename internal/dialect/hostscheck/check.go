// Package hostscheck holds Towpath's reading of hosts.toml trees to the code of
// a containerd: the same trees go to both, and every host, request and refusal
// must agree. The modules under oracle/ bring the containerds; this package
// brings the trees and the comparison and imports none of them.
package hostscheck

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/towpath-dev/towpath/internal/dialect/containerd"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Runtime is a version of containerd, as the functions of its own code.
type Runtime struct {
	Version string
	Fork    bool // the one of K3s

	// Hosts is what ConfigureHosts returns for a registry under the roots.
	Hosts func(log io.Writer, w *Wire, roots []string, registry string) ([]Host, error)

	// Resolve has a resolver over the same hosts resolve an image.
	Resolve func(w *Wire, roots []string, image string) error
}

// Host is a RegistryHost of any containerd.
type Host struct {
	Scheme, Host, Path string
	Capabilities       uint8
	Header             http.Header
	Client             *http.Client
}

// Counts says what became of the inputs: each is read, or holds a file that
// containerd drops, or fails the pull of an image.
type Counts struct {
	Inputs, Accepted, Dropped, Failing int
	Fixed                              int // trees that a finding's edits made, compared as well
	Known                              int // images with a known difference
	Hosts, Broken, Requests            int // over all images
}

// Run compares on all trees: the fixed ones, as many generated and mutated ones
// each as are asked for, and a quarter as many that Towpath itself wrote.
func Run(t *testing.T, r Runtime, each int) Counts {
	t.Helper()
	t.Setenv("SSL_CERT_FILE", os.DevNull)
	t.Setenv("SSL_CERT_DIR", filepath.Join(t.TempDir(), "none"))
	version := route.MustVersion(r.Version)
	target := route.Target{Runtime: "containerd", Version: version, Containerd: version, Fork: r.Fork}
	c := &checker{t: t, runtime: r, target: target, dir: t.TempDir(), seen: map[string]bool{}}
	certs := newPKI(t)
	c.pki = certs
	trees := slices.Concat(fixed(certs), generated(certs, each), mutated(certs, each), rendered(certs, c.target, each/4))
	for _, tree := range trees {
		c.tree(tree)
	}
	t.Logf("containerd %s: %+v", r.Version, c.counts)
	return c.counts
}

type checker struct {
	t       *testing.T
	runtime Runtime
	target  route.Target
	dir     string
	pki     pki
	counts  Counts
	bad     int

	anyOrder bool            // containerd asks the hosts of this tree in a random order
	seen     map[string]bool // what fixes made of trees
	repaired bool            // this tree is another one with a fix applied
}

// maxReported bounds the output of a run that finds the same error everywhere.
const maxReported = 20

func (c *checker) tree(tree Tree) {
	dir := filepath.Join(c.dir, fmt.Sprint(c.counts.Inputs, c.counts.Fixed))
	if !c.repaired {
		c.counts.Inputs++
	}
	roots := tree.write(c.t, dir, c.pki)
	files := look(c.t, dir)
	files = referenced(files, containerd.References(files, c.target))
	reading := containerd.Read(roots, files, c.target)
	table := reading.Table
	c.untouched(tree, roots, files, table)
	was := outcome{}
	for _, image := range tree.Images {
		ref, err := route.ParseRef(image)
		if err != nil {
			c.t.Fatal(err)
		}
		c.anyOrder = slices.ContainsFunc(reading.Findings, func(f finding.Finding) bool { return f.Code == "config/host-order-random" })
		if diff := c.image(table, roots, ref, &was); diff != "" {
			c.report(tree, image, strings.ReplaceAll(diff, dir, "…"))
			break
		}
	}
	if !c.repaired {
		c.counts.add(was)
	}
	c.silence(tree, was, reading.Findings)
	if err := os.RemoveAll(dir); err != nil {
		c.t.Fatal(err)
	}
}

// untouched checks that writing what is there changes no byte.
func (c *checker) untouched(tree Tree, roots []string, files []source.File, table route.Table) {
	after := containerd.RenderIn(roots, table, files)
	for i := range after {
		if i >= len(files) || after[i].Path != files[i].Path || !bytes.Equal(after[i].Data, files[i].Data) {
			c.report(tree, "", fmt.Sprintf("rendering what is there changes %s:\n%s", after[i].Path, after[i].Data))
			return
		}
	}
	if len(after) != len(files) {
		c.report(tree, "", fmt.Sprintf("rendering what is there leaves %d of %d files", len(after), len(files)))
	}
}

// silence checks that a file which containerd drops, or which fails the pull,
// has a finding that says so, and that what a fix makes of a file is read alike.
func (c *checker) silence(tree Tree, was outcome, found []finding.Finding) {
	bad := slices.ContainsFunc(found, func(f finding.Finding) bool { return f.Severity == finding.Error })
	if (was.dropped || was.failing) && !bad {
		c.report(tree, "", fmt.Sprintf("no error is found: %+v", was))
	}
	if c.repaired || c.counts.Fixed > maxFixed {
		return
	}
	c.repaired = true
	for _, f := range found {
		if f.Fix == nil || len(f.Fix.Edits) == 0 || len(f.Fix.Edits[0].New)+f.Fix.Edits[0].End == 0 {
			continue
		}
		if after, ok := tree.edited(c, f.Fix.Edits); ok && !c.seen[fmt.Sprint(after.Entries)] {
			c.seen[fmt.Sprint(after.Entries)] = true
			after.Name += ", fixed " + f.ID
			c.counts.Fixed++
			c.tree(after)
		}
	}
	c.repaired = false
}

// maxFixed bounds how many trees with a fix are compared as well.
const maxFixed = 1500

// outcome is what became of a tree.
type outcome struct{ dropped, failing bool }

func (c *Counts) count(endpoints []route.Endpoint) {
	c.Hosts += len(endpoints)
	for _, e := range endpoints {
		if e.Broken != "" {
			c.Broken++
		}
	}
}

func (c *Counts) add(o outcome) {
	switch {
	case o.dropped:
		c.Dropped++
	case o.failing:
		c.Failing++
	default:
		c.Accepted++
	}
}

func (c *checker) report(tree Tree, image, diff string) {
	if c.bad++; c.bad > maxReported {
		c.t.FailNow()
	}
	var text strings.Builder
	for _, e := range tree.Entries {
		fmt.Fprintf(&text, "-- %s%s\n%s\n", e.Path, e.Link, e.Data)
	}
	c.t.Errorf("%s, %s: %s\n%s", tree.Name, image, diff, text.String())
}

// image compares one image and says what differs.
func (c *checker) image(table route.Table, roots []string, ref route.Ref, was *outcome) string {
	var log strings.Builder
	wire := &Wire{}
	hosts, err := c.hosts(&log, wire, roots, ref.Registry)
	r := table.Route(ref.Registry)
	if err != nil || r.Fails != "" {
		was.failing = true
		if err == nil || r.Fails == "" {
			return fmt.Sprintf("containerd fails with %v, the route with %q", err, r.Fails)
		}
		return ""
	}
	was.dropped = was.dropped || strings.Contains(log.String(), "failed to decode") && !blank(r.From.File) && !blank(filepath.Join(r.From.File, "hosts.toml"))
	endpoints := table.Endpoints(ref.Registry)
	if slices.ContainsFunc(known, func(k difference) bool { return slices.ContainsFunc(endpoints, k.hits) }) {
		c.counts.Known++
		return ""
	}
	c.counts.count(endpoints)
	if diff := c.compareHosts(hosts, endpoints); diff != "" {
		return diff + "\nlog: " + log.String()
	}
	if diff := c.compareTransports(wire.taps[1:], endpoints); diff != "" {
		return diff
	}
	if c.repaired {
		return ""
	}
	for _, plain := range []bool{false, true} {
		wire := &Wire{PlainOnly: plain}
		_ = c.runtime.Resolve(wire, roots, ref.String())
		sent := wire.Requests()
		c.counts.Requests += len(sent)
		if diff := c.compareRequests(sent, table.Resolve(ref), plain); diff != "" {
			return diff
		}
	}
	return ""
}

// blank reports a file of blanks and comments alone. containerd 1.6 drops it as
// an invalid one; nobody meant it to count, so no error has to say so.
func blank(name string) bool {
	data, err := os.ReadFile(name)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return false
		}
	}
	return true
}

// hosts asks containerd and turns a crash into an error.
func (c *checker) hosts(log io.Writer, w *Wire, roots []string, registry string) (out []Host, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("crash: %v", r)
		}
	}()
	return c.runtime.Hosts(log, w, roots, registry)
}
