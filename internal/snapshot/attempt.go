package snapshot

import (
	"time"

	"github.com/towpath-dev/towpath/internal/source"
)

// Stage is a step of a pull. A hop goes through them in this order; the API
// stage is extra evidence and neither ends a hop nor makes a finding.
type Stage string

// The stages of a hop.
const (
	Resolve  Stage = "resolve"
	Connect  Stage = "connect"
	TLS      Stage = "tls"
	API      Stage = "api"
	Token    Stage = "token"
	Manifest Stage = "manifest"
	Blob     Stage = "blob"
)

// Cause classifies a failure by what the wire showed, not by its wording.
type Cause string

// Causes of failures, by the stage in which they are seen.
const (
	NoSuchHost    Cause = "no-such-host"    // NXDOMAIN
	NoAddress     Cause = "no-address"      // the name exists and has no address
	DNSTimeout    Cause = "dns-timeout"     // no answer
	DNSError      Cause = "dns-error"       // SERVFAIL, REFUSED and other codes
	DNSRefused    Cause = "dns-refused"     // nothing listens at the server's address
	DNSForbidden  Cause = "dns-forbidden"   // EPERM: this node's own packet filter
	DNSNoServer   Cause = "dns-no-server"   // resolv.conf names none
	Refused       Cause = "refused"         // RST or ICMP port unreachable to the SYN
	DialTimeout   Cause = "dial-timeout"    // no answer to the SYN
	NoRoute       Cause = "no-route"        // EHOSTUNREACH
	Unreachable   Cause = "unreachable"     // ENETUNREACH
	Forbidden     Cause = "forbidden"       // EPERM, EACCES
	NoPort        Cause = "no-port"         // EADDRNOTAVAIL: no local port is free
	Reset         Cause = "reset"           // the peer reset the connection
	Closed        Cause = "closed"          // the peer closed it: EOF
	Silent        Cause = "silent"          // connected, then nothing
	NotTLS        Cause = "not-tls"         // the reply to the ClientHello was no TLS record
	TLSAlert      Cause = "tls-alert"       // the peer refused with an alert
	BadChain      Cause = "bad-chain"       // the certificate was not accepted
	BadPeerCert   Cause = "bad-peer-cert"   // it could not be parsed
	NotHTTP       Cause = "not-http"        // the reply was no HTTP, for example TLS
	ProxyDial     Cause = "proxy-dial"      // the proxy could not be reached
	ProxyStatus   Cause = "proxy-status"    // the proxy refused the CONNECT or answered itself
	ProxyInvalid  Cause = "proxy-invalid"   // the variable holds no proxy URL
	RedirectLoop  Cause = "redirect-loop"   //
	RedirectBad   Cause = "redirect-bad"    // to plain HTTP, or without a Location
	TooLarge      Cause = "too-large"       // more than a pull may read
	Truncated     Cause = "truncated"       // fewer bytes than announced
	Stalled       Cause = "stalled"         // the bytes of a body stopped coming
	WrongDigest   Cause = "wrong-digest"    // the bytes do not hash to their name
	Status        Cause = "status"          // an HTTP status that ends the hop
	BadReply      Cause = "bad-reply"       // 200 with something that is no manifest, token or blob
	BadConfig     Cause = "bad-config"      // the runtime itself refuses: unreadable CA, broken URL
	OutOfTime     Cause = "out-of-time"     // our own deadline, before the server had failed
	Canceled      Cause = "canceled"        // somebody stopped us
	NotNeeded     Cause = "not-needed"      // not waited for: a host before it serves the image
	Unclassified  Cause = "unclassified"    //
	BadAddress    Cause = "bad-address"     // a redirect or realm led to an address that only this node or its cloud should see: not contacted
	ForeignRealm  Cause = "foreign-realm"   // the realm is no place for these credentials: not sent
	TokenBad      Cause = "token-bad-reply" // the token server's 200 carried no token
	TokenDenied   Cause = "token-denied"    // the token server refused
	TokenUnusable Cause = "token-unusable"  // the registry refused the token that its own server gave
	NoScheme      Cause = "no-scheme"       // the challenge offers no scheme that containerd knows
	Unpack        Cause = "unpack"          // everything came, and the runtime cannot unpack it
	NoPlatform    Cause = "no-platform"     // the index has no entry for the node's platform
)

// Failure is how an attempt ended.
type Failure struct {
	Stage Stage  `json:"stage"`
	Cause Cause  `json:"cause"`
	Text  string `json:"text"`           // verbatim, secrets masked
	Ends  bool   `json:"ends,omitempty"` // the runtime gives up here and asks no later host
}

