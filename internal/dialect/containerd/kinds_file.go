package containerd

import "github.com/towpath-dev/towpath/internal/finding"

// drops ends the texts of everything that costs a whole file.
const drops = "so containerd ignores the whole file"

// What can be wrong with a hosts.toml as a document.
var (
	invalidFile = finding.Kind{
		Code: "config/hosts-toml-invalid", ID: "HT020", Severity: finding.Error, Ignores: true,
		Title: "hosts.toml is not TOML",
		Doc:   "containerd logs `failed to decode` once per pull and goes on without the file: mirrors and certificates are lost, the registry itself is contacted.",
		Text:  "{file} is not TOML ({why}), " + drops,
		Variants: map[string]finding.Variant{
			"fix": {Text: "{file} is not TOML ({why}), " + drops, Fix: "write the line as TOML"},
		},
	}
	byteOrderMark = finding.Kind{
		Code: "config/hosts-toml-invalid", ID: "HT021", Severity: finding.Error, Ignores: true,
		Title: "hosts.toml begins with a byte order mark",
		Doc:   "containerd 2 refuses a byte order mark; containerd 1 skips that of UTF-8. UTF-16 is refused by both.",
		Text:  "{file} begins with a byte order mark, " + drops,
		Fix:   "remove the mark",
		Variants: map[string]finding.Variant{
			"wide":  {Text: "{file} is in UTF-16, " + drops, Fix: "write the file in UTF-8"},
			"later": {Text: "{file} begins with a byte order mark, which containerd 2 will refuse", Fix: "remove the mark"},
		},
	}
	smartQuotes = finding.Kind{
		Code: "config/hosts-toml-invalid", ID: "HT022", Severity: finding.Error, Ignores: true,
		Title: "hosts.toml has typographic quotes or spaces",
		Doc:   "Word processors, chats and web pages turn `\"` into “ ” and blanks into no-break spaces. TOML knows neither.",
		Text:  "{file} has {char} where TOML wants {want}, " + drops,
		Fix:   "write plain ASCII quotes and blanks",
		Variants: map[string]finding.Variant{
			"hand": {Text: "{file} has {char} where TOML wants {want}, " + drops},
		},
	}
	duplicateKey = finding.Kind{
		Code: "config/hosts-toml-invalid", ID: "HT023", Severity: finding.Error, Ignores: true,
		Title: "A key or table stands twice in hosts.toml",
		Doc:   "TOML forbids it, and containerd drops the file. This is what `cat >>` run twice makes of a file.",
		Text:  "{name} stands twice, first in line {first}, " + drops,
		Fix:   "keep the later one",
		Variants: map[string]finding.Variant{
			"table": {Text: "{name} stands twice, first in line {first}, " + drops, Fix: "put both parts together"},
			"hand":  {Text: "{name} stands twice, first in line {first}, " + drops},
		},
	}
	unknownKey = finding.Kind{
		Code: "config/unknown-key", ID: "HT024", Severity: finding.Warning, Ignores: true,
		Title: "containerd does not know a key of hosts.toml",
		Doc:   "Unknown keys are ignored without a word.",
		Text:  "containerd ignores the key {key}",
		Variants: map[string]finding.Variant{
			"want":     {Text: "containerd ignores the key {key}: it is called {want}", Fix: "write {want}"},
			"insecure": {Text: "containerd ignores the key {key}; to trust a private authority name its file in ca"},
			"login":    {Text: "containerd ignores the key {key}: credentials come from imagePullSecrets, or as a static header"},
		},
	}
	keyCase = finding.Kind{
		Code: "config/key-case", ID: "HT025", Severity: finding.Info,
		Title: "A key of hosts.toml is not in lower case",
		Doc:   "containerd 1 knows keys in lower case (and, by accident, in capitals); containerd 2 in any case.",
		Text:  "{key} is understood by containerd 2 only",
		Fix:   "write {want}",
		Variants: map[string]finding.Variant{
			"ignored": {Text: "containerd {version} ignores {key}: keys are in lower case", Fix: "write {want}"},
		},
	}
	unknownTable = finding.Kind{
		Code: "config/unknown-table", ID: "HT026", Severity: finding.Error, Ignores: true,
		Title: "A table of hosts.toml has a name that containerd does not know",
		Doc:   "Endpoints are tables `[host.\"URL\"]`. Tables of any other name are ignored without a word.",
		Text:  "containerd ignores the table {table}",
		Variants: map[string]finding.Variant{
			"want": {Text: "containerd ignores the table {table}: endpoints are tables {want}", Fix: "write {want}"},
		},
	}
	inlineHost = finding.Kind{
		Code: "config/inline-host-table", ID: "HT027", Severity: finding.Error, Ignores: true,
		Title: "A host is written as an inline table or a dotted key",
		Doc:   "containerd 1 accepts every form of TOML for hosts. containerd 2 takes their order from real `[host.\"URL\"]` headers and drops hosts without one.",
		Text:  "containerd {version} ignores the host {host}, because it has no [host.\"…\"] line of its own",
		Fix:   "write it as a table",
		Variants: map[string]finding.Variant{
			"later": {Text: "containerd 2 will ignore the host {host}, because it has no [host.\"…\"] line of its own", Fix: "write it as a table"},
		},
	}
	hostArray = finding.Kind{
		Code: "config/hosts-toml-invalid", ID: "HT028", Severity: finding.Error, Ignores: true,
		Title: "A host is written as an array of tables",
		Doc:   "Hosts are tables, in single brackets.",
		Text:  "{table} has double brackets, " + drops,
		Fix:   "write single brackets",
	}
	unquotedHost = finding.Kind{
		Code: "config/wrong-endpoint-url", ID: "HT029", Severity: finding.Error, Ignores: true,
		Title:    "The URL of a host is not in quotes",
		Doc:      "Without quotes a dot separates keys: `[host.m.example]` is the host `m` with a table `example`.",
		Text:     "{table} makes a host named {got}, because the name is not in quotes",
		Fix:      "put the name in quotes",
		Symptoms: []string{"dns/name-not-found", "dns/sinkholed", "dns/search-domain-capture", "network/connection-refused", "network/connect-timeout"},
	}
	scatteredHost = finding.Kind{
		Code: "config/host-asked-twice", ID: "HT030", Severity: finding.Warning,
		Title: "The tables of one host do not stand together",
		Doc:   "containerd 2 starts a new host at each header whose URL differs from that before it, so a host whose tables are apart is asked twice.",
		Text:  "{host} is asked twice, because another host stands between its tables",
		Fix:   "move the table to the other one",
		Variants: map[string]finding.Variant{
			"hand": {Text: "{host} is asked twice, because another host stands between its tables"},
		},
	}
	lateServer = finding.Kind{
		Code: "config/server-field-misunderstood", ID: "HT031", Severity: finding.Error, Ignores: true,
		Title: "server stands behind a table and belongs to it",
		Doc:   "In TOML a key belongs to the table above it. `server` counts only before the first table; elsewhere it is an unknown key and the registry itself is contacted.",
		Text:  "containerd ignores this server, because it stands in the table {table}",
		Fix:   "move it above the first table",
		Variants: map[string]finding.Variant{
			"hand": {Text: "containerd ignores this server, because it stands in the table {table}; another one stands above"},
		},
	}
	serverOnly = finding.Kind{
		Code: "config/server-only-hosts-toml", ID: "HT033", Severity: finding.Error, Ignores: true,
		Title: "containerd before 1.7.32 ignores a hosts.toml without a host table",
		Doc:   "Up to 1.7.31, and in all of 1.6, a file needs a `host` table. An empty `[host]` line is enough and harms no later version.",
		Text:  "{file} has no [host] table, so containerd {version} ignores the whole file",
		Fix:   "add a line [host]",
	}
	headerOnlyHost = finding.Kind{
		Code: "config/host-without-table", ID: "HT034", Severity: finding.Info,
		Title: "A host is made by its header table alone",
		Doc:   "`[host.\"URL\".header]` without `[host.\"URL\"]` makes a host with all capabilities and default TLS.",
		Text:  "{host} has only a header table, so it is trusted with everything",
	}
	rewriteIgnored = finding.Kind{
		Code: "config/rewrite-ignored", ID: "HT035", Severity: finding.Warning, Ignores: true,
		Title: "rewrite is known to K3s and RKE2 only",
		Doc:   "The `rewrite` table exists in the fork of containerd that K3s and RKE2 carry.",
		Text:  "containerd ignores rewrite, so {host} is asked for the repository as the image names it",
	}
	certificatesIgnored = finding.Kind{
		Code: "config/certificates-ignored", ID: "HT036", Severity: finding.Warning, Ignores: true,
		Title:    "Certificate files beside a hosts.toml are not used",
		Doc:      "Docker's layout (`*.crt`, `*.cert`, `*.key`) counts only when `hosts.toml` is missing, empty or invalid. Otherwise the file has to name them in `ca` and `client`.",
		Text:     "{name} is not used, because {file} is there and does not name it",
		Symptoms: []string{"tls/private-ca-untrusted", "tls/client-certificate-required"},
	}
	readableSecret = finding.Kind{
		Code: "auth/header-world-readable", ID: "HT037", Severity: finding.Warning,
		Title: "Every user of the node can read credentials",
		Doc:   "A static `Authorization` header is a password. containerd reads the file as root, so nobody else needs to.",
		Text:  "{file} holds credentials and every user can read it (mode {mode})",
		Fix:   "let only root read it",
	}
	randomOrder = finding.Kind{
		Code: "config/host-order-random", ID: "HT103", Severity: finding.Warning,
		Title: "containerd 1 asks these hosts in a random order",
		Doc:   "containerd 1 orders hosts by the line of their table, and inline tables have no line. Their order changes from pull to pull.",
		Text:  "containerd {version} asks {hosts} in a random order",
		Fix:   "give each a table of its own",
		Variants: map[string]finding.Variant{
			"hand": {Text: "containerd {version} asks {hosts} in a random order"},
		},
	}
	crashingFile = finding.Kind{
		Code: "config/hosts-toml-crashes-containerd", ID: "HT104", Severity: finding.Error,
		Title: "hosts.toml makes containerd 1 crash",
		Doc:   "containerd 1 compares the tables under `host` with each other. A key there that is no table ends the whole process, on every pull from the registry.",
		Text:  "{key} under [host] is no table: every pull from {registry} ends the containerd process",
		Fix:   "put the key under [host.\"URL\"]",
		Variants: map[string]finding.Variant{
			"parser": {Text: "{file} makes the parser of containerd crash: every pull from {registry} ends the process"},
		},
	}
	wrongType = finding.Kind{
		Code: "config/hosts-toml-invalid", ID: "HT105", Severity: finding.Error, Ignores: true,
		Title: "A value of hosts.toml has the wrong type",
		Doc:   "`server` and `dial_timeout` are strings, `skip_verify` and `override_path` are true or false, `capabilities` is a list of strings, `header` a table.",
		Text:  "{key} has the wrong type ({why}), " + drops,
		Variants: map[string]finding.Variant{
			"fix":  {Text: "{key} has the wrong type ({why}), " + drops, Fix: "write {want}"},
			"host": {Text: "{key} under [host] is no table, " + drops, Fix: "put the key under [host.\"URL\"]"},
		},
	}
)
