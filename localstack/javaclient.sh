#!/usr/bin/env bash
# Installs Lambda's own runtime interface client for Java, from Maven Central.
#
#   localstack/javaclient.sh install   install what is missing (seconds, once)
#   localstack/javaclient.sh env       print the directory of its jars
#   localstack/javaclient.sh missing   say what the machine lacks, nothing if all is there
#
# ESM_CACHE   where everything is kept between runs (~/.cache/esm)

name=javaclient
version=2.9.0
# shellcheck source=service.sh
. "$(dirname "${BASH_SOURCE[0]}")/service.sh"

missing() {
  lacks javac "handlers in Java need a JDK 17 or newer on PATH"
  lacks mvn "it fetches aws-lambda-java-runtime-interface-client"
}

fetch() { maven lib com.amazonaws aws-lambda-java-runtime-interface-client "$version"; }

case ${1:-} in
env) echo "$base/lib" ;;
up | down) service help ;;
*) service "$@" ;;
esac
