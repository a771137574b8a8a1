#!/usr/bin/env bash
# Growth: the cost of a hit, memory, misses, streams and startup. See --help.
#
#   bash bench/scale.sh [--only NAME,NAME...] [--quick] [--smoke]
#
#   entries      CPU time per hit with 1 to 1,000,000 stored responses, requested at random; compared with a minimal epoll program that sends the
#                Nth of as many strings (the cost of memory); expected: at most 1.2 times as long with the most entries
#   connections  CPU time per hit with 1 to 10,000 connections, all busy, or 64 busy and the others idle; compared with nginx and a minimal
#                epoll program (the floor); expected: growth from 64 to the most is at most 1.2 times the floor's
#   idle         memory per idle connection, compared with nginx, HAProxy and Varnish; expected: at most 2 KB
#   memory       memory per stored response in addition to its body, compared with what larder charges to cache.memory, and with nginx and
#                Varnish; expected: memory used is at most 1.1 times what is charged
#   loops        throughput and CPU time per request with 1 and 2 loops, on cores shared with the load generator
#   miss         time added to a request that is forwarded: passed through, and stored; expected: at most 1.1 times what nginx adds
#   stream       2 GB through a route that stores nothing, compared with a plain copy between two sockets; expected: at most 1.1 times its time,
#                and less than 1 MB of additional memory
#   start        time from exec to the first response, with and without 200 MB of persisted responses, and until all are loaded; expected: all
#                are loaded within a second
#
# Servers run on one core, clients and upstream on another. Rounds alternate between the servers compared; a figure is the median, with the
# lowest and highest. Absolute times on a shared machine vary; compare ratios of the same run. Memory is resident anonymous memory of the
# server's processes, without the kernel's memory for sockets. The default takes about 7 minutes, --quick 1.5; --smoke takes seconds and only
# checks that the script works.
# Figures (JSON) and plots are written to build/bench/scale.json and scale-*.svg. LARDER=BINARY measures another build.
set -euo pipefail
cd "$(dirname "$0")/.."

case " $* " in *" -h "* | *" --help "*) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;; esac
bash config/setup.sh build api measure peers >&2
exec /usr/bin/python3 bench/scale.py "$@"
