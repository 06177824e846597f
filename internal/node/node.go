// Package node reads a machine: its container runtimes and what decides how
// each of them pulls: files, environment, names, trust, disks, clock. It
// changes nothing, judges nothing and speaks to no registry; what it was not
// allowed to see it says.
package node
