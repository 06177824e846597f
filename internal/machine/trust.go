package machine

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"path"
	"slices"
	"strings"

	"github.com/towpath-dev/towpath/internal/ca"
	"github.com/towpath-dev/towpath/internal/finding"
	"github.com/towpath-dev/towpath/internal/source"
	"github.com/towpath-dev/towpath/internal/unit"
)

const untrusted = "tls/private-ca-untrusted"

var passedOver = finding.Kind{
	Code: untrusted, ID: "TR001", Severity: finding.Error, Ignores: true,
	Title: "A CA certificate lies where the system's store takes it from, and is passed over",
	Text:  "{command} passes over {file}: its name does not end in .crt",
	Fix:   "rename it to {name} and run {command}",
	Variants: map[string]finding.Variant{
		"folder":   {Text: "{file} lies in a folder that this distribution does not read", Fix: "move it to {name} and run {command}"},
		"der":      {Text: "{file} is DER, and {command} copies it into the bundle as it is: no program finds a certificate there", Fix: "write it as PEM and run {command}"},
		"encoding": {Text: "{why}"},
	},
	Doc: "Debian and Ubuntu take PEM files that end in `.crt` from `/usr/local/share/ca-certificates`, RHEL and its relatives PEM or DER from `/etc/pki/ca-trust/source/anchors`, SUSE from `/etc/pki/trust/anchors`. " +
		"Others are passed over without a word. Go passes over a block behind a byte order mark, and over two blocks that share a line because the first file had no newline at its end.",
}

var notAdded = finding.Kind{
	Code: untrusted, ID: "TR008", Severity: finding.Error, Ignores: true,
	Title: "A CA certificate was put in its folder and not added to the system's bundle",
	Text:  "{file} ({subject}) is not in {bundle}: {command} was not run",
	Fix:   "run {command} and restart {service}",
	Doc:   "The folder is only where the bundle is made from. Runtimes read the bundle, once, when they start: run the command of the distribution and restart the runtime.",
}

var addedLate = finding.Kind{
	Code: "tls/ca-added-after-start", ID: "TR002", Severity: finding.Warning, Ignores: true,
	Title: "A CA certificate was added after the runtime was started",
	Text:  "{file} ({subject}) was added after {service} was started, which knows only the certificates of then",
	Fix:   "restart {service}",
	Doc: "A Go program loads the system's certificates once. `update-ca-certificates` (with `--fresh` too, which rebuilds links and downloads nothing) changes files and no running process. " +
		"A `ca` in hosts.toml is read at each pull and needs no restart.",
}

var replaced = finding.Kind{
	Code: "tls/trust-store-replaced", ID: "TR003", Severity: finding.Warning,
	Title: "The unit gives the runtime another certificate store",
	Text:  "{key} of {service} replaces the system's certificates by {value}",
	Variants: map[string]finding.Variant{
		"absent": {Text: "{key} of {service} replaces the system's certificates by {value}, which does not exist: no certificate is trusted by it"},
	},
	Doc: "`SSL_CERT_FILE` stands in place of the system's bundle and `SSL_CERT_DIR` in place of its folders; neither adds to them. Certificates that are added to the system later do not count for this service. " +
		"Add the CA to the system's store or name it as `ca` of the registry, and take the variable out.",
}

var noAuthority = finding.Kind{
	Code: "tls/leaf-in-trust-store", ID: "TR004", Severity: finding.Warning,
	Title: "A certificate in the store is no CA",
	Text:  "{file} ({subject}) is the certificate of a server and no CA: it is trusted for itself alone, until it is renewed",
	Doc:   "A certificate without `CA:TRUE` signs nothing. In the store it makes Go accept exactly this certificate, and RHEL leaves it out of the bundle for TLS. Add the CA that issued it.",
}

var weakAuthority = finding.Kind{
	Code: "tls/weak-signature", ID: "TR006", Severity: finding.Warning,
	Title: "A CA of this node has a weak key",
	Text:  "{file} ({subject}) has an RSA key of {bits} bits",
	Doc:   "RSA keys below 2048 bits can be broken, and Go refuses those below 1024. Make a new CA (towpath ca init), and distribute it before the servers use it.",
}

// folder is where a distribution takes certificates from.
type folder struct {
	dir, bundle, command string
	crt                  bool // only *.crt in PEM
	markers              []string
}

