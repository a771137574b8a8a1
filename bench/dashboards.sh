#!/usr/bin/env bash
# Fifty dashboard tabs that poll the sample API, in three ways in turn: directly, through nginx (tuned for it), and through larder.
#
#   bash bench/dashboards.sh [--minutes 3] [--tabs 50] [--scale 1.0] [--only direct,nginx,larder] [--kill] [--smoke]
#
# Every tab polls /state/summary each minute and the list of its page every 15 s; one occasionally forces a reload of the index; a client
# renames a topic every 30 s. Each way begins with a fresh API and one request for each endpoint, which is not counted.
# --kill kills the API after a third of the run and restarts it a minute later. --smoke takes seconds and only checks that the script works.
#
# How to read the table:
#   wait                        time from a poll to the end of its response, in ms
#     without reason            the same, without forced reloads and polls that start within 6 s of a write, which must show the new state
#   upstream requests           counted by the API, for the seven endpoints
#   age                         age of the responses, since the API generated them
#   older than its ttl by       age minus ttl: at most the time of one fetch, unless responses are too old
#   a write is seen after       time from the end of the write to the first response that shows it, polled every 250 ms
#
# Figures (JSON) and a plot of the waits are written to build/bench/dashboards.json and .svg.
set -euo pipefail
cd "$(dirname "$0")/.."
case " $* " in *" -h "* | *" --help "*) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;; esac
bash config/setup.sh build api measure >&2
exec /usr/bin/python3 bench/dashboards.py "$@"
