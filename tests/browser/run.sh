#!/usr/bin/env bash
# The status page in a browser: Debian's Chromium, driven by playwright-core, with axe-core's rules for accessibility. package.json has their
# versions: playwright-core 1.62 and later need Node.js 20, and Debian 12 has 18.
#
#   bash tests/browser/run.sh
#
# LARDER names the binary; without it, build/dev/larder. What the page looks like, light, dark and on a phone, is in build/browser/ afterwards;
# STEPS=60 waits for lines of so many seconds first.
set -euo pipefail
cd "$(dirname "$0")/../.."

command -v chromium >/dev/null && command -v npm >/dev/null || bash config/setup.sh test browser
bash tests/npm.sh browser
export LARDER=${LARDER:-$PWD/build/dev/larder} PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/browser/test_status_page.py tests/browser/test_https.py
