// This file lets hosts.go declare a function without a body.
