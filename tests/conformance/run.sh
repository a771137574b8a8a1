#!/usr/bin/env bash
# Runs the independent suite for HTTP caches (the npm package http-cache-tests) against larder, and prints what came of it.
#
#   bash tests/conformance/run.sh [--json FILE] [--cache COMMAND] [--write-checks]
#   bash tests/conformance/run.sh --only ID      one test, with what its client and its server saw
#
# --json keeps the rows; --cache runs another cache: `COMMAND PORT` is to stand in front of 127.0.0.1:PORT and to print `listening on URL`
# (peers.sh has some); --write-checks brings the list of informative tests in README.md up to date. LARDER names the binary; without it, the
# newest that was built. Fails where a test does not pass that is not in known.txt.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
version=0.4.5

json='' only='' cache='' write_checks=no
while [ $# -gt 0 ]; do
  case "$1" in
    --json) json=$2; shift 2 ;;
    --only) only=$2; shift 2 ;;
    --cache) cache=$2; shift 2 ;;
    --write-checks) write_checks=yes; shift ;;
    *) sed -n '2,9p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2 ;;
  esac
done

say() { printf 'conformance: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then bash "$root/config/setup.sh" conformance; fi
suite=$root/build/conformance/node_modules/http-cache-tests
if ! grep -qs "\"version\": \"$version\"" "$suite/package.json"; then
  say "installing http-cache-tests $version from npm"
  mkdir -p "$root/build/conformance"
  # The package names npm itself among what it depends on; the suite runs without.
  (cd "$root/build/conformance" && { [ -e package.json ] || echo '{"private": true}' >package.json; } &&
    npm install --no-audit --no-fund --ignore-scripts --loglevel=error "http-cache-tests@$version" >npm.log 2>&1) ||
    { tail -n 5 "$root/build/conformance/npm.log" >&2; die "npm could not install it; is its registry reachable?"; }
fi

work=$(mktemp -d)
started=()
end() {
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT TERM

# await FILE PATTERN PID: the first line of FILE that has the pattern, once it is there.
await() {
  local i
  for ((i = 0; i < 600; i++)); do
    if grep -m1 -e "$2" "$1" 2>/dev/null; then return 0; fi
    kill -0 "$3" 2>/dev/null || break
    sleep 0.05
  done
  cat "$1" "$work"/*.errors >&2 2>/dev/null || true
  return 1
}

(cd "$suite" && exec env npm_config_protocol=http npm_config_port=0 npm_config_pidfile="$work/pid" \
  node server/server.mjs >"$work/server.log" 2>"$work/server.errors") &
started+=($!)
line=$(await "$work/server.log" '^Listening on' $!) || die "the suite's server did not start"
server_port=${line##*:}
server_port=${server_port%/*}

if [ -n "$cache" ]; then
  $cache "$server_port" >"$work/cache.log" 2>"$work/cache.errors" &
else
  larder=${LARDER:-}
  if [ -z "$larder" ]; then
    larder=$(ls -t "$root"/build/release/larder "$root"/build/dev/larder 2>/dev/null | head -n 1) || true
  fi
  [ -x "$larder" ] || die "there is no larder to test; build it, or name it in LARDER"
  "$larder" serve -c "$here/larder.yaml" --upstream "http://127.0.0.1:$server_port" >"$work/cache.log" 2>"$work/cache.errors" &
fi
started+=($!)
line=$(await "$work/cache.log" '^listening on' $!) || die "the cache did not start"
base=${line#listening on }

run_suite() { node --no-warnings "$here/suite.mjs" "$suite" "$base" "$@"; }

python=$(command -v /usr/bin/python3 || command -v python3)
if [ -n "$only" ]; then
  DUMP=1 run_suite "$only" >"$work/rows.json"
  cat "$work/server.log" >&2
  "$python" "$here/report.py" "$work/rows.json" --plain
  exit 0
fi

say "running the suite, which waits on the clock for most of a minute"
run_suite >"$work/rows.json"
# A machine that stands still for a moment fails a test that gives an answer two seconds to live: once more, alone.
mapfile -t again < <("$python" "$here/report.py" "$work/rows.json" --unexpected)
if [ ${#again[@]} -gt 0 ] && [ ${#again[@]} -le 20 ]; then
  say "running again, alone: ${again[*]}"
  run_suite "${again[@]}" >"$work/again.json" 2>/dev/null
  "$python" "$here/report.py" "$work/rows.json" --merge "$work/again.json"
fi
if [ -n "$json" ]; then cp "$work/rows.json" "$json"; fi
if [ "$write_checks" = yes ]; then "$python" "$here/report.py" "$work/rows.json" --write-checks; fi
"$python" "$here/report.py" "$work/rows.json"
