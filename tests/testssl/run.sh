#!/usr/bin/env bash
# testssl.sh, which looks at protocols, ciphers, certificates and known vulnerabilities, finds nothing above "low" at a listener with
# the default settings.
#
#   bash tests/testssl/run.sh
#
# LARDER names the binary; without it, build/dev/larder. The report is in build/testssl.json afterwards.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v testssl >/dev/null || { echo "testssl.sh is missing: bash config/setup.sh tls"; exit 77; }
export LARDER=${LARDER:-$PWD/build/dev/larder} PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 -m pytest -q -p no:cacheprovider tests/testssl/test_testssl.py
