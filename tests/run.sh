#!/usr/bin/env bash
# Builds larder and runs all of its tests: unit tests, scenario tests with real sockets, the sample API's own; with the dev preset also the status
# page in a browser, the Debian package, the fuzz targets, and whether every measurement works.
#
#   bash tests/run.sh [PRESET] [CTEST ARGUMENT ...]
#
# PRESET is dev (default), asan or tsan; the rest goes to ctest, for instance: bash tests/run.sh asan -R scenario
set -euo pipefail
cd "$(dirname "$0")/.."

preset=dev
case "${1:-}" in dev | asan | tsan) preset=$1; shift ;; esac

if [ "$preset" = dev ]; then
  bash config/setup.sh build test api conformance browser fuzz package measure postgres peers lean
else
  bash config/setup.sh build test api conformance
fi
say() { printf 'tests: %s\n' "$*"; }
say "building (preset $preset)"
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset" -- -k 0 | grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking|Re-checking|Generating)' || true
cmake --build --preset "$preset" >/dev/null  # its exit status, which the filter above hides
say "running"
exec ctest --preset "$preset" -j "$(nproc)" --output-on-failure "$@"
