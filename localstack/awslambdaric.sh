#!/usr/bin/env bash
# Installs Lambda's own runtime interface client for Python, botocore and the AWS CLI: clients that know nothing of esm.
#
#   localstack/awslambdaric.sh install   install what is missing (about 20 s, once)
#   localstack/awslambdaric.sh env       print the Python that has them; the CLI is aws beside it
#   localstack/awslambdaric.sh missing   say what the machine lacks, nothing if all is there
#
# ESM_CACHE   where everything is kept between runs (~/.cache/esm)

name=awslambdaric
version=4.2.2
# shellcheck source=service.sh
. "$(dirname "${BASH_SOURCE[0]}")/service.sh"
packages=("awslambdaric==$version" botocore==1.44.5 awscli==1.46.3)
stamp=${packages[*]}

missing() { python3 -c 'import ensurepip, venv' 2>/dev/null || echo "Python 3 with venv and pip"; }

fetch() {
  python3 -m venv "$base" &&
    "$base/bin/pip" install --quiet --disable-pip-version-check --prefer-binary "${packages[@]}"
}

case ${1:-} in
env) echo "$base/bin/python" ;;
up | down) service help ;;
*) service "$@" ;;
esac
