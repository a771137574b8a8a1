#!/usr/bin/env bash
# Prints which share of the lines in proxy/ unit tests and scenarios run, per module and in total.
#
#   bash tests/coverage.sh [CTEST ARGUMENT ...]     by default -L '^(unit|scenario)$'
#
# The lines that nothing runs are listed in build/coverage/lines.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
bash config/setup.sh build test coverage
[ $# -gt 0 ] || set -- -L '^(unit|scenario)$' -LE '^api$'
cmake --preset coverage >/dev/null
cmake --build --preset coverage >build/coverage/build.log || { tail -n 30 build/coverage/build.log >&2; exit 1; }
find build/coverage -name '*.gcda' -delete
# A failing test still shows what it ran.
ctest --preset coverage -j "$(nproc)" "$@" || printf 'coverage: some tests failed\n' >&2
gcovr --root . --filter 'proxy/' --object-directory build/coverage --gcov-ignore-parse-errors --csv build/coverage/files.csv --txt build/coverage/lines.txt
awk -F, '
  NR == 1 { for (i = 1; i <= NF; ++i) column[$i] = i; next }
  {
    split($column["filename"], path, "/")
    module = path[3] == "" ? "main" : path[2]
    lines[module] += $column["line_total"]; ran[module] += $column["line_covered"]
    lines["total"] += $column["line_total"]; ran["total"] += $column["line_covered"]
  }
  END { for (module in lines) printf "%s %d %d %.1f\n", module, lines[module], ran[module], 100 * ran[module] / lines[module] }
' build/coverage/files.csv | sort -k1,1 | awk '
  BEGIN { printf "%-12s %8s %8s %8s\n", "module", "lines", "run", "%" }
  $1 == "total" { total = $0; next }
  { printf "%-12s %8d %8d %8s\n", $1, $2, $3, $4 }
  END { split(total, t, " "); printf "%-12s %8d %8d %8s\n", t[1], t[2], t[3], t[4] }'
