package wharfie

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/rancher/wharfie/pkg/registries"
	"github.com/sirupsen/logrus"

	"github.com/towpath-dev/towpath/internal/dialect/k3s"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// tried notes the endpoints that wharfie says it tries.
type tried struct{ urls []string }

func (*tried) Levels() []logrus.Level { return logrus.AllLevels }

func (h *tried) Fire(e *logrus.Entry) error {
	text, is := strings.CutPrefix(e.Message, "Trying endpoint ")
	if u, err := url.Parse(text); is && err == nil {
		h.urls = append(h.urls, u.Scheme+"://"+u.Host+u.Path)
	}
	return nil
}

// said is what wharfie made of one image: the endpoints in order, and the
// requests that went out.
type said struct {
	endpoints []string
	requests  []request
}

// TestAgainstWharfie compares acceptance with its message, the order of the
// endpoints, the rewritten names, the namespace, credentials, trust and client
// certificate of each request that goes out.
func TestAgainstWharfie(t *testing.T) {
	hook := &tried{}
	logrus.AddHook(hook)
	accepted, compared, differing := 0, 0, 0
	used := map[string]bool{}
	for i, text := range corpus() {
		path := filepath.Join(t.TempDir(), "registries.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		theirs, refused := registries.GetPrivateRegistries(path)
		ours, problem := k3s.ReadBootstrap(source.File{Path: path, Data: []byte(text)})
		if (refused == nil) != (problem == nil) {
			t.Fatalf("input %d: wharfie says %v, we say %v\n%s", i, refused, problem, text)
		}
		if refused != nil {
			if want := strings.TrimPrefix(refused.Error(), "yaml: "); problem.Text != want {
				t.Errorf("input %d: wharfie says %q, we say %q", i, want, problem.Text)
			}
			continue
		}
		accepted++
		for n := range 2 {
			image := images[(i+n*3)%len(images)]
			ref, err := name.ParseReference(image)
			if err != nil {
				t.Fatal(err)
			}
			hook.urls = nil
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			_, _ = theirs.Image(ref, remote.WithContext(ctx), remote.WithRetryBackoff(remote.Backoff{Steps: 1}))
			cancel()
			got := said{endpoints: hook.urls}
			for _, q := range world.take() {
				got.requests = append(got.requests, excused(q, used))
			}
			if diff := compare(got, expected(ours, image), used); diff != "" {
				differing++
				t.Errorf("input %d, %s: %s\n%s", i, image, diff, text)
			}
			compared++
		}
		if differing > 5 {
			t.Fatal("too many differences")
		}
	}
	if accepted < inputs/2 || compared < inputs {
		t.Errorf("%d of %d inputs accepted, %d comparisons", accepted, inputs, compared)
	}
	for _, d := range known {
		if !used[d.what] {
			t.Errorf("%s explains nothing any more: %s", d.what, d.why)
		}
	}
	t.Logf("%d inputs, %d accepted, %d images compared", inputs, accepted, compared)
}

// expectation is what we expect, with every repository that random choice of
// rewrites allows.
type expectation struct {
	endpoints []string
	requests  [][]request // the alternatives for each request
}

func expected(b k3s.Bootstrap, image string) expectation {
	ref, err := route.ParseRef(image)
	if err != nil {
		panic(err)
	}
	var out expectation
	for _, e := range b.Endpoints(ref.Registry) {
		out.endpoints = append(out.endpoints, e.String())
		if !loadable(e.TLS) {
			e.TLS = route.TLS{}
		}
		if !reachable(e) {
			continue
		}
		var choices []request
		for _, repository := range rewritings(e, ref.Repository) {
			q := request{url: e.Scheme + "://" + e.Host + e.Path + "/" + repository + "/manifests/" + ref.Object(), login: login(e), ns: namespace(e, ref.Registry)}
			if e.Scheme == "https" && len(e.TLS.Client) > 0 {
				q.client = "node"
			}
			choices = append(choices, q)
		}
		out.requests = append(out.requests, choices)
	}
	return out
}

// loadable reports whether the files of TLS settings are there. Without them
// wharfie goes on as if there were no settings.
func loadable(t route.TLS) bool {
	for _, ca := range t.CA {
		if ca != "private.pem" {
			return false
		}
	}
	for _, pair := range t.Client {
		if pair.Cert != "node.pem" || pair.Key != "node.key" {
			return false
		}
	}
	return true
}

// reachable reports whether a request to an endpoint goes out, through the
// proxy and past its certificate.
func reachable(e route.Endpoint) bool {
	host := strings.ToLower(e.Host)
	name := host
	if i := strings.LastIndexByte(name, ':'); i > 0 {
		name = name[:i]
	}
	switch {
	case name == "localhost" || strings.HasPrefix(name, "127."):
		return false // the standard library sends nothing for it through a proxy
	case e.Scheme == "http":
		return true
	case e.Scheme != "https":
		return false
	case strings.HasPrefix(name, "private"):
		return e.TLS.SkipVerify || len(e.TLS.CA) > 0
	}
	return true
}

func namespace(e route.Endpoint, registry string) string {
	if e.Host == registry || registry == "docker.io" && e.Host == "index.docker.io" {
		return ""
	}
	return registry
}

func login(e route.Endpoint) string {
	switch {
	case !e.Auth.IdentityToken.IsZero():
		return "token:" + e.Auth.IdentityToken.Reveal()
	case e.Auth.User != "":
		return e.Auth.User + ":" + e.Auth.Password.Reveal()
	}
	return ""
}

var validName = regexp.MustCompile(`^[a-z0-9._/-]{2,255}$`)

// rewritings are the names that an endpoint may be asked for: wharfie goes
// through its rewrites in the order of a map, and passes over a result that is
// no name of a repository.
func rewritings(e route.Endpoint, repository string) []string {
	var out []string
	for _, rw := range e.Rewrites {
		re, err := regexp.Compile(rw.Pattern)
		if err != nil {
			continue
		}
		if now := re.ReplaceAllString(repository, rw.Replacement); now != repository && validName.MatchString(now) {
			out = append(out, now)
		}
	}
	if len(out) == 0 {
		return []string{repository}
	}
	return out
}

func compare(got said, want expectation, used map[string]bool) string {
	if !slices.Equal(got.endpoints, want.endpoints) {
		return fmt.Sprintf("wharfie tries %q, we say %q", got.endpoints, want.endpoints)
	}
	if len(got.requests) != len(want.requests) {
		return fmt.Sprintf("wharfie sends %+v, we say %+v", got.requests, want.requests)
	}
	for i, q := range got.requests {
		q = asTyped(q, want.requests[i], used)
		if !slices.Contains(want.requests[i], q) {
			return fmt.Sprintf("wharfie sends %+v, we say %+v", q, want.requests[i])
		}
	}
	return ""
}
