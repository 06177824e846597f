package runtime

import (
	"context"
	"fmt"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/towpath-dev/towpath/internal/route"
)

// Image is an image that a runtime has.
type Image struct {
	ID      string   // digest of its configuration
	Digests []string // "host/repository@sha256:…"
	Tags    []string
	Bytes   uint64
	Pinned  bool // the kubelet's garbage collection leaves it alone
}

// Image returns what the runtime has under a reference; nil when it lacks it.
func (c *Client) Image(ctx context.Context, ref string) (*Image, error) {
	ctx, cancel := context.WithTimeout(ctx, callWait)
	defer cancel()
	reply, err := c.images().ImageStatus(ctx, &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: ref}})
	if err != nil {
		return nil, fmt.Errorf("ask %s for %s: %w", c.socket, ref, err)
	}
	if reply.Image == nil {
		return nil, nil
	}
	return &Image{
		ID: reply.Image.Id, Digests: reply.Image.RepoDigests, Tags: reply.Image.RepoTags,
		Bytes: reply.Image.Size, Pinned: reply.Image.Pinned,
	}, nil
}

func (c *Client) images() cri.ImageServiceClient { return cri.NewImageServiceClient(c.conn) }

// Pull has the runtime pull an image and returns its ID. The zero Auth sends no
// credentials, so that the runtime's own count. CRI tells nothing while it
// pulls: progress, if not nil, is called about every second with the time so
// far, and not any more once Pull has returned.
func (c *Client) Pull(ctx context.Context, ref string, auth route.Auth, progress func(time.Duration)) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, pullWait)
	defer cancel()
	request := &cri.PullImageRequest{Image: &cri.ImageSpec{Image: ref}}
	if !auth.IsZero() {
		request.Auth = &cri.AuthConfig{
			Username: auth.User, Password: auth.Password.Reveal(), IdentityToken: auth.IdentityToken.Reveal(),
		}
	}
	stop := tick(progress)
	defer stop()
	reply, err := c.images().PullImage(ctx, request)
	if err != nil {
		return "", fmt.Errorf("pull %s through %s: %w", ref, c.socket, err)
	}
	return reply.ImageRef, nil
}

// tick calls a function every second until it is stopped, and waits then.
func tick(progress func(time.Duration)) (stop func()) {
	if progress == nil {
		return func() {}
	}
	quit, done := make(chan struct{}), make(chan struct{})
	start := time.Now()
	go func() {
		defer close(done)
		every := time.NewTicker(time.Second)
		defer every.Stop()
		for {
			select {
			case <-quit:
				return
			case <-every.C:
				progress(time.Since(start))
			}
		}
	}()
	return func() { close(quit); <-done }
}

// Remove has the runtime forget an image. One that it lacks is no error.
func (c *Client) Remove(ctx context.Context, ref string) error {
	ctx, cancel := context.WithTimeout(ctx, callWait)
	defer cancel()
	if _, err := c.images().RemoveImage(ctx, &cri.RemoveImageRequest{Image: &cri.ImageSpec{Image: ref}}); err != nil {
		return fmt.Errorf("remove %s through %s: %w", ref, c.socket, err)
	}
	return nil
}

// Usage is what images take up on one file system.
type Usage struct {
	Dir    string // where the snapshots are
	Bytes  uint64
	Inodes uint64
}

// Usage returns what the runtime's images take up.
func (c *Client) Usage(ctx context.Context) ([]Usage, error) {
	ctx, cancel := context.WithTimeout(ctx, callWait)
	defer cancel()
	reply, err := c.images().ImageFsInfo(ctx, &cri.ImageFsInfoRequest{})
	if err != nil {
		return nil, fmt.Errorf("ask %s for its file systems: %w", c.socket, err)
	}
	var out []Usage
	for _, fs := range reply.ImageFilesystems {
		out = append(out, Usage{
			Dir: fs.GetFsId().GetMountpoint(), Bytes: fs.GetUsedBytes().GetValue(), Inodes: fs.GetInodesUsed().GetValue(),
		})
	}
	return out, nil
}

// Images lists the references, by tag or digest, that the runtime has images for.
func (c *Client) Images(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, callWait)
	defer cancel()
	reply, err := c.images().ListImages(ctx, &cri.ListImagesRequest{})
	if err != nil {
		return nil, fmt.Errorf("ask %s for its images: %w", c.socket, err)
	}
	var out []string
	for _, img := range reply.Images {
		out = append(append(out, img.RepoTags...), img.RepoDigests...)
	}
	return out, nil
}
