// Package kubelet holds Towpath to the code of Kubernetes 1.36.3: which
// credentials the kubelet takes from pull secrets, for which images, and which
// configurations of credential providers it starts with. It is linked into
// nothing else.
//
// What the API server refuses of a Secret is its validation of the two types,
// which is repeated here: the package that has it drags in half of Kubernetes.
package kubelet
