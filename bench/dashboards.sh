#!/usr/bin/env bash
# Fifty dashboard tabs in front of the sample API, three ways one after the other: directly, through nginx (tuned for it), through larder.
#
#   bash bench/dashboards.sh [--minutes 3] [--tabs 50] [--scale 1.0] [--only direct,nginx,larder] [--kill] [--smoke]
#
# Every tab polls /state/summary each minute and the list of its page every 15 s; one presses the reload button of the index now and then; a
# writer renames a topic every 30 s. Each way begins with a fresh API and one request for each endpoint, which is not counted.
# --kill kills the API a third into the run and starts it again after a minute. --smoke takes seconds: it shows that the script works.
#
# How to read the table:
#   wait                        from a poll to the end of its answer, in ms
#     without reason            the same, but for the reload button, and polls that began within 6 s of a write, which shall show the new state
#   upstream requests           what the API itself counted, for the seven endpoints
#   age                         of what was served: since the API made it
#   older than its ttl by       the same, less the ttl: a fetch's time at the most, where nothing is too old
#   a write is seen after       from the end of the write to the first answer that shows it; somebody looks every 250 ms
#
# The figures as JSON and a plot of the waits are left in build/bench/dashboards.json and .svg.
set -euo pipefail
cd "$(dirname "$0")/.."
case " $* " in *" -h "* | *" --help "*) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;; esac
bash config/setup.sh build api measure >&2
exec /usr/bin/python3 bench/dashboards.py "$@"
