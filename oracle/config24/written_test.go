package config24

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
	target := route.Target{Runtime: "containerd", Containerd: route.MustVersion("2.4.2")}
	written.Daemon{Target: target, Highest: 4, Inputs: 3600, Asks: newReader(t.TempDir()).asks}.Check(t)
}
