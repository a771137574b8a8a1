#!/usr/bin/env bash
# Installs the npm packages that a test needs: exactly those of its package-lock.json, transitive ones included.
#
#   bash tests/npm.sh NAME        tests/NAME/package-lock.json into build/NAME/node_modules, unless that is what is there
#
# No package's own scripts run. To change a version, edit tests/NAME/package.json and write the lock file anew, without registry addresses, so that
# whatever registry npm is configured for is asked:
#
#   (cd tests/NAME && npm install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --lockfile-version=3)
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1:?usage: npm.sh NAME}
from=tests/$name into=build/$name

say() { printf '%s: %s\n' "$name" "$*" >&2; }
# npm writes node_modules/.package-lock.json last.
if cmp -s "$from/package-lock.json" "$into/package-lock.json" && [ -e "$into/node_modules/.package-lock.json" ]; then exit 0; fi
say "installing the npm packages of $from/package-lock.json"
mkdir -p "$into"
rm -rf "$into/node_modules"
cp "$from/package.json" "$from/package-lock.json" "$into/"
if ! (cd "$into" && npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=1 --loglevel=error) >"$into/npm.log" 2>&1; then
  head -n 4 "$into/npm.log" >&2
  say "npm could not install them; is its registry reachable? (complete output: $into/npm.log)"
  exit 1
fi
