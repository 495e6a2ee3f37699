#!/usr/bin/env bash
# Makes the images of functions that tests run, from package registries alone: esm-test/NAME, with the handlers of
# e2e/images. An image is made again when something in it changes; the file systems are kept, so that another daemon gets
# them in seconds.
#
#   localstack/images.sh install   make the file systems that are missing (about a minute, once)
#   localstack/images.sh up        give Docker the images that it lacks
#   localstack/images.sh down      remove the images from Docker
#   localstack/images.sh env       print the names of the images
#   localstack/images.sh missing   say what the machine lacks, nothing if all is there
#
# ESM_CACHE   where everything is kept between runs (~/.cache/esm)
#
# go          Lambda's client for Go: a static program and nothing else
# python      Lambda's client for Python, on Debian's Python
# node        Lambda's client for Node.js, on the Node.js of this machine
# java        Lambda's client for Java, on the parts of this machine's JDK that it needs
# base        laid out as the images of AWS for managed runtimes are, with Python
# adapter     an ordinary web server, and an extension that passes events on to it
# extension   like go, with an external extension

name=images
version=1
# shellcheck source=service.sh
. "$(dirname "${BASH_SOURCE[0]}")/service.sh"
DOCKER_HOST=$("$here/docker.sh" env)
export DOCKER_HOST
root=$(dirname "$here")
sources=$root/e2e/images
images=(go python node java base adapter extension)
python=3.11 # Debian 12's; the hashes in requirements.txt are for it

missing() {
  lacks go "it builds handlers"
  lacks jlink "it cuts a JDK down to what a handler needs"
  lacks apt-get "it fetches Debian's Python"
  python3 -m pip --version >/dev/null 2>&1 || echo "pip (it fetches Lambda's client for Python)"
  ! command -v apt-cache >/dev/null || has_python || echo "Python $python among Debian's packages, which are those of Debian 12"
  "$here/nodeclient.sh" missing
  "$here/javaclient.sh" missing
}

has_python() { # also where the lists of packages have yet to be fetched
  [ -n "$(apt-cache madison "python$python-minimal")" ] || { [ "$(id -u)" = 0 ] && grep -q 'VERSION_CODENAME=bookworm' /etc/os-release; }
}

# What goes into an image besides its sources and this script.

uses() {
  case $1 in
  go | adapter | extension) cat "$root/go.mod" "$root/go.sum" && go version ;;
  python | base) uname -m ;;
  node) node --version ;;
  java) java --version ;;
  esac
}

sources_of() {
  case $1 in
  adapter) echo adapter web ;;
  extension) echo extension go ;;
  base) echo base python ;;
  *) echo "$1" ;;
  esac
}

inputs() { # inputs NAME: the hash of all that an image is made of
  local directory
  {
    cat "$here/images.sh"
    uses "$1"
    for directory in $(sources_of "$1"); do find "$sources/$directory" -type f -not -path '*/__pycache__/*' | sort | xargs sha256sum; done
  } | sed "s,$root/,," | sha256sum | cut -c1-16
}

# File systems: each is made in the working directory.

