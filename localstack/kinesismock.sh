#!/usr/bin/env bash
# Brings up kinesis-mock, a service that speaks Kinesis's protocol, from npm: on loopback only.
#
#   localstack/kinesismock.sh up        install what is missing (seconds, once), start, wait until it answers
#   localstack/kinesismock.sh down      end what up started
#   localstack/kinesismock.sh env       print the endpoint
#   localstack/kinesismock.sh install   install only
#   localstack/kinesismock.sh missing   say what the machine lacks, nothing if all is there
#
# ESM_CACHE            where everything is kept between runs (~/.cache/esm)
# KINESISMOCK_PORT     4567
# KINESISMOCK_VERSION  0.6.2

name=kinesismock
version=${KINESISMOCK_VERSION:-0.6.2}
port=${KINESISMOCK_PORT:-4567}
# shellcheck source=service.sh
. "$(dirname "${BASH_SOURCE[0]}")/service.sh"
package=$base/node_modules/kinesis-local

missing() {
  lacks node "kinesis-mock $version needs Node.js 18 or newer"
  lacks npm "it fetches kinesis-mock $version"
  lacks curl "it asks whether kinesis-mock answers"
}

fetch() {
  npm install --no-fund --no-audit --ignore-scripts --prefix "$base" "kinesis-local@$version" && [ -f "$package/main.js" ]
}

start() { # streams are made, split and deleted at once; the TLS port, which nobody uses, is any that is free
  local operation
  export KINESIS_MOCK_PLAIN_PORT=$port KINESIS_MOCK_TLS_PORT=0 KINESIS_MOCK_CERT_PATH=$package/server.json
  export AWS_ACCOUNT_ID=000000000000 AWS_REGION=us-east-1 SHARD_LIMIT=500 LOG_LEVEL=WARN
  for operation in CREATE_STREAM DELETE_STREAM REGISTER_STREAM_CONSUMER DEREGISTER_STREAM_CONSUMER \
    MERGE_SHARDS SPLIT_SHARD UPDATE_SHARD_COUNT UPDATE_STREAM_MODE START_STREAM_ENCRYPTION STOP_STREAM_ENCRYPTION; do
    export "${operation}_DURATION=10ms"
  done
  unset INITIALIZE_STREAMS # it would stop at an empty one
  detached node --require "$here/loopback.cjs" "$package/main.js" "$port"
}

answers() { speaks kinesis Kinesis_20131202.ListStreams 1.1; }

service "$@"
