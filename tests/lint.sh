#!/usr/bin/env bash
# Checks the formatting (.clang-format) and runs clang-tidy (.clang-tidy); both must report nothing. On all files clang-tidy takes many
# minutes, because it parses every file with all of its headers.
#
#   bash tests/lint.sh [--format | --tidy] [--changed | FILE.cpp ...]
#
# Without files: every source file. --changed: clang-tidy looks at what differs from the branch `main` of `origin`, or, on main itself, at
# what the last commit changed; of more than 30 files at the smallest 30, and it names the number of the others.
set -euo pipefail
cd "$(dirname "$0")/.."
bash config/setup.sh build lint

format=yes tidy=yes
case "${1:-}" in
  --format) tidy=no; shift ;;
  --tidy) format=no; shift ;;
esac
say() { printf 'lint: %s\n' "$*"; }
max_changed=30

changed() {
  local base
  base=$(git merge-base HEAD origin/main 2>/dev/null || true)
  if [ -z "$base" ] || [ "$base" = "$(git rev-parse HEAD)" ]; then base=$(git rev-parse --verify --quiet HEAD^ || true); fi
  if [ -z "$base" ]; then
    say "no earlier commit to compare with: clang-tidy looks at nothing" >&2
    return
  fi
  git diff --name-only --diff-filter=d "$base" -- 'proxy/*.cpp' | xargs -r ls -Sr
}

mapfile -t all < <(git ls-files '*.cpp' '*.hpp')
if [ "${1:-}" = --changed ]; then
  mapfile -t files < <(changed)
  if [ ${#files[@]} -gt $max_changed ]; then
    say "$((${#files[@]} - max_changed)) further changed files are left out"
    files=("${files[@]:0:max_changed}")
  fi
elif [ $# -eq 0 ]; then
  mapfile -t files < <(git ls-files 'proxy/*.cpp')
else
  files=("$@") all=("$@")
fi
if [ $format = yes ]; then
  say "clang-format, ${#all[@]} files"
  clang-format --dry-run --Werror "${all[@]}"
fi
if [ $tidy = yes ] && [ ${#files[@]} -gt 0 ]; then
  say "clang-tidy, ${#files[@]} files"
  # clang cannot read GCC's precompiled headers.
  cmake --preset dev -B build/lint -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON >/dev/null
  printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 1 clang-tidy -p build/lint --quiet 2> >(grep -v 'warnings generated\|^$' >&2)
fi
say 'nothing found'
