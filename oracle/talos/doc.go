// Package talos holds Towpath's reading of Talos machine configurations to
// Talos' own machinery, v1.13.0: the same documents are accepted by both, and
// say the same of mirrors, credentials and TLS. What Talos renders of that for
// containerd is in packages that no other module can import: it is written down
// again here, from internal/pkg/containers/cri/containerd, with containerd's own
// code behind it in oracle/containerd24.
package talos
