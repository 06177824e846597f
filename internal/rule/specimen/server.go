package specimen

import (
	"time"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
	"github.com/towpath-dev/towpath/internal/source"
)

// certificates are troubles of TLS.
var certificates = []Specimen{
	{"tls/other-server", "", badChain(snapshot.OtherNames), reason(snapshot.NoIPSAN)},
	{"tls/private-ca-untrusted", "", badChain(snapshot.UnknownAuthority), reason(snapshot.SameNameOtherKey)},
	{"tls/private-ca-untrusted", "the CA lies on the node", func(s *snapshot.Snapshot) {
		badChain(snapshot.UnknownAuthority)(s)
		trial(s, snapshot.NodeCA, "/etc/pki/corp.pem", true)
	}, reason(snapshot.Expired)},
	{"tls/corporate-interception", "", func(s *snapshot.Snapshot) {
		badChain(snapshot.UnknownAuthority)(s)
		first(s).Host = "ghcr.io"
	}, func(s *snapshot.Snapshot) { first(s).Host = Registry }}, // a private registry may have a private CA
	{"tls/missing-intermediate", "", func(s *snapshot.Snapshot) {
		badChain(snapshot.UnknownAuthority)(s)
		trial(s, snapshot.WithIntermediate, "http://ca.example/intermediate.der", true)
	}, inVain},
	{"tls/ca-added-after-start", "", lateCA, func(s *snapshot.Snapshot) { s.Node.Trust.Anchors[0].Changed = s.Runtime.Started.Add(-time.Minute) }},
	{"tls/ca-added-after-start", "but not where it is named as ca", lateCA, func(s *snapshot.Snapshot) {
		try(s).Handshake.Trusted = append(try(s).Handshake.Trusted, try(s).Handshake.RootFile)
	}},
	{"tls/same-ca-name-other-key", "", badChain(snapshot.SameNameOtherKey), reason(snapshot.UnknownAuthority)},
	{"tls/certificate-expired", "", badChain(snapshot.Expired), reason(snapshot.UnknownAuthority)},
	{"tls/certificate-expired", "not yet valid", badChain(snapshot.NotYetValid), reason(snapshot.OtherReason)},
	{"tls/node-clock-wrong", "", func(s *snapshot.Snapshot) {
		badChain(snapshot.Expired)(s)
		trial(s, snapshot.OtherTime, "", true)
		s.Pull.Clocks = []snapshot.Clock{clock(-40 * time.Hour), clock(-40 * time.Hour)}
	}, func(s *snapshot.Snapshot) { s.Pull.Clocks[1].Offset = time.Second }}, // one of the two is wrong, and not the node
	{"tls/no-san", "", badChain(snapshot.LegacyCN), reason(snapshot.NoNames)},
	{"tls/certificate-without-names", "", badChain(snapshot.NoNames), reason(snapshot.LegacyCN)},
	{"tls/no-ip-san", "", badChain(snapshot.NoIPSAN), reason(snapshot.OtherNames)},
	{"tls/plain-http-server", "", func(s *snapshot.Snapshot) {
		fail(first(s), snapshot.TLS, snapshot.NotTLS)
		trial(s, snapshot.PlainHTTP, "", true)
	}, func(s *snapshot.Snapshot) {
		r := first(s).Trials[0].Attempt.Response
		r.Status, r.Head = 400, "Client sent an HTTP request to an HTTPS server."
	}},
	{"tls/http-to-https-port", "", func(s *snapshot.Snapshot) {
		overHTTP(s)
		status(400)(s)
		trial(s, snapshot.OverTLS, "", true)
	}, func(s *snapshot.Snapshot) { first(s).Trials[0].Attempt.Handshake.Version = "" }},
	{"tls/client-certificate-required", "", func(s *snapshot.Snapshot) {
		fail(first(s), snapshot.TLS, snapshot.TLSAlert)
		try(s).Handshake.WantsCert = true
	}, func(s *snapshot.Snapshot) { try(s).Handshake.WantsCert = false }},
	{"tls/version-or-cipher-mismatch", "", failing(snapshot.TLS, snapshot.TLSAlert), func(s *snapshot.Snapshot) { try(s).Handshake.WantsCert = true }},
	{"tls/unparsable-certificate", "", failing(snapshot.TLS, snapshot.BadPeerCert), cause(snapshot.BadChain)},
	{"tls/weak-signature", "", badChain(snapshot.WeakSignature), reason(snapshot.NotForServers)},
}

