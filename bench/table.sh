#!/usr/bin/env bash
# Seven slow endpoints of the sample API on PostgreSQL: requested directly, with additional indexes, and through larder.
#
#   bash bench/table.sh [--scale 1.0] [--rounds 3] [--quick] [--smoke]
#
# --quick is a smaller scale in two rounds, a minute; --smoke takes seconds and only checks that the script works. The database is a temporary
# cluster of Debian's PostgreSQL with default settings (including jit), except fsync (off) and the C collation.
# larder has the shipped settings, but ttls of an hour and no keep_warm, so that no background fetch disturbs the measurement. LARDER=FILE selects
# the binary; the default is the release build.
#
# Each round measures three ways, starting with a different one each time:
#   direct         one request to the API for each endpoint
#   with indexes   the same, with bench/upstream/migrations applied; they are removed afterwards
#   larder         started empty in front of the API without the indexes:
#     first request  nothing is stored: the API's own time
#     hit            served from the cache, fresh
#     304            the same, requested with If-None-Match
#     ?refresh=1     forces a fetch, which updates the stored response (workplan-index only)
#     stale          the stored response has been marked stale, and is served while it is refreshed
#
# How to read the tables:
#   time           from the request to the last byte, on an open connection; medians, and below them lowest, highest and number of measurements
#   originally     response time of the API that larder was written for; at scale 1 the column `direct` should be close to it
#   wanted         response time that its owner asked for; the sentences below the tables say which ways meet it
#   bytes          of the whole response including its head; requested without Accept-Encoding, so that a difference is due to `fields` or a 304
#   the indexes    EXPLAIN (ANALYZE, BUFFERS) of the statements that the API sends, before and after the migration: an index counts as used if a
#                  plan names it. Filtered lists of tasks, which are not timed, are explained too
#   the sentences  for each index, the statements that use it, or the access path used instead; for each list that the indexes do not bring to the
#                  wanted time, the reason: the API's own CPU time, or an unchanged plan
#
# Figures and plans (JSON), readable plans, and a plot are written to build/bench: table.json, table-plans.txt, table.svg.
set -euo pipefail
cd "$(dirname "$0")/.."
for argument in "$@"; do
  case "$argument" in
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
  esac
done
bash config/setup.sh build api postgres
PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 bench/table.py "$@"
