"""Growth of cost and memory. See scale.sh; the clients and the stream's origin are in scale.cpp."""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import common
from common import Program, Progress, Spread, Table, free_port, percentile, show_bytes, show_time, spread

WORK = common.OUT / "scale"
HELPER, FLOOR = WORK / "scale", WORK / "floor"
SERVER_CORE, LOAD_CORE = 0, 1
HOST = "larder.test"  # of the clients and wrk; part of the key
say = Progress("scale")


def most_connections() -> int:
    """The maximum for a server that needs one file for each, given the limit of open files that main has set."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 500


@dataclass
class Sizes:
    """The size of the run."""

    rounds: int = 5
    few_rounds: int = 3  # of slow measurements
    seconds: float = 2
    entries: tuple[int, ...] = (1, 100, 10_000, 100_000, 1_000_000)
    connections: tuple[int, ...] = (1, 64, 1000, 10_000)
    idle: tuple[int, int] = (1000, 10_000)
    memory: tuple[int, int] = (20_000, 70_000)
    misses: int = 1000  # of each kind and round
    stream: int = 2_000_000_000
    persisted: int = 200_000_000
    judged: bool = True


QUICK = Sizes(rounds=3, few_rounds=2, seconds=1, entries=(1, 10_000, 100_000), connections=(64, 10_000), memory=(10_000, 30_000), misses=500, stream=500_000_000)
SMOKE = Sizes(rounds=1, few_rounds=1, seconds=0.2, entries=(1, 200), connections=(4, 20), idle=(10, 50), memory=(100, 500), misses=20, stream=5_000_000,
              persisted=200_000, judged=False)


@dataclass
class Part:
    """The results of a measurement."""

    tables: list[Table] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    plots: dict[str, str] = field(default_factory=dict)
    raw: dict = field(default_factory=dict)


def judge(sizes: Sizes, expected: str, holds: bool, found: str) -> str:
    if not sizes.judged:
        return f"Expected: {expected}. Not judged: {found}."
    return f"Expected: {expected}. {'Met' if holds else 'Not met'}: {found}."


def three(values: Spread, show: Callable[[float], str]) -> list[str]:
    return [show(values.median), show(values.lowest), show(values.highest)]


def micro(seconds: float) -> str:
    return f"{seconds * 1e6:.2f}"


# ---- servers --------------------------------------------------------------------------------------------------------


@dataclass
class Server:
    name: str
    program: Program
    port: int
    admin: int = 0

    def metric(self, name: str) -> float:
        """A metric of larder: the sum over its labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((name + " ", name + "{")))

    def memory(self) -> int:
        """Anonymous memory; for nginx including the shared zone with its keys."""
        shared = 0
        if self.name == "nginx":
            for pid in self.program.pids():
                with contextlib.suppress(OSError):
                    status = Path(f"/proc/{pid}/status").read_text().splitlines()
                    shared = max(shared, sum(int(line.split()[1]) * 1024 for line in status if line.startswith("RssShmem:")))
        return self.program.memory_bytes() + shared


def log_of(name: str) -> Path:
    return WORK / f"{name}.log"


def floor(stack: ExitStack, body: int, core: int = LOAD_CORE) -> Server:
    """Sends the same fresh response to every request, without parsing it."""
    answer = WORK / f"answer-{body}"
    answer.write_bytes(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: max-age=3600\r\nETag: \"0123456789abcdef\"\r\n"
                       b"Content-Length: %d\r\n\r\n" % body + b"x" * body)
    port = free_port()
    return Server("floor", stack.enter_context(Program([FLOOR, port, answer], log_of("floor"), core=core, port=port)), port)