func clock(off time.Duration) snapshot.Clock {
	return snapshot.Clock{From: Registry + " Date header", Kind: "http", Offset: off}
}

// lateCA: the CA of the registry came into the system's pool after the start.
func lateCA(s *snapshot.Snapshot) {
	h := try(s).Handshake
	s.Node.Trust.Anchors = []snapshot.Anchor{{Subject: h.Root, File: h.RootFile, Local: true, Changed: s.Runtime.Started.Add(time.Minute)}}
}

// logins are troubles with credentials.
var logins = []Specimen{
	{"auth/no-credentials-sent", "", both(status(401), challenged("basic", "")), challenged("basic", "registries.yaml")},
	{"auth/no-credentials-sent", "token", both(tokenServer(snapshot.TokenDenied), challenged("bearer", "")), cause(snapshot.TokenBad)},
	{"auth/basic-credentials-rejected", "", both(status(401), challenged("basic", "--creds")), status(403)},
	{"auth/token-credentials-rejected", "", both(tokenServer(snapshot.TokenDenied), challenged("bearer", "--creds")), challenged("bearer", "")},
	{"auth/stale-credentials-public-image", "", both(status(401), challenged("bearer", "--creds"), func(s *snapshot.Snapshot) { trial(s, snapshot.Anonymous, "", true) }), inVain},
	{"auth/insufficient-scope", "", both(status(403), challenged("bearer", "--creds")), status(404)},
	{"auth/insufficient-scope", "basic", both(status(403), challenged("basic", "--creds")), status(401)},
	{"auth/typo-looks-like-denied", "", both(status(401), challenged("bearer", ""), similar), inVain},
	{"auth/token-realm-unreachable", "", both(tokenServer(snapshot.NoSuchHost), challenged("bearer", "")), cause(snapshot.TokenDenied)},
	{"auth/token-reply-invalid", "", both(tokenServer(snapshot.TokenBad), challenged("bearer", "")), cause(snapshot.TokenDenied)},
	{"auth/unsupported-scheme", "", both(failing(snapshot.Manifest, snapshot.NoScheme), challenged("", "")), cause(snapshot.Status)},
	{"auth/pull-secret-sent-to-mirror", "", func(s *snapshot.Snapshot) {
		InFront(s)
		challenged("basic", "--creds")(s)
		first(s).Auth.Shared = true
	}, func(s *snapshot.Snapshot) { first(s).Mirror = false }},
	{"auth/cloud-token-expired", "", expired(-time.Hour), func(s *snapshot.Snapshot) { s.Tokens[0].Expires = Taken.Add(time.Hour) }},
	{"auth/cloud-token-expired", "but not where another one was sent", expired(-time.Hour), challenged("basic", "registries.yaml")},
	{"auth/credential-provider-failed", "", func(s *snapshot.Snapshot) {
		both(status(401), challenged("basic", ""))(s)
		s.Ref.Registry = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
		first(s).Host = s.Ref.Registry
		s.Node.Kubelet = &snapshot.Kubelet{Providers: []snapshot.Provider{{Name: "ecr", Images: []string{"*.dkr.ecr.us-east-1.amazonaws.com"}, From: source.Pos{File: "/etc/cp.yaml", Line: 4}}}}
	}, func(s *snapshot.Snapshot) {
		s.Node.Kubelet.Providers[0].Images = []string{"*.dkr.ecr.*.amazonaws.com"}
	}},
	{"auth/header-leaks-to-blob-store", "", stored(func(first, last *snapshot.Attempt) {
		last.Sent = map[string][]string{"Authorization": {"Bearer ***"}}
		last.Response.Status, last.Response.Head = 400, "<Code>InvalidArgument</Code><Message>Only one auth mechanism allowed</Message>"
	}), func(s *snapshot.Snapshot) { download(s).Next.Response.Head = "<Code>InvalidRange</Code>" }},
	{"auth/header-leaks-to-blob-store", "would", stored(func(first, last *snapshot.Attempt) {
		first.Sent = map[string][]string{"Authorization": {"***"}}
		last.Withheld = "not sent to blobs: Authorization; they belong to the registry"
	}), func(s *snapshot.Snapshot) { download(s).Sent["Authorization"] = []string{"Bearer ***"} }},
	{"auth/two-secrets-one-host", "", func(s *snapshot.Snapshot) {
		s.Entries = []snapshot.Entry{{Key: Registry + "/team", Source: "--creds f", Tried: true, Refused: "401 Unauthorized"}, {Key: Registry, Source: "--creds f", Tried: true}}
	}, func(s *snapshot.Snapshot) { s.Entries[0].Refused, s.Entries[1].Tried = "", false }},
	{"auth/login-in-other-tool", "", loggedIn, func(s *snapshot.Snapshot) { s.Logins[0].Host = Mirror }},
	{"auth/login-in-other-tool", "but not where credentials were sent", loggedIn, challenged("basic", "registries.yaml")},
	{"auth/sandbox-image-credentials", "", func(s *snapshot.Snapshot) {
		h := Hop(0, Registry)
		p := &snapshot.Pull{Image: Registry + "/pause:3", Hops: []snapshot.Hop{h}}
		s.Pull, s.Sandbox = p, nil
		both(status(401), challenged("basic", ""))(s)
		s.Pull, s.Sandbox = Healthy().Pull, p
	}, func(s *snapshot.Snapshot) { s.Sandbox.Hops[0].Steps[0].Attempt.Response.Status = 404 }},
}

