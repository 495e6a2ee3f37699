# shellcheck shell=bash disable=SC2154,SC2034 # some variables come from the script, some are for it
# What the scripts have in common that bring up a service for tests: each sources this file and ends with `service "$@"`.
#
# Before, it sets    name, version, port (none: it is only installed)
# After, it defines  missing   says what the machine lacks, nothing if all is there
#                    fetch     fills $base from a package registry; what it depends on besides $version goes into $stamp
#                    start     becomes the server: on loopback, with $base and then $port in its command line
#                    answers   is true once the server can be used
# It may redefine    address   prints where the server answers
#                    attempt   launches it and waits; tries again in another way if need be
# It finds           $base     what is installed, for all ports
#                    $run      a directory of this port alone, empty at every start and gone after down; also where start is
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${ESM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/esm}
mkdir -p "$cache/run"
cache=$(cd "$cache" && pwd)
base=$cache/$name-$version
stamp=$version
run=$cache/run/$name-${port:-none}
pidfile=$run.pid
log=$run.log

say() { printf '%s: %s\n' "$name" "$*" >&2; }
die() { say "$*"; exit 1; }

lacks() { # lacks PROGRAM WHY: says so if it is not on PATH
  command -v "$1" >/dev/null || echo "$1 ($2)"
}

maven() { # maven DIRECTORY GROUP ARTIFACT VERSION: the jars of an artifact and of all it depends on
  cat >pom.xml <<XML
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>esm</groupId><artifactId>$name</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>$2</groupId><artifactId>$3</artifactId><version>$4</version></dependency>
  </dependencies>
</project>
XML
  mvn -B -q org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    -DincludeScope=runtime "-DoutputDirectory=$1"
}

debian() { # debian ARGUMENT...: apt-get, one at a time, also among the scripts that use it at this moment
  alone "$cache/run/apt" apt-get -qq "$@"
}

speaks() { # speaks SERVICE TARGET JSON: whether an operation of AWS's JSON protocol succeeds without arguments
  [ "$(curl -s --noproxy '*' -o /dev/null -m 10 -w '%{http_code}' -d '{}' "http://127.0.0.1:$port/" \
    -H "X-Amz-Target: $2" -H "Content-Type: application/x-amz-json-$3" -H 'X-Amz-Date: 20200101T000000Z' \
    -H "Authorization: AWS4-HMAC-SHA256 Credential=test/20200101/us-east-1/$1/aws4_request, SignedHeaders=host, Signature=0")" = 200 ]
}

detached() { # becomes a command that signals of this terminal do not reach
  if command -v setsid >/dev/null; then exec setsid "$@"; fi
  exec nohup "$@"
}

ours() { # whether the process that up started runs, not one that got its number later
  [ -s "$pidfile" ] || return 1
  case $(ps -o args= -p "$(cat "$pidfile")" 2>/dev/null) in
  *"$base"*"$port"*) ;;
  *) return 1 ;;
  esac
}

alone() ( # alone WHAT COMMAND...: one at a time for each WHAT, whoever else does so at this moment
  if command -v flock >/dev/null; then
    exec 9>"$1.lock"
    flock 9
  fi
  shift
  "$@"
)

install() {
  local lack
  lack=$(missing)
  [ -z "$lack" ] || die "missing: $lack"
  alone "$base" installed
}

installed() {
  [ "$(cat "$base/installed" 2>/dev/null)" != "$stamp" ] || return 0
  say "installing $version into $base"
  rm -rf "$base"
  mkdir -p "$base"
  cd "$base"
  fetch >install.log 2>&1 || { tail -n 20 install.log >&2; die "that failed; everything that was said is in $base/install.log"; }
  echo "$stamp" >installed
  say "installed in $SECONDS s"
}

up() {
  install
  alone "$run" started
}

started() {
  if answers; then
    say "answers on $(address) already"
    return
  fi
  if attempt; then
    say "up on $(address), pid $(cat "$pidfile"), log $log"
    return
  fi
  tail -n 30 "$log" >&2
  down
  die "it did not come up; see $log"
}

address() { echo "http://127.0.0.1:$port"; }

attempt() { launched; }

launched() { # launches the server, and waits until it answers or has ended
  launch
  for _ in $(seq 300); do
    ! answers || return 0
    kill -0 "$(cat "$pidfile")" 2>/dev/null || break
    sleep 0.2
  done
  return 1
}

launch() {
  down # one that came up too late
  mkdir -p "$run"
  find "$cache/run" -maxdepth 1 \( -name '*.log' -o -name '*.lock' \) -mtime +7 -delete
  (cd "$run" && start) >"$log" 2>&1 </dev/null 9>&- &
  echo $! >"$pidfile"
}

down() {
  local pid children
  if ours; then
    pid=$(cat "$pidfile")
    children=$(pgrep -P "$pid" || true)
    kill "$pid"
    for _ in $(seq 100); do ours || break; sleep 0.1; done
    ! ours || kill -9 "$pid"
    # shellcheck disable=SC2086 # a list: what it may have left
    [ -z "$children" ] || kill -9 $children 2>/dev/null || true
  fi
  rm -rf "$pidfile" "$run"
}

service() {
  case ${1:-} in
  up) up ;;
  down) down ;;
  install) install ;;
  missing) missing ;;
  env) address ;;
  *) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
}
