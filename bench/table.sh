#!/usr/bin/env bash
# The problem's table: seven endpoints of the sample API on PostgreSQL, directly, with the indexes that it lacks, and through larder.
#
#   bash bench/table.sh [--scale 1.0] [--rounds 3] [--quick] [--smoke]
#
# --quick is a smaller scale in two rounds, a minute; --smoke is tiny and takes seconds: it shows that the script works. The database is a cluster
# of the bench's own, in a temporary directory, and gone with it: Debian's PostgreSQL at its defaults (jit and all), but without fsync and sorting by C.
# larder has the shipped settings, but ttls of an hour and no keep_warm, so that nothing is fetched behind what is being timed. With LARDER=FILE
# that binary is measured, else the release build.
#
# Each round goes through three ways, begun with another one each time:
#   direct         the API asked for one answer of each endpoint
#   with indexes   the same, once bench/upstream/migrations has been applied; it is removed again afterwards
#   larder         started empty in front of the API without the indexes:
#     first request  nothing is stored: the API's own time
#     hit            from the store, while it is fresh
#     304            the same, asked with If-None-Match
#     ?refresh=1     the index alone knows it: fetched anew, for everybody
#     stale          what is stored has been marked stale: served all the same, while it is fetched anew
#
# How to read the tables:
#   time           from the request to the last byte, on an open connection; medians, and below them lowest, highest and of how many
#   originally     what the API takes that this is about; at scale 1 the column `direct` is to come near it
#   wanted         what its owner asked for. Below the tables stands for each endpoint by what that is met and by what not, as measured
#   bytes          of the whole answer, its head included; nobody asks for gzip here, so that what is less is less by `fields` or by a 304
#   the indexes    EXPLAIN (ANALYZE, BUFFERS) of the statements that the API sends, as it sends them, before and after the migration: an index
#                  counts as used where a plan names it. Filtered lists of tasks, which no round times, are explained too
#   the sentences  for each index who uses it, and where nobody does, how the plans come at its table instead; for each list that the indexes do not
#                  bring to what is wanted, why not: the API's own processor time, or a plan that stays as it was
#
# The figures and all plans as JSON, the plans to read, and a plot are left in build/bench: table.json, table-plans.txt, table.svg.
set -euo pipefail
cd "$(dirname "$0")/.."
for argument in "$@"; do
  case "$argument" in
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
  esac
done
bash config/setup.sh build api postgres
PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 bench/table.py "$@"
