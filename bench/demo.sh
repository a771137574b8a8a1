#!/usr/bin/env bash
# Demonstrates larder in front of a slow API, starting from a fresh Debian machine: installs the dependencies, builds larder,
# starts the sample API with larder in front of it, and times seven endpoints without and with larder.
#
#   bash bench/demo.sh [--upstream URL] [--tls] [--scale S] [--keep]
#
#   --upstream URL   put larder in front of this API instead of the sample
#   --tls            clients of larder use TLS, with a certificate made for the demonstration; each time includes a handshake
#   --scale S        size of the sample data (default 1; 0.1 is quick)
#   --keep           keep both running until Ctrl-C
set -euo pipefail
export LC_ALL=C

endpoints=(/workstreams/workplan-index /topics/ /domains/ /repos/ '/tasks/?limit=500' /sbom/snapshots/ /state/summary)
trust=()  # of curl, with --tls
repeats=9 # for requests that take well under a millisecond; the median is shown

die() { printf '\ndemo: %s\n' "$*" >&2; exit 1; }
usage() { sed -n '2,/^set -/{/^set -/!s/^# \{0,1\}//p}' "$0"; }
needs_value() { if [ -z "${2:-}" ]; then printf 'demo: %s needs a value\n' "$1" >&2; exit 2; fi; }

upstream='' scale=1 keep=no tls=no
while [ $# -gt 0 ]; do
  case $1 in
    --upstream) needs_value "$@"; upstream=${2%/}; shift 2 ;;
    --scale) needs_value "$@"; scale=$2; shift 2 ;;
    --tls) tls=yes; shift ;;
    --keep) keep=yes; shift ;;
    -h | --help) usage; exit 0 ;;
    *) printf "demo: unknown argument '%s'\n\n" "$1" >&2; usage >&2; exit 2 ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/.."
home=$PWD/build/demo
mkdir -p "$home"
work=$(mktemp -d /tmp/larder-demo.XXXXXX)
started=()

any_running() { local pid; for pid in "${started[@]}"; do kill -0 "$pid" 2>/dev/null && return 0; done; return 1; }

