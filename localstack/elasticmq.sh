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
set -euo pipefail

version=1.7.1
base=${ESM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/esm}/elasticmq-$version
port=${ELASTICMQ_PORT:-9324}
pidfile=$base/$port.pid
log=$base/$port.log

say() { printf 'elasticmq: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

missing() {
  command -v java >/dev/null || echo "a Java runtime (ElasticMQ $version needs java 11 or newer on PATH)"
  command -v mvn >/dev/null || echo "Maven (mvn fetches ElasticMQ $version)"
  command -v curl >/dev/null || echo "curl (asks whether ElasticMQ answers)"
}

answers() {
  [ "$(curl -s -o /dev/null -m 2 -w '%{http_code}' -X POST "http://127.0.0.1:$port/" -d '{}' \
    -H 'X-Amz-Target: AmazonSQS.ListQueues' -H 'Content-Type: application/x-amz-json-1.0')" = 200 ]
}

ours() { # the process that up started, not one that got its number later
  [ -s "$pidfile" ] && ps -o args= -p "$(cat "$pidfile")" 2>/dev/null | grep -q org.elasticmq.server.Main
}

install() {
  local lacks
  lacks=$(missing)
  [ -z "$lacks" ] || die "missing: $lacks"
  [ ! -f "$base/installed" ] || return 0
  say "installing $version from Maven Central into $base"
  mkdir -p "$base"
  cat >"$base/pom.xml" <<XML
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>esm</groupId><artifactId>elasticmq</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.elasticmq</groupId><artifactId>elasticmq-server_2.13</artifactId><version>$version</version></dependency>
  </dependencies>
</project>
XML
  (cd "$base" && mvn -B -q org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory=lib >install.log 2>&1) ||
    { tail -n 20 "$base/install.log" >&2; die "Maven failed; everything it said is in $base/install.log"; }
  touch "$base/installed"
}

start() {
  cat >"$base/$port.conf" <<HOCON
include classpath("application.conf")
node-address { protocol = http, host = 127.0.0.1, port = $port, context-path = "" }
rest-sqs { enabled = true, bind-hostname = "127.0.0.1", bind-port = $port, sqs-limits = strict }
rest-stats { enabled = false }
aws { region = us-east-1, accountId = "000000000000" }
HOCON
  nohup java -Xmx512m "-Dconfig.file=$base/$port.conf" -cp "$base/lib/*" org.elasticmq.server.Main >"$log" 2>&1 </dev/null &
  echo $! >"$pidfile"
}

up() {
  install
  if answers; then
    say "answers on http://127.0.0.1:$port already"
    return
  fi
  start
  for _ in $(seq 300); do
    if answers; then
      say "up on http://127.0.0.1:$port, pid $(cat "$pidfile"), log $log"
      return
    fi
    kill -0 "$(cat "$pidfile")" 2>/dev/null || break
    sleep 0.2
  done
  tail -n 20 "$log" >&2
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
*) sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