// expired: the registry refuses a token that ended some time from now.
func expired(in time.Duration) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) {
		both(status(401), challenged("basic", "--creds f"))(s)
		s.Tokens = []snapshot.CloudToken{{Host: Registry, Cloud: "ECR", Source: "--creds f", Expires: Taken.Add(in)}}
	}
}

// loggedIn: docker has a login for the registry, and the pull has none.
func loggedIn(s *snapshot.Snapshot) {
	both(status(401), challenged("basic", ""))(s)
	s.Logins = []snapshot.Login{{Program: "docker", Host: Registry, From: source.Pos{File: "/root/.docker/config.json", Line: 3}}}
}

// download is that of the only layer.
func download(s *snapshot.Snapshot) *snapshot.Attempt { return first(s).Manifest.Layers[0].Attempt }

// stored: the registry redirects its downloads to a store.
func stored(change func(first, last *snapshot.Attempt)) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) {
		first(s).From = source.Pos{File: "/etc/containerd/certs.d/" + Registry + "/hosts.toml", Line: 1}
		next := attempt("GET", "https://blobs."+Registry+"/x?X-Amz-Signature=***", 200)
		download(s).Next = &next
		change(download(s), &next)
	}
}

// challenged: the first host asks for credentials; source "": it gets none.
func challenged(scheme, source string) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) {
		first(s).Auth = &snapshot.Auth{Challenges: []string{scheme + ` realm="https://auth.example/token"`}, Scheme: scheme, Realm: "https://auth.example/token", Source: source, Sent: source != ""}
	}
}

// tokenServer makes the first host fail at its token server.
func tokenServer(c snapshot.Cause) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) {
		h := first(s)
		fail(h, snapshot.Token, c)
		h.Steps[0].Stage = snapshot.Token
		h.Steps[0].Attempt.URL, h.Steps[0].Attempt.Response.Type = "https://auth.example/token", "text/html"
	}
}

func similar(s *snapshot.Snapshot) { trial(s, snapshot.SimilarName, "team/apps", true) }

