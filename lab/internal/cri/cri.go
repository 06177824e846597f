// Package cri speaks to a container runtime as the kubelet does, over its CRI
// socket: it pulls an image or starts a pod sandbox. It decides nothing.
package cri

import (
	"context"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	v1 "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Client is a connection to one socket.
type Client struct {
	conn   *grpc.ClientConn
	socket string
}

// Dial prepares a connection. The socket need not be there yet.
func Dial(socket string) (Client, error) {
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return Client{}, fmt.Errorf("connect to %s: %w", socket, err)
	}
	return Client{conn, socket}, nil
}

// Close ends the connection.
func (c Client) Close() error { return c.conn.Close() }

// Version asks for the runtime's version, which says that it is up.
func (c Client) Version(ctx context.Context) (string, error) {
	v, err := v1.NewRuntimeServiceClient(c.conn).Version(ctx, &v1.VersionRequest{})
	return v.GetRuntimeVersion(), err
}

// Pull pulls an image. With a user the request carries credentials, as the
// kubelet sends those of a pull secret.
func (c Client) Pull(ctx context.Context, image, user, password string) error {
	req := &v1.PullImageRequest{Image: &v1.ImageSpec{Image: image}}
	if user != "" {
		req.Auth = &v1.AuthConfig{Username: user, Password: password}
	}
	_, err := v1.NewImageServiceClient(c.conn).PullImage(ctx, req)
	return err
}

// Has tells whether the runtime holds an image.
func (c Client) Has(ctx context.Context, image string) (bool, error) {
	s, err := v1.NewImageServiceClient(c.conn).ImageStatus(ctx, &v1.ImageStatusRequest{Image: &v1.ImageSpec{Image: image}})
	return s.GetImage() != nil, err
}

// Sandbox starts a pod on the node's own network, for which the runtime needs
// its sandbox image.
func (c Client) Sandbox(ctx context.Context) error {
	_, err := v1.NewRuntimeServiceClient(c.conn).RunPodSandbox(ctx, &v1.RunPodSandboxRequest{Config: &v1.PodSandboxConfig{
		Metadata:     &v1.PodSandboxMetadata{Name: "web", Namespace: "default", Uid: "1"},
		LogDirectory: "/var/log/pods",
		Linux: &v1.LinuxPodSandboxConfig{SecurityContext: &v1.LinuxSandboxSecurityContext{
			NamespaceOptions: &v1.NamespaceOption{Network: v1.NamespaceMode_NODE, Pid: v1.NamespaceMode_POD},
		}},
	}})
	return err
}

// WaitUp waits until the runtime answers, or with "unknown service" tells that
// it is up without CRI. Before there is a socket it makes no call: gRPC would
// wait a second after the first failure. Gone is closed when the runtime has ended.
func (c Client) WaitUp(ctx context.Context, gone <-chan struct{}) error {
	for {
		conn, err := net.Dial("unix", c.socket)
		if err == nil {
			conn.Close()
			if err = c.answers(ctx); err == nil {
				return nil
			}
		}
		select {
		case <-gone:
			return fmt.Errorf("the runtime has ended: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("the runtime did not come up: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (c Client) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err := c.Version(ctx)
	if status.Code(err) == codes.Unimplemented {
		return nil
	}
	return err
}

// Text is what a user sees of an error: the message of the runtime.
func Text(err error) string {
	if err == nil {
		return ""
	}
	return status.Convert(err).Message()
}
