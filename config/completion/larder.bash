# Completion of larder for bash.
_larder() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}
  local common='-c --config'
  case $before in
    -c | --config) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
    --listen | --upstream | --admin | --prefix | --group) return ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W 'serve check dump-config explain purge reload status version --help' -- "$word")
    return
  fi
  local options
  case $command in
    serve) options="$common --listen --upstream --admin" ;;
    check | dump-config) options=$common ;;
    explain | reload) options="$common --admin" ;;
    purge) options="$common --admin --path --prefix --group --all --soft" ;;
    status) options="$common --admin --json" ;;
    *) return ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$options --help" -- "$word")
}
complete -F _larder larder
