#!/usr/bin/env bash
# Brings up LocalStack 4.14 from PyPI: no Docker, no account, on loopback only.
#
#   localstack/localstack.sh up        install what is missing (about 3 minutes, once), start, wait until it answers
#   localstack/localstack.sh down      end what up started
#   localstack/localstack.sh env       print the endpoint
#   localstack/localstack.sh install   install only
#   localstack/localstack.sh missing   say what the machine lacks, nothing if all is there
#
# ESM_CACHE         where everything is kept between runs (~/.cache/esm)
# LOCALSTACK_PORT   4566
# LOCALSTACK_PYTHON a Python 3.13; searched on PATH and among pyenv's versions otherwise
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=4.14.0
base=${ESM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/esm}/localstack-$version
port=${LOCALSTACK_PORT:-4566}
venv=$base/venv
pidfile=$base/$port.pid
log=$base/$port.log

say() { printf 'localstack: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

python() { # LocalStack's source is written in Python 3.13's syntax, whatever its metadata says
  local candidate
  for candidate in "${LOCALSTACK_PYTHON:-}" python3.13 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python3.13; do
    if [ -n "$candidate" ] && "$candidate" -c 'import sys, venv; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

missing() {
  python >/dev/null || echo "Python 3.13 (LocalStack $version needs it; set LOCALSTACK_PYTHON if it is not on PATH)"
}

answers() { "$venv/bin/python" - "$port" <<'PY' 2>/dev/null
import json, sys, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
health = json.load(opener.open(f"http://127.0.0.1:{sys.argv[1]}/_localstack/health", timeout=2))
sys.exit(health["services"].get("sqs") not in ("available", "running"))
PY
}

ours() { # the process that up started, not one that got its number later
  [ -s "$pidfile" ] && ps -o args= -p "$(cat "$pidfile")" 2>/dev/null | grep -q "$base/launch.py"
}

install() {
  local lacks stamp
  lacks=$(missing)
  [ -z "$lacks" ] || die "missing: $lacks"
  mkdir -p "$base"
  stamp=$(cat "$here/constraints.txt" <(python) | cksum)
  if [ "$(cat "$base/installed" 2>/dev/null)" != "$stamp" ]; then
    say "installing $version from PyPI into $venv, about 3 minutes"
    rm -rf "$venv"
    "$(python)" -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --prefer-binary -c "$here/constraints.txt" \
      "localstack-core[runtime]==$version" >"$base/install.log" 2>&1 ||
      { tail -n 20 "$base/install.log" >&2; die "pip failed; everything it said is in $base/install.log"; }
    echo "$stamp" >"$base/installed"
  fi
  # Its default server listens on all addresses whatever it is told.
  cat >"$base/launch.py" <<'PY'
import functools
from twisted.internet import endpoints
endpoints.TCP4ServerEndpoint = functools.partial(endpoints.TCP4ServerEndpoint, interface="127.0.0.1")
from localstack.runtime.main import main
main()
PY
}

start() (
  cd "$base"
  unset AWS_PROFILE AWS_ENDPOINT_URL AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE
  export OVERRIDE_IN_DOCKER=0 FILESYSTEM_ROOT="$base/fs" CONFIG_DIR="$base/config"
  export GATEWAY_LISTEN="127.0.0.1:$port" LOCALSTACK_HOST="127.0.0.1:$port"
  export SERVICES=sqs,sts,iam SQS_ENDPOINT_STRATEGY=path SQS_DISABLE_CLOUDWATCH_METRICS=1
  export DNS_ADDRESS=0 DISABLE_EVENTS=1 SKIP_SSL_CERT_DOWNLOAD=1
  if command -v setsid >/dev/null; then
    exec setsid "$venv/bin/python" "$base/launch.py" >"$log" 2>&1 </dev/null
  fi
  exec "$venv/bin/python" "$base/launch.py" >"$log" 2>&1 </dev/null
)

up() {
  install
  if answers; then
    say "answers on http://127.0.0.1:$port already"
    return
  fi
  start &
  echo $! >"$pidfile"
  for _ in $(seq 300); do
    if answers; then
      say "up on http://127.0.0.1:$port, pid $(cat "$pidfile"), log $log"
      return
    fi
    kill -0 "$(cat "$pidfile")" 2>/dev/null || break
    sleep 0.3
  done
  tail -n 30 "$log" >&2
  down
  die "it did not come up; see $log"
}

down() {
  if ours; then
    kill "$(cat "$pidfile")"
    for _ in $(seq 50); do ours || break; sleep 0.1; done
    ! ours || kill -9 "$(cat "$pidfile")"
  fi
  rm -f "$pidfile"
}

case ${1:-} in
up) up ;;
down) down ;;
install) install ;;
missing) missing ;;
env) echo "http://127.0.0.1:$port" ;;
*) sed -n '2,14s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