// Pull is the replay of a pull: every host that the runtime would ask.
type Pull struct {
	Image    string        `json:"image"`
	Hops     []Hop         `json:"hops"`
	Clocks   []Clock       `json:"clocks,omitempty"`
	Anywhere []Attempt     `json:"anywhere,omitempty"` // well-known public registries, looked at when a chain was not trusted
	Platform string        `json:"platform"`           // the node's own: "linux/amd64"
	Budget   time.Duration `json:"budget"`             // the deadline all of it had
	Deep     bool          `json:"deep"`               // every blob was read and hashed
}

// Hop is one endpoint of the chain and all that happened there.
type Hop struct {
	Index    int        `json:"index"`    // in Pull.Hops; two hops may have the same endpoint
	Endpoint string     `json:"endpoint"` // "https://host[:port]/v2"
	Host     string     `json:"host"`     // host[:port], what findings have as subject
	Mirror   bool       `json:"mirror"`   // false: the registry itself
	Resolves bool       `json:"resolves"` // it is asked for this reference; false: only for content by digest
	From     source.Pos `json:"from"`
	Proxy    string     `json:"proxy,omitempty"` // that the runtime's environment selects, password masked
	Broken   string     `json:"broken,omitempty"`

	Ping     *Attempt  `json:"ping,omitempty"`     // GET /v2/
	Steps    []Step    `json:"steps"`              // the runtime's own requests, in order
	Trials   []Trial   `json:"trials,omitempty"`   // the same requests with one thing changed
	Auth     *Auth     `json:"auth,omitempty"`     // nil: nobody asked for credentials
	Manifest *Content  `json:"manifest,omitempty"` // nil: not reached
	Stages   []Summary `json:"stages"`             // one line per stage, for people
	Failure  *Failure  `json:"failure,omitempty"`  // nil: this endpoint alone would serve the image
}

// Summary is a stage as it is printed.
type Summary struct {
	Stage Stage         `json:"stage"`
	OK    bool          `json:"ok"`
	Took  time.Duration `json:"took"`
	Saw   string        `json:"saw"`
	Err   string        `json:"err,omitempty"`
}

// Step is one request that the runtime itself would make.
type Step struct {
	Stage   Stage   `json:"stage"`
	Attempt Attempt `json:"attempt"`
}

// Change names what a trial did differently.
type Change string

// The counterfactuals. Each is the first failed request again with one change.
const (
	WithoutHosts     Change = "without-hosts-file" // the name resolved by DNS instead of the hosts file
	OtherResolver    Change = "other-resolver"     // the address that another resolver gives
	OtherAddress     Change = "other-address"      // another address of the same answer
	WithoutSNI       Change = "without-sni"        //
	PresentedName    Change = "presented-name"     // SNI = a name on the certificate that was presented
	NeutralSNI       Change = "neutral-sni"        // SNI = a name that nobody filters
	ControlAddress   Change = "control-address"    // an address where nothing can be (RFC 5737)
	ClassicHello     Change = "classic-hello"      // no post-quantum key share in the ClientHello
	PlainHTTP        Change = "plain-http"         // http:// on the same port
	OverTLS          Change = "over-tls"           // https:// on the same port
	FreshTrust       Change = "fresh-trust"        // the pool as it is on disk now
	WithIntermediate Change = "with-intermediate"  // with an intermediate from its issuer's URL or from a file of the node
	NodeCA           Change = "node-ca"            // verified with a CA certificate that lies on the node, unused
	SystemTrustOnly  Change = "system-trust-only"  // without the ca= of the configuration
	OtherTime        Change = "other-time"         // verified at the time that others agree on
	Anonymous        Change = "anonymous"          // without credentials
	WithCredentials  Change = "with-credentials"   //
	Direct           Change = "direct"             // around the proxy
	ThroughProxy     Change = "through-proxy"      // through a proxy that other programs of the node use
	AskDate          Change = "ask-date"           // the host's own date, whatever its certificate
	ControlHost      Change = "control-host"       // another host through the same proxy
	OtherPath        Change = "other-path"         // the API root at another path
	OtherPort        Change = "other-port"         //
	WithGet          Change = "with-get"           // GET where HEAD failed
	AsResolver       Change = "as-resolver"        // a host that may not say what a tag means, asked for the tag
	SimilarName      Change = "similar-name"       // a repository of nearly the same name
	SmallSegments    Change = "small-segments"     // TCP segments that fit through every tunnel
	WithoutSearch    Change = "without-search"     // the name as it is, not below a search domain
)

// Trial is one counterfactual.
type Trial struct {
	Change  Change  `json:"change"`
	Detail  string  `json:"detail,omitempty"` // which resolver, which name, which path
	Stage   Stage   `json:"stage"`            // of the request that was repeated
	Attempt Attempt `json:"attempt"`
}

