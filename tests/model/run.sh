#!/usr/bin/env bash
# Random operations against larder, with a reference model beside it.
#
#   bash tests/model/run.sh [--seed N] [--seconds N] [--long [HOURS]] [--loops N] [--count N] [--script FILE]
#
# LARDER names the binary; by default it is the newest one in build/. See README.md.
set -euo pipefail
python=/usr/bin/python3
[ -x "$python" ] || python=python3
export PYTHONDONTWRITEBYTECODE=1
exec "$python" "$(dirname "$0")/model.py" "$@"
