// Lets the compiler accept functions without a body: they are those of the kubelet.