// Attempt is everything that was seen of one HTTP request at one URL, redirects
// included. What was not reached is nil or empty. Failure stands at the leg where
// it happened: every status but 2xx is one, unless the runtime goes on from it,
// by a redirect, by logging in, or from HEAD to GET.
type Attempt struct {
	Method    string              `json:"method"`
	URL       string              `json:"url"` // query values that may be secret are masked
	Proxy     string              `json:"proxy,omitempty"`
	Lookup    *Lookup             `json:"lookup,omitempty"` // nil: an address, or the proxy resolves
	Dials     []Dial              `json:"dials,omitempty"`
	ProxyName *Lookup             `json:"proxyName,omitempty"` // how the proxy's own name became addresses
	ProxyHTTP *Response           `json:"proxyHttp,omitempty"` // the proxy's own reply
	Handshake *Handshake          `json:"handshake,omitempty"` // nil: plain HTTP, or not reached
	Response  *Response           `json:"response,omitempty"`
	Sent      map[string][]string `json:"sent,omitempty"`     // request headers, secrets masked
	Withheld  string              `json:"withheld,omitempty"` // what the runtime would send here and Towpath does not, and why
	Reused    bool                `json:"reused,omitempty"`   // over the connection of an earlier attempt, whose evidence is repeated
	Next      *Attempt            `json:"next,omitempty"`     // where a redirect led
	Before    *Attempt            `json:"before,omitempty"`   // the same over HTTPS, which failed so that the runtime fell back to plain HTTP
	Failure   *Failure            `json:"failure,omitempty"`
	Started   time.Time           `json:"started"`
	Took      Timings             `json:"took"`
}

// Timings are how long each part took; 0: not reached or not needed.
type Timings struct {
	Lookup    time.Duration `json:"lookup"`
	Connect   time.Duration `json:"connect"`
	TLS       time.Duration `json:"tls"`
	FirstByte time.Duration `json:"firstByte"` // from the request's last byte
	Total     time.Duration `json:"total"`
}

// Lookup is how a name became addresses.
type Lookup struct {
	Name    string      `json:"name"`
	Hosts   *HostsLine  `json:"hosts,omitempty"`   // the line of the hosts file that decided; nil: DNS
	Answers []Answer    `json:"answers,omitempty"` // every server that was asked
	Control []Answer    `json:"control,omitempty"` // the same servers, asked for a name that cannot exist
	Addrs   []string    `json:"addrs"`             // what the runtime would connect to, in order
	CNAMEs  []string    `json:"cnames,omitempty"`
	Server  *NameServer `json:"server,omitempty"` // the one whose answer counts

	Wait    time.Duration `json:"wait,omitempty"`    // that the runtime spends on servers that do not answer
	Failure *Failure      `json:"failure,omitempty"` // nil: there are addresses
}

// Answer is what one name server said to one question.
type Answer struct {
	Server NameServer    `json:"server"`
	Name   string        `json:"name"` // as asked, with the search domain that was tried
	Type   string        `json:"type"` // "A" or "AAAA"
	Net    string        `json:"net"`  // "udp" or "tcp"
	RCode  string        `json:"rcode,omitempty"`
	Addrs  []string      `json:"addrs,omitempty"`
	CNAMEs []string      `json:"cnames,omitempty"`
	Err    *Failure      `json:"err,omitempty"`
	Took   time.Duration `json:"took"`
}

// Dial is one TCP connection attempt.
type Dial struct {
	Addr       string        `json:"addr"` // ip:port
	OK         bool          `json:"ok"`
	Used       bool          `json:"used,omitempty"` // the runtime would go on with this connection, and so did we
	Err        *Failure      `json:"err,omitempty"`
	Took       time.Duration `json:"took"`
	Limit      time.Duration `json:"limit"`                // how long we waited at most
	Translated string        `json:"translated,omitempty"` // where connection tracking says it really went
}

// Handshake is one TLS handshake. The chain is kept whether it was accepted or not.
type Handshake struct {
	SNI        string   `json:"sni"`
	Version    string   `json:"version,omitempty"`
	Cipher     string   `json:"cipher,omitempty"`
	Curve      string   `json:"curve,omitempty"`
	Chain      [][]byte `json:"chain,omitempty"` // DER, as presented, leaf first
	Verified   bool     `json:"verified"`        // by the pool of Trusted, for the name, at the node's time
	Verify     string   `json:"verify,omitempty"`
	Reason     Reason   `json:"reason,omitempty"`
	Trusted    []string `json:"trusted,omitempty"` // the pool: "system", paths of ca= files
	Root       string   `json:"root,omitempty"`    // subject of the anchor that closed the chain
	RootFile   string   `json:"rootFile,omitempty"`
	WantsCert  bool     `json:"wantsCert"` // it sent a CertificateRequest
	WantsFrom  []string `json:"wantsFrom,omitempty"`
	SentCert   bool     `json:"sentCert"`
	HelloBytes int      `json:"helloBytes,omitempty"`
	At         string   `json:"at,omitempty"` // time of verification, RFC 3339
}

