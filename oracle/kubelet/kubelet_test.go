package kubelet

import (
	"testing"

	"k8s.io/kubernetes/pkg/credentialprovider"
	"k8s.io/kubernetes/pkg/credentialprovider/plugin"
	"k8s.io/kubernetes/pkg/credentialprovider/secrets"
	"github.com/towpath-dev/towpath/internal/route"
)

func TestX(t *testing.T) {
	_ = secrets.MakeDockerKeyring
	_ = plugin.NewExternalCredentialProviderDockerKeyring
	_ = credentialprovider.URLsMatchStr
	_ = route.Any
}
