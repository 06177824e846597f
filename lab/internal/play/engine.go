package play

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"time"

	"github.com/distribution/reference"

	"github.com/towpath-dev/towpath/lab/internal/containerd"
	"github.com/towpath-dev/towpath/lab/internal/node"
	"github.com/towpath-dev/towpath/lab/internal/scenario"
)

// engineFiles are the files of a node that runs Docker or Podman as Debian sets
// it up. The machine has no packet filter for Docker's bridge, and its file
// system in memory is no ground for overlayfs: flags and storage.conf say so, as
// nothing in daemon.json and registries.conf may.
func engineFiles(r runtime) map[string]string {
	if r.gen == containerd.Docker {
		return map[string]string{
			"/etc/systemd/system/docker.service": "[Unit]\nDescription=Docker Application Container Engine\n\n[Service]\nType=notify\nEnvironmentFile=-/etc/default/docker\n" +
				"ExecStart=" + strings.Join(dockerd(r).Args, " ") + "\nExecReload=/bin/kill -s HUP $MAINPID\nRestart=always\n\n[Install]\nWantedBy=multi-user.target\n",
		}
	}
	return map[string]string{
		"/etc/containers/policy.json":     `{"default": [{"type": "insecureAcceptAnything"}]}` + "\n",
		"/etc/containers/storage.conf":    "[storage]\ndriver = \"vfs\"\nrunroot = \"/run/containers/storage\"\ngraphroot = \"/var/lib/containers/storage\"\n",
		"/etc/containers/registries.conf": "unqualified-search-registries = [\"docker.io\"]\n",
	}
}

// dockerd is how the unit starts it.
func dockerd(r runtime) *exec.Cmd {
	args := append([]string{"-H", "unix://" + r.socket, "--iptables=false", "--ip-masq=false", "--bridge=none", "--storage-driver=vfs"}, r.spec.Args...)
	return exec.Command(r.gen.Path(), args...)
}

// startEngine starts Docker and waits until it answers. Podman has no daemon.
func (r runtime) startEngine(ctx context.Context) error {
	if r.gen != containerd.Docker {
		return nil
	}
	p, err := node.StartUnit(r.unit(), "docker", dockerd(r), r.spec.Env)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	for {
		reply, err := docker(ctx, r.socket, http.MethodGet, "/_ping", "")
		if err == nil {
			return reply.Body.Close()
		}
		select {
		case <-p.Done():
			return fmt.Errorf("dockerd ended: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("wait for dockerd: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// docker asks dockerd by its API.
func docker(ctx context.Context, socket, method, path, auth string) (*http.Response, error) {
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	req, err := http.NewRequestWithContext(ctx, method, "http://docker"+path, nil)
	if err != nil {
		return nil, err
	}
	if auth != "" {
		req.Header.Set("X-Registry-Auth", auth)
	}
	return client.Do(req)
}

// pullByEngine pulls as people do: with docker pull, which is one request to
// dockerd, or with podman pull. It is cut when it takes too long.
func (s *stage) pullByEngine(ctx context.Context, image string) Pull {
	started := time.Now()
	ctx, cancel := context.WithTimeout(ctx, scenario.Cut)
	defer cancel()
	pull := s.dockerPull
	if s.runtime.gen == containerd.Podman {
		pull = s.podmanPull
	}
	err := pull(ctx, image, s.variant.Spec.Pull)
	out := Pull{OK: err == nil, Waiting: err != nil && ctx.Err() != nil, Took: time.Since(started)}
	if err != nil {
		out.Text = err.Error()
	}
	return out
}

// dockerPull is docker pull. Progress and errors come as a stream of JSON.
func (s *stage) dockerPull(ctx context.Context, image string, p scenario.Pull) error {
	ref, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return err
	}
	object := "latest"
	if tagged, ok := ref.(reference.Tagged); ok {
		object = tagged.Tag()
	}
	if digested, ok := ref.(reference.Digested); ok {
		object = digested.Digest().String()
	}
	auth := ""
	if p.User != "" {
		data, err := json.Marshal(map[string]string{"username": p.User, "password": p.Password})
		if err != nil {
			return err
		}
		auth = base64.URLEncoding.EncodeToString(data)
	}
	reply, err := docker(ctx, s.runtime.socket, http.MethodPost, "/images/create?"+url.Values{"fromImage": {ref.Name()}, "tag": {object}}.Encode(), auth)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	for dec := json.NewDecoder(reply.Body); ; {
		var line struct{ Error, Message string }
		if err := dec.Decode(&line); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if line.Error+line.Message != "" {
			return errors.New(line.Error + line.Message)
		}
	}
}

// podmanPull is podman pull in the environment that a scenario gives to the
// runtime.
func (s *stage) podmanPull(ctx context.Context, image string, p scenario.Pull) error {
	args := []string{"pull", "--quiet"}
	if p.User != "" {
		args = append(args, "--creds", p.User+":"+p.Password)
	}
	cmd := exec.CommandContext(ctx, containerd.Podman.Path(), append(args, image)...)
	cmd.Env, cmd.Dir, cmd.WaitDelay = node.Environment(s.runtime.spec.Env), "/root", time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// explain asks towpath what an engine would ask for.
func (s *stage) explain(ctx context.Context, result *Result) error {
	if !s.job.Doctor || !s.runtime.gen.Engine() && s.variant.Spec.Convert.From == "" {
		return nil
	}
	run, err := s.towpath(ctx, "explain", "-o", "json", s.image)
	result.Plan = &run
	return err
}

// pullAgain has towpath tell an engine to pull what it has just pulled.
func (s *stage) pullAgain(ctx context.Context, result *Result) error {
	if !s.runtime.gen.Engine() || !result.Pull.OK || s.variant.Spec.Pull.User != "" {
		return nil
	}
	run, err := s.towpath(ctx, "pull", "-o", "json", s.image)
	result.Again = &run
	return err
}
