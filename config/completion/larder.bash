# Completion of larder for bash.
_larder() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}
  # bash splits --config=FILE into three words.
  if [ "$before" = = ]; then before=${COMP_WORDS[COMP_CWORD-2]}; elif [ "$word" = = ]; then before=${COMP_WORDS[COMP_CWORD-1]} word=; fi
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W 'serve check dump-config explain purge reload status top version --help --version' -- "$word")
    return
  fi
  case $before in
    -c | --config)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return ;;
    --listen | --upstream | --admin | --sample | --path | --prefix | --group | --interval | --frames | -n) return ;;
  esac
  local options
  case $command in
    serve) options='--config --listen --upstream --admin' ;;
    check) options='--config --offline --sample --json' ;;
    dump-config) options='--config' ;;
    explain | reload | status) options='--config --admin --json' ;;
    purge) options='--config --admin --json --path --prefix --group --all --soft' ;;
    top) options='--config --admin --interval --frames' ;;
    version) options= ;;
    *) return ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$options --help" -- "$word")
  if [ "$command" = explain ] && [ "$COMP_CWORD" -eq 2 ]; then
    mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W 'GET HEAD POST PUT PATCH DELETE' -- "$word")
  fi
}
complete -F _larder larder
