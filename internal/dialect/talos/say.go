package talos

import (
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect/evidence"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/yamldoc"
)

// say adds a finding; the configuration is applied without a restart.
func (r *reader) say(k finding.Kind, variant string, at source.Pos, args finding.Args) *finding.Finding {
	if r.silent {
		return &finding.Finding{}
	}
	f := r.book.Say(k, variant, at, args)
	if f.Fix != nil {
		f.Fix.Live = true
	}
	return f
}

// refuse notes that Talos does not take the configuration, and why.
func (r *reader) refuse(k finding.Kind, variant string, at source.Pos, args finding.Args) *finding.Finding {
	r.refused = true
	if why, ok := args["why"].(string); ok {
		args["why"] = evidence.Message(why)
	}
	return r.say(k, variant, at, args)
}

// syntax finds the place of a mistake in a file that is no YAML.
func (r *reader) syntax(f *source.File, bad *yamldoc.Problem) source.Pos {
	if r.silent {
		return bad.At
	}
	return yamldoc.Recognise(f.Path, f.Data, bad).At
}

// edits are edits of a file, unless it is in UTF-16, where places are not bytes.
func (r *reader) edits(f *file, edits ...source.Edit) []source.Edit {
	if len(f.docs) > 0 && f.docs[0].Wide {
		return nil
	}
	return edits
}

// schemeless refuses an endpoint of a document that is neither http nor https.
func (r *reader) schemeless(e *endpoint, text string) {
	want := "https://" + text
	if _, rest, ok := strings.Cut(text, "://"); ok {
		want = "https://" + rest
	}
	f := r.refuse(noScheme, "", e.at, finding.Args{"endpoint": evidence.URL(text), "want": evidence.URL(want)})
	if f.Fix != nil && e.node != nil && e.node.Kind == yamldoc.Scalar && evidence.URL(want) == want {
		f.Fix.Edits = r.edits(r.files[len(r.files)-1], r.files[len(r.files)-1].docs[0].Replace(e.node, yamldoc.Write(want)))
	}
}

// notPEM refuses a CA that is no certificate: a path, base64 or something else.
func (r *reader) notPEM(s spot, key, text string) {
	variant := ""
	if strings.HasPrefix(strings.TrimSpace(text), "/") {
		variant = "path"
	}
	r.refuse(notPEM, variant, s.doc.At(key), finding.Args{"name": s.name, "path": evidence.OneLine(strings.TrimSpace(text))})
}

// keys are what may stand in the documents that this package knows.
var keys = []string{
	"apiVersion", "kind", "name", "endpoints", "url", "overridePath", "skipFallback", "username", "password", "auth", "identityToken",
	"clientIdentity", "cert", "key", "crt", "ca", "insecureSkipVerify", "machine", "cluster", "registries", "mirrors", "config", "tls",
}

// aliases are spellings that come from other formats.
var aliases = map[string]string{
	"endpoint": "endpoints", "mirror": "mirrors", "configs": "config", "registry": "registries", "override_path": "overridePath",
	"skip_fallback": "skipFallback", "insecure_skip_verify": "insecureSkipVerify", "skip_verify": "insecureSkipVerify",
	"identity_token": "identityToken", "identitytoken": "identityToken", "caFile": "ca", "ca_file": "ca", "user": "username", "api_version": "apiVersion",
}

// nearest is the key that was probably meant, or "".
func nearest(key string) string {
	if want, ok := aliases[key]; ok {
		return want
	}
	for _, k := range keys {
		if strings.EqualFold(k, key) && k != key {
			return k
		}
	}
	return ""
}
