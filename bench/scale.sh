#!/usr/bin/env bash
# What grows with what: the cost of a hit, memory, a miss, a stream, a start. See --help.
#
#   bash bench/scale.sh [--only NAME,NAME...] [--quick] [--smoke]
#
#   entries      CPU time per hit with 1 to 1,000,000 stored responses, asked for at random, beside a bare epoll program that sends the Nth of
#                so many strings (what memory costs); expected: flat within 1.2 times
#   connections  CPU time per hit with 1 to 10,000 connections, all of them busy, or 64 busy among idle ones; beside nginx and a bare epoll
#                program (the floor); expected: from 64 to the most, no more growth than 1.2 times the floor's
#   idle         bytes of memory for each idle connection, beside nginx, HAProxy and Varnish; expected: at most 2 KB
#   memory       bytes of memory for each stored response beyond its body, beside what larder charges to cache.memory, and beside nginx and
#                Varnish; expected: what is charged covers what is taken, within 1.1 times
#   loops        throughput and CPU time per request with 1 and 2 loops, on the cores that the load generator needs as well
#   miss         what a request that goes upstream takes longer than without larder: passed through, and stored; expected: at most 1.1 times what
#                nginx adds
#   stream       2 GB through a route that stores nothing, against a plain copy between two sockets; expected: within 1.1 times its time, and
#                less than 1 MB of memory more
#   start        from exec to the first answer, with and without 200 MB of persisted responses, and to the last of them; expected: all of
#                them are back within a second
#
# Servers run on one core, clients and upstream on another. Rounds alternate between what is compared; a figure is the median, with the lowest
# and the highest. Absolute times mean little on a shared machine; ratios of the same run do. Memory is resident anonymous memory of the
# server's processes; what the kernel holds for a socket is not in it. The default takes about 7 minutes, --quick 1.5; --smoke takes seconds,
# shows that the script works, and judges nothing.
# The figures as JSON and the plots are left in build/bench/scale.json and scale-*.svg. LARDER=BINARY measures another build.
set -euo pipefail
cd "$(dirname "$0")/.."

case " $* " in *" -h "* | *" --help "*) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;; esac
bash config/setup.sh build api measure peers >&2
exec /usr/bin/python3 bench/scale.py "$@"
