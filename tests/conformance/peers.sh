#!/usr/bin/env bash
# Runs the suite against other HTTP caches from Debian's packages, one after the other, and prints one table with larder's figures
# beside theirs. Each is configured as its own documentation has it for a reverse proxy that caches what its origin allows: nothing
# is told to it about lifetimes or keys. They run from a temporary directory, on ports of 127.0.0.1.
#
#   bash tests/conformance/peers.sh [NAME ...]      nginx apache varnish haproxy squid trafficserver larder
#
# The rows of each run are kept in build/conformance/NAME.json.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
say() { printf 'peers: %s\n' "$*"; }

# Each: configuration into $work, the program in the foreground of a background job; $port is its own, $origin the suite's.
start_nginx() {
  cat >"$work/nginx.conf" <<END
daemon off; pid $work/nginx.pid; error_log $work/nginx.log; worker_processes 1;
events {}
http {
  access_log off;
  client_body_temp_path $work/body; proxy_temp_path $work/temp; fastcgi_temp_path $work/f; uwsgi_temp_path $work/u; scgi_temp_path $work/s;
  proxy_cache_path $work/cache keys_zone=zone:10m;
  server {
    listen 127.0.0.1:$port;
    location / {
      proxy_pass http://127.0.0.1:$origin; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host \$http_host;
      proxy_cache zone; proxy_cache_revalidate on; proxy_cache_key \$scheme\$http_host\$request_uri;
    }
  }
}
END
  exec nginx -p "$work" -c "$work/nginx.conf"
}
start_apache() {
  local modules=/usr/lib/apache2/modules
  mkdir -p "$work/apache"
  chmod 777 "$work/apache"
  cat >"$work/apache.conf" <<END
ServerRoot $work
ServerName localhost
Listen 127.0.0.1:$port
PidFile $work/apache.pid
ErrorLog $work/apache.log
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule proxy_module $modules/mod_proxy.so
LoadModule proxy_http_module $modules/mod_proxy_http.so
LoadModule cache_module $modules/mod_cache.so
LoadModule cache_disk_module $modules/mod_cache_disk.so
User www-data
Group www-data
CacheRoot $work/apache
CacheEnable disk /
CacheHeader on
ProxyPass / http://127.0.0.1:$origin/
END
  exec apache2 -D FOREGROUND -f "$work/apache.conf"
}
start_varnish() {
  exec varnishd -F -a "127.0.0.1:$port" -b "127.0.0.1:$origin" -n "$work/varnish" -s malloc,64m -T none -p default_ttl=0 -p default_grace=0 -p default_keep=60 >"$work/varnish.log" 2>&1
}
start_haproxy() {
  cat >"$work/haproxy.cfg" <<END
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
cache store
  total-max-size 64
  max-object-size 1000000
  max-age 86400
  process-vary on
frontend in
  bind 127.0.0.1:$port
  default_backend origin
backend origin
  http-request cache-use store
  http-response cache-store store
  server origin 127.0.0.1:$origin
END
  exec haproxy -db -f "$work/haproxy.cfg" >"$work/haproxy.log" 2>&1
}
start_squid() {
  cat >"$work/squid.conf" <<END
http_port 127.0.0.1:$port accel defaultsite=127.0.0.1 no-vhost
cache_peer 127.0.0.1 parent $origin 0 no-query originserver
http_access allow all
cache_mem 64 MB
pid_filename $work/squid.pid
cache_log /dev/null
access_log none
netdb_filename none
coredump_dir /tmp
END
  exec squid -N -f "$work/squid.conf" >"$work/squid.log" 2>&1
}
start_trafficserver() {
  local etc=$work/ats/etc
  mkdir -p "$etc" "$work"/ats/{run,log,cache}
  cp /etc/trafficserver/* "$etc/" 2>/dev/null || true
  chmod -R a+rwX "$work/ats"
  cat >"$work/ats/runroot.yaml" <<END
prefix: $work/ats
exec_prefix: /usr
bindir: /usr/bin
sbindir: /usr/sbin
sysconfdir: $etc
datadir: $work/ats/cache
libdir: /usr/lib/trafficserver
libexecdir: /usr/lib/trafficserver/modules
localstatedir: $work/ats
runtimedir: $work/ats/run
logdir: $work/ats/log
cachedir: $work/ats/cache
END
  cat >"$etc/records.config" <<END
CONFIG proxy.config.http.server_ports STRING $port:ip-in=127.0.0.1
CONFIG proxy.config.http.cache.http INT 1
CONFIG proxy.config.http.cache.required_headers INT 0
CONFIG proxy.config.reverse_proxy.enabled INT 1
CONFIG proxy.config.url_remap.remap_required INT 1
CONFIG proxy.config.url_remap.pristine_host_hdr INT 1
CONFIG proxy.config.diags.debug.enabled INT 0
CONFIG proxy.config.log.logging_enabled INT 0
CONFIG proxy.config.admin.user_id STRING nobody
END
  echo "map / http://127.0.0.1:$origin/" >"$etc/remap.config"
  echo "$work/ats/cache 64M" >"$etc/storage.config"
  exec traffic_server "--run-root=$work/ats/runroot.yaml" >"$work/ats.log" 2>&1
}

version_of() {
  case "$1" in
    nginx) nginx -v 2>&1 | sed 's|.*nginx/||' ;;
    apache) apache2 -v | sed -n 's|.*Apache/\([0-9.]*\).*|\1|p' ;;
    varnish) varnishd -V 2>&1 | sed -n 's|.*varnish-\([0-9.]*\).*|\1|p' ;;
    haproxy) haproxy -v | sed -n 's|HAProxy version \([0-9.]*\).*|\1|p' ;;
    squid) squid -v | sed -n 's|.*Version \([0-9.]*\).*|\1|p' ;;
    trafficserver) traffic_server --version 2>&1 | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1 ;;
    larder) sed -n 's/^project(larder VERSION \([0-9.]*\).*/\1/p' "$root/CMakeLists.txt" ;;
  esac
}

# `peers.sh --start NAME ORIGIN` is the cache itself, until it is ended: run.sh calls it.
if [ "${1:-}" = --start ]; then
  name=$2 origin=$3
  work=$(mktemp -d)
  chmod 755 "$work"
  port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  ("start_$name") >&2 &
  pid=$!
  trap 'kill "$pid" 2>/dev/null; wait "$pid"; rm -rf "$work"' EXIT
  trap 'exit 143' INT TERM
  for ((i = 0; i < 200; i++)); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "listening on http://127.0.0.1:$port"
      wait "$pid"
      exit
    fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 5 "$work"/*.log >&2
  exit 1
fi

[ $# -gt 0 ] || set -- nginx apache varnish haproxy squid trafficserver larder
bash "$root/config/setup.sh" peers
mkdir -p "$root/build/conformance"
table=$(mktemp)
trap 'rm -f "$table"' EXIT
for name in "$@"; do
  say "$name"
  json=$root/build/conformance/$name.json
  rm -f "$json"
  other=()
  if [ "$name" != larder ]; then other=(--cache "bash $here/peers.sh --start $name"); fi
  bash "$here/run.sh" --json "$json" "${other[@]}" >/dev/null 2>"$table.errors" || true
  if [ -e "$json" ]; then
    /usr/bin/python3 "$here/report.py" "$json" --line "$name $(version_of "$name")" >>"$table"
  else
    say "$name gave no result:"
    tail -n 8 "$table.errors" >&2
  fi
done
rm -f "$table.errors"
printf '\n%-24s%16s%16s%10s\n' '' required optimal 'yes'
cat "$table"
