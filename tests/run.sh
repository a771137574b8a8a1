#!/usr/bin/env bash
# Builds larder and runs its tests.
#
#   bash tests/run.sh [--quick | --ci | --tsan | --long] [PRESET] [CTEST ARGUMENT ...]
#
# By default everything once: unit tests, scenarios with real sockets, the tests of the sample API, the HTTP cache test suite; with the dev preset
# also the status page in a browser, the Debian package, the fuzz targets, and a short run of each measurement script.
#
#   --quick   unit tests, module checks and scenarios alone, and installs only their dependencies
#   --ci      everything, and before it: clang-format on all files, clang-tidy on the changed ones, and unit tests and scenarios under
#             AddressSanitizer and UBSan. What every change must pass. ThreadSanitizer does not fit into its time: see --tsan.
#   --tsan    under ThreadSanitizer, with two loops, the unit tests and scenarios of what loops share, and nothing else
#   --long    everything, all checks on all files, all scenarios under both sanitizers with one loop and two, and random tests and fuzz targets
#             at full length. Takes some hours.
#
# PRESET is dev (default), asan or tsan; further arguments are passed to ctest. Labels: unit, modules, scenario, model, differential, api,
# conformance, browser, bench, package, alerts, tls, fuzz (api: needs the packages of the sample API). For example: bash tests/run.sh asan -L scenario
set -euo pipefail
cd "$(dirname "$0")/.."

mode=all preset=dev
case "${1:-}" in --quick | --ci | --long | --tsan) mode=${1#--}; shift ;; esac
case "${1:-}" in
  dev | asan | tsan) preset=$1; shift ;;
  -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
esac
jobs=$(nproc)
say() { printf 'tests: %s\n' "$*"; }

build() {  # PRESET [CMAKE ARGUMENT ...]
  local preset=$1
  shift
  cmake --preset "$preset" "$@" >/dev/null
  cmake --build --preset "$preset" -- -k 0 | grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking|Re-checking|Generating)' || true
  cmake --build --preset "$preset" >/dev/null  # again, for the exit status, which the filter above hides
}

# Phases before the last one record how they ended; the last one, ctest, reports them as tests of its own.
results=build/phases
phase() {  # NAME COMMAND ...
  local name=$1 began=$SECONDS
  shift
  say "$name"
  # `set -e` has no effect in a condition, so the phase is a shell of its own.
  (set -e; "$@") >"$results/$name.log" 2>&1 && echo passed >"$results/$name" || echo failed >"$results/$name"
  say "$name: $(cat "$results/$name") after $((SECONDS - began)) s"
}

format() { bash tests/lint.sh --format; }
tidy() { bash tests/lint.sh --tidy "$@"; }
under_asan() {
  build asan
  ctest --preset asan -j "$jobs" --output-on-failure -L '^(unit|scenario)$' -LE '^api$'
}
# Two loops share the cache, fills, what is invalidated, bounds upstream, and settings.
shared='^(unit\..*|scenario\.(shared_fills|sharing|superseded|writes|purge|persist|reload_load|drain|upstream|breaker|warm|codings|operators))$'
under_tsan() {  # CTEST ARGUMENT ...
  build tsan
  LARDER_LOOPS=2 ctest --preset tsan -j "$jobs" --output-on-failure "$@"
}
random_tests() {
  local larder=$PWD/build/dev/larder loops
  for loops in 1 2; do LARDER=$larder bash tests/model/run.sh --seconds 1800 --loops "$loops" --seed "$RANDOM"; done
  bash tests/fuzz/run.sh 600
}
all_under_asan() {
  under_asan
  LARDER_LOOPS=2 ctest --preset asan -j "$jobs" --output-on-failure -L '^scenario$' -LE '^api$'
}
all_under_tsan() {
  under_tsan -L '^(unit|scenario)$' -LE '^api$'
  ctest --preset tsan -j "$jobs" --output-on-failure -L '^scenario$' -LE '^api$'
}

selected=() options=(-DLARDER_PHASES=)
case $mode in
  quick)
    bash config/setup.sh build test
    selected=(--label-regex '^(unit|modules|scenario)$' --label-exclude '^api$')
    ;;
  tsan)
    bash config/setup.sh build test
    under_tsan -R "$shared"
    exit
    ;;
  ci | long)
    bash config/setup.sh build test api conformance browser fuzz package measure postgres peers lean alerts tls lint
    rm -rf "$results" && mkdir -p "$results"
    phase format format
    if [ "$mode" = ci ]; then
      phase tidy tidy --changed
      phase asan under_asan
    else
      phase tidy tidy
      phase asan all_under_asan
      phase tsan all_under_tsan
      build dev
      phase random random_tests
    fi
    options=("-DLARDER_PHASES=$PWD/$results")
    ;;
  *)
    if [ "$preset" = dev ]; then
      bash config/setup.sh build test api conformance browser fuzz package measure postgres peers lean alerts tls
    else
      bash config/setup.sh build test api conformance
    fi
    ;;
esac
say "building (preset $preset)"
build "$preset" "${options[@]}"
say "running"
exec ctest --preset "$preset" -j "$jobs" --output-on-failure "${selected[@]}" "$@"
