package world

import (
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
)

// Auth is what a registry asks of its clients.
type Auth struct {
	Scheme  string            `json:"scheme"`  // "basic", "bearer"; anything else is sent as the challenge itself; empty: nothing is asked
	Realm   string            `json:"realm"`   // URL of the token server, or the name of a basic realm
	Service string            `json:"service"` //
	Users   map[string]string `json:"users"`   // basic: password by user
	Public  []string          `json:"public"`  // basic: repositories for everybody, as path.Match patterns
	Extra   []string          `json:"extra"`   // further WWW-Authenticate lines, sent first
}

// admit answers requests that may not go on and reports the others.
func (g *Registry) admit(w http.ResponseWriter, r *http.Request, repo string) bool {
	switch g.auth.Scheme {
	case "":
		return true
	case "basic":
		user, password, _ := r.BasicAuth()
		if want, ok := g.auth.Users[user]; ok && want == password || repo != "" && matchAny(g.auth.Public, repo) {
			return true
		}
		g.challenge(w, fmt.Sprintf("Basic realm=%q", orElse(g.auth.Realm, "world")))
	case "bearer":
		return g.admitBearer(w, r, repo)
	default:
		g.challenge(w, g.auth.Scheme)
	}
	return false
}

func (g *Registry) admitBearer(w http.ResponseWriter, r *http.Request, repo string) bool {
	line := fmt.Sprintf("Bearer realm=%q,service=%q", g.auth.Realm, g.auth.Service)
	if repo != "" {
		line += fmt.Sprintf(`,scope="repository:%s:pull"`, repo)
	}
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		g.challenge(w, line)
		return false
	}
	claims, err := verifyToken(g.pki, text)
	if err != nil {
		g.challenge(w, line+`,error="invalid_token"`)
		return false
	}
	if repo != "" && !claims.grants(repo, "pull") {
		g.challenge(w, line+`,error="insufficient_scope"`)
		return false
	}
	return true
}

func (g *Registry) challenge(w http.ResponseWriter, line string) {
	for _, extra := range g.auth.Extra {
		w.Header().Add("WWW-Authenticate", extra)
	}
	if line != "none" {
		w.Header().Add("WWW-Authenticate", line)
	}
	apiError(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
}

// matchAny reports whether one of the patterns fits; "*" fits everything.
func matchAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, _ := path.Match(p, name)
		return ok || p == "*"
	})
}
