#!/usr/bin/env bash
# Overload: what clients, an API and writes that misbehave cost the others. See --help.
#
#   bash bench/overload.sh [--only NAME,NAME...] [--before BINARY] [--smoke]
#
#   streams      clients of an event stream on a route with a ttl leave after its first bytes; then others request a page
#   uploads      request bodies that arrive a byte at a time, while others request a page
#   early        the API responds before it has read a request's body; the next request on the client's connection
#   timeout      a DELETE for which no byte of a response comes within first_byte_timeout: how often it reaches the API
#   broken       one path of the API fails, the others do not: requests for those that get 503
#   outage       connections to the API are refused for 35 s; the time from its return to the first write that succeeds
#   files        more clients than open files: whether a new client, and the admin listener, get a response
#   readers      clients that do not read a large response: memory of the kernel, and the wait of others meanwhile
#   heads        half-sent request heads: memory of each
#   bodies       large responses collected at the same time: memory beyond cache.memory
#   keys         long queries of responses that are not stored: memory for all
#   writes       writes to unrelated URLs: stored responses that are no longer hits
#   slow         10,000 connections that send a byte now and then: the 99th percentile of others' waits, compared with none;
#                expected: at most 1.5 times
#
# All with default settings but for the sizes that a part names. --before measures an earlier binary too, in the same run. larder runs on one
# core, clients and API on another. The default takes about 3 minutes; --smoke takes seconds and only checks that the script works.
# Figures (JSON) are written to build/bench/overload.json. LARDER=BINARY measures another build.
set -euo pipefail
cd "$(dirname "$0")/.."

case " $* " in *" -h "* | *" --help "*) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;; esac
bash config/setup.sh build api measure >&2
exec /usr/bin/python3 bench/overload.py "$@"
