package judge

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/lab/internal/play"
)

// explained holds the requests that the servers saw against those that explain
// announced: each has to be among them, in their order. A server that nobody
// could reach saw nothing, so that some may be missing.
func explained(c Case, r play.Result) []string {
	if r.Plan == nil {
		return nil
	}
	want, err := announced(r.Plan.Out)
	if err != nil {
		return []string{fmt.Sprintf("explain (status %d): %v: %s%s", r.Plan.Exit, err, r.Plan.Raw, r.Plan.Stderr)}
	}
	got := asked(r.Asked, strings.Contains(c.Spec().Image, "@"))
	bad := sameRoute(c, r)
	if r.Again != nil && r.Again.Exit != 0 {
		bad = append(bad, fmt.Sprintf("towpath pull ended with status %d: %s%s", r.Again.Exit, r.Again.Out, r.Again.Stderr))
	}
	rest := want
	for _, request := range got {
		i := slices.Index(rest, request)
		if i < 0 && len(want) > 0 && request == want[0] {
			i, rest = 0, want // the engine tries it all again
		}
		if i < 0 {
			return append(bad, fmt.Sprintf("explain announced\n  %s\nthe servers saw\n  %s", strings.Join(want, "\n  "), strings.Join(got, "\n  ")))
		}
		rest = rest[i:]
	}
	if r.Pull.OK && len(got) == 0 && len(c.Spec().World.Distribution) == 0 {
		bad = append(bad, "the pull worked, and no server saw a request")
	}
	return bad
}

// sameRoute holds what was converted against its source: unless the scenario
// knows of a loss, both lead to the same objects at the same hosts, in the same
// order.
func sameRoute(c Case, r play.Result) []string {
	if r.Change == nil {
		return nil
	}
	loss := c.Spec().Convert.Loss[string(c.Generation)]
	if r.Change.Exit != 0 {
		return []string{fmt.Sprintf("convert ended with status %d: %s%s", r.Change.Exit, r.Change.Raw, r.Change.Stderr)}
	}
	if loss != "" && !strings.Contains(r.Change.Stderr, "convert/loss") {
		return []string{fmt.Sprintf("convert told no loss, though %s", loss)}
	}
	if r.Source == nil || loss != "" {
		return nil
	}
	before, errBefore := objects(r.Source.Out)
	after, errAfter := objects(r.Plan.Out)
	if err := errors.Join(errBefore, errAfter); err != nil {
		return []string{fmt.Sprintf("explain: %v: %s%s", err, r.Source.Raw, r.Source.Stderr)}
	}
	if !slices.Equal(before, after) {
		return []string{fmt.Sprintf("the source leads to\n  %s\nwhat was converted to\n  %s", strings.Join(before, "\n  "), strings.Join(after, "\n  "))}
	}
	return nil
}

// objects are the manifests that explain announces, however they are asked for.
func objects(doc json.RawMessage) ([]string, error) {
	list, err := announced(doc)
	var out []string
	for _, request := range list {
		_, where, _ := strings.Cut(request, " ")
		where, _, _ = strings.Cut(where, "?")
		if !strings.HasSuffix(where, "/v2/") {
			out = append(out, where)
		}
	}
	return slices.Compact(out), err
}

// announced are the requests of explain -o json: "GET host/path". Whether one
// goes over HTTPS the server tells by being reached.
func announced(doc json.RawMessage) ([]string, error) {
	var plan struct {
		Requests []struct {
			Method, URL string
			Ping        *string
		}
	}
	if err := json.Unmarshal(doc, &plan); err != nil {
		return nil, err
	}
	var out []string
	for _, q := range plan.Requests {
		if q.Ping != nil {
			out = append(out, "GET "+schemeless(*q.Ping))
		}
		out = append(out, q.Method+" "+schemeless(q.URL))
	}
	return out, nil
}

func schemeless(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	return u.Host + u.RequestURI()
}

// asked are the pings and the requests for manifests that servers saw, by time,
// each once in a row: with and without a login. What follows a tag's digest is no
// part of the route. Where HEAD did not help, Docker asks the same with GET.
func asked(logs map[string]string, byDigest bool) []string {
	type line struct {
		At                       time.Time
		Class, Method, Host, URI string
	}
	var all []line
	for _, log := range logs {
		for s := bufio.NewScanner(strings.NewReader(log)); s.Scan(); {
			var l line
			if json.Unmarshal(s.Bytes(), &l) == nil && (l.Class == "ping" || l.Class == "manifest") {
				all = append(all, l)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b line) int { return a.At.Compare(b.At) })
	var out []string
	for _, l := range all {
		if l.Class == "manifest" && !byDigest && strings.Contains(l.URI, "sha256:") {
			continue
		}
		request := l.Method + " " + l.Host + l.URI
		if head := "HEAD " + l.Host + l.URI; l.Method == "GET" && len(out) > 0 && out[len(out)-1] == head {
			request = head
		}
		out = append(out, request)
	}
	return slices.Compact(out)
}
