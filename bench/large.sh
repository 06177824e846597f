#!/usr/bin/env bash
# Says how long Towpath takes for configurations of many registries, and how much
# memory: CPU and wall-clock seconds, peak resident MiB. It judges nothing; the
# goals are in bench/README.md.
#
#   bench/large.sh [REGISTRIES]     default 10000
set -euo pipefail
cd "$(dirname "$0")/.."

n=${1:-10000}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/towpath" .

# The sources: n registries with two mirrors each.
mkdir -p "$work/certs.d"
(cd "$work/certs.d" && seq -f 'r%05g.example' 0 $((n - 1)) | xargs mkdir)
awk -v n="$n" -v dir="$work" 'BEGIN {
	yaml = dir "/registries.yaml"; toml = dir "/config.toml"
	print "mirrors:" > yaml
	print "version = 2" > toml
	for (i = 0; i < n; i++) {
		r = sprintf("r%05d.example", i); a = sprintf("https://a%05d.example", i); b = sprintf("https://b%05d.example", i)
		printf "  %s:\n    endpoint:\n      - %s\n      - %s\n", r, a, b > yaml
		printf "[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.\"%s\"]\n  endpoint = [\"%s\", \"%s\"]\n", r, a, b > toml
		hosts = dir "/certs.d/" r "/hosts.toml"
		printf "server = \"https://%s\"\n\n[host.\"%s\"]\n  capabilities = [\"pull\", \"resolve\"]\n\n[host.\"%s\"]\n  capabilities = [\"pull\", \"resolve\"]\n", r, a, b > hosts
		close(hosts)
	}
}'
cp -r "$work/certs.d" "$work/broken"
find "$work/broken" -name hosts.toml -exec sed -i 's/"pull"/"pul"/' {} +

# measure NAME COMMAND…: exit statuses of findings are no failure.
measure() {
	local name=$1
	shift
	rm -rf "$work/out"
	/usr/bin/time -o "$work/took" -f '%U %S %e %M' "$@" >/dev/null 2>&1 || true
	tail -1 "$work/took" | awk -v name="$name" '{ printf "%-36s %6.2f s CPU %6.2f s %5d MiB\n", name, $1 + $2, $3, $4 / 1024 }'
}

convert() { measure "convert $1 to $3" "$work/towpath" convert --allow-loss --from "$1" --to "$3" --out "$work/out" "$2"; }

convert containerd "$work/certs.d" k3s
convert containerd-config "$work/config.toml" containerd
for to in containerd k0s microk8s docker talos registries-conf buildkit bottlerocket; do
	convert k3s "$work/registries.yaml" "$to"
	file=$(find "$work/out" -type f 2>/dev/null | grep -v '/hosts.toml$' | head -1 || true)
	case $to in talos | registries-conf | buildkit | bottlerocket)
		[ -z "$file" ] || { cp "$file" "$work/$to" && convert "$to" "$work/$to" k3s; }
		;;
	esac
done
for format in text json yaml; do
	measure "lint, a finding each, as $format" "$work/towpath" lint --from containerd -o "$format" "$work/broken"
done
measure "lint of a healthy tree" "$work/towpath" lint --from containerd "$work/certs.d"
measure "lint of registries.yaml" "$work/towpath" lint "$work/registries.yaml"
