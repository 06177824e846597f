package config17

import (
	"io"
	"testing"

	"github.com/containerd/log"
	"github.com/sirupsen/logrus"

	"github.com/towpath-dev/towpath/internal/dialect/daemon/written"
	"github.com/towpath-dev/towpath/internal/route"
)

func TestContainerdAsksWhatWeHaveWritten(t *testing.T) {
	log.L.Logger.SetOutput(io.Discard)
	logrus.SetOutput(io.Discard)
	target := route.Target{Runtime: "containerd", Containerd: route.MustVersion("1.7.35")}
	written.Daemon{Target: target, Highest: 2, Inputs: 3600, Asks: asks}.Check(t)
}
