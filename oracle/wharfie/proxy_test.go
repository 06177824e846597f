package wharfie

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
)

// authority signs the certificates that the proxy shows.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(name string) (authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return authority{}, err
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		return authority{}, err
	}
	cert, err := x509.ParseCertificate(der)
	return authority{cert, key}, err
}

func (a authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

func (a authority) leaf(host string, key *ecdsa.PrivateKey) (tls.Certificate, error) {
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(host); ip != nil {
		tmpl.IPAddresses = []net.IP{ip}
	} else {
		tmpl.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// request is one request for a manifest, with what came along.
type request struct {
	url    string // scheme, host, path
	ns     string
	login  string // "user:password", "token:…" or nothing
	client string // common name of the client's certificate
}

// proxy answers every host with a challenge, every login with a token and every
// manifest with 404, and notes the manifests that were asked for. Hosts whose
// name begins with "private" show a certificate of an authority that only
// ca_file names.
type proxy struct {
	public, private authority
	key             *ecdsa.PrivateKey
	listener        net.Listener

	mu       sync.Mutex
	leaves   map[string]*tls.Config
	requests []request
	logins   map[string]string // by host:port with scheme
	done     sync.WaitGroup
}

const tokenHost = "token.test"

func (p *proxy) serve() {
	p.done.Add(1)
	go func() {
		defer p.done.Done()
		for {
			c, err := p.listener.Accept()
			if err != nil {
				return
			}
			p.done.Add(1)
			go func() {
				defer p.done.Done()
				p.connection(c)
			}()
		}
	}()
}

func (p *proxy) connection(c net.Conn) {
	defer c.Close()
	const patience = 5 * time.Second
	_ = c.SetDeadline(time.Now().Add(patience))
	r := bufio.NewReader(c)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_ = c.SetDeadline(time.Now().Add(patience))
		if req.Method == http.MethodConnect {
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\n\r\n")
			p.tunnel(c, req.Host)
			return
		}
		if !p.answer(c, req, "http", req.URL.Host, "") {
			return
		}
	}
}

// tunnel speaks TLS as the host that was asked for.
func (p *proxy) tunnel(c net.Conn, hostport string) {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return
	}
	config, err := p.config(host)
	if err != nil {
		return
	}
	t := tls.Server(c, config)
	if t.Handshake() != nil {
		return
	}
	client := ""
	if certs := t.ConnectionState().PeerCertificates; len(certs) > 0 {
		client = certs[0].Subject.CommonName
	}
	_ = port
	r := bufio.NewReader(t)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		if !p.answer(t, req, "https", req.Host, client) {
			return
		}
	}
}

func (p *proxy) config(host string) (*tls.Config, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.leaves[host]; c != nil {
		return c, nil
	}
	ca := p.public
	if strings.HasPrefix(host, "private") {
		ca = p.private
	}
	leaf, err := ca.leaf(host, p.key)
	if err != nil {
		return nil, err
	}
	p.leaves[host] = &tls.Config{Certificates: []tls.Certificate{leaf}, ClientAuth: tls.RequestClientCert, NextProtos: []string{"http/1.1"}}
	return p.leaves[host], nil
}

// answer answers one request and reports whether the connection goes on.
func (p *proxy) answer(w io.Writer, req *http.Request, scheme, host, client string) bool {
	body, _ := io.ReadAll(io.LimitReader(req.Body, 1<<16))
	req.Body.Close()
	origin := scheme + "://" + host
	switch {
	case host == tokenHost:
		p.mu.Lock()
		p.logins[req.URL.Query().Get("for")] = loginOf(req, body)
		p.mu.Unlock()
		respond(w, 200, nil, `{"token":"t"}`, true)
		return true
	case strings.Contains(req.URL.Path, "/manifests/"):
		p.mu.Lock()
		p.requests = append(p.requests, request{url: origin + req.URL.Path, ns: req.URL.Query().Get("ns"), login: p.logins[origin], client: client})
		p.mu.Unlock()
		respond(w, 404, nil, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no"}]}`, false)
		return false
	}
	challenge := fmt.Sprintf(`Bearer realm="http://%s/?for=%s",service="s"`, tokenHost, url.QueryEscape(origin))
	respond(w, 401, []string{"WWW-Authenticate: " + challenge}, "", true)
	return true
}

func respond(w io.Writer, status int, headers []string, body string, keep bool) {
	connection := "keep-alive"
	if !keep {
		connection = "close"
	}
	headers = append(headers, "Connection: "+connection, fmt.Sprintf("Content-Length: %d", len(body)), "Content-Type: application/json")
	fmt.Fprintf(w, "HTTP/1.1 %d x\r\n%s\r\n\r\n%s", status, strings.Join(headers, "\r\n"), body)
}

func loginOf(req *http.Request, body []byte) string {
	if v, err := url.ParseQuery(string(body)); err == nil && v.Get("refresh_token") != "" {
		return "token:" + v.Get("refresh_token")
	}
	basic, ok := strings.CutPrefix(req.Header.Get("Authorization"), "Basic ")
	if !ok {
		return ""
	}
	text, err := base64.StdEncoding.DecodeString(basic)
	if err != nil {
		return "undecodable"
	}
	return string(text)
}

// take returns the requests since the last call, and forgets who logged in.
func (p *proxy) take() []request {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.requests
	p.requests, p.logins = nil, map[string]string{}
	return out
}

// world is the proxy that stands for all hosts.
var world *proxy

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

// run starts the proxy before anything has looked at the environment: the
// standard library reads the proxy and the system's certificates only once.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "wharfie-oracle")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	p := &proxy{leaves: map[string]*tls.Config{}, logins: map[string]string{}}
	for _, step := range []func() error{
		func() (err error) { p.public, err = newAuthority("public"); return },
		func() (err error) { p.private, err = newAuthority("private"); return },
		func() (err error) { p.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); return },
		func() (err error) { p.listener, err = net.Listen("tcp", "127.0.0.1:0"); return },
		func() error { return os.WriteFile(filepath.Join(dir, "system.pem"), p.public.pem(), 0o600) },
		func() error { return os.WriteFile(filepath.Join(dir, "private.pem"), p.private.pem(), 0o600) },
		func() error { return p.writePair(dir) },
		func() error { return os.Chdir(dir) }, // inputs name these files
	} {
		if err := step(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	address := "http://" + p.listener.Addr().String()
	for name, value := range map[string]string{
		"HTTP_PROXY": address, "HTTPS_PROXY": address, "NO_PROXY": "", "no_proxy": "", "http_proxy": address, "https_proxy": address,
		"SSL_CERT_FILE": filepath.Join(dir, "system.pem"), "SSL_CERT_DIR": filepath.Join(dir, "none"), "DOCKER_CONFIG": filepath.Join(dir, "none"),
	} {
		os.Setenv(name, value)
	}
	logrus.SetOutput(io.Discard)
	logrus.SetLevel(logrus.DebugLevel)
	world = p
	p.serve()
	status := m.Run()
	p.listener.Close()
	p.done.Wait()
	return status
}

func (p *proxy) writePair(dir string) error {
	leaf, err := p.public.leaf("node", p.key)
	if err != nil {
		return err
	}
	key, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		return err
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Certificate[0]})
	if err := os.WriteFile(filepath.Join(dir, "node.pem"), cert, 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "node.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600)
}
