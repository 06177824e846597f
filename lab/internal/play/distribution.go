package play

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/world"
	"github.com/towpath-dev/towpath/lab/internal/node"
	"github.com/towpath-dev/towpath/lab/internal/scenario"
)

// serveDistribution starts Debian's docker-registry and pushes images into it.
// It is filled through a second listener without TLS, which then ends.
func serveDistribution(name string, d scenario.Distribution) error {
	filler, err := startDistribution(name+"-fill", name, "127.0.0.1:15000", nil)
	if err != nil {
		return err
	}
	defer filler.Process.Kill()
	if err := push("http://127.0.0.1:15000", d.Images); err != nil {
		return fmt.Errorf("fill %s: %w", name, err)
	}
	var tls []string
	if d.Certificate != nil {
		pki, err := world.OpenPKI(companyDir, time.Now())
		if err != nil {
			return err
		}
		c, err := pki.Certificate(d.Certificate.Kind, d.Certificate.Names...)
		if err != nil {
			return err
		}
		if err := store(name, c); err != nil {
			return err
		}
		tls = []string{companyDir + "/" + name + ".crt", companyDir + "/" + name + ".key"}
	}
	_, err = startDistribution(name, name, d.Listen, tls)
	return err
}

// startDistribution starts one process on a storage directory and waits until
// it accepts connections.
func startDistribution(name, storage, listen string, tls []string) (*node.Process, error) {
	config := fmt.Sprintf("version: 0.1\nlog: {level: warn}\nstorage: {filesystem: {rootdirectory: /lab/%s}}\nhttp: {addr: %q, secret: x", storage, listen)
	if tls != nil {
		config += fmt.Sprintf(", tls: {certificate: %s, key: %s}", tls[0], tls[1])
	}
	path := "/lab/" + name + ".yml"
	if err := os.WriteFile(path, []byte(config+"}\n"), 0o644); err != nil {
		return nil, err
	}
	p, err := node.Start(name, exec.Command("docker-registry", "serve", path), nil)
	if err != nil {
		return nil, err
	}
	return p, p.WaitListening(listen)
}

// push copies images into a registry by its API.
func push(base string, images []world.Image) error {
	from, err := world.NewRegistry(images, world.Auth{}, nil)
	if err != nil {
		return err
	}
	for _, m := range images {
		repo, tag, _ := strings.Cut(m.Ref, ":")
		if err := pushManifest(base+"/v2/"+repo, tag, func(d string) []byte { return from.Object(repo, d) }, from.Digest(repo, tag)); err != nil {
			return err
		}
	}
	return nil
}

// manifest is what a push has to know of an image or an index.
type manifest struct {
	MediaType string    `json:"mediaType"`
	Config    *pointer  `json:"config"`
	Layers    []pointer `json:"layers"`
	Manifests []pointer `json:"manifests"`
}

type pointer struct {
	Digest string `json:"digest"`
}

// pushManifest pushes what a manifest points to, then itself under a name.
func pushManifest(repo, name string, object func(digest string) []byte, digest string) error {
	data := object(digest)
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	for _, sub := range m.Manifests {
		if err := pushManifest(repo, sub.Digest, object, sub.Digest); err != nil {
			return err
		}
	}
	blobs := m.Layers
	if m.Config != nil {
		blobs = append(blobs, *m.Config)
	}
	for _, b := range blobs {
		if err := pushBlob(repo, b.Digest, object(b.Digest)); err != nil {
			return err
		}
	}
	_, err := send(http.MethodPut, repo+"/manifests/"+name, m.MediaType, data)
	return err
}

func pushBlob(repo, digest string, data []byte) error {
	resp, err := send(http.MethodPost, repo+"/blobs/uploads/", "", nil)
	if err != nil {
		return err
	}
	to, err := resp.Location()
	if err != nil {
		return err
	}
	q := to.Query()
	q.Set("digest", digest)
	to.RawQuery = q.Encode()
	_, err = send(http.MethodPut, to.String(), "application/octet-stream", data)
	return err
}

func send(method, url, mediaType string, data []byte) (*http.Response, error) {
	req, err := http.NewRequest(method, url, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if mediaType != "" {
		req.Header.Set("Content-Type", mediaType)
	}
	resp, err := (&http.Client{Timeout: 20 * time.Second}).Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if resp.StatusCode >= 300 {
		return nil, fmt.Errorf("%s %s: %s: %s", method, url, resp.Status, body)
	}
	return resp, err
}
