package candidate

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/upstream"
	"github.com/towpath-dev/towpath/internal/world"
)

const at = "192.0.2.2:443"

func TestAMirrorThatIsRightHasNothingAgainstIt(t *testing.T) {
	m, c, _ := compare(t, registry(at, fresh), nil)
	if m.Unfit != "" || m.Tags[0].State != Same || m.Ranges != Honoured || m.Asked || len(m.Redirects)+len(m.Limits) > 0 || len(Judge(c)) > 0 {
		t.Errorf("got %+v\n%+v", m, Judge(c))
	}
	if m.Sample == nil || !m.Sample.Whole || m.Sample.Bytes < 20000 || m.Sample.Rate() <= 0 || m.Latency <= 0 {
		t.Errorf("the sample is %+v, the latency %v", m.Sample, m.Latency)
	}
	if want := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC); !m.Tags[0].Created.Equal(want) {
		t.Errorf("created %v, want %v", m.Tags[0].Created, want)
	}
}

func TestWhatIsWrongWithAMirrorIsTold(t *testing.T) {
	blobs := []world.Class{world.Blob}
	unranged := func(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
		r.Header.Del("Range")
		return w
	}
	lying := func(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
		if r.Header.Get("Range") != "" {
			r.Header.Set("Range", "bytes=0-9")
		}
		return w
	}
	html := registry(at, fresh, world.Fault{Do: world.DoHTML})
	locked := registry(at, fresh)
	locked.Registry.Auth = world.Auth{Scheme: "basic", Realm: "here", Users: map[string]string{"u": "p"}}
	badTLS := registry(at, fresh)
	badTLS.TLS.Kind = world.SelfSigned
	single := fresh
	single.Platforms = []string{"linux/amd64"}
	for name, c := range map[string]struct {
		mirror world.Role
		unfit  Unfit
		state  State
		ranges Ranges
		kinds  string
	}{
		"older":              {registry(at, old), "", Stale, Honoured, "MM-03"},
		"another, newer":     {registry(at, other), WrongTag, Wrong, Untried, "MM-02"},
		"one platform of it": {registry(at, single), "", Repacked, Honoured, "MM-04"},
		"without it":         {registry(at, world.Image{Ref: "team/else:1"}), "", Missing, Untried, "MM-04"},
		"no ranges":          {changed(t, at, unranged), "", Same, Ignored, "MM-05"},
		"other ranges":       {changed(t, at, lying), "", Same, Spoiled, "MM-05"},
		"a flipped bit":      {registry(at, fresh, world.Fault{Do: world.DoCorrupt, On: blobs}), BadContent, Same, Untried, "MM-01"},
		"half a blob":        {registry(at, fresh, world.Fault{Do: world.DoTruncate, On: blobs, Bytes: 400}), BadContent, Same, Untried, "MM-01"},
		"no blobs":           {registry(at, fresh, world.Fault{Do: world.DoStatus, Status: 500, On: blobs}), BadContent, Same, Untried, "MM-01"},
		"a page":             {html, NoAPI, Failed, Untried, "MM-01"},
		"credentials wanted": {locked, Locked, Failed, Untried, "MM-01"},
		"an unknown CA":      {badTLS, BadTLS, Failed, Untried, "MM-01"},
		"nobody there":       {world.Role{Listen: at}, Unreachable, Failed, Untried, "MM-01"},
		"rate limited":       {registry(at, fresh, world.Fault{Do: world.DoRateLimit, On: []world.Class{world.Manifest}}), Throttled, Failed, Untried, "MM-01"},
		"reset at once":      {func() world.Role { r := registry(at, fresh); r.Gate.Break = world.Reset; return r }(), Unreachable, Failed, Untried, "MM-01"},
	} {
		t.Run(name, func(t *testing.T) {
			m, all, _ := compare(t, c.mirror, nil)
			if m.Unfit != c.unfit || m.Tags[0].State != c.state || m.Ranges != c.ranges {
				t.Errorf("got %q %q %q, want %q %q %q: %+v", m.Unfit, m.Tags[0].State, m.Ranges, c.unfit, c.state, c.ranges, m.Failure)
			}
			if got := strings.Join(kindsOf(all), " "); got != c.kinds {
				t.Errorf("findings %s, want %s", got, c.kinds)
			}
			if ranked := Rank(all)[0].Rank == 1; ranked != (c.unfit == "") {
				t.Errorf("ranked: %v, unfit: %q", ranked, c.unfit)
			}
			for _, f := range Judge(all) {
				if left := finding.Names(f.Text); len(left) > 0 || len(f.Evidence) == 0 {
					t.Errorf("%s: %q lacks %v, evidence %v", f.ID, f.Text, left, f.Evidence)
				}
			}
		})
	}
}

