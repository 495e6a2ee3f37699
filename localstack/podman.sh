#!/usr/bin/env bash
# Makes Podman answer as a Docker daemon does, for tests of functions in containers: Debian's podman, as root, started by hand.
# It has a socket, a storage and a configuration of its own, and leaves others alone.
#
#   localstack/podman.sh up        install what is missing (about 15 s, once), start, wait until it answers
#   localstack/podman.sh down      end what up started, with its containers and images
#   localstack/podman.sh env       print the address, for ESM_TEST_PODMAN
#   localstack/podman.sh install   install only
#   localstack/podman.sh missing   say what the machine lacks, nothing if all is there
#
# ESM_CACHE   where all of it is kept (~/.cache/esm)

name=podman
version=debian
# shellcheck source=service.sh
. "$(dirname "${BASH_SOURCE[0]}")/service.sh"
socket=$run/podman.sock

address() { echo "unix://$socket"; }

answers() { [ -S "$socket" ] && curl -sf -m 10 -o /dev/null --unix-socket "$socket" http://podman/_ping; }

missing() {
  lacks curl "it asks Podman whether it answers"
  if [ "$(uname)" != Linux ] || [ "$(id -u)" != 0 ]; then
    echo "root on Linux (it starts Podman)"
  else
    there || lacks apt-get "it installs Podman"
  fi
}

there() { (command -v podman && command -v runc && [ -x "$netavark" ]) >/dev/null; }
netavark=/usr/lib/podman/netavark

install() {
  local lack
  lack=$(missing)
  [ -z "$lack" ] || die "missing: $lack"
  alone "$base" installed
}

installed() {
  ! there || return 0
  say "installing Debian's podman"
  packages >"$base.install.log" 2>&1 || { tail -n 20 "$base.install.log" >&2; die "that failed; see $base.install.log"; }
  say "installed in $SECONDS s"
}

packages() {
  export DEBIAN_FRONTEND=noninteractive
  debian update && debian install -y --no-install-recommends podman runc netavark iptables
}

driver=overlay
start() {
  export CONTAINERS_CONF=$run/containers.conf
  cat >"$CONTAINERS_CONF" <<CONF
[engine]
runtime = "runc" # crun refuses machines with both versions of control groups
cgroup_manager = "cgroupfs"
events_logger = "file"
static_dir = "$run/static"
tmp_dir = "$run/tmp"
volume_path = "$run/volumes"
[network]
network_backend = "netavark"
network_config_dir = "$run/networks"
CONF
  detached podman --root "$run/storage" --runroot "$run/state" --storage-driver "$driver" system service --time 0 "$(address)"
}

ours() {
  [ -s "$pidfile" ] || return 1
  case $(ps -o args= -p "$(cat "$pidfile")" 2>/dev/null) in
  *podman*"$socket"*) ;;
  *) return 1 ;;
  esac
}

attempt() { # a kernel may lack what Podman uses by default
  ! launched || return 0
  say "it does not come up with this file system; trying the storage driver vfs"
  driver=vfs
  launched
}

down() {
  if ours; then
    kill "$(cat "$pidfile")"
    for _ in $(seq 100); do ours || break; sleep 0.1; done
    ! ours || kill -9 "$(cat "$pidfile")"
  fi
  clear
  rm -rf "$pidfile" "$run"
}

clear() { # removes the containers, which outlive the service, and their networks
  [ -f "$run/containers.conf" ] && command -v podman >/dev/null || return 0
  local driver
  for driver in overlay vfs; do
    CONTAINERS_CONF=$run/containers.conf podman --root "$run/storage" --runroot "$run/state" --storage-driver "$driver" \
      system reset --force >/dev/null 2>&1 || true
  done
}

service "$@"
