#!/usr/bin/env bash
# Runs the suite against other HTTP caches from Debian's packages, one after the other, and prints one table with larder's figures
# beside theirs. Each is configured (peers/) as its own documentation has it for a reverse proxy that caches what its origin allows.
# They run as nobody, or as you, from a temporary directory, on ports of 127.0.0.1; one that is not installed is skipped.
#
#   bash tests/conformance/peers.sh [NAME ...]             nginx apache varnish haproxy squid trafficserver larder
#   bash tests/conformance/peers.sh --start NAME PORT      that cache in front of 127.0.0.1:PORT, until it is ended
#
# The rows of each run are kept in build/conformance/NAME.json.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
PATH=$PATH:/usr/sbin:/sbin  # where Debian has servers, and users do not look
say() { printf 'peers: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

program_of() {
  case "$1" in
    nginx | haproxy | squid) echo "$1" ;;
    apache) echo apache2 ;;
    varnish) echo varnishd ;;
    trafficserver) echo traffic_server ;;
    *) die "no peer '$1'; there are nginx, apache, varnish, haproxy, squid, trafficserver and larder" ;;
  esac
}

version_of() {
  local said
  case "$1" in
    nginx) said=$(nginx -v 2>&1) ;;
    apache) said=$(apache2 -v) ;;
    varnish) said=$(varnishd -V 2>&1) ;;
    haproxy) said=$(haproxy -v) ;;
    squid) said=$(squid -v) ;;
    trafficserver) said=$(traffic_server --version 2>&1) ;;
  esac
  grep -oE '[0-9]+\.[0-9.]*[0-9]' <<<"$said" | head -n 1
}

# start NAME: becomes the program. $work is its directory, $port its own port, $origin the suite's.
start() {
  case "$1" in
    nginx) exec "${as_nobody[@]}" nginx -p "$work" -e "$work/nginx.log" -c "$work/nginx.conf" ;;
    apache) exec "${as_nobody[@]}" apache2 -D FOREGROUND -f "$work/apache.conf" ;;
    varnish) exec "${as_nobody[@]}" varnishd -F -j none -a "127.0.0.1:$port" -f "$work/varnish.vcl" -n "$work/varnish" -s malloc,64m -T none \
        -p default_ttl=0 -p default_grace=0 -p default_keep=60 ;;
    haproxy) exec "${as_nobody[@]}" haproxy -db -f "$work/haproxy.cfg" ;;
    squid) exec "${as_nobody[@]}" squid -N -f "$work/squid.conf" ;;
    trafficserver) exec "${as_nobody[@]}" traffic_server "--run-root=$work/runroot.yaml" ;;
  esac
}

# configure NAME: its files from peers/ into $work. Traffic Server wants a whole tree of its own, and defaults beside what we say.
configure() {
  local files=("$here/peers/$1".*) into=$work file
  mkdir "$work/cache"
  if [ "$1" = trafficserver ]; then
    files=("$here"/peers/trafficserver/*) into=$work/etc
    mkdir "$work"/{etc,run,log}
    cp -r /etc/trafficserver/. "$into"
    cat >"$work/runroot.yaml" <<END
prefix: $work
exec_prefix: /usr
bindir: /usr/bin
sbindir: /usr/sbin
sysconfdir: $work/etc
datadir: $work/cache
libdir: /usr/lib/trafficserver
libexecdir: /usr/lib/trafficserver/modules
localstatedir: $work/run
runtimedir: $work/run
logdir: $work/log
cachedir: $work/cache
END
  fi
  for file in "${files[@]}"; do
    sed "s|@work@|$work|g; s|@port@|$port|g; s|@origin@|$origin|g" "$file" >"$into/${file##*/}"
  done
}

# free_port: nobody listens there now. None of them tells which port it got when it is left the choice, so it can be gone by the time that
# it is wanted: the program ends then, and is started again.
free_port() { /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# end_peer: asks it to end, then does not ask.
end_peer() {
  trap '' INT TERM
  local i
  kill "$pid" 2>/dev/null || true
  for ((i = 0; i < 100; i++)); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.05
  done
  kill -KILL "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  rm -rf "$work"
}

serve() {
  local name=$1 try i
  origin=$2
  as_nobody=()
  if command -v setpriv >/dev/null; then
    as_nobody=(setpriv --pdeathsig TERM)
    if [ "$(id -u)" -eq 0 ]; then as_nobody+=(--reuid=nobody --regid=nogroup --clear-groups); fi
  fi
  for try in 1 2 3; do
    trap 'exit 143' INT TERM
    work=$(mktemp -d)
    port=$(free_port)
    configure "$name"
    if [ "$(id -u)" -eq 0 ]; then chown -R nobody:nogroup "$work"; fi
    (cd "$work" && start "$name") >"$work/said.log" 2>&1 &
    pid=$!
    trap end_peer EXIT
    for ((i = 0; i < 300; i++)); do
      kill -0 "$pid" 2>/dev/null || break
      if answers "$port"; then
        echo "listening on http://127.0.0.1:$port"
        wait "$pid"
        exit
      fi
      sleep 0.1
    done
    tail -n 5 "$work"/*.log >&2
    say "$name did not start on port $port (attempt $try)"
    end_peer
  done
  trap - EXIT
  exit 1
}

if [ "${1:-}" = --start ]; then
  [ $# -eq 3 ] || die "usage: peers.sh --start NAME PORT"
  program_of "$2" >/dev/null
  serve "$2" "$3"
fi

[ $# -gt 0 ] || set -- nginx apache varnish haproxy squid trafficserver larder
for name in "$@"; do [ "$name" = larder ] || program_of "$name" >/dev/null; done
kept=$root/build/conformance
mkdir -p "$kept"
bash "$root/config/setup.sh" peers >&2 || say "going on with those that are installed"

work=$(mktemp -d)
running=''
end_runs() {
  if [ -n "$running" ]; then
    kill "$running" 2>/dev/null || true
    wait "$running" || true
  fi
  rm -rf "$work"
}
trap end_runs EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
for name in "$@"; do
  json=$kept/$name.json
  rm -f "$json"
  other=()
  if [ "$name" = larder ]; then
    named="larder $(sed -n 's/^project(larder VERSION \([0-9.]*\).*/\1/p' "$root/CMakeLists.txt")"
  else
    if ! command -v "$(program_of "$name")" >/dev/null; then
      say "$name is not installed: skipped"
      continue
    fi
    named="$name $(version_of "$name")"
    printf -v quoted 'bash %q --start %q' "$here/peers.sh" "$name"
    other=(--cache "$quoted")
  fi
  say "$named"
  bash "$here/run.sh" --json "$json" "${other[@]}" >"$work/said" 2>"$work/errors" &
  running=$!
  wait "$running" || true  # a verdict on a peer is not one on this
  running=''
  if [ -e "$json" ]; then
    /usr/bin/python3 "$here/report.py" "$json" --line "$named" >>"$work/table"
  else
    say "$name gave no result:"
    tail -n 8 "$work/errors" >&2
  fi
done
[ -e "$work/table" ] || die "nothing ran"
echo
/usr/bin/python3 "$here/report.py" /dev/null --head
cat "$work/table"
