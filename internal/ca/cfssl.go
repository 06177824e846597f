package ca

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
)

// Recipe is what cfssl makes a certificate from: a request, or the profiles of
// an authority. Many guides, and the people who follow them, keep these files.
type Recipe struct {
	Name     string          // Common Name of a request
	Hosts    []string        // of a request
	Asks     bool            // it is a request for a certificate that is no authority's
	Profiles []RecipeProfile // of an authority
}

// RecipeProfile is one profile of an authority.
type RecipeProfile struct {
	Name   string
	Expiry time.Duration
	Usages []string
}

// cfsslFile is both of cfssl's formats in one.
type cfsslFile struct {
	CN    string          `json:"CN"`
	Hosts *[]string       `json:"hosts"`
	Key   json.RawMessage `json:"key"`
	CA    json.RawMessage `json:"ca"`

	Signing *struct {
		Default  *cfsslProfile            `json:"default"`
		Profiles map[string]*cfsslProfile `json:"profiles"`
	} `json:"signing"`
}

type cfsslProfile struct {
	Expiry string   `json:"expiry"`
	Usages []string `json:"usages"`
}

// recipe reads a file of cfssl. Without hosts a request is one for an authority,
// as far as anybody can tell.
func (r *reader) recipe() bool {
	if !bytes.HasPrefix(bytes.TrimSpace(r.data), []byte("{")) {
		return false
	}
	var f cfsslFile
	if json.Unmarshal(r.data, &f) != nil {
		return false
	}
	out := &Recipe{Name: printable(f.CN)}
	switch {
	case f.Signing != nil:
		out.profiles("default", f.Signing.Default)
		for _, name := range slices.Sorted(maps.Keys(f.Signing.Profiles)) {
			out.profiles(name, f.Signing.Profiles[name])
		}
	case f.CN != "" && f.Key != nil && f.CA == nil:
		if out.Asks = f.Hosts != nil; out.Asks {
			out.Hosts = *f.Hosts
		}
	default:
		return false
	}
	r.out.Items = append(r.out.Items, Item{Recipe: out, At: r.keyPos(`"hosts"`, `"signing"`), Counts: true})
	return true
}

// keyPos is where the first of several keys stands that is there.
func (r *reader) keyPos(keys ...string) source.Pos {
	for _, key := range keys {
		if i := bytes.Index(r.data, []byte(key)); i >= 0 {
			return source.PosAt(r.name, r.data, i)
		}
	}
	return r.pos()
}

func (p *Recipe) profiles(name string, c *cfsslProfile) {
	if c == nil {
		return
	}
	expiry, _ := time.ParseDuration(c.Expiry)
	p.Profiles = append(p.Profiles, RecipeProfile{Name: printable(name), Expiry: expiry, Usages: c.Usages})
}

// judgeRecipe finds what a certificate from the recipe would lack.
func (j *judge) judgeRecipe(i Item) {
	p := i.Recipe
	if p.Asks && len(p.Hosts) == 0 {
		j.add(noSAN, "recipe", i, finding.Args{"title": quoted(p.Name)})
	}
	for _, x := range p.Profiles {
		title := "the profile " + quoted(x.Name)
		if days := int(x.Expiry / Day); days > MaxLeafDays {
			j.add(longValidity, "recipe", i, finding.Args{"title": title, "days": days, "most": MaxLeafDays})
		}
		if slices.Contains(x.Usages, "server auth") && slices.Contains(x.Usages, "client auth") {
			j.add(bothUsages, "recipe", i, finding.Args{"title": title})
		}
	}
}
