#!/usr/bin/env bash
# Brings up DynamoDB Local, AWS's own stand-in for DynamoDB and its streams, from Maven Central: on loopback only.
#
#   localstack/dynamodblocal.sh up        install what is missing (about 10 s, once), start, wait until it answers
#   localstack/dynamodblocal.sh down      end what up started
#   localstack/dynamodblocal.sh env       print the endpoint
#   localstack/dynamodblocal.sh install   install only
#   localstack/dynamodblocal.sh missing   say what the machine lacks, nothing if all is there
#
# ESM_CACHE                 where everything is kept between runs (~/.cache/esm)
# DYNAMODBLOCAL_PORT        8000
# DYNAMODBLOCAL_ADMIN_PORT  8001: POST /rollover closes the open shard of every stream, POST /dilate?HOURS ages the records
# DYNAMODBLOCAL_VERSION     2.6.1

name=dynamodblocal
version=${DYNAMODBLOCAL_VERSION:-2.6.1}
port=${DYNAMODBLOCAL_PORT:-8000}
admin=${DYNAMODBLOCAL_ADMIN_PORT:-8001}
# shellcheck source=service.sh
. "$(dirname "${BASH_SOURCE[0]}")/service.sh"
stamp="$version $(cksum <"$here/loopback.java")"

missing() {
  lacks javac "DynamoDB Local $version needs a JDK 17 or newer on PATH"
  lacks mvn "it fetches DynamoDB Local $version"
  lacks curl "it asks whether DynamoDB Local answers"
}

case $version in # it has moved
2.*) group=com.amazonaws package=com.amazonaws.services.dynamodbv2 ;;
*) group=software.amazon.dynamodb package=software.amazon.dynamodb.services ;;
esac

fetch() { # laid out as in the archive that AWS offers, but for the main class
  maven DynamoDBLocal_lib "$group" DynamoDBLocal "$version" && main
}

main() {
  sed "s/PACKAGE/$package/" "$here/loopback.java" >Loopback.java &&
    javac -cp 'DynamoDBLocal_lib/*' -d classes Loopback.java &&
    {
      printf 'Main-Class: Loopback\nPremain-Class: Loopback\nClass-Path: .'
      printf '\n  %s' DynamoDBLocal_lib/*.jar
      echo
    } >manifest &&
    jar cfm DynamoDBLocal.jar manifest -C classes .
}

start() {
  export DDB_LOCAL_TELEMETRY=0
  detached java -Xmx512m "-Djava.library.path=$base/DynamoDBLocal_lib" "-Dadmin=$admin" -jar "$base/DynamoDBLocal.jar" \
    -inMemory -sharedDb -disableTelemetry -port "$port"
}

answers() { speaks dynamodb DynamoDB_20120810.ListTables 1.0; }

service "$@"
