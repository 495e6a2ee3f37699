#!/usr/bin/env bash
# Installs Lambda's own runtime interface client for Node.js, which npm builds from C++ (about 40 s, once).
#
#   localstack/nodeclient.sh install   install what is missing
#   localstack/nodeclient.sh env       print the directory whose node_modules has it
#   localstack/nodeclient.sh missing   say what the machine lacks, nothing if all is there
#
# ESM_CACHE   where everything is kept between runs (~/.cache/esm)

name=nodeclient
version=4.0.2
# shellcheck source=service.sh
. "$(dirname "${BASH_SOURCE[0]}")/service.sh"
source=$here/../e2e/images/node
stamp=$(node --version 2>/dev/null || true)\ $(cksum <"$source/package-lock.json")

headers() { # where Node.js keeps what C++ is compiled against; npm would download it otherwise
  local prefix
  prefix=$(node -p 'require("path").resolve(process.execPath, "../..")')
  [ -f "$prefix/include/node/node_api.h" ] && echo "$prefix"
}

missing() {
  lacks node "handlers with aws-lambda-ric need Node.js 20 or newer"
  lacks npm "it fetches aws-lambda-ric"
  lacks g++ "it compiles aws-lambda-ric"
  lacks make "it builds aws-lambda-ric"
  lacks cmake "it builds aws-lambda-ric"
  lacks xz "it unpacks the sources of aws-lambda-ric"
  ! command -v node >/dev/null || headers >/dev/null || echo "the headers of Node.js (include/node beside bin/node)"
}

fetch() {
  cp "$source/package.json" "$source/package-lock.json" . &&
    npm_config_nodedir=$(headers) npm ci --no-fund --no-audit &&
    [ -f node_modules/aws-lambda-ric/rapid-client.node ]
}

case ${1:-} in
env) echo "$base" ;;
up | down) service help ;;
*) service "$@" ;;
esac
