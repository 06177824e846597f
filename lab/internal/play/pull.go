package play

import (
	"context"
	"time"

	"github.com/towpath-dev/towpath/lab/internal/cri"
	"github.com/towpath-dev/towpath/lab/internal/scenario"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// pull asks the runtime for the image as the kubelet would, and cuts it when it
// takes too long to be worth watching.
func (s *stage) pull(ctx context.Context) (Pull, error) {
	client, err := cri.Dial(s.runtime.socket)
	if err != nil {
		return Pull{}, err
	}
	defer client.Close()
	started := time.Now()
	ctx, cancel := context.WithTimeout(ctx, scenario.Cut)
	defer cancel()
	if p := s.variant.Spec.Pull; p.Sandbox {
		err = client.Sandbox(ctx)
	} else {
		err = client.Pull(ctx, s.image, p.User, p.Password)
	}
	return Pull{
		OK:      err == nil,
		Waiting: status.Code(err) == codes.DeadlineExceeded,
		Text:    cri.Text(err),
		Took:    time.Since(started),
	}, nil
}
