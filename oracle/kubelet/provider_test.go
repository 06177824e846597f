package kubelet

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	_ "unsafe" // for go:linkname: the two functions that read and check a configuration are not exported

	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kubernetes/pkg/credentialprovider"
	_ "k8s.io/kubernetes/pkg/credentialprovider/plugin"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"

	ours "github.com/towpath-dev/towpath/internal/dialect/credentialprovider"
	"github.com/towpath-dev/towpath/internal/dialect/dialecttest"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

//go:linkname readConfig k8s.io/kubernetes/pkg/credentialprovider/plugin.readCredentialProviderConfig
func readConfig(path string) (*kubeletconfig.CredentialProviderConfig, string, error)

//go:linkname validateConfig k8s.io/kubernetes/pkg/credentialprovider/plugin.validateCredentialProviderConfig
func validateConfig(config *kubeletconfig.CredentialProviderConfig, tokens bool) field.ErrorList

func TestCredentialProvidersAreReadAsTheKubeletReadsThem(t *testing.T) {
	r := rand.New(rand.NewPCG(18, 8))
	var sound []string
	counts := map[string]int{}
	for i := range each {
		text := providers(r)
		sound = append(sound, text)
		compareProviders(t, fmt.Sprintf("generated %d", i), counts, text)
	}
	for i, text := range dialecttest.Mutate(sound, nil, 11, each) {
		compareProviders(t, fmt.Sprintf("mutated %d", i), counts, text)
	}
	for i := range each / 4 {
		compareProviders(t, fmt.Sprintf("directory %d", i), counts, providers(r), providers(r))
	}
	t.Logf("%v", counts)
	if counts["accepted"] < each/2 || counts["refused"] < each/2 || counts["matched"] < each {
		t.Errorf("too few of a sort: %v", counts)
	}
}

// compareProviders reads one file, or several as a directory.
func compareProviders(t *testing.T, name string, counts map[string]int, texts ...string) {
	t.Helper()
	dir := t.TempDir()
	var files []source.File
	for i, text := range texts {
		p := filepath.Join(dir, fmt.Sprintf("%d.yaml", i))
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, source.File{Path: p, Data: []byte(text)})
	}
	at := dir
	if len(files) == 1 {
		at = files[0].Path
	}
	theirs, _, err := readConfig(at)
	if err == nil {
		if all := validateConfig(theirs, true); len(all) > 0 {
			err = all.ToAggregate()
		}
	}
	target := route.Target{Runtime: "kubelet", Version: route.MustVersion("1.36.3")}
	mine := ours.Read(files, target, ours.Options{Whole: true})
	if mine.Refused != (err != nil) {
		t.Errorf("%s: the kubelet says %v, we %v\n%s", name, err, said(mine.Findings()), strings.Join(texts, "=====\n"))
		return
	}
	if err != nil {
		counts["refused"]++
		return
	}
	counts["accepted"]++
	for _, image := range images {
		var got, want []string
		for _, p := range mine.Providers {
			if p.Serves(image) {
				got = append(got, p.Name+" "+p.Cache.String())
			}
		}
		for _, p := range theirs.Providers {
			for _, pattern := range p.MatchImages {
				if matched, _ := credentialprovider.URLsMatchStr(pattern, image); matched {
					want = append(want, p.Name+" "+p.DefaultCacheDuration.Duration.String())
					break
				}
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: for %s we run %v, the kubelet %v\n%s", name, image, got, want, strings.Join(texts, "=====\n"))
			return
		}
		counts["matched"] += len(want)
	}
}

func said(all []finding.Finding) []string {
	var out []string
	for _, f := range all {
		out = append(out, f.Text)
	}
	return out
}

// providers is a configuration, mostly sound.
func providers(r *rand.Rand) string {
	var b strings.Builder
	version := pick(r, "v1", "v1", "v1", "v1", "v1beta1", "v1alpha1")
	fmt.Fprintf(&b, "apiVersion: kubelet.config.k8s.io/%s\nkind: CredentialProviderConfig\nproviders:\n", version)
	for i := range 1 + r.IntN(2) {
		fmt.Fprintf(&b, "- name: %s\n  matchImages:\n", odd(r, fmt.Sprintf("p%d-%d", i, r.IntN(1000)), "ecr/login", "a b", "..", "", "7"))
		for range 1 + r.IntN(3) {
			fmt.Fprintf(&b, "  - %q\n", pattern(r))
		}
		fmt.Fprintf(&b, "  defaultCacheDuration: %s\n", odd(r, pick(r, "12h", `"0s"`, "1h30m", "10m"), "12", "-1s", "0", "never", "null"))
		protocol := odd(r, "credentialprovider.kubelet.k8s.io/"+pick(r, "v1", "v1", "v1", "v1beta1", "v1alpha1"), "kubelet.config.k8s.io/v1", "v1", "null")
		fmt.Fprintf(&b, "  apiVersion: %s\n", protocol)
		if r.IntN(3) == 0 {
			fmt.Fprintf(&b, "  args: %s\n", odd(r, `["get-credentials", "--v=3"]`, "get", "[1]", "[null]", "null"))
		}
		if r.IntN(3) == 0 {
			fmt.Fprintf(&b, "  env:\n  - name: AWS_PROFILE\n    %s: %s\n", odd(r, "value", "Value", "values"), odd(r, "default", "true", "1"))
		}
		if r.IntN(4) == 0 && version == "v1" || r.IntN(30) == 0 {
			tokens(r, &b)
		}
	}
	text := b.String()
	if r.IntN(30) == 0 {
		text += pick(r, "extra: 1\n", "kind: CredentialProviderConfig\n", "---\nkind: other\n", "metadata: {}\n", "# end\n")
	}
	return text
}

func tokens(r *rand.Rand, b *strings.Builder) {
	fmt.Fprintf(b, "  tokenAttributes:\n    serviceAccountTokenAudience: %s\n    cacheType: %s\n    requireServiceAccount: %s\n",
		odd(r, "registry.example", `""`), odd(r, pick(r, "ServiceAccount", "Token"), "token", "null"), odd(r, pick(r, "true", "false", "yes"), "null", `"true"`))
	if r.IntN(2) == 0 {
		fmt.Fprintf(b, "    requiredServiceAccountAnnotationKeys: [%s]\n", odd(r, "example.com/id", "Example.com/ID, b", "a/b/c", "a, a", "-a", `""`))
	}
	if r.IntN(2) == 0 {
		fmt.Fprintf(b, "    optionalServiceAccountAnnotationKeys: [%s]\n", odd(r, "example.com/opt", "example.com/id", "a_b.c", strings.Repeat("x", 64)))
	}
}

// odd is mostly the usual value.
func odd(r *rand.Rand, usual string, others ...string) string {
	if r.IntN(25) > 0 {
		return usual
	}
	return others[r.IntN(len(others))]
}

func pattern(r *rand.Rand) string {
	return pick(r, "docker.io", "*.dkr.ecr.*.amazonaws.com", "*.azurecr.io", "r.example", "r.example/team", "*.example", "*.*.r.example", "r.*", "r.example:5000", "*", "localhost", "gcr.io",
		odd(r, "a*.r.example", "https://r.example", "r.example:*", "[::1", "r.example/%zz", "r example", "", "r.example/*"))
}