build() { # build COMMAND FILE: a static program
  (cd "$root" && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$OLDPWD/$2" "./e2e/images/$1")
}

fill_go() { build go handler; }

fill_adapter() { build web web && build adapter opt/extensions/lambda-adapter; }

fill_extension() { build go handler && build extension opt/extensions/observer; }

fill_python() { debian_python && pip_install var/task && cp "$sources/python/app.py" var/task && compile var/task; }

fill_base() {
  debian_python && pip_install var/runtime && cp "$sources/python/app.py" var/task && compile var/runtime var/task &&
    command install -D -m 755 "$sources/base/lambda-entrypoint.sh" -t . &&
    command install -D -m 755 "$sources/base/bootstrap" -t var/runtime &&
    command install -D -m 755 "$sources/base/aws-lambda-rie" -t usr/local/bin
}

fill_node() {
  local client
  client=$("$here/nodeclient.sh" env)
  mkdir -p var/task/node_modules/@aws usr/local/bin
  cp "$(node -p process.execPath)" usr/local/bin/node
  cp -r "$client/node_modules/aws-lambda-ric" var/task/node_modules
  cp -r "$client/node_modules/@aws/lambda-invoke-store" var/task/node_modules/@aws
  rm -r var/task/node_modules/aws-lambda-ric/deps # sources in C++
  cp "$sources/node/app.mjs" "$sources/node/package.json" var/task
  libraries usr/local/bin/node var/task/node_modules/aws-lambda-ric/rapid-client.node
}

fill_java() {
  local client files
  client=$("$here/javaclient.sh" env)
  mkdir -p var/task usr/lib classes native
  jlink --add-modules java.base,java.logging,java.management,java.sql,jdk.unsupported \
    --strip-debug --no-header-files --no-man-pages --output usr/lib/jvm
  usr/lib/jvm/bin/java -Xshare:dump >/dev/null # starts in half the time
  javac -cp "$client/*" -d classes "$sources/java/Handler.java"
  jar cf var/task/handler.jar -C classes .
  cp "$client"/*.jar var/task
  (cd native && jar xf "$client"/aws-lambda-java-runtime-interface-client-*.jar)
  mapfile -t files < <(find usr/lib/jvm -name '*.so' -o -path '*/bin/java'; find native -name "*linux-$(uname -m | sed 's/aarch64/aarch_64/').so")
  LD_LIBRARY_PATH=usr/lib/jvm/lib:usr/lib/jvm/lib/server libraries "${files[@]}"
  rm -r classes native
}

libraries() { # libraries FILE...: what these need of this machine's shared libraries
  local library
  ldd "$@" | awk '$2 == "=>" && $3 ~ /^\// {print $3} $1 ~ /^\// && NF == 2 {print $1}' | sort -u | while read -r library; do
    case $library in usr/* | "$PWD"/*) ;; *) command install -D -m 755 "$library" "./$library" ;; esac
  done
}

debian_python() { # unpacked from Debian's packages, whose scripts do not run
  local package
  local packages=(base-files ca-certificates coreutils dash libacl1 libattr1 libbz2-1.0 libc6 libcrypt1 libexpat1 libffi8
    libgcc-s1 libgmp10 liblzma5 libncursesw6 libnsl2 libpcre2-8-0 "libpython$python-minimal" "libpython$python-stdlib"
    libreadline8 libselinux1 libsqlite3-0 libssl3 libstdc++6 libtinfo6 libtirpc3 libuuid1 media-types "python$python"
    "python$python-minimal" tzdata zlib1g)
  mkdir packages
  cd packages
  # the lists of packages may be old, or missing
  debian -o APT::Sandbox::User=root download "${packages[@]}" ||
    { debian update && debian -o APT::Sandbox::User=root download "${packages[@]}"; }
  cd ..
  for package in packages/*.deb; do
    dpkg-deb --fsys-tarfile "$package" |
      tar -x --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*'
  done
  rm -r packages
  ln -sf "python$python" usr/bin/python3
  cat usr/share/ca-certificates/mozilla/*.crt >etc/ssl/certs/ca-certificates.crt
  mkdir -p var/task
  compile "usr/lib/python$python"
}

pip_install() {
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-compile --require-hashes \
    --only-binary :all: --implementation cp --python-version "$python" --platform "manylinux2014_$(uname -m)" \
    --target "$1" -r "$sources/python/requirements.txt"
}

compile() { # compile DIRECTORY...: byte code, which a read-only file system could never get; by the image's own Python
  local loader
  loader=$(echo lib*/ld-linux-*.so.* lib/*/ld-linux-*.so.* | cut -d' ' -f1)
  PYTHONHOME=usr "$loader" --library-path "$(echo lib/*-linux-gnu*):$(echo usr/lib/*-linux-gnu*)" "usr/bin/python$python" \
    -m compileall -q -s . -p / --invalidation-mode unchecked-hash "$@"
}

# configuration prints what the image says about its program: lines of a Dockerfile.
configuration() {
  case $1 in
  go | extension) echo 'ENTRYPOINT ["/handler"]' ;;
  adapter) echo 'CMD ["/web"]' ;;
  python)
    echo 'WORKDIR /var/task'
    echo 'ENTRYPOINT ["/usr/bin/python3", "-m", "awslambdaric"]'
    echo 'CMD ["app.handler"]'
    ;;
  node)
    echo 'WORKDIR /var/task'
    echo 'ENTRYPOINT ["/usr/local/bin/node", "node_modules/aws-lambda-ric/index.mjs"]'
    echo 'CMD ["app.handler"]'
    ;;
  java)
    echo 'WORKDIR /var/task'
    echo 'ENTRYPOINT ["/usr/lib/jvm/bin/java", "-cp", "./*", "com.amazonaws.services.lambda.runtime.api.client.AWSLambda"]'
    echo 'CMD ["Handler::handleRequest"]'
    ;;
  base) # as AWS's own
    echo 'ENV LANG=en_US.UTF-8'
    echo 'ENV TZ=:/etc/localtime'
    echo 'ENV PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin'
    echo 'ENV LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib'
    echo 'ENV LAMBDA_TASK_ROOT=/var/task'
    echo 'ENV LAMBDA_RUNTIME_DIR=/var/runtime'
    echo 'WORKDIR /var/task'
    echo 'ENTRYPOINT ["/lambda-entrypoint.sh"]'
    echo 'CMD ["app.handler"]'
    ;;
  esac
}

install_images() {
  local lack image pid pids=() failed=0
  lack=$(missing)
  [ -z "$lack" ] || die "missing: $lack"
  "$here/nodeclient.sh" install & pids+=($!)
  "$here/javaclient.sh" install & pids+=($!)
  for pid in "${pids[@]}"; do wait "$pid" || die "a client is missing"; done
  pids=()
  for image in "${images[@]}"; do
    alone "$cache/image-$image" filled "$image" & pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
  return $failed
}

filled() { # filled NAME: makes the file system of an image, unless it is kept
  local key file work
  key=$(inputs "$1")
  file=$base/$1-$key.tar
  [ ! -f "$file" ] || return 0
  mkdir -p "$base"
  rm -rf "$base/$1".?????? # of a try that failed
  work=$(mktemp -d "$base/$1.XXXXXX")
  mkdir -p "$work/root/tmp" "$work/root/etc"
  chmod 755 "$work/root"
  chmod 1777 "$work/root/tmp"
  echo 'hosts: files dns' >"$work/root/etc/nsswitch.conf"
  (cd "$work/root" && "fill_$1") >"$work/log" 2>&1 & # in the background, where -e counts
  if ! wait $!; then
    tail -n 20 "$work/log" >&2
    die "the image $1 cannot be made; see $work/log"
  fi
  tar -C "$work/root" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$work/tar" .
  rm -f "$base/$1"-*.tar # of earlier inputs
  mv "$work/tar" "$file"
  rm -rf "$work"
  say "made $1 in $SECONDS s, $(du -m "$file" | cut -f1) MB"
}

given() { # given NAME: gives Docker an image, unless it has it
  local key line changes=()
  key=$(inputs "$1")
  [ "$(docker image inspect --format '{{index .Config.Labels "esm.test.inputs"}}' "esm-test/$1" 2>/dev/null)" != "$key" ] || return 0
  while read -r line; do changes+=(--change "$line"); done < <(configuration "$1")
  docker import "${changes[@]}" --change "LABEL esm.test.inputs=$key" "$base/$1-$key.tar" "esm-test/$1" >/dev/null
  say "Docker has esm-test/$1"
}

case ${1:-} in
install) install_images ;;
up)
  install_images
  for image in "${images[@]}"; do alone "$cache/image-$image" given "$image"; done
  docker image prune --force --filter label=esm.test.inputs >/dev/null # those that were replaced
  ;;
down) for image in "${images[@]}"; do docker image rm --force "esm-test/$image" >/dev/null 2>&1 || true; done ;;
env) for image in "${images[@]}"; do echo "esm-test/$image"; done ;;
*) service "$@" ;;
esac
