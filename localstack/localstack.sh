#!/usr/bin/env bash
# Brings up LocalStack 4.14 from PyPI: no Docker, no account, on loopback only. It has SQS, SNS, S3, Kinesis, and DynamoDB
# with its streams; behind the last ones are kinesis-mock and DynamoDB Local, from npm and Maven Central.
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

name=localstack
version=4.14.0
port=${LOCALSTACK_PORT:-4566}
# shellcheck source=service.sh
. "$(dirname "${BASH_SOURCE[0]}")/service.sh"
venv=$base/venv

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
stamp=$(cat "$here/constraints.txt" <(python) | cksum)

kinesis() { KINESISMOCK_VERSION=0.5.2 "$here/kinesismock.sh" "$@"; }
dynamodb() { DYNAMODBLOCAL_VERSION=3.1.0 "$here/dynamodblocal.sh" "$@"; }

missing() {
  python >/dev/null || echo "Python 3.13 (LocalStack $version needs it; set LOCALSTACK_PYTHON if it is not on PATH)"
  kinesis missing
  dynamodb missing
}

fetch() {
  "$(python)" -m venv "$venv" &&
    "$venv/bin/pip" install --quiet --disable-pip-version-check --prefer-binary -c "$here/constraints.txt" \
      "localstack-core[runtime]==$version"
}

# behind puts what LocalStack would download by itself, which is not in any package registry, where it looks for it.
behind() {
  local lib=$run/fs/var/lib/localstack/lib
  mkdir -p "$lib/java" "$lib/kinesis-local" "$lib/dynamodb-local/2"
  ln -s "$(java -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java.home = //p')" "$lib/java/21"
  ln -s "$cache/kinesismock-0.5.2" "$lib/kinesis-local/0.5.2"
  ln -s "$cache"/dynamodblocal-3.1.0/DynamoDBLocal* "$lib/dynamodb-local/2"
  ln -s DynamoDBLocal.jar "$lib/dynamodb-local/2/ddb-local-loader-0.1.jar" # an agent that must be there; ours does nothing
}

start() {
  behind
  unset AWS_PROFILE AWS_ENDPOINT_URL AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE
  export OVERRIDE_IN_DOCKER=0 FILESYSTEM_ROOT="$run/fs" CONFIG_DIR="$run/config"
  export GATEWAY_LISTEN="127.0.0.1:$port" LOCALSTACK_HOST="127.0.0.1:$port"
  export SERVICES=sqs,sns,s3,events,kinesis,dynamodb,dynamodbstreams,sts,iam
  export SQS_ENDPOINT_STRATEGY=path SQS_DISABLE_CLOUDWATCH_METRICS=1 DYNAMODB_IN_MEMORY=1
  export KINESIS_LATENCY=0 KINESIS_PERSISTENCE=0 KINESIS_SHARD_LIMIT=500
  export DNS_ADDRESS=0 DISABLE_EVENTS=1 SKIP_SSL_CERT_DOWNLOAD=1
  export NODE_OPTIONS="--require $here/loopback.cjs"
  detached "$venv/bin/python" "$here/loopback.py" "$port"
}

# answers starts what is behind LocalStack, which otherwise the first one to ask would wait for.
answers() {
  speaks sqs AmazonSQS.ListQueues 1.0 && speaks kinesis Kinesis_20131202.ListStreams 1.1 &&
    speaks dynamodb DynamoDB_20120810.ListTables 1.0 && speaks dynamodb DynamoDBStreams_20120810.ListStreams 1.0
}

case ${1:-} in
up | install) # side by side
  kinesis install & kinesis=$!
  dynamodb install & dynamodb=$!
  install
  wait $kinesis
  wait $dynamodb
  ;;
esac
service "$@"