func TestAStaleMirrorIsSaidToBeSoMuchOlder(t *testing.T) {
	m, c, _ := compare(t, registry(at, old), nil)
	if m.Tags[0].Behind != 10*24*time.Hour || !strings.Contains(Judge(c)[0].Text, "10 days older") {
		t.Errorf("got %v, %v", m.Tags[0].Behind, Judge(c))
	}
}

func TestWithoutTheRegistryNothingSaysWhatIsRight(t *testing.T) {
	dead := world.Role{Listen: own, TLS: &world.TLS{Names: []string{"192.0.2.1"}}, Handler: http.NotFoundHandler()}
	c, _ := compareAll(t, dead, []world.Role{registry(at, fresh)}, nil)
	if m := c.Mirrors[0]; m.Unfit != "" || m.Tags[0].State != Unknown || strings.Join(kindsOf(c), " ") != "MM-06" || Rank(c)[0].Rank != 1 {
		t.Errorf("got %+v, %v", m, Judge(c))
	}
}

func TestNoMoreOfABlobIsReadThanWasAskedFor(t *testing.T) {
	big := fresh
	big.Layers = []int{4 << 20}
	mirror := registry(at, big)
	c, _ := compareAll(t, registry(own, big), []world.Role{mirror}, func(j *Job) { j.Sample = 100_000 })
	s := c.Mirrors[0].Sample
	if s == nil || s.Whole || s.Bytes <= 100_000 || s.Bytes > 600_000 || c.Mirrors[0].Unfit != "" || c.Mirrors[0].Ranges != Honoured {
		t.Errorf("got %+v %+v", s, c.Mirrors[0])
	}
}

func TestTheSmallerOfTwoSamplesIsOneThatCanBeVerified(t *testing.T) {
	m, _, _ := compare(t, registry(at, fresh), func(j *Job) { j.Sample = 1000 })
	if m.Sample == nil || !m.Sample.Whole || m.Sample.Bytes > 1000 {
		t.Errorf("got %+v", m.Sample)
	}
}

func TestRedirectsAndLimitsAreNoted(t *testing.T) {
	mirror := registry(at, fresh, world.Fault{Do: world.DoRedirect, On: []world.Class{world.Blob}, To: "https://" + own})
	m, _, _ := compare(t, mirror, nil)
	if !slices.Equal(m.Redirects, []string{"https://" + own}) || m.Unfit != "" || m.Ranges != Honoured {
		t.Errorf("got %+v %+v", m, m.Failure)
	}
	mirror = registry(at, fresh, world.Fault{Do: world.DoRateLimit, On: []world.Class{world.Manifest}, Delay: world.Duration(time.Minute)})
	m, _, _ = compare(t, mirror, nil)
	want := []Limit{{"Ratelimit-Limit", "100;w=21600"}, {"Ratelimit-Remaining", "0;w=21600"}, {"Retry-After", "60"}}
	if !slices.Equal(m.Limits, want) {
		t.Errorf("got %+v", m.Limits)
	}
}

func TestCredentialsOfTheRegistryGoToNobodyElse(t *testing.T) {
	first := registry(own, fresh)
	first.Registry.Auth = world.Auth{Scheme: "basic", Realm: "here", Users: map[string]string{"u": "p"}}
	mirror := registry(at, fresh)
	mirror.Registry.Auth = first.Registry.Auth
	login := route.Auth{User: "u", Password: route.NewSecret("p")}
	c, w := compareAll(t, first, []world.Role{mirror}, func(j *Job) {
		j.Registry.Login = upstream.Login{Auth: login}
		j.Mirrors[0].Login = upstream.Login{Shared: true}
	})
	if c.Upstream.Tags[0].Digest == "" || !c.Upstream.Asked || c.Mirrors[0].Unfit != Locked {
		t.Errorf("got %+v and %+v", c.Upstream, c.Mirrors[0])
	}
	for _, r := range w.Requests("a") {
		if r.Header.Get("Authorization") != "" {
			t.Errorf("the mirror was told %s", r.Header.Get("Authorization"))
		}
	}
}

func TestASlowMirrorIsBehindAFastOne(t *testing.T) {
	big := fresh
	big.Layers = []int{200000}
	slow := registry("192.0.2.3:443", big, world.Fault{Do: world.DoSlow, On: []world.Class{world.Blob}, Rate: 400000})
	c, _ := compareAll(t, registry(own, big), []world.Role{slow, registry(at, big)}, nil)
	got := Rank(c)
	if got[0].Index != 1 || got[1].Rank != 2 || !strings.Contains(got[1].Why, at+" is faster") {
		t.Errorf("got %+v", got)
	}
}
