#!/usr/bin/env bash
# What a hit costs: CPU time per request of larder, of other caches, and of a bare program that sends the same bytes without looking (the
# floor); then what each of larder's features adds.
#
#   bash bench/hit.sh [--rounds N] [--seconds N] [--only a,b] [--cases a,b] [--features | --no-features] [--entries N] [--quick | --smoke]
#
#   --rounds N, --seconds N   so many rounds (5), so many seconds a measurement in each (1)
#   --only a,b                of haproxy, nginx, varnish, squid and trafficserver; the floor and larder always run
#   --cases a,b               of 1k-plain, 1k-304, 1k-gzip, 20k-..., 290k-...; or all
#   --features                the price of the features alone; --no-features: all but that
#   --entries N               stored entries for that (1000000)
#   --quick                   fewer cases and rounds, in a minute and a half; --smoke: seconds, it works and nothing is judged
#
# The server has one core, wrk with 64 connections the other; rounds alternate, so that what disturbs the machine disturbs all. Before the
# rounds each server is seen to answer as it should without asking its origin; nothing may reach the origin, nor fail, while it is measured,
# and a note says so where it did. The peers' settings, with reasons: bench/peers.
#
# How to read the tables:
#   CPU us/request   user and system time of the server's processes, by the operating system's accounting, for each request: the median of
#                    the rounds, and the lowest and highest. It counts what clients' work costs the server, not how well the client does
#   x floor          that, over the floor's in the same round (median): 1 is what the kernel takes for the bytes alone
#   x larder         over larder's in the same round: 1.50 is half as much again as larder
#   requests/s, p99  medians; where the server is cheap, it is wrk's core that is full, and requests/s tells of wrk
#   ratio            of a feature: over larder with everything as above, in the same round
# Absolute times mean little on a shared machine; the ratios do. The raw figures and plots are left in build/bench/hit*.
set -euo pipefail
cd "$(dirname "$0")/.."
for argument in "$@"; do
  case "$argument" in
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
  esac
done
bash config/setup.sh build api measure peers
exec /usr/bin/python3 bench/hit.py "$@"
