package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/towpath-dev/towpath/internal/report"
	"github.com/towpath-dev/towpath/internal/route"
	"github.com/towpath-dev/towpath/internal/runtime"
	"github.com/towpath-dev/towpath/internal/survey"
)

// pullByRuntime has the runtime pull, as the kubelet would.
func (a *app) pullByRuntime(ctx context.Context, s *survey.Survey, ref route.Ref, login *route.Auth, d *pullDocument) error {
	// A path that does not exist below --root must not lead to the caller's own
	// runtime.
	socket, err := s.View.Files.Real(s.Runtime.Door())
	if s.Runtime.Door() == "" || err != nil {
		socket = ""
	}
	c, err := runtime.Open(*s.Runtime, socket)
	if err != nil || s.Runtime.Target.Runtime == "podman" && !a.atHome() {
		return exitError{exitFailed, fmt.Errorf("there is no CRI socket to pull through (%s)", s.Why), "--out oci:DIR, which needs none"}
	}
	defer c.Close()
	auth := route.Auth{}
	if login != nil {
		auth = *login
	}
	wait, done := a.waiting(fmt.Sprintf("%s pulls %s", s.Runtime.Target.Runtime, ref))
	id, err := c.Pull(ctx, ref.String(), auth, wait)
	done()
	switch {
	case ctx.Err() != nil:
		return exitError{exitFailed, errors.New("interrupted"), ""}
	case err != nil:
		return exitError{exitFailed, err, "towpath doctor " + d.Image}
	}
	d.Digest = optional(pulledDigest(ctx, c, ref, id))
	return nil
}

// pulledDigest asks the runtime for the digest of what it pulled: it answers a
// pull with the ID of the image, which is another one.
func pulledDigest(ctx context.Context, c runtime.Puller, ref route.Ref, id string) string {
	if ref.Digest != "" {
		return ref.Digest
	}
	img, err := c.Image(ctx, id)
	if err != nil || img == nil {
		return ""
	}
	for _, name := range img.Digests {
		if digest, ok := strings.CutPrefix(name, ref.Registry+"/"+ref.Repository+"@"); ok {
			return digest
		}
	}
	return ""
}

// waiting shows that the runtime is at work: on a terminal for how long, in
// other places once.
func (a *app) waiting(what string) (tell func(time.Duration), done func()) {
	if !report.Tty(a.Err) {
		fmt.Fprintf(a.Err, "towpath: %s\n", what)
		return nil, func() {}
	}
	p := report.NewProgress(a.Err)
	say := func(d time.Duration) {
		const turns = `|/-\`
		n := int(d.Round(time.Second) / time.Second)
		p.Say(fmt.Sprintf("%c %s  %ds", turns[n%len(turns)], what, n))
	}
	say(0)
	return say, p.Done
}
