#!/usr/bin/env bash
# CPU time of a hit: of larder, of other caches, and of a minimal program that sends the same bytes without parsing the request (the floor);
# then the cost of each of larder's features.
#
#   bash bench/hit.sh [--tls | --h2] [--rounds N] [--seconds N] [--only a,b] [--cases a,b] [--features | --no-features] [--entries N] [--quick | --smoke]
#
#   --rounds N, --seconds N   number of rounds (5), and seconds per measurement (1)
#   --only a,b                a selection of haproxy, nginx, varnish, squid and trafficserver; the floor and larder always run
#   --cases a,b               a selection of 1k-plain, 1k-304, 1k-gzip, 20k-..., 290k-...; or all
#   --features                only the cost of the features; --no-features: everything else
#   --entries N               stored entries for that (1000000)
#   --quick                   fewer cases and rounds, a minute and a half; --smoke: seconds, only checks that the script works
#
# The server has one core, wrk with 64 connections the other. Rounds alternate, so that a disturbance of the machine affects all servers. Before
# the rounds, the script checks that each server answers from its cache with the expected response; requests that reach the origin or fail
# during a measurement are reported in a note. The settings of the other servers, with reasons: bench/peers.
#
# How to read the tables:
#   CPU us/request   user and system time of the server's processes per request, as accounted by the operating system: the median of the
#                    rounds, and the lowest and highest
#   x floor          that figure divided by the floor's of the same round (median): 1 is the kernel's work for the same bytes
#   x larder         divided by larder's of the same round: 1.50 is 50 % more than larder
#   requests/s, p99  medians; with a cheap server, wrk's core is the bottleneck, and these figures describe wrk
#   ratio            of a feature: divided by larder with the settings above, in the same round
#
# With --tls (--rounds, --seconds, --only, --cases, --quick and --smoke as above): the same over TLS, compared with nginx, HAProxy and h2o, which is not
# a cache and serves files, and with an epoll loop over OpenSSL as the floor; then connections with a full and with a resumed handshake and one request
# each, and the memory of an idle connection.
#
# With --h2 (--rounds, --seconds, --only, --quick and --smoke as above): 1.1 KB over HTTP/2 without TLS, with 1 and 10 requests at a time on each of 32
# connections, compared with the same servers and with an epoll loop over nghttp2; and the memory of an idle connection.
#
# Absolute times on a shared machine vary; compare the ratios. Raw figures and plots are written to build/bench/hit*.
set -euo pipefail
cd "$(dirname "$0")/.."
for argument in "$@"; do
  case "$argument" in
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
  esac
done
bash config/setup.sh build api measure peers
script=bench/hit.py
arguments=()
for argument in "$@"; do
  if [ "$argument" = --tls ]; then
    script=bench/hit_tls.py
    export OPENSSL_CONF=$PWD/bench/peers/openssl.cnf
  elif [ "$argument" = --h2 ]; then
    script=bench/hit_h2.py
  else
    arguments+=("$argument")
  fi
done
exec /usr/bin/python3 "$script" "${arguments[@]}"