def larder(stack: ExitStack, upstream: int, *, core: int | None = SERVER_CORE, loops: int = 1, memory: int = 64, persist: Path | None = None,
           wait: bool = True) -> Server:
    """/pass/** is passed through, everything else stored; `memory` is in MiB."""
    port, admin = free_port(), free_port()
    config = WORK / f"larder-{port}.yaml"
    config.write_text(f"""listen: 127.0.0.1:{port}
admin: 127.0.0.1:{admin}
upstream: {{url: "http://127.0.0.1:{upstream}", connections: 64}}
loops: {loops}
cache: {{memory: {memory}MiB{f', persist: {persist}' if persist else ''}}}
limits: {{connections: 11000}}
timeouts: {{idle: 1h}}
routes:
  - {{path: "/pass/**", cache: off}}
  - {{path: "/**", ttl: 24h}}
""")
    stack.callback(config.unlink)
    program = Program([common.LARDER, "serve", "-c", config], log_of("larder"), core=core, port=port if wait else None)
    return Server("larder", stack.enter_context(program), port, admin)


def nginx(stack: ExitStack, upstream: int, *, core: int | None = SERVER_CORE, workers: int = 1, keys: int = 10, buffering: bool = True) -> Server:
    """Like larder's: /pass/ is passed through, everything else stored; `keys` is the zone's size in MB."""
    port = free_port()
    # Its files are in memory if possible, because larder and Varnish use no disk.
    memory = Path("/dev/shm")
    home = common.open_directory(stack, memory if os.access(memory, os.W_OK) else None)
    temporary = "\n".join(f"  {kind}_temp_path {home}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (home / "nginx.conf").write_text(f"""daemon off; worker_processes {workers}; pid {home}/pid; error_log {home}/error.log;
worker_rlimit_nofile {resource.getrlimit(resource.RLIMIT_NOFILE)[1]};
events {{ worker_connections 11000; }}
http {{
{temporary}
  access_log off; keepalive_requests 1000000000; keepalive_timeout 1h; tcp_nodelay on; sendfile on; open_file_cache max=1000 inactive=1h;
  proxy_cache_path {home}/cache levels=1:2 keys_zone=c:{keys}m inactive=1h;
  proxy_http_version 1.1; proxy_set_header Connection ""; proxy_max_temp_file_size 0; proxy_buffering {'on' if buffering else 'off'};
  upstream api {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location /pass/ {{ proxy_pass http://api; }}
    location / {{ proxy_pass http://api; proxy_cache c; proxy_cache_valid 200 24h; }}
  }}
}}
""")
    program = Program(["nginx", "-e", home / "error.log", "-c", home / "nginx.conf"], log_of("nginx"), core=core, port=port)
    return Server("nginx", stack.enter_context(program), port)


def haproxy(stack: ExitStack, upstream: int) -> Server:
    port = free_port()
    config = WORK / "haproxy.cfg"
    config.write_text(f"""global
  nbthread 1
  maxconn {min(10500, most_connections() // 2 + 100)}
  tune.bufsize 16384
defaults
  mode http
  timeout client 1h
  timeout http-keep-alive 1h
  timeout server 1m
  timeout connect 5s
cache c
  total-max-size 64
  max-age 3600
frontend clients
  bind 127.0.0.1:{port}
  http-request cache-use c
  http-response cache-store c
  default_backend api
backend api
  server api 127.0.0.1:{upstream}
""")
    program = Program(["haproxy", "-db", "-f", config], log_of("haproxy"), core=SERVER_CORE, port=port)
    return Server("HAProxy", stack.enter_context(program), port)


def varnish(stack: ExitStack, upstream: int, memory: int = 64) -> Server:
    port = free_port()
    home = common.open_directory(stack)
    vcl = home / "varnish.vcl"
    vcl.write_text(f"""vcl 4.1;
backend api {{ .host = "127.0.0.1"; .port = "{upstream}"; }}
sub vcl_backend_response {{ set beresp.ttl = 24h; }}
""")
    vcl.chmod(0o644)
    command = ["varnishd", "-F", "-a", f"127.0.0.1:{port}", "-f", vcl, "-n", home / "varnish", "-s", f"malloc,{memory}m", "-T", "none",
               "-p", "timeout_idle=3600", "-p", "thread_pools=1"]
    return Server("Varnish", stack.enter_context(Program(command, log_of("varnish"), core=SERVER_CORE, port=port)), port)


# ---- clients --------------------------------------------------------------------------------------------------------


class Clients:
    """Keep-alive connections of the helper program."""

    def __init__(self, server: Server, target: str, count: int = 1) -> None:
        words = [str(HELPER), "clients", str(server.port), target, str(count)]
        if (os.cpu_count() or 1) > 1:
            words = ["taskset", "-c", str(LOAD_CORE), *words]
        self.server = server
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Clients:
        return self

    def __exit__(self, *_) -> None:
        self.process.kill()
        self.process.communicate()

    def tell(self, *words: object) -> list[float]:
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline().split()
        if not line:
            raise SystemExit(f"the clients of {self.server.name} gave up at: {' '.join(map(str, words))}")
        return [float(word) for word in line[1:]]


def fill(server: Server, target: str, first: int, last: int) -> None:
    with Clients(server, target) as clients:
        clients.tell("fill", first, last, 32)


@contextlib.contextmanager
def hits_only(server: Server) -> Iterator[None]:
    """Checks that the measured requests were hits."""
    if not server.admin:
        yield
        return
    before = server.metric("larder_upstream_requests_total")
    yield
    if (fetched := server.metric("larder_upstream_requests_total") - before) > 0:
        raise SystemExit(f"{fetched:.0f} requests went upstream that should have been hits")


# ---- the cost of a hit ----------------------------------------------------------------------------------------------

RANDOM_ENTRY = """
local count = %d
math.randomseed(1)
request = function()
  return "GET /e/" .. math.random(1, count) .. " HTTP/1.1\\r\\nHost: %s\\r\\n\\r\\n"
end
"""


def measure_entries(sizes: Sizes) -> Part:
    part = Part()
    body = 200
    # Memory for the most entries, with a margin; fewer if the machine has less.
    room = next(int(line.split()[1]) * 1024 for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable"))
    counts = [count for count in sizes.entries if count * 3000 < room * 0.7]
    if len(counts) < len(sizes.entries):
        part.words.append(f"Left out for want of memory: {', '.join(f'{count:,}' for count in sizes.entries if count not in counts)} entries.")
    cost: dict[str, dict[int, list[float]]] = {"larder": {}, "floor": {}}
    rate: dict[int, list[float]] = {}
    with ExitStack() as stack:
        upstream = floor(stack, body)
        servers = []
        for count in counts:
            say(f"entries: storing {count:,}")
            port = free_port()
            program = stack.enter_context(Program([HELPER, "answers", port, count, body], log_of("answers"), core=SERVER_CORE, port=port))
            server = larder(stack, upstream.port, memory=max(64, count * 3000 >> 20))
            fill(server, "/e/#", 1, count)
            if (held := server.metric("larder_store_entries")) != count:
                raise SystemExit(f"of {count} entries {held:.0f} are stored")
            servers += [(count, Server("floor", program, port)), (count, server)]
        for turn in range(sizes.rounds):
            for count, server in servers:
                say(f"entries: round {turn + 1} of {sizes.rounds}, {server.name} with {count:,}")
                with hits_only(server):
                    before = server.program.cpu_seconds()
                    ran = common.wrk(f"http://127.0.0.1:{server.port}/", seconds=sizes.seconds, core=LOAD_CORE, script=RANDOM_ENTRY % (count, HOST))
                    cost[server.name].setdefault(count, []).append((server.program.cpu_seconds() - before) / ran.requests)
                if server.name == "larder":
                    rate.setdefault(count, []).append(ran.rate)
                if ran.errors:
                    raise SystemExit(f"{ran.errors} requests to {server.name} failed with {count} entries")
    median = {name: {count: spread(values).median for count, values in of.items()} for name, of in cost.items()}
    # Of the same round, because the machine's speed differs between rounds.
    growth = {name: {count: spread([value / one for value, one in zip(values, of[counts[0]])]).median for count, values in of.items()}
              for name, of in cost.items()}
    part.tables.append(Table(["entries", "CPU us/hit", "lowest", "highest", "x one entry", "floor us", "x one entry", "hits/s"],
                             [[f"{count:,}", *three(spread(cost["larder"][count]), micro), f"{growth['larder'][count]:.2f}", micro(median["floor"][count]),
                               f"{growth['floor'][count]:.2f}", f"{spread(rate[count]).median:,.0f}"] for count in counts],
                             f"A hit, by number of stored responses ({body} B each, 64 connections, requested at random)"))
    worst = max(growth["larder"].values())
    part.words.append(judge(sizes, "the CPU time of a hit grows by at most 1.2 times from 1 entry to the maximum", worst <= 1.2,
                            f"{worst:.2f}x; a program that only sends the Nth of as many strings grows by {max(growth['floor'].values()):.2f}x, because they "
                            "exceed the CPU caches"))
    part.plots["scale-entries"] = common.lines("CPU time per hit by stored responses", {name: [(count, value * 1e6) for count, value in of.items()] for name, of in median.items()},
                                               x_label="stored responses", y_label="us per hit", caption=common.machine(), show_x="{:,.0f}".format)
    part.raw = {"cpu_seconds_per_hit": cost, "hits_per_second": rate}
    return part


def measure_connections(sizes: Sizes) -> Part:
    part = Part()
    most = min(sizes.connections[-1], most_connections())
    counts = [count for count in sizes.connections if count < most] + [most]
    if most < sizes.connections[-1]:
        part.words.append(f"The limit of open files (ulimit -Hn) allows {most:,} connections, not {sizes.connections[-1]:,}.")
    few = min(64, counts[-2])
    cost: dict[str, dict[str, list[float]]] = {}
    rate: dict[str, dict[str, list[float]]] = {}
    with ExitStack() as stack:
        upstream = floor(stack, 1100)
        servers = [floor(stack, 1100, SERVER_CORE), larder(stack, upstream.port), nginx(stack, upstream.port)]
        for turn in range(sizes.few_rounds):
            for count in counts:
                for server in servers:
                    say(f"connections: round {turn + 1} of {sizes.few_rounds}, {server.name} with {count:,}")
                    with Clients(server, "/topics.json") as clients:
                        clients.tell("open", count)
                        for active in [count, few] if count > few else [count]:
                            before = server.program.cpu_seconds()
                            requests, seconds = clients.tell("run", active, round(sizes.seconds * 1000))
                            kind = f"{count:,}" if active == count else f"{few} of {count:,}"
                            cost.setdefault(kind, {}).setdefault(server.name, []).append((server.program.cpu_seconds() - before) / requests)
                            rate.setdefault(kind, {}).setdefault(server.name, []).append(requests / seconds)
    median = {kind: {name: spread(values).median for name, values in of.items()} for kind, of in cost.items()}
    part.tables.append(Table(["busy connections", *(f"{name} CPU us/hit" for name in ("floor", "larder", "nginx")), "larder lowest", "highest",
                              "x floor", "hits/s"],
                             [[kind, *(micro(median[kind][name]) for name in ("floor", "larder", "nginx")),
                               *three(spread(cost[kind]["larder"]), micro)[1:], f"{median[kind]['larder'] / median[kind]['floor']:.2f}",
                               f"{spread(rate[kind]['larder']).median:,.0f}"] for kind in sorted(median, key=lambda kind: (" of " in kind, list(median).index(kind)))],
                             "A hit, by number of connections (1.1 KB)"))
    first, last = f"{few:,}", f"{most:,}"
    growth = {name: median[last][name] / median[first][name] for name in median[last]}
    part.words.append(judge(sizes, f"from {first} to {last} busy connections, the CPU time of a hit grows by at most 1.2 times the floor's growth",
                            growth["larder"] <= 1.2 * growth["floor"], ", ".join(f"{name} {value:.2f}x" for name, value in growth.items())))
    among = {name: median[f"{few} of {most:,}"][name] / median[first][name] for name in median[last]}
    part.words.append(judge(sizes, f"a hit with {few} busy connections among {last} takes at most 1.2 times as long as with {few} connections", among["larder"] <= 1.2,
                            ", ".join(f"{name} {value:.2f}x" for name, value in among.items())))
    part.plots["scale-connections"] = common.lines(
        "CPU time per hit by busy connections", {name: [(count, median[f"{count:,}"][name] * 1e6) for count in counts] for name in ("larder", "nginx", "floor")},
        x_label="connections, all busy", y_label="us per hit", caption=common.machine(), show_x="{:,.0f}".format)
    part.raw = {"cpu_seconds_per_hit": cost, "hits_per_second": rate}
    return part


# ---- memory ---------------------------------------------------------------------------------------------------------


def those_installed(part: Part, makers: dict[str, Callable[..., Server]]) -> list[Callable[..., Server]]:
    missing = [name for name in makers if name != "larder" and common.which(name) is None]
    if missing:
        part.words.append(f"Not installed, and left out: {', '.join(missing)}.")
    return [make for name, make in makers.items() if name not in missing]


def measure_idle(sizes: Sizes) -> Part:
    part = Part()
    makers = those_installed(part, {"larder": larder, "nginx": nginx, "haproxy": haproxy, "varnishd": varnish})
    low, high = sizes.idle
    high = min(high, most_connections() // 2)  # HAProxy assumes two files for each
    each: dict[str, list[float]] = {}
    for turn in range(sizes.few_rounds):
        for make in makers:
            with ExitStack() as stack:
                server = make(stack, floor(stack, 1100).port)
                say(f"idle connections: round {turn + 1}, {server.name}")
                with Clients(server, "/topics.json") as clients:
                    clients.tell("open", low)
                    before = server.memory()
                    clients.tell("open", high)
                    each.setdefault(server.name, []).append((server.memory() - before) / (high - low))
    part.tables.append(Table(["server", "bytes/connection", "lowest", "highest"], [[name, *three(spread(values), show_bytes)] for name, values in each.items()],
                             f"Memory of an idle connection after one request (growth from {low:,} to {high:,} connections)"))
    larders = spread(each["larder"]).median
    part.words.append(judge(sizes, "at most 2 KB for an idle connection", larders <= 2048, show_bytes(larders)))
    part.words.append("The kernel's memory for a socket is not included. nginx allocates its table of connections at startup (worker_connections, about "
                      "0.4 kB each), which the difference does not show.")
    part.raw = {"bytes_per_connection": each}
    return part


def measure_memory(sizes: Sizes) -> Part:
    part = Part()
    low, high = sizes.memory
    body = 1000
    beyond: dict[str, list[float]] = {}
    charged: list[float] = []
    makers = those_installed(part, {"larder": functools.partial(larder, memory=4096), "nginx": functools.partial(nginx, keys=100),
                                    "varnishd": functools.partial(varnish, memory=4096)})
    for turn in range(sizes.few_rounds):
        for make in makers:
            with ExitStack() as stack:
                server = make(stack, floor(stack, body).port)
                say(f"memory of an entry: round {turn + 1}, {server.name}")
                fill(server, "/e/#", 1, low)
                before = server.memory()
                charge = server.metric("larder_store_bytes") if server.admin else 0
                fill(server, "/e/#", low + 1, high)
                # nginx stores bodies in files.
                beyond.setdefault(server.name, []).append((server.memory() - before) / (high - low) - (0 if server.name == "nginx" else body))
                if server.admin:
                    charged.append((server.metric("larder_store_bytes") - charge) / (high - low) - body)
    part.tables.append(Table(["server", "bytes/entry", "lowest", "highest"],
                             [*([name, *three(spread(values), show_bytes)] for name, values in beyond.items()), ["larder charges", *three(spread(charged), show_bytes)]],
                             f"Memory of a stored response in addition to its body of {body} B (growth from {low:,} to {high:,} responses)"))
    taken, counted = spread(beyond["larder"]).median + body, spread(charged).median + body
    part.words.append(judge(sizes, "memory used is at most 1.1 times what is charged to cache.memory", taken <= 1.1 * counted, f"{taken / counted:.2f}x"))
    part.words.append("nginx keeps bodies and heads in files of at least 4 kB each, and only the keys in memory.")
    part.raw = {"bytes_beyond_body": beyond, "charged_beyond_body": charged}
    return part


# ---- loops, misses, streams, starts ---------------------------------------------------------------------------------


def measure_loops(sizes: Sizes) -> Part:
    part = Part()
    cost: dict[str, list[float]] = {}
    rate: dict[str, list[float]] = {}
    with ExitStack() as stack:
        upstream = floor(stack, 1100)
        servers = {"larder, 1 loop": larder(stack, upstream.port, core=None), "larder, 2 loops": larder(stack, upstream.port, core=None, loops=2),
                   "nginx, 1 worker": nginx(stack, upstream.port, core=None), "nginx, 2 workers": nginx(stack, upstream.port, core=None, workers=2)}
        for turn in range(sizes.few_rounds):
            for name, server in servers.items():
                say(f"loops: round {turn + 1} of {sizes.few_rounds}, {name}")
                before = server.program.cpu_seconds()
                ran = common.wrk(f"http://127.0.0.1:{server.port}/topics.json", seconds=sizes.seconds, core=None)
                cost.setdefault(name, []).append((server.program.cpu_seconds() - before) / ran.requests)
                rate.setdefault(name, []).append(ran.rate)
    part.tables.append(Table(["server", "hits/s", "lowest", "highest", "CPU us/hit"],
                             [[name, *three(spread(rate[name]), "{:,.0f}".format), micro(spread(cost[name]).median)] for name in servers],
                             "One and two loops (1.1 KB, 64 connections)"))
    part.words.append(f"No core is reserved: the load generator shares the {os.cpu_count()} cores with the server. "
                      f"The CPU time of a hit with two loops is {spread(cost['larder, 2 loops']).median / spread(cost['larder, 1 loop']).median:.2f}x that with one.")
    part.raw = {"cpu_seconds_per_hit": cost, "hits_per_second": rate}
    return part


def measure_miss(sizes: Sizes) -> Part:
    part = Part()
    times: dict[str, list[float]] = {}
    rounds: dict[str, list[float]] = {}
    with ExitStack() as stack:
        upstream = floor(stack, 1100)
        through_larder, through_nginx = larder(stack, upstream.port, memory=256), nginx(stack, upstream.port)
        ways = {"direct": (upstream, "/#"), "larder, passed": (through_larder, "/pass/#"), "larder, stored": (through_larder, "/m/#"),
                "nginx, passed": (through_nginx, "/pass/#"), "nginx, stored": (through_nginx, "/m/#")}
        clients = {name: stack.enter_context(Clients(server, target)) for name, (server, target) in ways.items()}
        for of in clients.values():
            of.tell("time", 20, 1)  # warm-up: opens connections, touches pages
        for turn in range(sizes.rounds):
            for name, of in clients.items():
                say(f"miss: round {turn + 1} of {sizes.rounds}, {name}")
                taken = [nanoseconds / 1e9 for nanoseconds in of.tell("time", sizes.misses, 1000 + turn * sizes.misses)]
                times.setdefault(name, []).extend(taken)
                rounds.setdefault(name, []).append(percentile(taken, 50))
    median = {name: percentile(values, 50) for name, values in times.items()}
    part.tables.append(Table(["way", "median us", "lowest round", "highest round", "p99 us", "added us"],
                             [[name, micro(median[name]), micro(min(rounds[name])), micro(max(rounds[name])), micro(percentile(times[name], 99)),
                               micro(median[name] - median["direct"])] for name in times],
                             f"A request forwarded to the upstream (1.1 KB, one connection, {sizes.misses * sizes.rounds:,} each)"))
    for kind, what in (("passed", "that is passed through"), ("stored", "whose response is stored")):
        added = {name: median[f"{name}, {kind}"] - median["direct"] for name in ("larder", "nginx")}
        part.words.append(judge(sizes, f"a request {what} adds at most 1.1 times as much time as with nginx", added["larder"] <= 1.1 * added["nginx"],
                                ", ".join(f"{name} {value * 1e6:.1f} us" for name, value in added.items())))
    part.words.append("nginx stores in a file, larder in memory.")
    part.raw = {"medians_by_round": rounds, "p99": {name: percentile(values, 99) for name, values in times.items()}}
    return part


def stream_once(server: Server, target: str, least: int) -> tuple[float, float, int]:
    """Seconds, CPU seconds of the server, and the peak of its additional memory."""
    command = [str(HELPER), "fetch", str(server.port), target]
    if (os.cpu_count() or 1) > 1:
        command = ["taskset", "-c", str(LOAD_CORE), *command]
    before, cpu = server.memory(), server.program.cpu_seconds()
    most = before
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        try:
            while client.poll() is None:
                most = max(most, server.memory())
                time.sleep(0.02)
        finally:
            client.kill()
        words = client.stdout.read().split()
    if len(words) != 3 or int(words[1]) < least:
        raise SystemExit(f"{server.name}: of {least} bytes came {words[1] if len(words) > 1 else 'none'}")
    return float(words[2]), server.program.cpu_seconds() - cpu, most - before


def measure_stream(sizes: Sizes) -> Part:
    part = Part()
    figures: dict[str, dict[str, list[tuple[float, float, int]]]] = {}
    with ExitStack() as stack:
        port, copy_port = free_port(), free_port()
        origin = Server("direct", stack.enter_context(Program([HELPER, "stream", port], log_of("stream"), core=LOAD_CORE, port=port)), port)
        copy = Server("copy", stack.enter_context(Program([HELPER, "relay", copy_port, port], log_of("relay"), core=SERVER_CORE, port=copy_port)), copy_port)
        servers = {"direct": origin, "plain copy": copy, "larder": larder(stack, port), "nginx": nginx(stack, port),
                   "nginx, proxy_buffering off": nginx(stack, port, buffering=False)}
        for framing in ("length", "chunked"):
            for server in servers.values():
                stream_once(server, f"/pass/{framing}/1000000", 1_000_000)
            for turn in range(sizes.few_rounds):
                for name, server in servers.items():
                    say(f"stream: {framing}, round {turn + 1}, {name}")
                    figures.setdefault(framing, {}).setdefault(name, []).append(stream_once(server, f"/pass/{framing}/{sizes.stream}", sizes.stream))
    for framing, of in figures.items():
        rows = []
        median = {name: [spread([one[i] for one in values]).median for i in range(3)] for name, values in of.items()}
        for name, values in of.items():
            seconds = spread([one[0] for one in values])
            rows.append([name, *three(seconds, show_time), f"{sizes.stream / seconds.median / 1e9:.2f}", f"{seconds.median / median['plain copy'][0]:.2f}",
                         show_time(median[name][1]) if name != "direct" else "-", show_bytes(max(one[2] for one in values)) if name != "direct" else "-"])
        named = "Content-Length" if framing == "length" else "chunked"
        part.tables.append(Table(["way", "time", "lowest", "highest", "GB/s", "x copy", "CPU", "memory more"], rows,
                                 f"{show_bytes(sizes.stream)} through a route with cache: off ({named})"))
        ratio = median["larder"][0] / median["plain copy"][0]
        part.words.append(judge(sizes, f"a stream ({named}) takes at most 1.1 times as long as a plain copy", ratio <= 1.1,
                                f"{ratio:.2f}x, and {median['larder'][1] / median['plain copy'][1]:.2f}x its CPU time"))
        more = max(one[2] for one in of["larder"])
        part.words.append(judge(sizes, f"memory grows by less than 1 MB ({named})", more < 1_000_000, show_bytes(more)))
    part.raw = {"seconds_cpu_memory": figures}
    return part


def first_answer(port: int, begun: float, patience: float = 60) -> tuple[float, bool]:
    """Seconds from `begun` to the first 200, and whether it was a hit."""
    request = f"GET /e/1 HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()
    while time.monotonic() < begun + patience:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(request)
            if (answer := client.recv(65536)).startswith(b"HTTP/1.1 200"):
                return time.monotonic() - begun, b"larder; hit" in answer
        time.sleep(0.0005)
    raise SystemExit("larder did not answer")


def measure_start(sizes: Sizes) -> Part:
    part = Part()
    body = 10_000
    count = sizes.persisted // body
    stored = WORK / "persisted" / "cache.db"
    shutil.rmtree(stored.parent, ignore_errors=True)
    stored.parent.mkdir()
    first: dict[str, list[float]] = {"nothing persisted": [], "persisted": []}
    whole: list[float] = []
    hits = 0
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, stored.parent, ignore_errors=True)
        upstream = floor(stack, body)
        say(f"start: storing {show_bytes(sizes.persisted)}")
        with ExitStack() as once:
            server = larder(once, upstream.port, memory=1024, persist=stored)
            fill(server, "/e/#", 1, count)
            while server.metric("larder_persist_waiting") > 0:
                time.sleep(0.05)
        for turn in range(sizes.rounds):
            for name in first:
                say(f"start: round {turn + 1} of {sizes.rounds}, {name}")
                with ExitStack() as once:
                    begun = time.monotonic()
                    server = larder(once, upstream.port, memory=1024, persist=stored if name == "persisted" else None, wait=False)
                    seconds, hit = first_answer(server.port, begun)
                    first[name].append(seconds)
                    if name == "persisted":
                        hits += hit
                        while server.metric("larder_store_entries") < count:
                            if time.monotonic() > begun + 120:
                                raise SystemExit(f"of {count} entries {server.metric('larder_store_entries'):.0f} came back")
                            time.sleep(0.01)
                        whole.append(time.monotonic() - begun)
    empty, full = spread(first["nothing persisted"]), spread(first["persisted"])
    part.tables.append(Table(["from exec to", "time", "lowest", "highest"],
                             [["first response, nothing persisted", *three(empty, show_time)],
                              [f"first response, {show_bytes(sizes.persisted)} persisted", *three(full, show_time)],
                              [f"all {count:,} entries loaded", *three(spread(whole), show_time)]], "Startup"))
    part.words.append(judge(sizes, f"{show_bytes(sizes.persisted)} of persisted responses are loaded within a second", spread(whole).median <= 1,
                            f"{show_time(spread(whole).median)}; the first response came after {show_time(full.median)}, and with nothing persisted after "
                            f"{show_time(empty.median)}"))
    part.words.append(f"The file is in the page cache. With a file, {hits} of {sizes.rounds} first responses were served from it.")
    part.raw = {"first_answer_seconds": first, "all_back_seconds": whole}
    return part


MEASUREMENTS = {"entries": measure_entries, "connections": measure_connections, "idle": measure_idle, "memory": measure_memory, "loops": measure_loops,
                "miss": measure_miss, "stream": measure_stream, "start": measure_start}


def main() -> None:
    parser = argparse.ArgumentParser(prog="scale.sh", description="What grows with what; bash bench/scale.sh --help says how to read it.")
    parser.add_argument("--only", default=",".join(MEASUREMENTS), help="of " + ",".join(MEASUREMENTS))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    wanted = options.only.split(",")
    if unknown := [name for name in wanted if name not in MEASUREMENTS]:
        parser.error(f"no measurement '{unknown[0]}'; there are {', '.join(MEASUREMENTS)}")
    sizes = SMOKE if options.smoke else QUICK if options.quick else Sizes()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    WORK.mkdir(parents=True, exist_ok=True)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    say("building")
    common.build_larder()
    for name, source, more in (("scale", "scale.cpp", ["-pthread"]), ("floor", "floor.cpp", [])):
        subprocess.run(["g++", "-std=c++20", "-O2", "-o", WORK / name, common.ROOT / "bench" / source, *more], check=True)
    parts = {}
    for name in wanted:
        begun = time.monotonic()
        parts[name] = MEASUREMENTS[name](sizes)
        parts[name].raw["took_seconds"] = round(time.monotonic() - begun, 1)
    say.end()
    common.finish("scale", "Growth", tables=[table for part in parts.values() for table in part.tables],
                  plots={stem: plot for part in parts.values() for stem, plot in part.plots.items()},
                  words=[f"{name}: {sentence}" for name, part in parts.items() for sentence in part.words], raw={name: part.raw for name, part in parts.items()},
                  versions=[common.version(name) for name in ("larder", "nginx", "haproxy", "varnish", "wrk")])


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
