#!/usr/bin/env bash
# What is completed and what larder(1) says is what the binary's own --help offers: each command, each option, nothing else.
#
#   bash tests/package/completion.sh LARDER
set -euo pipefail
cd "$(dirname "$0")/../.."
larder=$1
failures=0
same() {  # same WHAT EXPECTED GOT, both of them words
  local expected got
  expected=$(tr -s ' \n' '\n' <<<"$2" | sed '/^$/d' | sort -u)
  got=$(tr -s ' \n' '\n' <<<"$3" | sed '/^$/d' | sort -u)
  [ "$expected" = "$got" ] && return
  echo "$1: --help (<) and this (>) differ"
  diff <(echo "$expected") <(echo "$got") | grep '^[<>]' || true
  failures=$((failures + 1))
}
commands_of_help() { "$larder" --help | sed -n '/^Subcommands:/,$s/^  \([a-z-]\+\) .*/\1/p'; }
options_of_help() { "$larder" "$1" --help | grep -oE '(^| |,)--[a-z-]+' | grep -oE '\-\-[a-z-]+' | sort -u; }

# shellcheck source=/dev/null
source config/completion/larder.bash
in_bash() {
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
  _larder
  printf '%s\n' "${COMPREPLY[@]}"
}

commands=$(commands_of_help)
[ -n "$commands" ] || { echo "$larder --help lists no command"; exit 1; }
same "bash, commands" "$commands $("$larder" --help | grep -oE -- "--(help|version)" | sort -u)" "$(in_bash larder '')"
same "bash, a command begun" "reload" "$(in_bash larder rel)"
for command in $commands; do same "bash, $command" "$(options_of_help "$command")" "$(in_bash larder "$command" --)"; done
same "bash, a file" config/larder.yaml "$(in_bash larder check -c config/larder.y)"
same "bash, a file after =" config/larder.yaml "$(in_bash larder check --config = config/larder.y)"
same "bash, an address" "" "$(in_bash larder status --admin '')"
same "bash, no such command" "" "$(in_bash larder nonsense '')"

if command -v zsh >/dev/null; then
  zsh -f -n config/completion/_larder
  # What the function tells zsh's own machinery.
  in_zsh() {
    zsh -f -c '
      _describe() { print -l -- ${(P)2%%:*} }
      _arguments() {
        if [[ $1 == -C ]]; then state='"$1"'; words=('"${2-}"'); else print -l -- "$@" | grep -oE "^(\([^)]*\))?\*?--[a-z-]+" | grep -oE -- "--[a-z-]+\$"; fi
      }
      source config/completion/_larder'
  }
  same "zsh, commands" "$commands" "$(in_zsh command)"
  for command in $commands; do same "zsh, $command" "$(options_of_help "$command")" "$(in_zsh argument "$command")"; done
else
  echo "no zsh: its completion is not tried"
fi

page=$(MANWIDTH=200 LC_ALL=C.UTF-8 man -E UTF-8 -l config/man/larder.1 | col -b 2>/dev/null || true)
section() { sed -n "/^$1\$/,/^[A-Z]/{/^ /p}" <<<"$page"; }
same "larder(1), commands" "$commands" "$(section COMMANDS | sed -n 's/^       \([a-z-]\+\)\( .*\)\?$/\1/p')"
all=$(for command in $commands; do options_of_help "$command"; done)
same "larder(1), options" "$all" "$(section OPTIONS | sed -n '/^       [^ ]/p' | grep -oE '\-\-[a-z-]+')"
for command in $commands; do
  same "larder(1), $command's synopsis" "$(options_of_help "$command" | grep -vxE -- '--help|--config|--path')" \
    "$(section SYNOPSIS | grep -E "^       larder $command( |\$)" | grep -oE '\-\-[a-z-]+')"
done
[ "$failures" -eq 0 ]
