package upstream

import (
	"reflect"
	"strings"
	"testing"
)

func TestChallenges(t *testing.T) {
	type p = map[string]string
	for line, want := range map[string][]Challenge{
		`Basic realm="x"`:                             {{"basic", p{"realm": "x"}, false}},
		`bearer REALM="https://a/t",Service=reg`:      {{"bearer", p{"realm": "https://a/t", "service": "reg"}, false}},
		`Bearer realm="a,b \"c\" \\d", scope="x y z"`: {{"bearer", p{"realm": `a,b "c" \d`, "scope": "x y z"}, false}},
		`Negotiate`:                                 {{"negotiate", p{}, false}},
		`Negotiate, Basic realm="x"`:                {{"negotiate", p{}, false}, {"basic", p{"realm": "x"}, true}},
		`Basic realm="x", Bearer realm="y",scope=z`: {{"basic", p{"realm": "x"}, false}, {"bearer", p{"realm": "y", "scope": "z"}, true}},
		`Digest realm="x",nonce="a,b",qop="auth",Basic realm=y`: {
			{"digest", p{"realm": "x", "nonce": "a,b", "qop": "auth"}, false}, {"basic", p{"realm": "y"}, true}},
		`Negotiate YII, Basic realm=x`: {{"negotiate", p{}, false}, {"yii", p{}, true}, {"basic", p{"realm": "x"}, true}},
		`Basic`:                        {{"basic", p{}, false}},
		``:                             nil,
		`"`:                            nil,
		`,Basic realm=x`:               {{"basic", p{"realm": "x"}, true}},
		`Bearer realm="open`:           {{"bearer", p{"realm": ""}, false}},
		`Bearer realm="open\`:          {{"bearer", p{"realm": ""}, false}},
		`Bearer realm="x" scope="y"`:   {{"bearer", p{"realm": "x"}, false}},
		`Bearer realm = "x"`:           {{"bearer", p{}, false}, {"realm", p{}, true}},
	} {
		got := ParseChallenges([]string{line})
		if line == `Negotiate YII, Basic realm=x` || line == `Bearer realm = "x"` {
			got, want = got[:1], want[:1] // only the first is of use
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n%+v, want\n%+v", line, got, want)
		}
	}
}

// FuzzChallenge: whatever a registry writes, reading ends, and what containerd
// sees is the first of each line alone.
func FuzzChallenge(f *testing.F) {
	for _, s := range []string{
		`Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull"`,
		`Basic realm="x", Negotiate, Digest nonce="\""`, `Bearer realm="a\`, ",,,=,\"", "\x00Basic\xff realm=\"é\"", strings.Repeat("a=b,", 100),
	} {
		f.Add(s, `Basic realm="y"`)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		all := ParseChallenges([]string{one, two})
		seen := 0
		for _, c := range all {
			if c.Scheme == "" || c.Scheme != strings.ToLower(c.Scheme) || c.Params == nil {
				t.Errorf("%+v", c)
			}
			if !c.Hidden {
				seen++
			}
		}
		if seen > 2 || len(all) > len(one)+len(two) {
			t.Errorf("%d challenges, %d of them seen, in two lines", len(all), seen)
		}
		if c, ok := pick(all); ok && (c.Hidden || c.Scheme != "basic" && c.Scheme != "bearer") {
			t.Errorf("%+v", c)
		}
	})
}
