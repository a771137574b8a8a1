#!/usr/bin/env bash
# Runs the libFuzzer targets, each for some seconds from its corpus, under AddressSanitizer and UBSan.
#
#   bash tests/fuzz/run.sh [SECONDS] [TARGET ...]     5 seconds, and all of them, without arguments
#
# A target checks properties of its parser, not only that it does not crash. What fails is kept in build/fuzz/, and shown.
# Inputs that reach further than the corpus are kept there as well, for the next run, and not in the repository.
# FUZZ_SEED=N makes a run that can be repeated; CTest sets it, so that a change is judged by what it changes.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=5
case "${1:-}" in '' | *[!0-9]*) ;; *) seconds=$1; shift ;; esac
if ! command -v clang++ >/dev/null || ! ls "$(clang++ -print-resource-dir)"/lib/*/libclang_rt.fuzzer*.a >/dev/null 2>&1; then
  bash config/setup.sh build fuzz
fi
say() { printf 'fuzz: %s\n' "$*"; }

cmake --preset fuzz >/dev/null
if [ $# -gt 0 ]; then targets=("$@"); else
  targets=()
  for file in tests/fuzz/*.cpp; do targets+=("$(basename "$file" .cpp)"); done
fi
say "building"
cmake --build build/fuzz --target "${targets[@]/#/fuzz_}" >build/fuzz/build.log 2>&1 || { tail -n 30 build/fuzz/build.log >&2; exit 1; }

failed=0
for target in "${targets[@]}"; do
  work=build/fuzz/run/$target
  mkdir -p "$work/found"
  if build/fuzz/tests/fuzz/fuzz_"$target" -seed="${FUZZ_SEED:-0}" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
    -artifact_prefix="$work/" -print_final_stats=1 "$work/found" "tests/fuzz/corpus/$target" >"$work/log" 2>&1; then
    stat() { sed -n "s/^stat::$1: *//p" "$work/log"; }
    cover=$(grep -o 'cov: [0-9]*' "$work/log" | tail -n 1)
    say "$(printf '%-14s %9s runs, %s, %s new inputs' "$target" "$(stat number_of_executed_units)" "$cover" \
      "$(stat new_units_added)")"
  else
    failed=1
    say "$target FAILED:"
    grep -E '^(does not hold|==.*ERROR|SUMMARY|.*runtime error)' "$work/log" >&2 || tail -n 20 "$work/log" >&2
    unit=$(sed -n 's/.*Test unit written to //p' "$work/log" | tail -n 1)
    if [ -n "$unit" ]; then
      say "the input, $PWD/$unit:"
      od -c "$unit" | head -n 20
      say "once more: build/fuzz/tests/fuzz/fuzz_$target $unit"
    fi
  fi
done
exit "$failed"