finish() {
  local status=$?
  trap '' INT TERM HUP
  [ ${#started[@]} -eq 0 ] || kill -TERM "${started[@]}" 2>/dev/null || true
  local tries=50 # of a tenth of a second
  while any_running && [ $((tries--)) -gt 0 ]; do sleep 0.1; done
  ! any_running || kill -KILL "${started[@]}" 2>/dev/null || true
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# --- steps -----------------------------------------------------------------------------------------------------

say() { printf 'demo: %s\n' "$*"; }

fail_with_log() { # MESSAGE LOG
  printf '\n' >&2
  tail -n 40 "$2" >&2
  die "$1; its output is in $2"
}

# Ninja's "[12/80]" as one line that counts up on a terminal, and nothing elsewhere.
show_progress() {
  local line
  while IFS= read -r line; do
    if [ -t 2 ] && [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]]; then
      printf '\rdemo: building larder: %s of %s ' "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" >&2
    fi
  done
  if [ -t 2 ]; then printf '\r\033[K' >&2; fi
}

build() {
  local log=$home/build.log since=$SECONDS
  if [ -x build/release/larder ]; then
    say "updating build/release/larder"
  else
    say "building larder (several minutes)"
  fi
  cmake --preset release >"$log" 2>&1 || fail_with_log "cmake could not configure the build" "$log"
  cmake --build --preset release 2>&1 | tee -a "$log" | show_progress || fail_with_log "the build failed" "$log"
  [ -x build/release/larder ] || fail_with_log "the build did not create build/release/larder" "$log"
  say "built in $((SECONDS - since)) s"
}

# Starts a program, waits for its line "listening on URL", and leaves the URL in `address`.
start() { # NAME COMMAND ...
  local name=$1 log=$home/$1.log line='' ready
  shift
  : >"$log"
  rm -f "$work/ready"
  mkfifo "$work/ready"
  "$@" >"$work/ready" 2>>"$log" &
  started+=($!)
  exec {ready}<"$work/ready"
  until [[ $line == 'listening on '* ]]; do
    IFS= read -r -t 120 -u "$ready" line || fail_with_log "$name did not start" "$log"
  done
  address=${line#listening on }
  # Further output must not fill the pipe and block the program.
  cat <&"$ready" >>"$log" &
  exec {ready}<&-
}

# The configuration for State Hub without the admin listener's fixed port, which may be in use, and without cache.persist, which would
# turn the first request into a hit.
write_configuration() {
  [ -r config/examples/statehub.yaml ] || die "config/examples/statehub.yaml is missing"
  awk -v socket="$work/admin.sock" -v listen="$1" '
    /^[^[:space:]#]/ { skip = /^(admin|listen):/ }
    skip || /^[[:space:]]+persist:/ { next }
    { print }
    END { print "admin: unix:" socket; print "listen: " listen }' config/examples/statehub.yaml >"$work/larder.yaml"
}

make_certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=demo -addext subjectAltName=IP:127.0.0.1 \
    -keyout "$work/demo.key" -out "$work/demo.pem" 2>>"$home/curl.log" || fail_with_log "openssl could not make a certificate" "$home/curl.log"
}

# --- measuring -------------------------------------------------------------------------------------------------

# Prints "status seconds bytes"; the head of the response is in $work/head. A failed connection is status 000.
ask() { # URL [CURL OPTION ...]
  : >"$work/head"
  curl -q -sS --noproxy '*' "${trust[@]}" --max-time 120 -o /dev/null -D "$work/head" \
    -w '%{http_code} %{time_total} %{size_download}\n' "$@" 2>>"$home/curl.log" || true
}

ask_repeatedly() { # the same; the run of median time
  local n
  for ((n = 0; n < repeats; n++)); do ask "$@"; done | sort -n -k 2 | sed -n "$(((repeats + 1) / 2))p"
}

header() { # NAME: its value in the head of the last response
  sed -n "s/\r\$//; s/^$1:[[:space:]]*//Ip" "$work/head" | head -n 1
}

cell() { # EXPECTED "STATUS SECONDS BYTES"
  local status seconds bytes
  read -r status seconds bytes <<<"$2"
  if [ "$status" != "$1" ]; then
    if [ "$status" = 000 ]; then status='no reply'; else status="HTTP $status"; fi
    printf ' %8s %7s' "$status" '-'
    return
  fi
  awk -v t="$seconds" -v b="$bytes" 'BEGIN {
    ms = t * 1000
    time = sprintf(ms < 1 ? "%.2f ms" : ms < 10 ? "%.1f ms" : "%.0f ms", ms)
    size = b < 1000 ? b " B" : b < 1e6 ? sprintf("%.0f kB", b / 1e3) : sprintf("%.2f MB", b / 1e6)
    printf " %8s %7s", time, size
  }'
}

notes=()
codings='Accept-Encoding: gzip, deflate, br, zstd'

measure() { # PATH: prints its row, and keeps its numbers in $work/numbers
  local path=$1 direct first hit coded='' unchanged='' tag state n
  printf '%-28s' "$path"
  direct=$(ask "$upstream$path")
  cell 200 "$direct"
  first=$(ask "$larder$path")
  cell 200 "$first"
  state=$(header cache-status)
  if [[ $state == *'; hit'* ]]; then notes+=("$path was stored before the first request (prefetched by the configuration)"); fi
  # Do not repeat a request that failed.
  if [[ $first == 200\ * ]]; then hit=$(ask_repeatedly "$larder$path"); else hit=$(ask "$larder$path"); fi
  cell 200 "$hit"
  state=$(header cache-status)
  tag=$(header etag)
  if [[ $hit == 200\ * && $state != *'; hit'* ]]; then
    notes+=("$path is not served from the cache: Cache-Status: ${state:-none}")
  fi
  # A coding is made in the background when it is first requested, so it takes a few requests to appear.
  if [[ $hit == 200\ * ]]; then
    for ((n = 0; n < 200; n++)); do
      ask "$larder$path" -H "$codings" >/dev/null
      [ -z "$(header content-encoding)" ] || break
    done
    coded=$(ask_repeatedly "$larder$path" -H "$codings")
    cell 200 "$coded"
  else
    printf ' %8s %7s' - -
  fi
  if [[ $hit == 200\ * && -n $tag ]]; then
    unchanged=$(ask_repeatedly "$larder$path" -H "If-None-Match: $tag")
    cell 304 "$unchanged"
  else
    printf ' %8s %7s' "$([[ $hit == 200\ * ]] && echo 'no ETag' || echo -)" '-'
  fi
  printf '\n'
  if [[ $direct == 200\ * && $hit == 200\ * ]]; then
    printf '%s %s %s %s\n' "$direct" "$hit" "${unchanged:-000 0 0}" "$coded" >>"$work/numbers"
    [ -n "${example:-}" ] || example=$path
    [ "$path" != /topics/ ] || example=$path
  fi
}

table() {
  printf '\n%-28s %16s %16s %16s %16s %16s\n' '' 'direct' 'first (miss)' 'hit' 'hit, coded' 'unchanged (304)'
  printf '%-28s' endpoint
  printf ' %8s %7s' time bytes time bytes time bytes time bytes time bytes
  printf '\n'
  : >"$work/numbers"
  local path note
  for path in "${endpoints[@]}"; do measure "$path"; done
  printf '\nOne request each for "direct" and "first"; the median of %d for the others.\n"hit, coded" is requested as browsers do, with %s.\n' "$repeats" "$codings"
  for note in "${notes[@]}"; do printf 'Note: %s.\n' "$note"; done
}

# Fields of $work/numbers: status, seconds and bytes; direct, on a hit, unchanged, on a hit in a coding.
summary() {
  if [ ! -s "$work/numbers" ]; then
    printf '\nNo endpoint returned 200, so there is nothing to compare.\n'
    return
  fi
  awk '{ print $2 / ($5 > 0 ? $5 : 1e-6) }' "$work/numbers" | sort -n >"$work/ratios"
  awk '
    FILENAME ~ /ratios$/ { ratio[++n] = $1; next }
    { count++; direct += $3; hit += $6; coded += $12 }
    $7 == 304 { unchanged += $9; confirmed++ }
    END {
      printf "\nA hit is %.0f times as fast as the API at the median endpoint (%.0f to %.0f times).\n",
        ratio[int((n + 1) / 2)], ratio[1], ratio[n]
      printf "One response of each of the %d: %.2f MB from the API, %.2f MB through larder", count, direct / 1e6, hit / 1e6
      if (direct > 0) printf " (%.0f %% less)", 100 * (1 - hit / direct)
      printf ",\n%.2f MB of it in a content coding", coded / 1e6
      if (direct > 0) printf " (%.1f %% less)", 100 * (1 - coded / direct)
      if (confirmed) printf ",\nand %d bytes for the %d of them that are requested again unchanged", unchanged, confirmed
      print "."
    }' "$work/ratios" "$work/numbers"
  printf '\nThe head of a response for %s:\n\n' "$example"
  ask "$larder$example" >/dev/null
  sed 's/\r$//; /^$/d; s/^/    /' "$work/head"
}

wait_until_stopped() {
  cat <<END

Both keep running until Ctrl-C:
    API      $upstream
    larder   $larder
    try      curl -i ${trust[*]} '$larder${example:-/}'
             build/release/larder status --admin unix:$work/admin.sock
    logs     $home/larder.log
END
  trap 'exit 0' INT
  wait -n "${started[@]}" || true
  die "the API or larder has exited; see the logs in $home"
}

: >"$home/curl.log"
groups=(build api)
[ "$tls" = no ] || groups+=(test)
bash config/setup.sh "${groups[@]}" || die "config/setup.sh failed; see above"
if [ -n "$upstream" ] && [[ $(ask "$upstream/") == 000\ * ]]; then
  tail -n 1 "$home/curl.log" >&2
  die "no response from the API at $upstream"
fi
build
if [ -z "$upstream" ]; then
  say "starting the sample API"
  start api /usr/bin/python3 bench/upstream/run.py --port 0 --data "$home" --scale "$scale"
  upstream=$address
fi
listen=127.0.0.1:0
if [ "$tls" = yes ]; then
  make_certificate
  trust=(--cacert "$work/demo.pem")
  listen="{address: \"127.0.0.1:0\", tls: {certificate: $work/demo.pem, key: $work/demo.key}}"
fi
write_configuration "$listen"
say "starting larder in front of $upstream"
start larder build/release/larder serve -c "$work/larder.yaml" --upstream "$upstream"
larder=$address
table
summary
if [ "$keep" = yes ]; then wait_until_stopped; fi
