# shellcheck shell=sh disable=SC2295 # process ids hold no pattern
# The guard of one test cluster. It lives as long as its standard input: when that closes, because the cluster was
# dropped or because the test process died in whatever way, it kills all that is left and removes the folder $1 and the
# cgroups called $2.
# Input, a line each: "+PID" a process group to end, "-PID" one that has ended.
trap '' HUP INT TERM
left=' '
while read -r line; do
  pid=${line#?}
  case $line in
  +*) left="$left$pid " ;;
  -*) case $left in *" $pid "*) left="${left%% $pid *} ${left#* $pid }" ;; esac ;;
  esac
done
for pid in $left; do kill -s KILL -- "-$pid" 2>/dev/null; done

tidy() {
  clean=0
  if [ -n "$2" ]; then
    for top in "/sys/fs/cgroup/$2" /sys/fs/cgroup/*/"$2"; do
      [ ! -d "$top" ] || find "$top" -depth -type d -exec rmdir {} \; 2>/dev/null
      [ ! -d "$top" ] || clean=1
    done
  fi
  [ -z "$1" ] || rm -rf -- "$1" 2>/dev/null || clean=1
  return "$clean"
}
# What was killed takes a moment to go, and writes until then.
tries=0
until tidy "$1" "${2:-}" || [ "$tries" -ge 300 ]; do
  tries=$((tries + 1))
  sleep 0.1
done
