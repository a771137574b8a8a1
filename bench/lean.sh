#!/usr/bin/env bash
# Cost of reducing a list to three members of its items: larder's projection and other programs, in one run and one table.
#
#   bash bench/lean.sh [--quick] [--smoke]
#
# --quick omits the 50 MB documents, --smoke also those of 2 MB.
#
# simdjson's DOM parser reads and validates the same document and writes nothing: the floor for anything that validates the whole document.
# The On-Demand loop finds the members without validating what it skips. jq, Node and Python keep the same members and write JSON; nginx
# with Lua does so for each request (decode, select, encode; the document is read once), including HTTP.
# Times are for one document: the median, and for the first three the lowest and highest of alternating rounds. Absolute times on a
# shared machine vary; compare the ratios. Raw figures are written to build/bench/lean.json, a plot to lean.svg.
set -euo pipefail
cd "$(dirname "$0")/.."

sizes=(10K 2M 50M)
case "${1:-}" in
  '') ;;
  --quick) sizes=(10K 2M) ;;
  --smoke) sizes=(10K) ;;
  *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 2 ;;
esac
bash config/setup.sh lean >&2
work=$PWD/build/bench/lean
mkdir -p "$work"
say() { printf 'lean: %s\n' "$*" >&2; }
say "making documents and building"
/usr/bin/python3 bench/lean_documents.py "$work" "${sizes[@]}"
g++ -std=c++20 -O3 -Iproxy -o "$work/lean" bench/lean.cpp proxy/projection/{grammar,projector,reader,rule,structure}.cpp -lsimdjson

cat >"$work/cut.js" <<'JS'
const fs = require('fs')
const text = fs.readFileSync(process.argv[2], 'utf8')
const times = []
const end = process.hrtime.bigint() + 1500000000n
do {
  const begin = process.hrtime.bigint()
  JSON.stringify(JSON.parse(text).map(({ id, slug, status }) => ({ id, slug, status })))
  times.push(Number(process.hrtime.bigint() - begin) / 1000)
} while (process.hrtime.bigint() < end || times.length < 3)
console.log(times.sort((a, b) => a - b)[times.length >> 1].toFixed(1))
JS
cat >"$work/cut.py" <<'PYTHON'
import json, sys, time
text = open(sys.argv[1]).read()
times = []
end = time.perf_counter() + 1.5
while time.perf_counter() < end or len(times) < 3:
    begin = time.perf_counter()
    json.dumps([{name: item[name] for name in ("id", "slug", "status")} for item in json.loads(text)], separators=(",", ":"))
    times.append(time.perf_counter() - begin)
print(f"{sorted(times)[len(times) // 2] * 1e6:.1f}")
PYTHON
# Repeats the document within one run, so that jq's startup is not counted.
cut_jq() {
  /usr/bin/python3 - "$1" <<'PYTHON'
import pathlib, resource, subprocess, sys
text = pathlib.Path(sys.argv[1]).read_bytes()
few = max(1, 2_000_000 // len(text))
def seconds(count):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["jq", "-c", "map({id, slug, status})"], input=text * count, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
times = sorted(seconds(2 * few) - seconds(few) for _ in range(3))
print(f"{times[1] / few * 1e6:.1f}")
PYTHON
}

port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
modules=$(find /usr/lib/nginx/modules /usr/share/nginx/modules -name 'ndk_http_module.so' -printf '%h\n' 2>/dev/null | head -n 1)
# If this runs as root, nginx's worker is another user, which may not have access to the repository.
served=$(mktemp -d)
nginx=
trap '[ -z "$nginx" ] || kill "$nginx" 2>/dev/null || true; rm -rf "$served"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
chmod 755 "$served"
for size in "${sizes[@]}"; do install -m 644 "$work"/*-"$size.json" "$served"; done
cat >"$work/nginx.conf" <<NGINX
load_module $modules/ndk_http_module.so;
load_module $modules/ngx_http_lua_module.so;
daemon off; pid $work/nginx.pid; error_log $work/nginx.log; worker_processes 1;
events {}
http {
  access_log off;
  client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3; uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
  init_by_lua_block { cjson = require "cjson"; documents = {} }
  server {
    listen 127.0.0.1:$port;
    location / {
      content_by_lua_block {
        local name = ngx.var.uri
        if not documents[name] then
          local file = assert(io.open("$served" .. name, "rb"))
          documents[name] = file:read("*a")
          file:close()
        end
        local out = {}
        for i, item in ipairs(cjson.decode(documents[name])) do
          out[i] = { id = item.id, slug = item.slug, status = item.status }
        end
        ngx.header.content_type = "application/json"
        ngx.print(cjson.encode(out))
      }
    }
  }
}
NGINX
nginx -p "$work" -c "$work/nginx.conf" 2>"$work/nginx.errors" &
nginx=$!
until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
  kill -0 "$nginx" 2>/dev/null || { cat "$work/nginx.errors" >&2; exit 1; }
  sleep 0.05
done
cut_nginx() { # NAME: one connection, one request after the other; the first is not counted
  local n=30 i
  case "$1" in *50M*) n=3 ;; *10K*) n=200 ;; esac
  curl -sSf -o /dev/null "http://127.0.0.1:$port/$1" || { tail -n 5 "$work/nginx.log" >&2; return 1; }
  for ((i = 0; i < n; i++)); do printf 'url = "http://127.0.0.1:%s/%s"\noutput = "/dev/null"\n' "$port" "$1"; done >"$work/requests"
  curl -sf -K "$work/requests" -w '%{time_starttransfer}\n' | sort -n | awk '{ t[NR] = $1 } END { printf "%.1f\n", t[int((NR + 1) / 2)] * 1e6 }'
}

: >"$work/rows"
for size in "${sizes[@]}"; do
  for shape in strings members nested; do
    file=$work/$shape-$size.json
    say "$shape, $size"
    "$work/lean" "$file" - id slug status | sed "s/^/$shape\t$size\t/" >>"$work/rows"
    printf '%s\t%s\tNode\t%s\n' "$shape" "$size" "$(node --max-old-space-size=8000 "$work/cut.js" "$file")" >>"$work/rows"
    printf '%s\t%s\tPython\t%s\n' "$shape" "$size" "$(/usr/bin/python3 "$work/cut.py" "$file")" >>"$work/rows"
    printf '%s\t%s\tjq\t%s\n' "$shape" "$size" "$(cut_jq "$file")" >>"$work/rows"
    lua=$(cut_nginx "$shape-$size.json")  # a failure ends the script
    printf '%s\t%s\tnginx with Lua\t%s\n' "$shape" "$size" "$lua" >>"$work/rows"
  done
done
/usr/bin/python3 bench/lean_report.py "$work/rows" "$(g++ --version | head -n 1)" "$(nginx -v 2>&1)" "node $(node --version)" "$(/usr/bin/python3 --version)" "$(jq --version)"