// folders, by what /etc/os-release says. Sources: update-ca-certificates(8) of
// Debian and SUSE, update-ca-trust(8).
var folders = []folder{
	{"/usr/local/share/ca-certificates", "/etc/ssl/certs/ca-certificates.crt", "update-ca-certificates", true, []string{"debian", "ubuntu"}},
	{"/usr/local/share/ca-certificates", "/etc/ssl/certs/ca-certificates.crt", "update-ca-certificates", false, []string{"alpine"}},
	{"/etc/pki/ca-trust/source/anchors", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "update-ca-trust", false, []string{"rhel", "fedora", "centos", "openeuler", "anolis", "amzn", "ol"}},
	{"/etc/pki/trust/anchors", "/var/lib/ca-certificates/ca-bundle.pem", "update-ca-certificates", false, []string{"suse", "sles", "opensuse"}},
	{"/etc/ca-certificates/trust-source/anchors", "/etc/ssl/certs/ca-certificates.crt", "update-ca-trust", false, []string{"arch"}},
}

// home is the folder of this node's distribution; nil: nobody knows which it is.
func (l *lint) home() *folder {
	for _, name := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		f := l.file(name)
		if f == nil || len(f.Data) == 0 {
			continue
		}
		for line := range strings.SplitSeq(string(f.Data), "\n") {
			key, value, _ := strings.Cut(line, "=")
			if key != "ID" && key != "ID_LIKE" {
				continue
			}
			words := strings.Fields(strings.Trim(strings.TrimSpace(value), `"'`))
			for i := range folders {
				if slices.ContainsFunc(words, func(w string) bool { return slices.Contains(folders[i].markers, w) }) {
					return &folders[i]
				}
			}
		}
	}
	return nil
}

// store judges what lies in the folders of the system's store.
func (l *lint) store() {
	home := l.home()
	for _, f := range l.Machine.Files {
		if f.Kind != source.Regular || len(f.Data) == 0 || !inFolder(f.Path) {
			continue
		}
		in := named(f)
		if certs := in.Certs(); len(certs) > 0 {
			l.added(f, in, certs, home)
		}
	}
}

// named reads a file as if it had the ending that Debian wants: who wants which
// is told here.
func named(f source.File) ca.Input {
	as := f
	if path.Ext(f.Path) != ".crt" {
		as.Path += ".crt"
	}
	in := ca.Read(as)
	for i := range in.Findings {
		in.Findings[i].Text = strings.ReplaceAll(in.Findings[i].Text, as.Path, f.Path)
		in.Findings[i].At.File = f.Path
	}
	return in
}

func inFolder(name string) bool {
	return strings.HasPrefix(name, "/etc/pki/ca-trust/source/") || slices.ContainsFunc(folders, func(d folder) bool { return strings.HasPrefix(name, d.dir+"/") })
}

// added judges one file with certificates that somebody put into a folder.
func (l *lint) added(f source.File, in ca.Input, certs []*x509.Certificate, home *folder) {
	for _, c := range certs {
		l.authority(f, c)
	}
	if home == nil || bytes.Contains(f.Data, []byte("TRUSTED CERTIFICATE")) || bytes.Contains(f.Data, []byte("[p11-kit")) {
		return // forms that p11-kit takes from other folders, too
	}
	at := source.Pos{File: f.Path}
	args := finding.Args{"command": home.command}
	base := strings.TrimSuffix(path.Base(f.Path), path.Ext(f.Path)) + ".crt"
	run := append([]string{home.command}, restart(l.Service.Name, false)...)
	name := path.Join(home.dir, base)
	switch {
	case !strings.HasPrefix(f.Path, home.dir+"/"):
		args["name"] = name
		do(l.say(passedOver, "folder", at, args), run, source.Edit{Op: source.Rename, File: f.Path, To: name})
	case home.crt && isDER(f.Data):
		pem := path.Join(path.Dir(f.Path), base)
		convert := "openssl x509 -inform der -in " + quote(f.Path) + " -out " + quote(pem+".pem") + " && mv " + quote(pem+".pem") + " " + quote(pem)
		do(l.say(passedOver, "der", at, args), append([]string{convert}, run...))
	case home.crt && path.Ext(f.Path) != ".crt":
		args["name"] = base
		do(l.say(passedOver, "", at, args), run, source.Edit{Op: source.Rename, File: f.Path, To: path.Join(path.Dir(f.Path), base)})
	default:
		if !l.unseen(f, in, args, run) {
			l.bundled(f, certs, home, run)
		}
	}
}

