#!/usr/bin/env bash
# Everything that bench/ measures, one after the other, and bench/RESULTS.md of it: the tables and plots as they came out.
#
#   bash bench/all.sh [--quick] [--smoke]
#
# Under 30 minutes on two cores; --quick under 5, and --smoke in a minute or so: the first leaves something out and measures less often, the second
# only shows that everything works. Both leave their results in build/bench/RESULTS.md alone; it is the whole run that is written into bench/.
set -euo pipefail
cd "$(dirname "$0")/.."

mode=
case "${1:-}" in
  '') ;;
  --quick | --smoke) mode=$1 ;;
  *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 2 ;;
esac
bash config/setup.sh build api measure postgres peers lean >&2

# What each is told; dashboards.sh has minutes in place of --quick.
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
run lean ${mode:+"$mode"}

/usr/bin/python3 bench/all.py "$([ -z "$mode" ] && echo bench || echo build/bench)" $((SECONDS - begun)) "bash bench/all.sh${mode:+ $mode}" table dashboards hit scale lean
