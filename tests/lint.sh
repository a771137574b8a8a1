#!/usr/bin/env bash
# Checks the formatting (.clang-format) and runs clang-tidy (.clang-tidy); both must report nothing. Takes several
# minutes, because clang-tidy parses every file with all of its headers.
#
#   bash tests/lint.sh [FILE.cpp ...]    without an argument: every source file
set -euo pipefail
cd "$(dirname "$0")/.."
bash config/setup.sh build lint
cmake --preset dev >/dev/null
if [ $# -eq 0 ]; then
  mapfile -t files < <(git ls-files 'proxy/*.cpp')
  mapfile -t all < <(git ls-files '*.cpp' '*.hpp')
else
  files=("$@") all=("$@")
fi
printf 'lint: clang-format, %d files\n' "${#all[@]}"
clang-format --dry-run --Werror "${all[@]}"
printf 'lint: clang-tidy, %d files\n' "${#files[@]}"
printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 1 clang-tidy -p build/dev --quiet 2> >(grep -v 'warnings generated\|^$' >&2)
printf 'lint: nothing found\n'
