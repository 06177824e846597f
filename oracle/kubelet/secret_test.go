package kubelet

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/kubernetes/pkg/credentialprovider"
	"k8s.io/kubernetes/pkg/credentialprovider/secrets"
	kjson "sigs.k8s.io/json"

	"github.com/towpath-dev/towpath/internal/dialect/dialecttest"
	"github.com/towpath-dev/towpath/internal/dialect/pullsecret"
	"github.com/towpath-dev/towpath/internal/keyring"
	"github.com/towpath-dev/towpath/internal/source"
)

// each is how many files of a sort are compared.
const each = 2000

func TestPullSecretsAreReadAsTheKubeletReadsThem(t *testing.T) {
	r := rand.New(rand.NewPCG(36, 3))
	var sound []string
	counts := map[string]int{}
	for i := range each {
		text := manifest(r)
		sound = append(sound, text)
		compareSecrets(t, fmt.Sprintf("generated %d", i), text, counts)
	}
	for i, text := range dialecttest.Mutate(sound, nil, 7, each) {
		compareSecrets(t, fmt.Sprintf("mutated %d", i), text, counts)
	}
	t.Logf("%v", counts)
	if counts["matched"] < each || counts["unreadable"] < each/10 || counts["fails"] < each/10 || counts["refused"] < each/20 {
		t.Errorf("too few of a sort: %v", counts)
	}
}

// images are asked for with every ring.
var images = []string{
	"docker.io/library/nginx", "docker.io/team/app", "index.docker.io/app", "registry-1.docker.io/library/nginx", "r.example/team/app",
	"r.example/teamwork/app", "r.example:5000/team/app", "r.example:443/app", "a.r.example/app", "b.a.r.example/v1/app", "localhost/app", "localhost:5000/app",
	"123456789012.dkr.ecr.eu-west-1.amazonaws.com/app", "corp.azurecr.io/v2/app", "[::1]:5000/app", "R.example/app",
}

// ofKubernetes is what the API server and the kubelet make of a file.
type ofKubernetes struct {
	unreadable bool
	refused    []string
	fails      bool
	keyring    credentialprovider.DockerKeyring
	twice      bool // two keys of one secret are the same to the kubelet, which then tries them in any order
}

func kubernetes(text string) ofKubernetes {
	var out ofKubernetes
	var passed []v1.Secret
	d := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		var ext runtime.RawExtension
		if err := d.Decode(&ext); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return ofKubernetes{unreadable: true}
		}
		for _, s := range unpack(bytes.TrimSpace(ext.Raw)) {
			switch {
			case s.err != nil:
				out.refused = append(out.refused, "")
			case !valid(s.secret):
				out.refused = append(out.refused, s.secret.Name)
			default:
				passed = append(passed, s.secret)
				out.twice = out.twice || ambiguous(s.secret)
			}
		}
	}
	ring, err := secrets.MakeDockerKeyring(passed, &credentialprovider.BasicDockerKeyring{})
	out.fails, out.keyring = err != nil, ring
	return out
}

type decoded struct {
	secret v1.Secret
	err    error
}

// unpack decodes a Secret, and those of a List.
func unpack(raw []byte) []decoded {
	var head struct {
		Kind  any             `json:"kind"`
		Items json.RawMessage `json:"items"`
	}
	if kjson.UnmarshalCaseSensitivePreserveInts(raw, &head) != nil {
		return nil
	}
	kind, _ := head.Kind.(string)
	switch {
	case strings.HasSuffix(kind, "List"):
		var out []decoded
		var items []json.RawMessage
		_ = kjson.UnmarshalCaseSensitivePreserveInts(head.Items, &items)
		for _, item := range items {
			out = append(out, unpack(item)...)
		}
		return out
	case kind != "Secret":
		return nil
	}
	var s v1.Secret
	err := kjson.UnmarshalCaseSensitivePreserveInts(raw, &s)
	for key, value := range s.StringData {
		if s.Data == nil {
			s.Data = map[string][]byte{}
		}
		s.Data[key] = []byte(value)
	}
	return []decoded{{s, err}}
}

// valid: pkg/apis/core/validation.ValidateSecret, as far as types go.
func valid(s v1.Secret) bool {
	key := map[v1.SecretType]string{v1.SecretTypeDockerConfigJson: v1.DockerConfigJsonKey, v1.SecretTypeDockercfg: v1.DockerConfigKey}[s.Type]
	if key == "" {
		return true
	}
	content, there := s.Data[key]
	var any map[string]any
	return there && json.Unmarshal(content, &any) == nil
}

// ambiguous: the kubelet goes through a map.
func ambiguous(s v1.Secret) bool {
	seen := map[string]bool{}
	all, _ := keyring.Config(s.Data[v1.DockerConfigJsonKey])
	if s.Type == v1.SecretTypeDockercfg {
		all, _ = keyring.Flat(s.Data[v1.DockerConfigKey])
	}
	for key := range all {
		norm, _ := keyring.Normalise(key)
		if seen[norm] {
			return true
		}
		seen[norm] = true
	}
	return false
}

