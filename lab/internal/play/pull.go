package play

import (
	"context"
	"time"

	"github.com/towpath-dev/towpath/lab/internal/cri"
	"github.com/towpath-dev/towpath/lab/internal/scenario"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// pull asks the runtime for an image as the kubelet would, and cuts it when it
// takes too long to be worth watching.
func (s *stage) pull(ctx context.Context, image string) (Pull, error) {
	if s.runtime.gen.Engine() {
		return s.pullByEngine(ctx, image), nil
	}
	client, err := cri.Dial(s.runtime.kubelets())
	if err != nil {
		return Pull{}, err
	}
	defer client.Close()
	started := time.Now()
	// A deadline would travel to the runtime and end the pull there, as if it
	// had failed by itself.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer time.AfterFunc(scenario.Cut, cancel).Stop()
	if p := s.variant.Spec.Pull; p.Sandbox {
		err = s.sandbox(ctx, client)
	} else {
		err = client.Pull(ctx, image, p.User, p.Password)
	}
	return Pull{
		OK:      err == nil,
		Waiting: status.Code(err) == codes.Canceled && ctx.Err() != nil,
		Text:    cri.Text(err),
		Took:    time.Since(started),
	}, nil
}

// sandbox starts a pod. Whether runc can run it on this machine is not what the
// lab is about: the pull has worked when the runtime has its sandbox image.
func (s *stage) sandbox(ctx context.Context, client cri.Client) error {
	failed := client.Sandbox(ctx)
	if failed == nil {
		return nil
	}
	has, err := client.Has(ctx, s.view.Sandbox)
	if err != nil {
		return err
	}
	if has {
		return nil
	}
	return failed
}
