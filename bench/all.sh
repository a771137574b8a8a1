#!/usr/bin/env bash
# Runs every measurement of bench/ in turn and writes their tables and plots to bench/RESULTS.md.
#
#   bash bench/all.sh [--quick] [--smoke]
#
# Under 35 minutes on two cores. --quick, under 5 minutes, omits some cases and measures less often; --smoke, about a minute, only checks that
# everything works. Both write to build/bench/RESULTS.md; only a full run is written to bench/.
set -euo pipefail
cd "$(dirname "$0")/.."

mode=
case "${1:-}" in
  '') ;;
  --quick | --smoke) mode=$1 ;;
  *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 2 ;;
esac
bash config/setup.sh build api measure postgres peers lean >&2

# dashboards.sh takes --minutes instead of --quick.
dashboards=(--minutes 1)
[ "$mode" != --quick ] || dashboards=(--minutes 0.3 --scale 0.2)
[ "$mode" != --smoke ] || dashboards=(--smoke)
begun=$SECONDS
run() { # NAME ARGUMENT ...
  local name=$1 since=$SECONDS
  shift
  printf '\n=== %s\n\n' "$name"
  rm -f "build/bench/$name.md"
  bash "bench/$name.sh" "$@"
  printf 'all: %s took %d s\n' "$name" $((SECONDS - since)) >&2
}
run table ${mode:+"$mode"}
run dashboards "${dashboards[@]}"
run hit ${mode:+"$mode"}
run scale ${mode:+"$mode"}
# overload.sh has no --quick.
if [ "$mode" = --smoke ]; then run overload --smoke; else run overload; fi
run lean ${mode:+"$mode"}

/usr/bin/python3 bench/all.py "$([ -z "$mode" ] && echo bench || echo build/bench)" $((SECONDS - begun)) "bash bench/all.sh${mode:+ $mode}" table dashboards hit scale overload lean