func quote(p string) string {
	return "'" + strings.ReplaceAll(p, "'", `'\''`) + "'"
}

func isDER(data []byte) bool { return data[0] == 0x30 && !bytes.Contains(data, []byte("-----BEGIN")) }

// joined is the end of one block and the beginning of the next in one line.
var joined = []byte("----------BEGIN")

// unseen tells of blocks that Go passes over, and cures what one edit cures.
func (l *lint) unseen(f source.File, in ca.Input, args finding.Args, run []string) bool {
	var edits []source.Edit
	if bytes.HasPrefix(f.Data, []byte("\xef\xbb\xbf")) {
		edits = append(edits, source.Edit{File: f.Path, End: 3})
	}
	for at := 0; ; {
		i := bytes.Index(f.Data[at:], joined)
		if i < 0 {
			break
		}
		at += i + 5
		edits = append(edits, source.Edit{File: f.Path, Start: at, End: at, New: "\n"})
	}
	found := false
	for _, w := range in.Findings {
		if w.Code != "tls/ca-file-encoding" || isDER(f.Data) || w.Severity < finding.Error {
			continue
		}
		args["why"] = w.Text
		told := l.say(passedOver, "encoding", w.At, args)
		found = true
		if len(edits) > 0 {
			told.Fix = &finding.Fix{Text: "take out the byte order mark and begin each block on a line of its own", Edits: edits, Run: run}
			break // the edits cure the file as a whole
		}
	}
	return found
}

// bundled tells of certificates that the bundle lacks, or that came into it late.
func (l *lint) bundled(f source.File, certs []*x509.Certificate, home *folder, run []string) {
	bundle := l.file(home.bundle)
	if bundle == nil || len(bundle.Data) == 0 {
		return
	}
	have := map[[32]byte]bool{}
	for _, c := range ca.Read(*bundle).Certs() {
		have[sha256.Sum256(c.Raw)] = true
	}
	for _, c := range certs {
		args := finding.Args{"subject": ca.Title(c), "bundle": bundle.Path, "command": home.command, "service": l.runs()}
		at := source.Pos{File: f.Path}
		switch in := have[sha256.Sum256(c.Raw)]; {
		case !in && ca.IsCA(c):
			do(l.say(notAdded, "", at, args), run)
		case in && l.after(f):
			told := l.say(addedLate, "", at, args)
			do(told, restart(l.Service.Name, false))
			told.Fix.Intent = &finding.Intent{Do: finding.RestartRuntime, Value: "certificates are read at start"}
		}
	}
}

// after reports whether a file is surely newer than the running process.
func (l *lint) after(f source.File) bool {
	rt := l.Runtime
	return rt != nil && rt.PID != 0 && !rt.Started.IsZero() && f.ModTime.After(rt.Started.Add(margin))
}

func (l *lint) authority(f source.File, c *x509.Certificate) {
	at, args := source.Pos{File: f.Path}, finding.Args{"subject": ca.Title(c)}
	if key, ok := c.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < 2048 {
		args["bits"] = key.N.BitLen()
		l.say(weakAuthority, "", at, args)
	}
	if c.BasicConstraintsValid && !c.IsCA || c.Version == 3 && !c.BasicConstraintsValid {
		l.say(noAuthority, "", at, args)
	}
}

// trustVariables tells of a service that was given another store.
func (l *lint) trustVariables(s unit.Service) {
	for _, key := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR"} {
		v, ok := s.Lookup(key)
		if !ok || v.Value == "" || slices.Contains(standard, path.Clean(v.Value)) || unit.IsProxy(v.Key) {
			continue
		}
		l.say(replaced, "", v.At, finding.Args{"key": v.Key, "service": s.Name, "value": v.Value})
	}
}

// standard is where Go looks by itself. Source: crypto/x509/root_linux.go.
var standard = []string{
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/pki/tls/cacert.pem",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem", "/etc/ssl/certs", "/etc/pki/tls/certs",
}
