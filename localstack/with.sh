#!/usr/bin/env bash
# Runs a command while LocalStack and ElasticMQ are up, on loopback ports of their own, and ends them afterwards:
#
#   localstack/with.sh COMMAND ARGUMENT...
#
# The command finds in its environment
#   ESM_TEST_LOCALSTACK, ESM_TEST_ELASTICMQ         where they answer
#   ESM_TEST_PYTHON, ESM_TEST_AWSLAMBDARIC_PYTHON   a Python with awslambdaric and botocore
#
# All of it is installed where it is missing, and kept in ESM_CACHE (~/.cache/esm) for the next time. What the machine
# lacks is said and skipped. With CI=true it is a failure.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${ESM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/esm}

say() { printf '== %s\n' "$*"; }

skip() { # skip WHAT WHY: a line for people, a failure for CI
  say "SKIPPED: $1: missing $2"
  [ "${CI:-}" != true ] || { say "FAILED: CI skips nothing"; exit 1; }
}

started=()
finish() { for service in "${started[@]+"${started[@]}"}"; do "$here/$service.sh" down || true; done; }
trap finish EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

start() { # start SERVICE VARIABLE: brings it up and exports where it answers
  local script=$here/$1.sh lacks
  lacks=$("$script" missing)
  if [ -n "$lacks" ]; then
    skip "$1" "$lacks"
    return
  fi
  "$script" up
  started+=("$1")
  export "$2=$("$script" env)"
}

clients() { # Lambda's own runtime interface client for Python, and botocore: clients that know nothing of esm
  local python=$cache/python versions="awslambdaric==4.2.2 botocore==1.44.5"
  if [ "$(cat "$python/installed" 2>/dev/null)" != "$versions" ]; then
    say "installing $versions into $python"
    rm -rf "$python"
    # shellcheck disable=SC2086 # two packages
    if ! python3 -m venv "$python" ||
      ! "$python/bin/pip" install --quiet --disable-pip-version-check --prefer-binary $versions; then
      skip "unmodified Python clients" "a Python 3 with venv and pip, or PyPI"
      return
    fi
    echo "$versions" >"$python/installed"
  fi
  export ESM_TEST_PYTHON=$python/bin/python ESM_TEST_AWSLAMBDARIC_PYTHON=$python/bin/python
}

if ! command -v python3 >/dev/null; then
  skip "LocalStack, ElasticMQ and Python handlers" python3
else
  LOCALSTACK_PORT=$(free_port) ELASTICMQ_PORT=$(free_port)
  export LOCALSTACK_PORT ELASTICMQ_PORT
  start localstack ESM_TEST_LOCALSTACK
  start elasticmq ESM_TEST_ELASTICMQ
  clients
fi
command -v node >/dev/null || skip "Node.js handlers" node

"$@"
