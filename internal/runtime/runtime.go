// Package runtime speaks to a container runtime over its CRI socket and
// restarts the service that it runs in. It finds no runtimes and reads none of
// their files; that is the work of package node.
package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/towpath-dev/towpath/internal/snapshot"
)

// How long is waited at most for an answer; an earlier deadline of the caller's
// context counts.
const (
	lookWait = 2 * time.Second  // all questions of Look
	callWait = 10 * time.Second // one call
	pullWait = 15 * time.Minute
)

// maxMessage bounds one answer, in bytes, as the kubelet does.
const maxMessage = 16 << 20

// Client is a connection to a CRI socket.
type Client struct {
	socket string
	conn   *grpc.ClientConn
}

// Dial prepares a client for a socket. Nothing is sent before the first call.
// The caller closes it.
func Dial(socket string) (*Client, error) {
	conn, err := grpc.NewClient("passthrough:///towpath",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return connect(ctx, socket) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithAuthority("localhost"),
		grpc.WithNoProxy(),
		grpc.WithDisableServiceConfig(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
	)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", socket, err)
	}
	return &Client{socket, conn}, nil
}

func connect(ctx context.Context, socket string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "unix", socket)
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Version returns the version that the runtime gives of itself: "1.6.20~ds1".
// A containerd whose CRI plugin is not loaded still tells it, by its own API.
func (c *Client) Version(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callWait)
	defer cancel()
	version, err := c.version(ctx)
	if unlisted(err) {
		version, err = c.daemonVersion(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", c.socket, err)
	}
	return version, nil
}

func (c *Client) version(ctx context.Context) (string, error) {
	reply, err := cri.NewRuntimeServiceClient(c.conn).Version(ctx, &cri.VersionRequest{})
	return reply.GetRuntimeVersion(), err
}

// daemonVersion asks containerd's own API. Its answer has the version as text
// in the first field, where a StringValue has its value. Source: containerd
// api/services/version/v1/version.proto.
func (c *Client) daemonVersion(ctx context.Context) (string, error) {
	var version wrapperspb.StringValue
	err := c.conn.Invoke(ctx, "/containerd.services.version.v1.Version/Version", &emptypb.Empty{}, &version)
	return version.Value, err
}

// Look asks a socket whether a runtime answers there, whether it can pull
// images, and for its version, in two seconds at most. What went wrong is in
// the result: a socket that is missing or refused, silence, or "unknown
// service", which means that the CRI plugin is not loaded.
func Look(ctx context.Context, socket string) (snapshot.CRI, string) {
	ctx, cancel := context.WithTimeout(ctx, lookWait)
	defer cancel()
	seen := snapshot.CRI{Asked: true}
	probe, err := connect(ctx, socket)
	if err != nil {
		note(&seen, err)
		return seen, ""
	}
	probe.Close()
	c, err := Dial(socket)
	if err != nil {
		note(&seen, err)
		return seen, ""
	}
	defer c.Close()
	version, err := c.version(ctx)
	seen.Answers = err == nil
	if unlisted(err) {
		version, _ = c.daemonVersion(ctx)
	}
	if seen.Answers {
		_, err = c.images().ImageFsInfo(ctx, &cri.ImageFsInfoRequest{})
		seen.Images = err == nil
	}
	if seen.Images {
		seen.Loaded = c.loaded(ctx)
	}
	note(&seen, err)
	return seen, version
}

// loaded asks for the configuration that the runtime holds in memory. Of what
// it tells, which includes credentials, only the routes are looked at.
func (c *Client) loaded(ctx context.Context) *snapshot.Loaded {
	reply, err := cri.NewRuntimeServiceClient(c.conn).Status(ctx, &cri.StatusRequest{Verbose: true})
	if err != nil {
		return nil
	}
	var config struct {
		Registry *struct {
			ConfigPath string `json:"configPath"`
			Mirrors    map[string]struct {
				Endpoints []string `json:"endpoint"`
			} `json:"mirrors"`
		} `json:"registry"`
	}
	if json.Unmarshal([]byte(reply.GetInfo()["config"]), &config) != nil || config.Registry == nil {
		return nil
	}
	out := &snapshot.Loaded{ConfigPath: config.Registry.ConfigPath}
	for name, m := range config.Registry.Mirrors {
		if out.Mirrors == nil {
			out.Mirrors = map[string][]string{}
		}
		for _, e := range m.Endpoints {
			if u, err := url.Parse(e); err == nil && u.User != nil {
				u.User = url.User("***")
				e = u.String()
			}
			out.Mirrors[name] = append(out.Mirrors[name], e)
		}
	}
	return out
}

func note(seen *snapshot.CRI, err error) {
	if err == nil {
		return
	}
	seen.Err = err.Error()
	seen.Unlisted = unlisted(err)
	seen.TimedOut = status.Code(err) == codes.DeadlineExceeded || errors.Is(err, context.DeadlineExceeded) || os.IsTimeout(err)
}

// unlisted tells "unknown service" from other answers.
func unlisted(err error) bool { return status.Code(err) == codes.Unimplemented }

// ErrNoCRI tells that a runtime is up and has no CRI plugin.
var ErrNoCRI = errors.New("the CRI plugin is not loaded")

// Await is Ready for a runtime with CRI.
func Await(ctx context.Context, socket string) error {
	return Ready(ctx, snapshot.Runtime{}, socket)
}

// Ready asks the socket of a runtime again and again until its image service answers, for
// after a restart. The error is the last thing that was seen. containerd opens
// its socket when its plugins are loaded, so one that does not know the service
// never will: that gives ErrNoCRI.
func Ready(ctx context.Context, rt snapshot.Runtime, socket string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		seen, _ := Ask(ctx, rt, socket)
		switch {
		case seen.Images || socket == "":
			return nil
		case seen.Unlisted:
			return fmt.Errorf("wait for %s: %w: %s", socket, ErrNoCRI, seen.Err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %s", socket, seen.Err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
