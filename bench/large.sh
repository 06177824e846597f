#!/usr/bin/env bash
# Says how long Towpath takes for configurations of many registries, and how much
# memory: CPU and wall-clock seconds, peak resident MiB, and a checksum of all that
# came out, so that two builds can be compared. What runs is told on standard error,
# the table comes at the end. It judges nothing but marks what is over the goals of
# bench/README.md.
#
#   bench/large.sh [REGISTRIES [PATTERN]]     default 10000, and all rows; PATTERN is an extended regular expression
#   TOWPATH=FILE bench/large.sh               measure that build
#   LIMIT=SECONDS bench/large.sh              give a row up after that time, default 60
set -euo pipefail
cd "$(dirname "$0")/.."

n=${1:-10000}
pattern=${2:-.}
limit=${LIMIT:-60}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
towpath=${TOWPATH:-$work/towpath}
[ -n "${TOWPATH:-}" ] || go build -o "$towpath" .
[ -x /usr/bin/time ] || { echo "large.sh needs GNU time" >&2; exit 2; }

# sources writes n registries with two mirrors each, in the dialects that people
# write by hand; those named login also have credentials for each registry.
sources() {
	mkdir -p "$work/certs.d"
	(cd "$work/certs.d" && seq -f 'r%05g.example' 0 $((n - 1)) | xargs mkdir)
	awk -v n="$n" -v dir="$work" 'BEGIN {
		yaml = dir "/registries.yaml"; login = dir "/login.yaml"; toml = dir "/config.toml"; old = dir "/login.toml"; secret = dir "/secret.json"
		print "mirrors:" > yaml; print "mirrors:" > login
		print "version = 2" > toml; print "version = 2" > old
		printf "{\"auths\": {\n" > secret
		cri = "[plugins.\"io.containerd.grpc.v1.cri\".registry."
		for (i = 0; i < n; i++) {
			r = sprintf("r%05d.example", i); a = sprintf("https://a%05d.example", i); b = sprintf("https://b%05d.example", i)
			mirror = sprintf("  %s:\n    endpoint:\n      - %s\n      - %s\n", r, a, b)
			printf "%s", mirror > yaml; printf "%s", mirror > login
			mirror = sprintf(cri "mirrors.\"%s\"]\n  endpoint = [\"%s\", \"%s\"]\n", r, a, b)
			printf "%s", mirror > toml; printf "%s", mirror > old
			printf cri "configs.\"%s\".auth]\n  username = \"user\"\n  password = \"p%05d\"\n", r, i > old
			printf "  \"%s\": {\"username\": \"user\", \"password\": \"p%05d\"}%s\n", r, i, i < n - 1 ? "," : "" > secret
			hosts = dir "/certs.d/" r "/hosts.toml"
			printf "server = \"https://%s\"\n\n[host.\"%s\"]\n  capabilities = [\"pull\", \"resolve\"]\n\n[host.\"%s\"]\n  capabilities = [\"pull\", \"resolve\"]\n", r, a, b > hosts
			close(hosts)
		}
		print "configs:" > login
		for (i = 0; i < n; i++) printf "  r%05d.example:\n    auth:\n      username: user\n      password: p%05d\n", i, i > login
		print "}}" > secret
	}'
	cp -r "$work/certs.d" "$work/broken"
	find "$work/broken" -name hosts.toml -exec sed -i 's/"pull"/"pul"/' {} +
	mkdir -p "$work/node/etc/containerd/certs.d" "$work/node/run/containerd" "$work/node/usr/bin"
	printf 'version = 3\n[plugins."io.containerd.cri.v1.images".registry]\n  config_path = "/etc/containerd/certs.d"\n' >"$work/node/etc/containerd/config.toml"
}

