#!/usr/bin/env bash
# What a hit costs: CPU time of the server's process for each request, of larder beside nginx and a bare epoll program (the floor).
#
#   bash bench/hit.sh [--gzip] [--rounds N] [--seconds N]
#
# One core for the server, the other for wrk; a 1.1 KB answer, 64 connections, rounds that alternate. Absolute times mean little on a shared machine;
# the ratio to the floor, measured in the same rounds, does. --gzip: a 290 KB answer, and clients that accept gzip; Varnish (which stores it coded)
# runs as well, nginx codes with `gzip on`, and the floor sends the coded bytes.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=5
seconds=3
coded=no
while [ $# -gt 0 ]; do
  case "$1" in
    --gzip) coded=yes; shift ;;
    --rounds) rounds=$2; shift 2 ;;
    --seconds) seconds=$2; shift 2 ;;
    *) sed -n '2,9p' "$0"; exit 2 ;;
  esac
done

bash config/setup.sh build api measure
if [ "$coded" = yes ]; then bash config/setup.sh peers; fi
cmake --preset release >/dev/null
cmake --build --preset release >/dev/null
work=build/bench/hit
mkdir -p "$work"
g++ -std=c++20 -O2 -o "$work/floor" bench/floor.cpp

pids=()
cleanup() { for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done; }
trap cleanup EXIT
free_port() { /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
until_open() { until (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; do kill -0 "$2"; done; }

# An origin with one JSON document of 1.1 KB (or 290 KB), which the others keep.
/usr/bin/python3 - "$work" "$coded" <<'PYTHON'
import gzip, hashlib, json, sys
coded = sys.argv[2] == "yes"
size = 290_000 if coded else 1100
title = (lambda i: hashlib.sha256(str(i).encode()).hexdigest()[:21]) if coded else (lambda i: "x" * 21)
items = [{"id": i, "slug": f"topic-{i}", "title": title(i)} for i in range(size // 60)]
body = json.dumps(items).encode()[:size].ljust(size)
with open(sys.argv[1] + "/topics.json", "wb") as out:
    out.write(body)
head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: max-age=3600\r\nETag: \"0123456789abcdef\"\r\n"
if coded:
    body = gzip.compress(body)
    head += b"Content-Encoding: gzip\r\n"
head += b"Via: 1.1 larder\r\nContent-Length: %d\r\nAge: 0\r\nCache-Status: larder; hit; ttl=3599\r\n\r\n" % len(body)
with open(sys.argv[1] + "/answer", "wb") as out:
    out.write(head + body)
PYTHON
origin_port=$(free_port) floor_port=$(free_port) larder_port=$(free_port) nginx_port=$(free_port) varnish_port=$(free_port)
(cd "$work" && exec /usr/bin/python3 -m http.server "$origin_port" --bind 127.0.0.1 >/dev/null 2>&1) &
pids+=($!)
until_open "$origin_port" $!

taskset -c 0 "$work/floor" "$floor_port" "$work/answer" &
floor=$!
pids+=("$floor")

cat >"$work/larder.yaml" <<YAML
listen: 127.0.0.1:$larder_port
upstream: http://127.0.0.1:$origin_port
admin: unix:$PWD/$work/admin.sock
routes:
  - path: /topics.json
    ttl: 1h
YAML
taskset -c 0 build/release/larder serve -c "$work/larder.yaml" >"$work/larder.log" 2>&1 &
larder=$!
pids+=("$larder")

gzip=
[ "$coded" = no ] || gzip='gzip on; gzip_types application/json; gzip_proxied any;'
mkdir -p "$work/nginx"
cat >"$work/nginx.conf" <<NGINX
daemon off; worker_processes 1; pid $PWD/$work/nginx.pid; error_log $PWD/$work/nginx.log;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000000; tcp_nodelay on; sendfile on; open_file_cache max=1000 inactive=1h;
  proxy_cache_path $PWD/$work/nginx keys_zone=c:10m inactive=1h;
  client_body_temp_path $PWD/$work/nginx/body; proxy_temp_path $PWD/$work/nginx/proxy; fastcgi_temp_path $PWD/$work/nginx/f;
  uwsgi_temp_path $PWD/$work/nginx/u; scgi_temp_path $PWD/$work/nginx/s;
  server { listen 127.0.0.1:$nginx_port; location / { proxy_pass http://127.0.0.1:$origin_port; proxy_cache c; proxy_cache_valid 200 1h; $gzip } }
}
NGINX
taskset -c 0 nginx -c "$PWD/$work/nginx.conf" 2>>"$work/nginx.log" &
pids+=($!)
until_open "$floor_port" "$floor"
until_open "$larder_port" "$larder"
until_open "$nginx_port" $!
nginx=$(pgrep -P $! | head -n 1)

if [ "$coded" = yes ]; then
  cat >"$work/cache.vcl" <<VCL
vcl 4.1;
backend default { .host = "127.0.0.1"; .port = "$origin_port"; }
sub vcl_backend_response { set beresp.ttl = 1h; set beresp.do_gzip = true; }
VCL
  rm -rf "$work/varnish"
  taskset -c 0 varnishd -F -a "127.0.0.1:$varnish_port" -f "$PWD/$work/cache.vcl" -n "$PWD/$work/varnish" -s malloc,64m -T none >"$work/varnish.log" 2>&1 &
  pids+=($!)
  until_open "$varnish_port" $!
  varnish=$(pgrep -P $! | head -n 1)
fi

ticks() { awk '{print $14 + $15}' "/proc/$1/stat"; }
per_second=$(getconf CLK_TCK)
measure() { # name pid url -> a line "name microseconds-per-request requests-per-second"
  local before after requests
  before=$(ticks "$2")
  requests=$(taskset -c 1 wrk -t 1 -c 64 -d "${seconds}s" "${ask[@]}" "$3" | awk '/requests in/ {print $1}')
  after=$(ticks "$2")
  awk -v n="$1" -v t=$((after - before)) -v r="$requests" -v hz="$per_second" -v s="$seconds" \
    'BEGIN {printf "%s %.4f %.0f\n", n, t / hz / r * 1e6, r / s}'
}

: >"$work/figures"
ask=()
[ "$coded" = no ] || ask=(-H 'Accept-Encoding: gzip')
others=("$larder_port" "$nginx_port")
[ "$coded" = no ] || others+=("$varnish_port")
for port in "${others[@]}"; do
  for _ in 1 2 3; do curl -s -o /dev/null "${ask[@]}" "http://127.0.0.1:$port/topics.json"; done
  [ "$coded" = no ] || until curl -s -o /dev/null -D - "${ask[@]}" "http://127.0.0.1:$port/topics.json" | grep -qi '^content-encoding: gzip'; do :; done
done
for round in $(seq "$rounds"); do
  printf '\rround %d of %d' "$round" "$rounds" >&2
  measure floor "$floor" "http://127.0.0.1:$floor_port/topics.json" >>"$work/figures"
  measure larder "$larder" "http://127.0.0.1:$larder_port/topics.json" >>"$work/figures"
  measure nginx "$nginx" "http://127.0.0.1:$nginx_port/topics.json" >>"$work/figures"
  [ "$coded" = no ] || measure varnish "$varnish" "http://127.0.0.1:$varnish_port/topics.json" >>"$work/figures"
done
printf '\r%40s\r' '' >&2

/usr/bin/python3 - "$work/figures" <<'PYTHON'
import statistics, sys
rows = {}
for line in open(sys.argv[1]):
    name, cpu, rate = line.split()
    rows.setdefault(name, []).append((float(cpu), float(rate)))
floor = statistics.median(cpu for cpu, _ in rows["floor"])
print(f"{'server':8} {'CPU us/request':>15} {'lowest':>8} {'highest':>8} {'x floor':>8} {'requests/s':>11}")
for name, figures in rows.items():
    cpu = [c for c, _ in figures]
    median = statistics.median(cpu)
    rate = statistics.median(r for _, r in figures)
    print(f"{name:8} {median:15.2f} {min(cpu):8.2f} {max(cpu):8.2f} {median / floor:8.2f} {rate:11.0f}")
PYTHON