func compareSecrets(t *testing.T, name, text string, counts map[string]int) {
	t.Helper()
	theirs := kubernetes(text)
	ours := pullsecret.Read([]source.File{{Path: "/secret.yaml", Data: []byte(text)}})
	if ours.Broken != theirs.unreadable {
		t.Errorf("%s: we refuse it: %v, kubectl: %v\n%s\n%v", name, ours.Broken, theirs.unreadable, text, ours.Findings())
		return
	}
	if theirs.unreadable {
		counts["unreadable"]++
		return
	}
	if len(ours.Refused) != len(theirs.refused) || (ours.Fails != "") != theirs.fails {
		t.Errorf("%s: refused %q, %q by Kubernetes; fails %q, %v\n%s\n%v", name, ours.Refused, theirs.refused, ours.Fails, theirs.fails, text, ours.Findings())
		return
	}
	if len(theirs.refused) > 0 {
		counts["refused"]++
	}
	if theirs.fails {
		counts["fails"]++
		return
	}
	for _, image := range images {
		found, _ := theirs.keyring.Lookup(image)
		var got, want []string
		for _, l := range ours.Ring.Lookup(image) {
			got = append(got, l.User+":"+l.Password.Reveal())
		}
		for _, a := range found {
			want = append(want, a.Username+":"+a.Password)
		}
		if theirs.twice {
			slices.Sort(got)
			slices.Sort(want)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %s gets %q, by the kubelet %q\n%s", name, image, got, want, text)
			return
		}
		if len(want) > 0 {
			counts["matched"]++
		}
	}
}

func pick(r *rand.Rand, all ...string) string { return all[r.IntN(len(all))] }

// manifest is a file of secrets, mostly sound.
func manifest(r *rand.Rand) string {
	var docs []string
	for i := range 1 + r.IntN(3) {
		docs = append(docs, oneSecret(r, i))
	}
	switch r.IntN(5) {
	case 0:
		return "apiVersion: v1\nkind: List\nitems:\n- " + strings.Join(indented(docs), "- ")
	case 1:
		return "---\n" + strings.Join(docs, "--- # next\n")
	}
	return strings.Join(docs, "---\n")
}

func indented(docs []string) []string {
	var out []string
	for _, d := range docs {
		out = append(out, strings.TrimSuffix(strings.ReplaceAll(d, "\n", "\n  "), "  "))
	}
	return out
}

func oneSecret(r *rand.Rand, i int) string {
	kind := pick(r, "kubernetes.io/dockerconfigjson", "kubernetes.io/dockerconfigjson", "kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg", "Opaque")
	key, content := ".dockerconfigjson", fmt.Sprintf(`{"auths": %s}`, auths(r))
	if kind == "kubernetes.io/dockercfg" {
		key, content = ".dockercfg", auths(r)
	}
	if r.IntN(20) == 0 {
		key = pick(r, ".dockerconfigjson", ".dockercfg", "config.json")
	}
	if r.IntN(20) == 0 {
		content = pick(r, "", "null", "[]", "{", `{"auths": null}`, `{"AUTHS": {"r.example": {"Username": "u"}}}`, `{"auths": {}, "HttpHeaders": {"a": 1}}`, `{"auths": {"r.example": "x"}}`)
	}
	head := fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata:\n  name: s%d\ntype: %s\n", i, kind)
	switch r.IntN(8) {
	case 0:
		return head + "stringData:\n  " + key + ": '" + strings.ReplaceAll(content, "'", "''") + "'\n"
	case 1:
		return head + "stringData:\n  " + key + ": |\n    " + content + "\n"
	case 2:
		return head + "data:\n  " + key + ": " + base64.StdEncoding.EncodeToString([]byte("{}")) + "\nstringData:\n  " + key + ": '" + content + "'\n"
	case 3:
		object, _ := json.MarshalIndent(map[string]any{
			"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": fmt.Sprint("s", i)}, "type": kind,
			"data": map[string]any{key: []byte(content)},
		}, "", "  ")
		return string(object) + "\n"
	}
	return head + "data:\n  " + key + ": " + base64.StdEncoding.EncodeToString([]byte(content)) + "\n"
}

// auths are entries for hosts that the images have, or nearly.
func auths(r *rand.Rand) string {
	var out []string
	for range r.IntN(5) {
		out = append(out, fmt.Sprintf("%q: %s", hostKey(r), entry(r)))
	}
	return "{" + strings.Join(out, ", ") + "}"
}

func hostKey(r *rand.Rand) string {
	host := pick(r, "docker.io", "index.docker.io", "registry-1.docker.io", "hub.docker.com", "r.example", "r.example:5000", "r.example:443", "*.example", "*.r.example",
		"*.*.r.example", "r?.example", "r.*", "*", "localhost", "localhost:5000", "*.dkr.ecr.*.amazonaws.com", "*.azurecr.io", "[::1]:5000", "[r].example", "r.example:*", "R.example", "r.example ", "", "user@r.example", "%72.example")
	return pick(r, "", "", "https://", "http://", "HTTPS://", "ftp://") + host + pick(r, "", "", "", "/", "/v1/", "/v2/", "/v1", "/v2", "/team", "/team/", "/team/app", "/*", "//team", "/v1/team", "/%74eam", "?x", "#x")
}

func entry(r *rand.Rand) string {
	user, password := pick(r, "u", "v", "AWS", "robot$ci", "", "ü"), pick(r, "p", "q:r", "", "x\ny", "longer password")
	auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	switch r.IntN(40) {
	case 0:
		return "{}"
	case 1:
		return "null"
	case 2:
		return fmt.Sprintf(`{"auth": %q, "username": "other", "password": "other"}`, strings.TrimRight(auth, "="))
	case 3:
		return fmt.Sprintf(`{"auth": %q}`, pick(r, "x", "dQ==", auth+"\n", auth[:len(auth)/2]+"\n"+auth[len(auth)/2:], " "+auth, auth+" ", "", auth+"="))
	case 4:
		return fmt.Sprintf(`{"auth": %q, "identitytoken": "t", "email": 1}`, auth)
	case 5, 6, 7, 8, 9, 10:
		return fmt.Sprintf(`{"username": %q, "password": %q, "email": "a@b"}`, user, password)
	}
	return fmt.Sprintf(`{"auth": %q}`, auth)
}
