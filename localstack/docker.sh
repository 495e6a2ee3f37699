#!/usr/bin/env bash
# Makes a Docker daemon answer, for functions in containers. One that answers already is used, and left alone by down.
# Otherwise root on Debian gets one: Debian's docker.io, started by hand.
#
#   localstack/docker.sh up        install what is missing (about 15 s, once), start, wait until it answers
#   localstack/docker.sh down      end what up started
#   localstack/docker.sh env       print the address of the daemon, as in DOCKER_HOST
#   localstack/docker.sh install   install only
#   localstack/docker.sh missing   say what the machine lacks, nothing if all is there
#
# ESM_CACHE      where the log is kept (~/.cache/esm)
# DOCKER_HOST    the daemon (unix:///var/run/docker.sock); one at another address is used, never started
# DOCKERD_FLAGS  more flags of a daemon that is started

name=docker
version=docker.io
# shellcheck source=service.sh
. "$(dirname "${BASH_SOURCE[0]}")/service.sh"
standard=unix:///var/run/docker.sock
export DOCKER_HOST=${DOCKER_HOST:-$standard}

address() { echo "$DOCKER_HOST"; }

answers() { command -v docker >/dev/null && patiently docker version >/dev/null 2>&1; }

patiently() { # not for ever, where there is a command for that
  if command -v timeout >/dev/null; then timeout 20 "$@"; else "$@"; fi
}

missing() {
  answers || impossible || (command -v dockerd && command -v docker) >/dev/null || lacks apt-get "it installs Docker"
}

impossible() { # says why no daemon can be started here; fails if one can
  if [ "$DOCKER_HOST" != "$standard" ]; then
    echo "a Docker daemon (none answers at $DOCKER_HOST, or the command docker is missing)"
  elif [ "$(uname)" != Linux ] || [ "$(id -u)" != 0 ]; then
    echo "a Docker daemon (none answers at $DOCKER_HOST, or the command docker is missing; only root on Linux can start one)"
  else
    return 1
  fi
}

install() {
  local lack
  lack=$(missing)
  [ -z "$lack" ] || die "missing: $lack"
  alone "$base" installed
}

installed() {
  ! (command -v dockerd && command -v docker) >/dev/null || return 0
  ! answers || return 0
  say "installing Debian's docker.io"
  packages >"$base.install.log" 2>&1 || { tail -n 20 "$base.install.log" >&2; die "that failed; see $base.install.log"; }
  say "installed in $SECONDS s"
}

packages() {
  export DEBIAN_FRONTEND=noninteractive
  debian update && debian install -y --no-install-recommends docker.io iptables &&
    { command -v docker || debian install -y --no-install-recommends docker-cli; } # a package of its own in later releases
}

storage='' legacy=''
start() {
  [ -z "$legacy" ] || { old_iptables && PATH=$run/legacy:$PATH; }
  mountpoint -q /sys/fs/cgroup || mount -t cgroup2 none /sys/fs/cgroup # where nothing has done so at boot
  # shellcheck disable=SC2086 # lists of flags
  detached dockerd --host "$standard" --pidfile "$run/dockerd.pid" --shutdown-timeout 5 --log-level warn $storage ${DOCKERD_FLAGS:-}
}

old_iptables() { # lets dockerd, and nothing else on this machine, use them
  local command
  mkdir legacy
  for command in iptables ip6tables; do ln -s "$(command -v $command-legacy)" "legacy/$command"; done
}

ours() {
  [ -s "$pidfile" ] || return 1
  case $(ps -o args= -p "$(cat "$pidfile")" 2>/dev/null) in
  *dockerd*"$run/dockerd.pid"*) ;;
  *) return 1 ;;
  esac
}

attempt() { # a kernel may lack what dockerd uses by default
  forget
  ! launched || return 0
  if grep -qiE 'iptables|nf_tables' "$log" && command -v iptables-legacy >/dev/null; then
    say "it does not come up with this iptables; trying iptables-legacy"
    legacy=1
    ! launched || return 0
  fi
  if grep -qiE 'overlay|graphdriver|storage-driver' "$log"; then
    say "it does not come up with this file system; trying the storage driver vfs"
    storage="--storage-driver vfs"
    ! launched || return 0
  fi
  return 1
}

forget() { # removes the record of a containerd that a crash left behind, if its number is another program's now
  local record=/var/run/docker/containerd/containerd.pid
  [ -f "$record" ] || return 0
  [ "$(cat "/proc/$(cat "$record")/comm" 2>/dev/null)" = containerd ] || rm -f "$record"
}

service "$@"
