# shellcheck shell=bash disable=SC2034,SC2154 # variables of run.sh and steps.sh
# How the demo speaks, waits, starts processes and ends them.

manifests=e2e/demo/manifests
system=plimsoll-system
target=${CARGO_TARGET_DIR:-target}/debug
cluster_pid='' operator_pid='' proxy_pid='' legacy_pid='' prometheus_pid='' step=0

bold='' dim='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; fi

heading() {
  step=$((step + 1))
  printf '\n%s%d. %s%s\n' "$bold" "$step" "$*" "$plain"
}
tell() { printf '   %s\n' "$@"; }
# A command as a reader would type it, and what it prints.
show() {
  prompt "$@"
  "$@" 2>&1 | indent
}
prompt() {
  local word line=''
  for word; do
    case $word in *[\{\ ]*) word="'$word'" ;; esac
    line+=" $word"
  done
  printf '\n   %s$%s%s\n' "$dim" "$line" "$plain"
}
indent() { sed 's/^/   /; s/ *$//'; }

# wait_for WHAT SECONDS COMMAND…: until the command succeeds.
wait_for() {
  local what=$1 deadline=$((SECONDS + $2)) output
  shift 2
  until output=$("$@" 2>&1); do
    operator_lives || die "the operator ended while waiting for: $what"
    [ "$SECONDS" -lt "$deadline" ] || die "gave up waiting for: $what${output:+ ($output)}"
    sleep 0.1
  done
}

operator_lives() { [ -z "$operator_pid" ] || kill -0 "$operator_pid" 2>/dev/null; }

# Ends a process of ours and waits for it.
end() {
  [ -n "$1" ] || return 0
  kill "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

ended() {
  local code=$1
  trap '' INT TERM HUP
  if [ "$code" -ne 0 ] && [ "$code" -ne 130 ] && [ -s "$work/operator.log" ]; then
    say "" "The end of the operator's log:"
    tail -n 15 "$work/operator.log" | cut -c 1-400 >&2
  fi
  [ -z "$patient_pid" ] || kill "$patient_pid" 2>/dev/null || true
  end "$proxy_pid"
  end "$legacy_pid"
  end "$prometheus_pid"
  end "$operator_pid"
  exec 8>&- # the cluster ends when its input closes, however this script ends
  [ -z "$cluster_pid" ] || wait "$cluster_pid" 2>/dev/null || true
  rm -rf "$work"
  exit "$code"
}

now_ms() { echo "$((${EPOCHREALTIME/[.,]/} / 1000))"; }

# The metrics, as Prometheus reads them: over TLS, with a token. The certificate was made by the operator itself.
scrape() { curl -sfk -H "@$work/scraper" "$metrics"; }
# The value of one series of the operator's metrics, as grep finds it; nothing where there is none.
series() { scrape | grep -E "$1" | awk '{ print $NF + 0 }'; }

field() { kubectl get "$1" -o "jsonpath=$2" "${@:3}"; }
is() { [ "$1" = "$("${@:2}")" ]; }
