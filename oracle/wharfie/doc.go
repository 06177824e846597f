// Package wharfie holds Towpath's reading of registries.yaml to the code that
// K3s and RKE2 decode it with, github.com/rancher/wharfie: the same file goes to
// both, and the requests that wharfie really makes are captured by a proxy that
// ends TLS. It is a module of its own, so that the binary links none of it. Run
// it with go test.
package wharfie
