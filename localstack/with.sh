#!/usr/bin/env bash
# Runs a command while real services are up, on loopback ports of their own, and ends them afterwards:
#
#   localstack/with.sh COMMAND ARGUMENT...
#
# The command finds in its environment
#   ESM_TEST_LOCALSTACK, ESM_TEST_ELASTICMQ,
#   ESM_TEST_KINESISMOCK, ESM_TEST_DYNAMODBLOCAL    where they answer
#   ESM_TEST_DYNAMODBLOCAL_ADMIN                    where DynamoDB Local takes /rollover and /dilate
#   ESM_TEST_PYTHON, ESM_TEST_AWSLAMBDARIC_PYTHON   a Python with awslambdaric and botocore
#   ESM_TEST_AWSCLI                                 the AWS CLI
#   ESM_TEST_NODECLIENT, ESM_TEST_JAVACLIENT        where Lambda's clients for Node.js and Java are installed
#   ESM_TEST_DOCKER                                 the Docker daemon that has the images of images.sh, as in DOCKER_HOST
#
# All of it is installed where it is missing, and kept in ESM_CACHE (~/.cache/esm) for the next time. What the machine
# lacks is said and skipped. With CI=true it is a failure.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

say() { printf '== %s\n' "$*"; }

skip() { # skip WHAT WHY: a line for people, a failure for CI
  say "SKIPPED: $1: missing $2"
  [ "${CI:-}" != true ] || { say "FAILED: CI skips nothing"; exit 1; }
}

possible() { # possible NAME: whether the machine has what it needs
  local lacks
  lacks=$("$here/$1.sh" missing | paste -sd ';' - | sed 's,;,; ,g')
  [ -n "$lacks" ] || return 0
  skip "$1" "$lacks"
  return 1
}

together() { # together VERB NAME...: all at once; fails if one of them does, when all are done
  local verb=$1 name pid pids=() failed=0
  shift
  for name in "$@"; do
    "$here/$name.sh" "$verb" &
    pids+=($!)
  done
  for pid in "${pids[@]+"${pids[@]}"}"; do wait "$pid" || failed=1; done
  return $failed
}

free_ports() { # free_ports COUNT: so many different ones
  python3 - "$1" <<'PY'
import socket, sys
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(s.getsockname()[1] for s in sockets))
PY
}

services=() clients=() images=()
finish() {
  local pid
  for pid in $(jobs -p); do kill "$pid" 2>/dev/null || true; done # an interrupted start
  wait
  together down "${services[@]+"${services[@]}"}" || true
}

addresses() { # what the command finds of the services that are up
  local name variable
  for name in "${services[@]+"${services[@]}"}" "${clients[@]+"${clients[@]}"}"; do
    variable=ESM_TEST_$(tr '[:lower:]' '[:upper:]' <<<"$name")
    export "$variable=$("$here/$name.sh" env)"
    case $name in
    dynamodblocal) export ESM_TEST_DYNAMODBLOCAL_ADMIN=http://127.0.0.1:$DYNAMODBLOCAL_ADMIN_PORT ;;
    awslambdaric)
      ESM_TEST_PYTHON=$ESM_TEST_AWSLAMBDARIC
      export ESM_TEST_PYTHON ESM_TEST_AWSLAMBDARIC_PYTHON=$ESM_TEST_PYTHON ESM_TEST_AWSCLI=${ESM_TEST_PYTHON%/*}/aws
      ;;
    esac
  done
}

if ! command -v python3 >/dev/null; then
  skip "LocalStack, ElasticMQ, kinesis-mock, DynamoDB Local and Python handlers" python3
else
  for name in localstack elasticmq kinesismock dynamodblocal; do
    ! possible "$name" || services+=("$name")
  done
  for name in awslambdaric nodeclient javaclient; do
    ! possible "$name" || clients+=("$name")
  done
  trap finish EXIT
  if ! possible docker; then
    :
  elif "$here/docker.sh" up; then
    services+=(docker)
    ! possible images || images=(images)
  else
    skip docker "a Docker daemon that comes up"
  fi
  together install "${services[@]+"${services[@]}"}" "${clients[@]+"${clients[@]}"}" "${images[@]+"${images[@]}"}"
  read -r LOCALSTACK_PORT ELASTICMQ_PORT KINESISMOCK_PORT DYNAMODBLOCAL_PORT DYNAMODBLOCAL_ADMIN_PORT < <(free_ports 5)
  export LOCALSTACK_PORT ELASTICMQ_PORT KINESISMOCK_PORT DYNAMODBLOCAL_PORT DYNAMODBLOCAL_ADMIN_PORT
  together up "${services[@]+"${services[@]}"}"
  together up "${images[@]+"${images[@]}"}"
  addresses
  say "everything is up after $SECONDS s"
fi
command -v node >/dev/null || skip "Node.js handlers" node
command -v npm >/dev/null || skip "the example crud" npm
python3 -m pip --version >/dev/null 2>&1 || skip "the examples thumbnail and idempotency" pip

"$@"
