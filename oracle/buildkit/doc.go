// Package buildkit holds Towpath's reading of buildkitd.toml to the code of
// BuildKit 0.34.2: the same file is accepted by both, and gives the same hosts
// in the same order, with the same scheme, verification and client certificates.
package buildkit