# measure NAME COMMAND…: exit statuses of findings are no failure, but 124 is
# that of a row which was given up.
measure() {
	local name=$1 status=0
	shift
	[[ $name =~ $pattern ]] || return 0
	echo "… $name" >&2
	rm -rf "$work/out"
	/usr/bin/time -q -o "$work/took" -f '%U %S %e %M' timeout "$limit" "$@" >"$work/said" 2>"$work/errors" || status=$?
	tail -1 "$work/took" | awk -v name="$name" -v status=$status -v sum="$(checksum)" '{
		goal = name ~ /^lint/ ? 10 : 2
		mark = $3 > goal ? " slow" : ""; if ($4 > 200 * 1000 * 1000 / 1024) mark = mark " large"
		if (status == 124) mark = " given up"; if (status == 3 || status == 2) mark = mark " failed"
		printf "%-54s %7.2f %7.2f %6d  %s%s\n", name, $1 + $2, $3, $4 / 1024, sum, mark
	}' >>"$work/table"
}

# checksum is of what was printed and of what was written.
checksum() {
	{
		sed "s|$work|WORK|g" "$work/said"
		[ ! -d "$work/out" ] || (cd "$work/out" && find . -type f -print0 | sort -z | xargs -0 -r cat)
	} | sha256sum | cut -c1-8
}

# convert FROM NAME TO PATH…: the paths, called NAME, read as FROM.
convert() {
	local from=$1 name=$2 to=$3
	shift 3
	measure "convert $name to $to" "$towpath" convert --allow-loss --from "$from" --to "$to" --out "$work/out" "$@"
}

# there_and_back FROM NAME PATH TO…: the path to each dialect, and what comes of it to FROM again.
there_and_back() {
	local from=$1 name=$2 path=$3 to files
	shift 3
	for to; do
		convert "$from" "$name" "$to" "$path"
		[[ "convert $to of $name to $from" =~ $pattern ]] || continue
		rm -rf "$work/back"
		timeout "$limit" "$towpath" convert --allow-loss --from "$from" --to "$to" --out "$work/back" "$path" >/dev/null 2>&1 || true
		mapfile -t files < <(find "$work/back" -type f 2>/dev/null)
		[ ${#files[@]} -eq 0 ] || [ ${#files[@]} -gt 9 ] || convert "$to" "$to of $name" "$from" "${files[@]}"
	done
}

echo "… writing the sources" >&2
sources
: >"$work/table"
for to in k3s containerd-config towpath; do convert containerd certs.d "$to" "$work/certs.d"; done
for to in containerd towpath; do convert containerd-config config.toml "$to" "$work/config.toml"; done
for to in containerd k3s; do convert containerd-config 'config.toml with logins' "$to" "$work/login.toml"; done
for to in k3s registries-conf; do convert pull-secret 'a pull secret' "$to" "$work/secret.json"; done
for to in containerd containerd-config k0s microk8s docker; do
	convert k3s registries.yaml "$to" "$work/registries.yaml"
	convert k3s 'one with logins' "$to" "$work/login.yaml"
done
others=(towpath talos registries-conf buildkit bottlerocket kind)
there_and_back k3s registries.yaml "$work/registries.yaml" "${others[@]}"
there_and_back k3s 'one with logins' "$work/login.yaml" "${others[@]}"
for format in text json yaml sarif junit github; do
	measure "lint, a finding each, as $format" "$towpath" lint --from containerd -o "$format" "$work/broken"
done
measure "lint of a healthy tree" "$towpath" lint --from containerd "$work/certs.d"
measure "lint of registries.yaml" "$towpath" lint --from k3s "$work/registries.yaml"
measure "lint of config.toml" "$towpath" lint --from containerd-config "$work/config.toml"
measure "lint of a pull secret" "$towpath" lint --from pull-secret "$work/secret.json"
dry() { measure "apply $1 as a dry run" "$towpath" apply --dry-run=client --allow-loss --root "$work/node" --runtime containerd@2.4 "${@:3}" "$2"; }
dry "a tree" "$work/certs.d" --from containerd
dry registries.yaml "$work/registries.yaml" --from k3s

printf '%-54s %7s %7s %6s  %s\n' "$n registries" 'CPU s' 'wall s' MiB output
cat "$work/table"