// registries are answers that are no image.
var registries = []Specimen{
	{"registry/image-not-found", "", status(404), status(500)},
	{"registry/image-not-found", "but not by a proxy's word", status(404), func(s *snapshot.Snapshot) {
		overHTTP(s)
		byProxy(proxy)(s)
		directly(s)
	}},
	{"registry/cache-hides-upstream-fault", "it says what it is", func(s *snapshot.Snapshot) {
		InFront(s)
		status(404)(s)
		try(s).Response.Head = `{"errors":[{"code":"NOT_FOUND","message":"artifact team/app:2 not found"}]}`
	}, func(s *snapshot.Snapshot) { fail(&s.Pull.Hops[1], snapshot.Manifest, snapshot.Status) }},
	{"registry/cache-hides-upstream-fault", "it asked somebody else in vain", func(s *snapshot.Snapshot) {
		InFront(s)
		status(404)(s)
		ping := attempt("GET", first(s).Endpoint+"/", 200)
		first(s).Ping, try(s).Took.FirstByte = &ping, 3*time.Second
	}, func(s *snapshot.Snapshot) { try(s).Took.FirstByte = 20 * time.Millisecond }},
	{"registry/p2p-cache-miss", "", func(s *snapshot.Snapshot) {
		InFront(s)
		status(500)(s)
		try(s).Response.Head = "mirror resolve retries exhausted for key registry.corp.example/team/app:2"
	}, func(s *snapshot.Snapshot) { try(s).Response.Head = "" }},
	{"registry/stale-tag-from-cache", "", func(s *snapshot.Snapshot) { InFront(s).Manifest.Digest = "sha256:old" },
		func(s *snapshot.Snapshot) { s.Ref.Digest, s.Ref.Tag = "sha256:old", "" }},
	{"registry/stale-tag-from-cache", "but not by the word of another mirror", func(s *snapshot.Snapshot) { InFront(s).Manifest.Digest = "sha256:old" },
		func(s *snapshot.Snapshot) { s.Pull.Hops[1].Mirror = true }},
	{"registry/head-ok-get-404", "", func(s *snapshot.Snapshot) {
		h := first(s)
		get := attempt("GET", h.Endpoint+"/team/app/manifests/sha256:11", 404)
		why := snapshot.Failure{Stage: snapshot.Manifest, Cause: snapshot.Status, Text: "404 Not Found"}
		get.Failure, h.Failure = &why, &why
		h.Steps = append(h.Steps, snapshot.Step{Stage: snapshot.Manifest, Attempt: get})
		h.Manifest = &snapshot.Content{Expect: "sha256:11"}
	}, func(s *snapshot.Snapshot) { first(s).Manifest.Expect = "" }}, // nobody promised it
	{"registry/head-unsupported", "", func(s *snapshot.Snapshot) {
		h := first(s)
		try(s).Response.Status = 405
		h.Steps = append(h.Steps, snapshot.Step{Stage: snapshot.Manifest, Attempt: attempt("GET", try(s).URL, 200)})
	}, func(s *snapshot.Snapshot) { try(s).Response.Status = 200 }},
	{"registry/rate-limited", "", status(429), status(503)},
	{"registry/server-error", "", status(503), status(429)},
	{"registry/html-instead-of-manifest", "", replied("text/html; charset=utf-8"), replied("application/octet-stream")},
	{"registry/wrong-content-type", "", replied("application/octet-stream"), replied("text/html")},
	{"config/wrong-endpoint-url", "", func(s *snapshot.Snapshot) {
		status(404)(s)
		first(s).From = source.Pos{File: "hosts.toml", Line: 2}
		trial(s, snapshot.OtherPath, "https://"+Registry+"/v2/hub", true)
	}, func(s *snapshot.Snapshot) { first(s).From = source.Pos{} }}, // nobody wrote it, so nobody can correct it
	{"registry/blob-missing", "", layer(404), layer(403)},
	{"registry/blob-forbidden", "", layer(403), layer(404)},
}

// replied: 200 with a body of this type that is no manifest.
func replied(kind string) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) {
		fail(first(s), snapshot.Manifest, snapshot.BadReply)
		try(s).Response.Type, try(s).Response.Head = kind, "<html><title>Portal</title>"
	}
}

// layer: the manifest is there and a layer is answered with a status.
func layer(status int) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) {
		h := first(s)
		why := snapshot.Failure{Stage: snapshot.Blob, Cause: snapshot.Status, Text: "unexpected status"}
		a := attempt("GET", h.Endpoint+"/team/app/blobs/sha256:22", status)
		a.Failure, h.Failure = &why, &why
		h.Manifest.Layers[0].Attempt = &a
	}
}

