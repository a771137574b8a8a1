#!/usr/bin/env bash
# Installs what larder needs from Debian's packages (Debian 12 and 13): as root, or through sudo.
#
#   bash config/setup.sh [GROUP ...]
#
# Groups: build (compiler and libraries), test (what the tests run with), api (the sample API), measure (load generator and
# peer for the measurements), varnish (another peer), lean (what larder's projector is measured beside), browser (what the status page is tested with), conformance (what the suite for caches runs
# on), peers (other caches that it runs against), fuzz (clang and its fuzzer), lint (formatter and checker). Without an
# argument: build test api.
# It says what it does, installs only what is missing, and leaves no service running that a package would start.
set -euo pipefail

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
  die "this script knows Debian 12 and 13 only; install the packages named in it by your system's own means"

# Debian 12's default Boost is 1.74, too old for larder; it ships 1.81 beside it. Debian 13's default is 1.83.
boost_package() {
  local version
  version=$(. /etc/os-release && echo "${VERSION_ID:-13}")
  if [ "${version%%.*}" = 12 ]; then echo libboost1.81-dev; else echo libboost-dev; fi
}

packages_of() {
  case "$1" in
    build) echo g++ cmake ninja-build pkg-config "$(boost_package)" libsimdjson-dev libyaml-cpp-dev libcli11-dev \
        libspdlog-dev libfmt-dev libxxhash-dev prometheus-cpp-dev libsystemd-dev libdeflate-dev libbrotli-dev libzstd-dev \
        libsqlite3-dev ;;
    test) echo catch2 python3 python3-pytest curl ;;
    api) echo python3 python3-fastapi python3-uvicorn python3-sqlalchemy python3-aiosqlite python3-asyncpg \
        python3-yaml python3-websockets curl ;;
    measure) echo wrk nginx-light ;;
    varnish) echo varnish ;;
    lean) echo g++ libsimdjson-dev jq nodejs python3 nginx-light libnginx-mod-http-lua lua-cjson curl ;;
    conformance) echo nodejs npm ;;
    browser) echo chromium nodejs npm ;;
    fuzz) echo clang libclang-rt-dev ;;
    peers) echo nginx-light varnish haproxy squid trafficserver apache2 ;;
    lint) echo clang-format clang-tidy ;;
    *) die "no group '$1'; the groups are build, test, api, measure, varnish, lean, browser, conformance, peers, fuzz, lint" ;;
  esac
}

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

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
  command -v sudo >/dev/null || die "not root and no sudo; as root, run: apt-get install ${missing[*]}"
  as_root=(sudo)
fi

# While packages are being configured, a policy-rc.d that says "forbidden by policy" (101) keeps their maintainer
# scripts from starting daemons. One that is already there is the administrator's own and stays.
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
say "installing: ${missing[*]}"
run apt-get install -y --no-install-recommends "${missing[@]}"
rm -f "$log"
say "done"
