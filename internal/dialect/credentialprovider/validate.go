package credentialprovider

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/keyring"
	"github.com/towpath-dev/towpath/internal/kubeyaml"
	"github.com/towpath-dev/towpath/internal/source"
)

const protocol = "credentialprovider.kubelet.k8s.io/"

// validate takes the providers of a file whose values have the right types.
// Source: kubernetes validateCredentialProviderConfig.
func (c *Config) validate(d *kubeyaml.Doc) {
	all, _ := d.Object["providers"].([]any)
	for i, item := range all {
		o, _ := item.(kubeyaml.Object)
		p := Provider{Name: word(o["name"]), Images: words(o["matchImages"]), doc: d, path: []any{"providers", i}}
		p.From = d.At("providers", i, "name")
		p.Cache, _ = time.ParseDuration(word(o["defaultCacheDuration"]))
		c.validateProvider(p, o)
		c.Providers = append(c.Providers, p)
	}
}

func words(v any) []string {
	var out []string
	items, _ := v.([]any)
	for _, item := range items {
		out = append(out, word(item))
	}
	return out
}

// at is the place of a field of the provider.
func (p Provider) at(steps ...any) source.Pos { return p.doc.At(slices.Concat(p.path, steps)...) }

func (c *Config) validateProvider(p Provider, o kubeyaml.Object) {
	bad := func(field, why string) {
		c.refuse(invalid, "value", p.at(field), finding.Args{"name": evidence.OneLine(p.Name), "field": field, "why": why})
	}
	if strings.ContainsAny(p.Name, "/ ") || p.Name == "." || p.Name == ".." {
		bad("name", "it is the name of a file in the directory of programs, without blanks and slashes")
	}
	if o["defaultCacheDuration"] == nil {
		bad("defaultCacheDuration", "it has to be there, 0s if nothing is to be kept")
	} else if p.Cache < 0 {
		bad("defaultCacheDuration", "it is below zero")
	}
	c.validateProtocol(p, word(o["apiVersion"]))
	if len(p.Images) == 0 {
		bad("matchImages", "it names no image")
	}
	for i, pattern := range p.Images {
		if !keyring.Valid(pattern) {
			c.refuse(invalid, "pattern", p.at("matchImages", i), finding.Args{"pattern": evidence.URL(pattern)})
			continue
		}
		c.lintPattern(p, i, pattern)
	}
	if tokens, ok := o["tokenAttributes"].(kubeyaml.Object); ok {
		c.validateTokens(p, tokens, word(o["apiVersion"]))
	}
}

// validateProtocol looks at the version in which the program is spoken to.
func (c *Config) validateProtocol(p Provider, version string) {
	if slices.Contains([]string{protocol + "v1", protocol + "v1beta1", protocol + "v1alpha1"}, version) {
		return
	}
	variant := "protocol"
	if version == "" {
		variant = "noProtocol"
	}
	f := c.refuse(invalid, variant, p.at("apiVersion"), finding.Args{"name": evidence.OneLine(p.Name), "version": evidence.OneLine(version), "want": protocol + "v1"})
	if e, ok := p.doc.Value(protocol+"v1", slices.Concat(p.path, []any{"apiVersion"})...); ok && version != "" {
		evidence.Cure(f, e)
	}
}

// validateTokens looks at tokens of service accounts, known to kubelets since 1.34.
func (c *Config) validateTokens(p Provider, o kubeyaml.Object, version string) {
	bad := func(field, why string) {
		name := strings.TrimSuffix("tokenAttributes."+field, ".")
		c.refuse(invalid, "value", p.at("tokenAttributes", field), finding.Args{"name": evidence.OneLine(p.Name), "field": name, "why": why})
	}
	if v := c.version(); v.Known() && v.Before("1.33.0") {
		c.refuse(invalid, "tooNew", p.at("tokenAttributes"), finding.Args{"field": "tokenAttributes", "version": v.String(), "since": "1.34"})
	}
	if word(o["serviceAccountTokenAudience"]) == "" {
		bad("serviceAccountTokenAudience", "it has to be there")
	}
	require, given := o["requireServiceAccount"].(bool)
	if !given {
		bad("requireServiceAccount", "it has to be there")
	}
	if version != protocol+"v1" {
		bad("", "it needs apiVersion "+protocol+"v1")
	}
	required, optional := words(o["requiredServiceAccountAnnotationKeys"]), words(o["optionalServiceAccountAnnotationKeys"])
	if given && !require && len(required) > 0 {
		bad("requiredServiceAccountAnnotationKeys", "requireServiceAccount is false")
	}
	seen := map[string]bool{}
	for _, list := range [][]string{required, optional} {
		for _, key := range list {
			switch {
			case !qualified(strings.ToLower(key)):
				bad("requiredServiceAccountAnnotationKeys", "an entry is no key of an annotation")
			case seen[key]:
				bad("optionalServiceAccountAnnotationKeys", "an entry stands twice")
			}
			seen[key] = true
		}
	}
	if kind := word(o["cacheType"]); kind != "ServiceAccount" && kind != "Token" {
		bad("cacheType", "it is ServiceAccount or Token")
	}
}

var (
	simpleName = regexp.MustCompile(`^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$`)
	domain     = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
)

// qualified reports the key of an annotation: a name, perhaps below a domain.
func qualified(key string) bool {
	name := key
	if prefix, rest, below := strings.Cut(key, "/"); below {
		if name = rest; len(prefix) > 253 || !domain.MatchString(prefix) {
			return false
		}
	}
	return len(name) <= 63 && simpleName.MatchString(name)
}

// lintPattern finds patterns that are accepted and match nothing.
func (c *Config) lintPattern(p Provider, i int, pattern string) {
	host, part, _ := strings.Cut(pattern, "/")
	scheme, rest, hasScheme := strings.Cut(pattern, "://")
	want := ""
	switch {
	case hasScheme && (scheme == "http" || scheme == "https"):
		want = rest
	case strings.HasSuffix(part, "*"):
		want = host + "/" + strings.TrimRight(part, "*")
	case strings.ContainsAny(pattern, "?#") || strings.Contains(part, "*") || host == "" || strings.Contains(host, " "):
	case pattern == "index.docker.io" || pattern == "registry-1.docker.io" || pattern == "hub.docker.com":
		want = "docker.io"
	default:
		return
	}
	want = strings.TrimSuffix(want, "/")
	variant := ""
	if want == "" {
		variant = "odd"
	}
	f := c.book.Say(noImage, variant, p.at("matchImages", i), finding.Args{"pattern": evidence.URL(pattern), "name": evidence.OneLine(p.Name), "want": want})
	if e, ok := p.doc.Value(want, slices.Concat(p.path, []any{"matchImages", i})...); ok && want != "" {
		evidence.Cure(f, e)
	}
}
