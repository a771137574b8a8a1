#!/usr/bin/env bash
# Installs the packages that larder needs on Debian 12 and 13, as root or with sudo.
#
#   bash config/setup.sh [GROUP ...]
#
# Groups: build (compiler and libraries), test (test frameworks), api (the sample API), measure (load generator and nginx for the
# measurements), postgres (database and migrations for the sample API), lean (programs that the projection is compared with),
# browser (for the tests of the status page), conformance (for the HTTP cache test suite), peers (other caches, for the suite and
# the measurements), fuzz (clang and libFuzzer), lint (clang-format and clang-tidy), package (for the checks of the Debian package),
# alerts (promtool, for the alert rules), tls (testssl.sh, for the tests of TLS).
# Default: build test api.
# Only missing packages are installed, and services that they would start are not started. A cache of the group peers that the
# distribution does not have is skipped.
set -euo pipefail

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
  die "this script supports Debian 12 and 13 only; install the packages listed in it with your system's package manager"

# Debian 12's default Boost is 1.74, which is too old; it also has 1.81. Debian 13's default is 1.83.
boost_packages() {
  local version
  version=$(. /etc/os-release && echo "${VERSION_ID:-13}")
  if [ "${version%%.*}" = 12 ]; then echo libboost1.81-dev; else echo libboost-dev libboost-url-dev; fi
}

packages_of() {
  case "$1" in
    build) echo g++ cmake ninja-build pkg-config $(boost_packages) libsimdjson-dev libyaml-cpp-dev libcli11-dev \
        libspdlog-dev libfmt-dev libxxhash-dev prometheus-cpp-dev libsystemd-dev libdeflate-dev libbrotli-dev libzstd-dev \
        libsqlite3-dev libjemalloc-dev libssl-dev libnghttp2-dev ;;
    test) echo catch2 openssl python3 python3-pytest python3-jsonschema python3-yaml python3-h2 curl ;;
    api) echo python3 python3-fastapi python3-uvicorn python3-sqlalchemy python3-aiosqlite python3-asyncpg \
        python3-yaml python3-websockets curl ;;
    measure) echo wrk nginx-light nghttp2-client libnghttp2-dev python3-h2 curl ;;
    postgres) echo postgresql postgresql-client python3-alembic ;;
    lean) echo g++ libsimdjson-dev jq nodejs python3 nginx-light libnginx-mod-http-lua lua-cjson curl ;;
    conformance) echo nodejs npm ;;
    browser) echo chromium nodejs npm libnss3-tools openssl ;;
    tls) echo testssl.sh openssl procps bsdextrautils ;;
    fuzz) echo clang libclang-rt-dev ;;
    peers) echo nginx-light varnish haproxy h2o squid trafficserver apache2 libssl-dev openssl ;;
    lint) echo clang-format clang-tidy ;;
    coverage) echo gcovr ;;
    alerts) echo prometheus ;;
    package) echo dpkg-dev fakeroot file lintian systemd man-db zsh mandoc ;;
    *) die "no group '$1'; the groups are build, test, api, measure, postgres, lean, browser, conformance, peers, fuzz, lint, coverage, package, alerts, tls" ;;
  esac
}

# A Node.js that is not Debian's includes npm and conflicts with Debian's packages.
is_installed() {
  case "$1" in nodejs) command -v node >/dev/null && return ;; npm) command -v npm >/dev/null && return ;; esac
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

[ $# -gt 0 ] || set -- build test api
wanted=()
for group in "$@"; do
  read -r -a names <<<"$(packages_of "$group")"
  wanted+=("${names[@]}")
done
missing=()
for name in "${wanted[@]}"; do is_installed "$name" || missing+=("$name"); done
if [ ${#missing[@]} -eq 0 ]; then
  say "all packages for '$*' are installed"
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || die "not root, and sudo is not installed; as root, run: apt-get install ${missing[*]}"
  as_root=(sudo)
fi

# A policy-rc.d that exits with 101 ("forbidden by policy") prevents maintainer scripts from starting daemons. An existing one
# belongs to the administrator and is kept.
policy=/usr/sbin/policy-rc.d
made_policy=no
restore_policy() { if [ "$made_policy" = yes ]; then "${as_root[@]}" rm -f "$policy"; fi; }
trap restore_policy EXIT
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  made_policy=yes
  "${as_root[@]}" chmod 755 "$policy"
fi

log=$(mktemp)
run() {
  if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    die "failed: $* (its output is in $log)"
  fi
}
say "updating the package lists"
run apt-get update
# Not every Debian release has every package of the group peers.
has_candidate() { [[ $(LC_ALL=C apt-cache policy "$1") =~ "Candidate: "[^\(] ]]; }
available=()
for name in "${missing[@]}"; do
  case " $(packages_of peers) " in
    *" $name "*) if ! has_candidate "$name"; then say "this distribution has no $name; skipped"; continue; fi ;;
  esac
  available+=("$name")
done
if [ ${#available[@]} -eq 0 ]; then exit 0; fi
missing=("${available[@]}")
# Without this, PostgreSQL's package creates a cluster; the measurements create and remove their own.
case " ${missing[*]} " in
  *" postgresql "*)
    if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
      "${as_root[@]}" mkdir -p /etc/postgresql-common
      echo 'create_main_cluster = false' | "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi ;;
esac
say "installing: ${missing[*]}"
run apt-get install -y --no-install-recommends "${missing[@]}"
rm -f "$log"
say "done"
