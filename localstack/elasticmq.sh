#!/usr/bin/env bash
# Brings up ElasticMQ, another service that speaks SQS's protocol, from Maven Central: on loopback only.
#
#   localstack/elasticmq.sh up        install what is missing (about 10 s, once), start, wait until it answers
#   localstack/elasticmq.sh down      end what up started
#   localstack/elasticmq.sh env       print the endpoint
#   localstack/elasticmq.sh install   install only
#   localstack/elasticmq.sh missing   say what the machine lacks, nothing if all is there
#
# ESM_CACHE        where everything is kept between runs (~/.cache/esm)
# ELASTICMQ_PORT   9324

name=elasticmq
version=1.7.1
port=${ELASTICMQ_PORT:-9324}
# shellcheck source=service.sh
. "$(dirname "${BASH_SOURCE[0]}")/service.sh"

missing() {
  lacks java "ElasticMQ $version needs Java 11 or newer"
  lacks mvn "it fetches ElasticMQ $version"
  lacks curl "it asks whether ElasticMQ answers"
}

fetch() { maven lib org.elasticmq elasticmq-server_2.13 "$version"; }

start() {
  cat >elasticmq.conf <<HOCON
include classpath("application.conf")
node-address { protocol = http, host = 127.0.0.1, port = $port, context-path = "" }
rest-sqs { enabled = true, bind-hostname = "127.0.0.1", bind-port = $port, sqs-limits = strict }
rest-stats { enabled = false }
aws { region = us-east-1, accountId = "000000000000" }
HOCON
  detached java -Xmx512m -cp "$base/lib/*" "-Dconfig.file=$run/elasticmq.conf" org.elasticmq.server.Main
}

answers() { speaks sqs AmazonSQS.ListQueues 1.0; }

service "$@"
