package runtime

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/snapshot"
)

// Docker is a connection to the API of dockerd. Source: Docker Engine API 1.24,
// which every dockerd since 1.12 understands.
type Docker struct {
	socket string
	http   *http.Client
}

// DialDocker prepares a client for a socket. Nothing is sent before the first
// call. The caller closes it.
func DialDocker(socket string) *Docker {
	transport := &http.Transport{
		DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return connect(ctx, socket) },
		Proxy:              nil,
		DisableCompression: true,
	}
	return &Docker{socket, &http.Client{Transport: transport}}
}

// Close ends the connection.
func (d *Docker) Close() error {
	d.http.CloseIdleConnections()
	return nil
}

// Version returns the version of dockerd: "20.10.24+dfsg1".
func (d *Docker) Version(ctx context.Context) (string, error) {
	var reply struct{ Version string }
	err := d.ask(ctx, "/version", &reply)
	return reply.Version, err
}

// Images lists the references, by tag or digest, that Docker has images for.
func (d *Docker) Images(ctx context.Context) ([]string, error) {
	var reply []struct{ RepoTags, RepoDigests []string }
	err := d.ask(ctx, "/images/json", &reply)
	var out []string
	for _, img := range reply {
		out = append(append(out, img.RepoTags...), img.RepoDigests...)
	}
	return out, err
}

// Image returns what Docker has under a reference; nil when it lacks it.
func (d *Docker) Image(ctx context.Context, ref string) (*Image, error) {
	var reply struct {
		ID                    string `json:"Id"`
		RepoTags, RepoDigests []string
		Size                  uint64
	}
	err := d.ask(ctx, "/images/"+ref+"/json", &reply)
	if said, ok := errors.AsType[*refused](err); ok && said.status == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &Image{ID: reply.ID, Digests: reply.RepoDigests, Tags: reply.RepoTags, Bytes: reply.Size}, nil
}

func (d *Docker) ask(ctx context.Context, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, callWait)
	defer cancel()
	reply, err := d.send(ctx, http.MethodGet, path, "")
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	if err := json.NewDecoder(io.LimitReader(reply.Body, maxMessage)).Decode(into); err != nil {
		return fmt.Errorf("read the answer of %s to %s: %w", d.socket, path, err)
	}
	return nil
}

// refused is an answer that is no success.
type refused struct {
	status int
	text   string
}

func (r *refused) Error() string { return r.text }

// send sends a request. Everything but a success is an error.
func (d *Docker) send(ctx context.Context, method, path, auth string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://docker"+path, nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", d.socket, err)
	}
	if auth != "" {
		request.Header.Set("X-Registry-Auth", auth)
	}
	reply, err := d.http.Do(request)
	if err != nil {
		if inner, ok := errors.AsType[*url.Error](err); ok {
			err = inner.Err
		}
		return nil, err
	}
	if reply.StatusCode/100 == 2 {
		return reply, nil
	}
	defer reply.Body.Close()
	data, _ := io.ReadAll(io.LimitReader(reply.Body, maxSaid))
	var said struct{ Message string }
	if json.Unmarshal(data, &said) != nil || said.Message == "" {
		said.Message = strings.TrimSpace(reply.Status + " " + string(data))
	}
	return nil, &refused{reply.StatusCode, said.Message}
}

// Pull has Docker pull an image and returns the reference to ask Image for. The
// zero Auth sends no credentials: dockerd has none of its own. While it pulls,
// progress, if not nil, is called about every second with the time so far, and
// not any more once Pull has returned.
func (d *Docker) Pull(ctx context.Context, ref string, auth route.Auth, progress func(time.Duration)) (string, error) {
	parsed, err := route.ParseRef(ref)
	if err != nil {
		return "", err
	}
	login, err := registryAuth(auth)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, pullWait)
	defer cancel()
	stop := tick(progress)
	defer stop()
	name := url.Values{"fromImage": {parsed.Registry + "/" + parsed.Repository}, "tag": {parsed.Object()}}
	reply, err := d.send(ctx, http.MethodPost, "/images/create?"+name.Encode(), login)
	if err == nil {
		defer reply.Body.Close()
		err = stream(reply.Body)
	}
	if err != nil {
		return "", fmt.Errorf("pull %s: %w", ref, err)
	}
	return ref, nil
}

// maxStream bounds what is read of a pull's progress, in bytes.
const maxStream = 256 << 20

// stream reads the progress of a pull to its end: an error in it is the pull's,
// though the status said success before.
func stream(body io.Reader) error {
	dec := json.NewDecoder(io.LimitReader(body, maxStream))
	for {
		var line struct{ Error string }
		switch err := dec.Decode(&line); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case line.Error != "":
			return errors.New(line.Error)
		}
	}
}

// registryAuth is the header that carries credentials: base64 of JSON, with "-"
// and "_". The zero Auth has none.
func registryAuth(auth route.Auth) (string, error) {
	if auth.IsZero() {
		return "", nil
	}
	data, err := json.Marshal(map[string]string{
		"username": auth.User, "password": auth.Password.Reveal(), "identitytoken": auth.IdentityToken.Reveal(),
	})
	if err != nil {
		return "", err
	}
	return base64.URLEncoding.EncodeToString(bytes.TrimSpace(data)), nil
}

// lookDocker is Look at the API of dockerd.
func lookDocker(ctx context.Context, socket string) (snapshot.CRI, string) {
	d := DialDocker(socket)
	defer d.Close()
	seen := snapshot.CRI{Asked: true}
	version, err := d.Version(ctx)
	seen.Answers, seen.Images = err == nil, err == nil
	if err == nil {
		seen.Loaded = d.loaded(ctx)
	}
	note(&seen, err)
	return seen, version
}

// loaded asks dockerd for the registry settings that it has in memory; nil: it
// does not tell.
func (d *Docker) loaded(ctx context.Context) *snapshot.Loaded {
	var info struct {
		RegistryConfig *struct {
			Mirrors               []string
			InsecureRegistryCIDRs []string
			IndexConfigs          map[string]struct{ Secure bool }
		}
	}
	if d.ask(ctx, "/info", &info) != nil || info.RegistryConfig == nil {
		return nil
	}
	set := info.RegistryConfig
	out := &snapshot.Loaded{Mirrors: map[string][]string{}}
	if len(set.Mirrors) > 0 {
		out.Mirrors["docker.io"] = set.Mirrors
	}
	for _, cidr := range set.InsecureRegistryCIDRs {
		if cidr != "127.0.0.0/8" && cidr != "::1/128" {
			out.Insecure = append(out.Insecure, cidr)
		}
	}
	for name, index := range set.IndexConfigs {
		if !index.Secure {
			out.Insecure = append(out.Insecure, name)
		}
	}
	slices.Sort(out.Insecure)
	return out
}

// dockerConfig is a config.json with the credentials of one registry.
func dockerConfig(registry string, auth route.Auth) string {
	entry := map[string]string{}
	if auth.User != "" {
		entry["auth"] = base64.StdEncoding.EncodeToString([]byte(auth.User + ":" + auth.Password.Reveal()))
	}
	if token := auth.IdentityToken.Reveal(); token != "" {
		entry["identitytoken"] = token
	}
	data, _ := json.Marshal(map[string]any{"auths": map[string]any{registry: entry}})
	return string(data)
}
