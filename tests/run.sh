#!/usr/bin/env bash
# Builds larder and runs its tests.
#
#   bash tests/run.sh [--quick] [PRESET] [CTEST ARGUMENT ...]
#
# By default everything: unit tests, scenarios with real sockets, the tests of the sample API, the HTTP cache test suite; with the dev preset also
# the status page in a browser, the Debian package, the fuzz targets, and a short run of each measurement script. --quick builds and runs only unit
# tests, module checks and scenarios, and installs only their dependencies.
#
# PRESET is dev (default), asan or tsan; further arguments are passed to ctest. Labels: unit, modules, scenario, model, differential, api,
# conformance, browser, bench, package, fuzz (api: needs the packages of the sample API). For example: bash tests/run.sh asan -L scenario
set -euo pipefail
cd "$(dirname "$0")/.."

quick=no preset=dev
case "${1:-}" in --quick) quick=yes; shift ;; esac
case "${1:-}" in dev | asan | tsan) preset=$1; shift ;; esac

selected=()
if [ "$quick" = yes ]; then
  bash config/setup.sh build test
  selected=(--label-regex '^(unit|modules|scenario)$' --label-exclude '^api$')
elif [ "$preset" = dev ]; then
  bash config/setup.sh build test api conformance browser fuzz package measure postgres peers lean
else
  bash config/setup.sh build test api conformance
fi
say() { printf 'tests: %s\n' "$*"; }
say "building (preset $preset)"
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset" -- -k 0 | grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking|Re-checking|Generating)' || true
cmake --build --preset "$preset" >/dev/null  # again, for the exit status, which the filter above hides
say "running"
exec ctest --preset "$preset" -j "$(nproc)" --output-on-failure "${selected[@]}" "$@"
