#!/usr/bin/env bash
# Builds the control plane that the tests run on (binaries.txt) from the pinned Go modules beside this script, once, into
# a cache outside the checkout, and prints the folder of the binaries on stdout. What is there already is not built again,
# so an interrupted build resumes with the binary it was at.
#
#   build.sh            build what is missing
#   build.sh --dir      only print the folder
#   build.sh --node …   the same for what a real node takes besides (node.txt): nobody else needs it
#
# PLIMSOLL_CACHE    the cache's root (default ${XDG_CACHE_HOME:-~/.cache}/plimsoll)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here"
set_name=controlplane list=binaries.txt minutes=10
if [ "${1:-}" = --node ]; then
  shift
  set_name=node list=node.txt minutes=7
fi

say() { printf '%s\n' "$*" >&2; }
die() { say "controlplane: $*"; exit 1; }

sha256() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; }
list() { grep -v '^#' "$list"; }
modules() { list | awk '{ print $2 }' | LC_ALL=C sort -u; }
# kube-test finds the folder by the hash alone, it needs no Go. Keep in step: e2e/kube-test/src/binaries.rs.
key_hash() { { cat "$list"; modules | while read -r m; do cat "$m/go.mod"; done; } | sha256 | cut -c1-16; }
needed_go() { modules | while read -r m; do cat "$m/go.mod"; done | awk '$1 == "go" { print $2 }' | sort -V | tail -1; }
kubernetes_version() { awk '/k8s.io\/kubernetes v/ { for (i = 1; i <= NF; i++) if ($i ~ /^v[0-9]/) { print $i; exit } }' "$1/go.mod"; }

check_tools() {
  local need lacking=() have
  need=$(needed_go)
  if ! command -v go >/dev/null; then
    lacking+=("Go $need or newer (https://go.dev/dl)")
  else
    have=$(GOTOOLCHAIN=local go env GOVERSION | sed 's/^go//; s/[ -].*//')
    [ "$(printf '%s\n' "$need" "$have" | sort -V | head -1)" = "$need" ] ||
      lacking+=("Go $need or newer, found $have (https://go.dev/dl)")
  fi
  # The Go parts are built without cgo; the crates that drive them (ring, and Rust's linker) are not.
  command -v cc >/dev/null || lacking+=("a C compiler named cc (gcc or clang)")
  case ${#lacking[@]} in
  0) ;;
  1) die "missing: ${lacking[0]}" ;;
  *) die "missing: ${lacking[0]}, and ${lacking[1]}" ;;
  esac
}

check_tools
[ "$(kubernetes_version kubelet)" = "$(kubernetes_version kubernetes)" ] ||
  die "kubelet/go.mod pins Kubernetes $(kubernetes_version kubelet), kubernetes/go.mod $(kubernetes_version kubernetes): they have to be the same"
export GOTOOLCHAIN=local CGO_ENABLED=0 GOFLAGS=
cache=${PLIMSOLL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/plimsoll}
root=$cache/$set_name/$(key_hash)-$(go env GOVERSION | tr ' ' '-')
bin=$root/bin
stages=$root/kwok-stages
if [ "${1:-}" = --dir ]; then echo "$bin"; exit; fi

mkdir -p "$bin" || die "cannot write to the cache $cache (PLIMSOLL_CACHE names another)"
work=
build_pid=
cleanup() {
  [ -z "$build_pid" ] || kill "$build_pid" 2>/dev/null || true
  [ -z "$work" ] || rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

lock() { # one build at a time per cache folder; the kernel frees the lock with the process
  command -v flock >/dev/null || return 0 # without it two builds are wasteful, not wrong: each renames whole files
  exec 9>"$root/.lock"
  flock -n 9 || { say "controlplane: another build is running, waiting for it"; flock 9; }
}

ldflags() { # without the version the server calls itself v0.0.0-master, and kubectl and Helm misbehave
  local flags="-s -w" version x=k8s.io/component-base/version
  version=$(kubernetes_version "$1")
  if [ -n "$version" ]; then
    IFS=. read -r major minor _ <<<"${version#v}"
    flags+=" -X $x.gitVersion=$version -X $x.gitMajor=$major -X $x.gitMinor=$minor -X $x.gitTreeState=clean"
  fi
  echo "$flags"
}

show_while_running() { # elapsed time: every second on a terminal, else a line every half minute
  local label=$1 start=$SECONDS now
  while kill -0 "$build_pid" 2>/dev/null; do
    sleep 1
    now=$((SECONDS - start))
    if [ -t 2 ]; then printf '\r%s  %d s ' "$label" "$now" >&2
    elif [ $((now % 30)) -eq 0 ] && [ "$now" -gt 0 ]; then say "$label  $now s so far"; fi
  done
  if [ -t 2 ]; then printf '\r' >&2; fi
}

build() {
  local label=$1 name=$2 module=$3 package=$4 tags=$5 start=$SECONDS
  [ "$tags" != - ] || tags=
  go -C "$module" build -trimpath -buildvcs=false -tags "$tags" -ldflags "$(ldflags "$module")" \
    -o "$work/$name" "$package" >"$work/log" 2>&1 9>&- &
  build_pid=$!
  show_while_running "$label"
  if ! wait "$build_pid"; then
    build_pid=
    tail -n 20 "$work/log" >&2
    die "building $name failed (above: the end of what go said; it needs the Go module proxy, GOPROXY=$(go env GOPROXY))"
  fi
  build_pid=
  mv "$work/$name" "$bin/$name"
  say "$label  built in $((SECONDS - start)) s"
}

copy_kwok_stages() { # kwok built from source has no stages of its own and refuses to start without
  local from f
  [ ! -d "$stages" ] || return 0
  from=$(go -C kwok list -m -f '{{.Dir}}' sigs.k8s.io/kwok)/kustomize/stage
  mkdir "$work/stages"
  for f in node/fast/node-initialize node/heartbeat-with-lease/node-heartbeat-with-lease \
    pod/fast/pod-ready pod/fast/pod-complete pod/fast/pod-delete; do
    cp "$from/$f.yaml" "$work/stages/"
  done
  chmod -R u+w "$work/stages"
  mv "$work/stages" "$stages"
}

lock
work=$(mktemp -d "$root/.work.XXXXXX") # beside the target, so that mv is a rename
total=$(list | wc -l | tr -d ' ')
missing=0
while read -r name _; do [ -x "$bin/$name" ] || missing=$((missing + 1)); done < <(list)
[ "$missing" -eq 0 ] || say "controlplane: $missing of $total binaries to build into $bin (about $minutes minutes when all are, on 2 cores)"
n=0
while read -r name module package tags; do
  n=$((n + 1))
  [ ! -x "$bin/$name" ] || continue
  build "[$n/$total] $name" "$name" "$module" "$package" "$tags"
done < <(list)
[ "$set_name" = node ] || copy_kwok_stages
[ "$missing" -eq 0 ] || say "controlplane: ready after $SECONDS s"
echo "$bin"