const (
	ociConfig = "application/vnd.oci.image.config.v1+json"
	ociLayer  = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// typed gives the config and the only layer their media types.
func typed(config, layer string) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) {
		m := first(s).Manifest
		m.Config.Type, m.Layers[0].Type, m.DiffIDs = config, layer, []string{"sha256:44"}
	}
}

// contents are troubles of the image itself.
var contents = []Specimen{
	{"content/no-matching-platform", "", func(s *snapshot.Snapshot) {
		m := first(s).Manifest
		fail(first(s), snapshot.Manifest, snapshot.NoPlatform)
		first(s).Manifest, m.Platforms, m.Image = m, []string{"linux/arm64"}, ""
	}, cause(snapshot.BadReply)},
	{"content/invalid-reference", "", func(s *snapshot.Snapshot) { s.Image = Registry + "/Team/App:2" },
		func(s *snapshot.Snapshot) { s.Image = Registry + "/team/app:V2" }}, // tags may have capitals
	{"content/not-an-image", "", typed("application/vnd.cncf.helm.config.v1+json", "application/vnd.cncf.helm.chart.content.v1.tar+gzip"),
		typed(ociConfig, ociLayer)},
	{"content/not-an-image", "that cannot be pulled", both(failing(snapshot.Blob, snapshot.Unpack), typed(ociConfig, "application/vnd.dev.cosign.simplesigning.v1+json")),
		typed(ociConfig, "application/vnd.example.layer")},
	{"content/unsupported-layer-type", "", both(failing(snapshot.Blob, snapshot.Unpack), typed(ociConfig, "application/vnd.docker.image.rootfs.diff.tar.zstd")),
		func(s *snapshot.Snapshot) {
			s.Table.Target.Containerd = route.MustVersion("2.4.2") // which knows it
		}},
	{"content/unsupported-layer-type", "that is passed over", typed(ociConfig, "application/vnd.example.layer"),
		typed(ociConfig, "application/vnd.oci.image.layer.v1.tar+gzip+encrypted")}, // another program may decrypt it
	{"content/broken-layer", "", both(failing(snapshot.Blob, snapshot.Unpack), typed(ociConfig, ociLayer), func(s *snapshot.Snapshot) {
		first(s).Manifest.Layers[0].Broken = "unexpected EOF"
	}), func(s *snapshot.Snapshot) { first(s).Manifest.Layers[0].Broken = "" }},
	{"content/broken-layer", "another one than listed", both(failing(snapshot.Blob, snapshot.Unpack), typed(ociConfig, ociLayer), func(s *snapshot.Snapshot) {
		first(s).Manifest.Layers[0].Diff = "sha256:other"
	}), func(s *snapshot.Snapshot) { first(s).Manifest.Layers[0].Diff = first(s).Manifest.DiffIDs[0] }},
	{"content/broken-layer", "more of them than listed", both(failing(snapshot.Blob, snapshot.Unpack), typed(ociConfig, ociLayer), func(s *snapshot.Snapshot) {
		first(s).Manifest.DiffIDs = nil
	}), typed(ociConfig, ociLayer)},
	{"content/schema-1-manifest", "", replied("application/vnd.docker.distribution.manifest.v1+prettyjws"), replied("application/vnd.docker.distribution.manifest.v2+json")},
	{"content/wrong-architecture", "", func(s *snapshot.Snapshot) { first(s).Manifest.Image = "linux/arm64" },
		func(s *snapshot.Snapshot) { first(s).Manifest.Image = "linux/amd64/v3" }},
	{"content/digest-mismatch", "", func(s *snapshot.Snapshot) {
		fail(first(s), snapshot.Blob, snapshot.WrongDigest)
		first(s).Manifest.Layers[0].Hashed = "sha256:44"
	}, cause(snapshot.Stalled)},
	{"network/download-stalled", "", failing(snapshot.Blob, snapshot.Stalled), cause(snapshot.WrongDigest)},
	{"network/download-truncated", "", failing(snapshot.Blob, snapshot.Truncated), cause(snapshot.WrongDigest)},
}
