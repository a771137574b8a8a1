#!/usr/bin/env bash
# Runs the independent suite for HTTP caches (the npm package http-cache-tests) against larder, and prints what came of it. Its version is in package.json.
#
#   bash tests/conformance/run.sh [--json FILE] [--write-checks]
#   bash tests/conformance/run.sh --only ID                    one test, with what its client and its server saw
#   bash tests/conformance/run.sh --base URL [--origin PORT]   another cache, which stands at URL in front of 127.0.0.1:PORT (8000)
#   bash tests/conformance/run.sh --cache COMMAND              another cache, which this starts
#
# --json keeps the rows; --write-checks brings the list of informative tests in README.md up to date. COMMAND gets the port of the suite's
# server as its last argument, prints `listening on URL` and stays until it is ended (peers.sh has some). LARDER names the binary; without
# it, the newest that was built. Fails where a test does not pass that is not in known.txt (that list is larder's: another cache has none).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

say() { printf 'conformance: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2; }

json='' only='' cache='' base='' origin='' write_checks=no
while [ $# -gt 0 ]; do
  case "$1" in
    --write-checks) write_checks=yes; shift; continue ;;
    --json | --only | --base | --origin | --cache) [ $# -ge 2 ] || usage ;;
    *) usage ;;
  esac
  case "$1" in
    --json) json=$2 ;;
    --only) only=$2 ;;
    --base) base=${2%/} ;;
    --origin) origin=$2 ;;
    --cache) cache=$2 ;;
  esac
  shift 2
done
if [ -n "$base" ]; then origin=${origin:-8000}; else origin=${origin:-0}; fi
known=(--known "$here/known.txt")
if [ -n "$base$cache" ]; then
  known=()
  [ "$write_checks" = no ] || die "the answers in README.md are larder's"
fi

node_is_there() {
  command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)' 2>/dev/null
}
node_is_there || bash "$root/config/setup.sh" conformance
node_is_there || die "it takes Node.js 18 or later, and npm"
python=/usr/bin/python3  # Debian's own, whatever comes first in PATH
[ -x "$python" ] || python=$(command -v python3) || die "it takes Python 3"

suite=$root/build/conformance/node_modules/http-cache-tests
bash "$root/tests/npm.sh" conformance

work=$(mktemp -d)
started=()
end() {
  trap '' INT TERM
  local pid i
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${started[@]}"; do
    for ((i = 0; i < 200; i++)); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.05
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# Nor does anything stay behind when this script is killed, as CTest does after its timeout.
leash=()
if command -v setpriv >/dev/null; then leash=(setpriv --pdeathsig TERM); fi

# await FILE PATTERN PID: the first line of FILE that has the pattern, once it is there.
await() {
  local i
  for ((i = 0; i < 600; i++)); do
    if grep -m1 -e "$2" "$1" 2>/dev/null; then return 0; fi
    kill -0 "$3" 2>/dev/null || break
    sleep 0.05
  done
  cat "$1" "${1%.log}.errors" >&2 2>/dev/null || true
  return 1
}

"${leash[@]}" node --no-warnings "$here/suite.mjs" "$suite" serve "$origin" >"$work/server.log" 2>"$work/server.errors" &
started+=($!)
line=$(await "$work/server.log" '^Listening on' $!) || die "the suite's server did not start"
origin=${line##*:}
origin=${origin%/*}

if [ -z "$base" ]; then
  if [ -n "$cache" ]; then
    "${leash[@]}" bash -c "exec $cache \"\$1\"" cache "$origin" >"$work/cache.log" 2>"$work/cache.errors" &
  else
    larder=${LARDER:-}
    if [ -z "$larder" ]; then
      for built in "$root"/build/{release,dev}/larder; do
        if [ -x "$built" ] && { [ -z "$larder" ] || [ "$built" -nt "$larder" ]; }; then larder=$built; fi
      done
    fi
    [ -x "$larder" ] || die "there is no larder to test; build it, or name it in LARDER"
    "${leash[@]}" "$larder" serve -c "$here/larder.yaml" --upstream "http://127.0.0.1:$origin" >"$work/cache.log" 2>"$work/cache.errors" &
  fi
  started+=($!)
  line=$(await "$work/cache.log" '^listening on' $!) || die "the cache did not start"
  base=${line#listening on }
fi

# run_suite FILE [ID ...]: in the background, so that a signal to this script does not wait for it.
run_suite() {
  local file=$1
  shift
  "${leash[@]}" node --no-warnings "$here/suite.mjs" "$suite" "$base" "$@" >"$file" &
  started+=($!)
  wait $! || die "the suite broke off"
  unset 'started[-1]'
}
report() { "$python" "$here/report.py" "$work/rows.json" "$@"; }

if [ -n "$only" ]; then
  DUMP=1 run_suite "$work/rows.json" "$only"
  cat "$work/server.log" >&2
  report --plain
  exit
fi

say "running the suite, which waits on the clock for most of a minute"
run_suite "$work/rows.json"
# A machine that stands still for a moment fails a test that gives an answer two seconds to live: once more, alone.
mapfile -t again < <(report --again "${known[@]}")
if [ ${#again[@]} -gt 40 ] && [ ${#known[@]} -gt 0 ]; then
  say "${#again[@]} tests to run again: too many to be chance"
  report --settle
elif [ ${#again[@]} -gt 0 ] && [ -n "${again[0]}" ]; then
  say "running again, alone: ${again[*]}"
  run_suite "$work/again.json" "${again[@]}" 2>/dev/null
  report --settle "$work/again.json"
else
  report --settle
fi
if [ -n "$json" ]; then cp "$work/rows.json" "$json"; fi
if [ "$write_checks" = yes ]; then report --write-checks; fi
report "${known[@]}"