// Reason says why a chain was not accepted; the first that applies.
type Reason string

// Reasons, in the order in which crypto/x509 looks at them.
const (
	NotYetValid      Reason = "not-yet-valid"
	Expired          Reason = "expired"
	NoNames          Reason = "no-names"  // no SAN and no usable CN
	LegacyCN         Reason = "legacy-cn" // a CN that would match, and no SAN
	NoIPSAN          Reason = "no-ip-san"
	OtherNames       Reason = "other-names"
	UnknownAuthority Reason = "unknown-authority"
	SameNameOtherKey Reason = "same-name-other-key" // an anchor has the issuer's name and another key
	WeakSignature    Reason = "weak-signature"
	NotForServers    Reason = "not-for-servers" // extended key usage
	OtherReason      Reason = "other"
)

// Response is what a server answered.
type Response struct {
	Status int                 `json:"status"`
	Line   string              `json:"line"`             // "404 Not Found"
	Header map[string][]string `json:"header,omitempty"` // without cookies and tokens
	Type   string              `json:"type,omitempty"`   // media type
	Length int64               `json:"length"`           // announced; -1: not
	Read   int64               `json:"read"`             // bytes that arrived
	Head   string              `json:"head,omitempty"`   // the beginning of the body, printable
	Digest string              `json:"digest,omitempty"` // SHA-256 of the body, when all of it was read
	Date   time.Time           `json:"date,omitzero"`    // Date header
	Proto  string              `json:"proto,omitempty"`
}

// Auth is a challenge and what came of it.
type Auth struct {
	Challenges []string `json:"challenges"` // verbatim
	Scheme     string   `json:"scheme"`     // the one that containerd picks: "basic", "bearer", ""
	Realm      string   `json:"realm,omitempty"`
	Service    string   `json:"service,omitempty"`
	Scope      string   `json:"scope,omitempty"`
	Source     string   `json:"source,omitempty"` // where the credentials came from; empty: none
	Shared     bool     `json:"shared,omitempty"` // they came with the request, so every host would get them
	Withheld   string   `json:"withheld,omitempty"`
	Sent       bool     `json:"sent"`
	Post       *Attempt `json:"post,omitempty"` // the POST that was refused in a way that makes containerd go on with GET
	Token      *Attempt `json:"token,omitempty"`
	Claims     *Claims  `json:"claims,omitempty"`
	Got        bool     `json:"got"`               // a token came back
	Failure    *Failure `json:"failure,omitempty"` // why this did not open the registry; nil: it did
}

// Claims are the parts of a token that say what it is good for. Opaque tokens have none.
type Claims struct {
	Access  []string  `json:"access"` // "repository:library/nginx:pull"
	Expires time.Time `json:"expires,omitzero"`
	Subject string    `json:"subject,omitempty"`
}

// Content is the image as one endpoint has it.
type Content struct {
	Digest    string     `json:"digest"`
	Type      string     `json:"type"`
	Platforms []string   `json:"platforms,omitempty"` // of an index
	Chosen    string     `json:"chosen,omitempty"`    // digest of the platform's manifest
	Config    *BlobLook  `json:"config,omitempty"`
	Layers    []BlobLook `json:"layers,omitempty"`
	DiffIDs   []string   `json:"diffIds,omitempty"` // of the layers, as the config lists them
	Image     string     `json:"image,omitempty"`   // platform that the config names: "linux/arm64"
	Bytes     int64      `json:"bytes"`             // config and layers
	Expect    string     `json:"expect,omitempty"`
	Tags      []string   `json:"tags,omitempty"` // neighbours, when the tag does not exist
	Err       string     `json:"err,omitempty"`  // why it could not be understood
}

// BlobLook is one blob of an image: that it is there, and with Deep that it is what it says.
type BlobLook struct {
	Digest  string   `json:"digest"`
	Type    string   `json:"type"`
	Size    int64    `json:"size"`
	Attempt *Attempt `json:"attempt,omitempty"`
	Diff    string   `json:"diff,omitempty"`   // digest of a layer unpacked, with Deep
	Broken  string   `json:"broken,omitempty"` // why it cannot be unpacked, with Deep
	Hashed  string   `json:"hashed,omitempty"` // with Deep, or for small ones
}

// Clock is somebody else's idea of the time.
type Clock struct {
	From   string        `json:"from"` // "registry.example Date header", "ntp 192.0.2.1"
	Kind   string        `json:"kind"` // "http" or "ntp"
	Offset time.Duration `json:"offset"`
	Error  time.Duration `json:"error"` // how far off the offset may be
}
