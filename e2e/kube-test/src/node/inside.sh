# shellcheck shell=sh
# The first process in the namespaces of a real node ($1 a folder, $2 the name of a cgroup): gets them ready, runs the
# program that follows, and ends with it; then the kernel ends whatever else runs here and takes network and mounts away.
set -eu
work=$1 group=$2
shift 2

# What a node writes to places of its own choice (sockets, network namespaces, addresses, logs) is hidden from the machine.
mkdir "$work/var" "$work/var-work"
mount -t overlay overlay -o "lowerdir=/var,upperdir=$work/var,workdir=$work/var-work" /var
mount -t tmpfs tmpfs /run

# One interface with the node's address, from which kube-proxy also takes what goes to Services.
ip link set lo up
ip link add node0 type bridge
ip addr add 10.10.0.1/32 dev node0
ip link set node0 up
ip route add 10.0.0.0/16 dev node0
echo 1 >/proc/sys/net/ipv4/ip_forward

# All pods lie under one cgroup, which can be found and removed.
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
  read -r controllers </sys/fs/cgroup/cgroup.controllers
  for controller in $controllers; do
    # Some are there for whole machines only; the kubelet names those that it misses.
    echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null || true
  done
  mkdir "/sys/fs/cgroup/$group"
else
  for top in /sys/fs/cgroup/*/; do
    [ -f "$top/tasks" ] || continue
    mkdir "$top/$group"
    for file in cpuset.cpus cpuset.mems; do # a new cpuset has none
      [ ! -f "$top/$file" ] || cat "$top/$file" >"$top/$group/$file"
    done
  done
fi

code=0
"$@" || code=$?
exit "$code"
