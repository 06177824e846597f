// Package containerd reads and writes the certs.d/HOST/hosts.toml trees of
// containerd, each version as it reads them: what it looks up, what it drops
// without a word, and which requests follow. It does not know where the roots
// of the trees are configured: that is package containerdconfig.
package containerd

import (
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/dialect"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/source"
)

// Dialect is the hosts.toml tree.
var Dialect = dialect.Dialect{
	Name:  "containerd",
	Title: "containerd certs.d/HOST/hosts.toml",
	Docs:  "https://github.com/containerd/containerd/blob/main/docs/hosts.md",
	Proof: "containerd's own host configuration and resolver, versions 1.6.20, 1.7.35 and 2.4.2, on generated and on mutated files; the three of them pull by these files in the lab",
	Paths: []string{
		"/etc/containerd/certs.d/*/hosts.toml",
		"/etc/docker/certs.d/*/hosts.toml",
	},
	Parse:   Parse,
	Kinds:   kinds,
	Render:  Render,
	Limits:  limits,
	Instead: instead,
	Reload:  func(route.Target) string { return "" },
}

// Parse reads trees whose roots nobody named: see Roots.
func Parse(files []source.File, t route.Target) dialect.Reading {
	return Read(Roots(files), files, t)
}

// Roots guesses the roots of trees from what was given: the directory two
// levels above each file that containerd would read, and each directory that
// lies in no other and holds nothing but directories.
func Roots(files []source.File) []string {
	var out []string
	add := func(root string) {
		if !slices.Contains(out, root) {
			out = append(out, root)
		}
	}
	t := newTree(files)
	for _, f := range files {
		p := path.Clean(f.Path)
		if name := path.Base(p); f.Kind != source.Directory && counts(name) {
			add(path.Dir(path.Dir(p)))
		}
	}
	for _, f := range files {
		p := path.Clean(f.Path)
		if f.Kind == source.Directory && t.files[path.Dir(p)] == nil && !slices.Contains(out, path.Dir(p)) && !t.holdsFiles(p) {
			add(p)
		}
	}
	return out
}

// counts reports whether a file of this name in a registry's directory is one
// that containerd reads, or was meant to be.
func counts(name string) bool {
	return name == hostsToml || strings.HasSuffix(name, ".crt") || strings.HasSuffix(name, ".cert") || misnamed(name)
}

func (t *tree) holdsFiles(dir string) bool {
	return slices.ContainsFunc(t.children[dir], func(name string) bool {
		f := t.look(path.Join(dir, name))
		return f != nil && f.Kind != source.Directory
	})
}

// kinds lists everything that Parse may find.
var kinds = []finding.Kind{
	portDirectory, hiddenDirectory, hubDirectory, oddDirectory, emptyDirectory, fileForDirectory, unreadableFile, oldDefault,
	misnamedFile, defaultPort, upperDirectory, danglingLink,
	invalidFile, byteOrderMark, smartQuotes, duplicateKey, unknownKey, keyCase, unknownTable, inlineHost, hostArray, unquotedHost,
	scatteredHost, lateServer, serverOnly, headerOnlyHost, rewriteIgnored, certificatesIgnored, readableSecret,
	serverPattern, noScheme, brokenURL, wrongScheme, malformedURL, userInURL, queryInURL, unusableURL, doubleV2, overrideRoot, projectPath, addressHost,
	sameAsServer, duplicateHost,
	trustsAll, unknownCapability, capabilityType, neverForTags, withoutPull, capabilitiesUnused, nobodyResolves, everythingToOne,
	credentialsForAll, webSite,
	emptyKey, flatPair, pairLength, unusableCA, unusableClient, unverified, tlsForPlain, wrongExtension, loneKey,
	headerType, headerCase, malformedBasic, forbiddenHeader, timeoutUnit, oddTimeout, timeoutIgnored,
	randomOrder, crashingFile, wrongType, spegelBackup, spegelHidden,
	bracketedName, localUpstream, keyBehind, portOfOther, pushOnly, pushToMirror, mirrorOnlyMeant, longDial, relativePath, notAuthority,
	serverAsClient, secretToRealm, secretToTarget, headerToUpstream, privateDefault, asksItself,
}
