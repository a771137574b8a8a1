#!/usr/bin/env bash
# The status page in a browser: Debian's Chromium, driven by playwright-core, with axe-core's rules for accessibility.
#
#   bash tests/browser/run.sh
#
# LARDER names the binary; without it, build/dev/larder. What the page looks like, light, dark and on a phone, is in build/browser/ afterwards;
# STEPS=60 waits for lines of so many seconds first.
set -euo pipefail
cd "$(dirname "$0")/../.."
playwright=1.65.1
axe=4.14.1

say() { printf 'browser: %s\n' "$*" >&2; }
command -v chromium >/dev/null && command -v npm >/dev/null || bash config/setup.sh test browser
modules=build/browser/node_modules
is_there() { grep -qs "\"version\": \"$2\"" "$modules/$1/package.json"; }
if ! is_there playwright-core "$playwright" || ! is_there axe-core "$axe"; then
  say "installing playwright-core $playwright and axe-core $axe from npm"
  mkdir -p build/browser
  [ -e build/browser/package.json ] || echo '{"private": true}' >build/browser/package.json
  if ! (cd build/browser && npm install --no-audit --no-fund --ignore-scripts --save-exact --fetch-retries=1 --loglevel=error \
    "playwright-core@$playwright" "axe-core@$axe") >build/browser/npm.log 2>&1; then
    head -n 4 build/browser/npm.log >&2
    say "npm could not install them; is its registry reachable? (all that npm said: build/browser/npm.log)"
    exit 1
  fi
fi
export LARDER=${LARDER:-$PWD/build/dev/larder} PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/browser/test_status_page.py
