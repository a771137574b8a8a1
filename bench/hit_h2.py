"""Hits over HTTP/2 without TLS: larder, other servers and a bare program.

bench/hit.sh --h2 says how it is used and read.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import statistics
import subprocess
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import common
import hit
from common import Program, Table
from hit import BODIES, Origin, Sample, Server, Unable

PEERS = ["haproxy", "nginx", "h2o"]
PATH = "/plain/1k"
STREAMS = [1, 10]
CONNECTIONS = 32

# Server, the other side, "at most" or "at least", and the bound, by the number of streams.
EXPECTED = {1: [("h2o", "larder", "at least", 1.0)], 10: [("larder", "floor", "at most", 1.25), ("haproxy", "larder", "at least", 1.6)]}


def marks(name: str) -> dict[str, str]:
    """What makes a peer speak HTTP/2: see hit.tls_marks."""
    return {"@ssl@": {"haproxy": " proto h2", "nginx": " http2"}.get(name, ""), "@tls@": ""}


def verify(server: Server) -> None:
    """Raises Unable unless three responses in a row are right and do not reach the origin."""
    why, in_a_row = "", 0
    for _ in range(50):
        before = server.origin.asked[PATH] if server.origin else 0
        ran = subprocess.run(["curl", "-s", "--http2-prior-knowledge", "--max-time", "10", f"{server.url}{PATH}", "-w", "%{http_version}"], capture_output=True)
        right = ran.stdout == BODIES["1k"] + b"2"
        why = "" if right and (server.origin is None or server.origin.asked[PATH] == before) else f"sends {len(ran.stdout)} bytes" if not right else "asks the origin each time"
        in_a_row = 0 if why else in_a_row + 1
        if in_a_row == 3:
            return
        time.sleep(0.02)
    raise Unable(why)


def measure(server: Server, streams: int, seconds: int) -> Sample:
    """Raises Unable."""
    core_before, before = hit.core_seconds(), server.program.cpu_seconds()
    ran = subprocess.run(["h2load", "-c", str(CONNECTIONS), "-m", str(streams), "-D", str(seconds), "-t", "1", f"{server.url}{PATH}"], capture_output=True, text=True)
    cpu = server.program.cpu_seconds() - before
    others = max(0.0, hit.core_seconds() - core_before - cpu) / seconds
    found = re.search(r"requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed", ran.stdout)
    if ran.returncode != 0 or not found or int(found[2]) == 0:
        raise Unable(f"cannot be measured: {ran.stdout[-300:]}{ran.stderr}")
    done = int(found[1])
    return Sample(cpu / done * 1e6, done / seconds, 0, done, others, [f"{found[3]} requests failed"] if int(found[3]) else [])


def idle_bytes(server: Server, count: int) -> float:
    """Anonymous memory of the server per idle connection that has been used once."""
    from hpack import Encoder

    head = Encoder().encode([(":method", "GET"), (":scheme", "http"), (":path", PATH), (":authority", "localhost")])
    hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\4\0" + bytes(4) + bytes(3) + b"\4\1" + bytes(4)
    request = hello + len(head).to_bytes(3, "big") + b"\1\5\0\0\0\1" + head
    memory = []
    for connections in (count // 10, count):
        with ExitStack() as open_ones:
            for _ in range(connections):
                one = open_ones.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
                one.sendall(request)
                got = b""
                while BODIES["1k"][-20:] not in got:
                    piece = one.recv(65536)
                    if not piece:
                        raise Unable(f"does not hold {connections} connections")
                    got += piece
            memory.append(server.program.memory_bytes())
    return (memory[1] - memory[0]) / (count - count // 10)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/hit.sh --h2", add_help=False)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=int, default=1)
    parser.add_argument("--only", default=",".join(PEERS))
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true")
    size.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    args.only = hit.chosen(parser, args.only, PEERS)
    args.rounds = args.rounds or (1 if args.smoke else 3 if args.quick else 7)
    args.held = 200 if args.smoke else 2_000
    if args.rounds < 1 or args.seconds < 1:
        parser.error("--rounds and --seconds are 1 or more")
    return args


def gather(args: argparse.Namespace, directory: Path, peers_directory: Path, stack: ExitStack, notes: list[str]) -> list[Server]:
    larder = hit.start_larder("larder", Origin(), directory, stack, http2=True)
    verify(larder)
    answer = hit.ask(larder, PATH, [])
    file = directory / "answer"
    file.write_bytes(answer.raw)
    port = common.free_port()
    floor = hit.build_program("h2_floor", directory, "-lnghttp2")
    servers = [Server("floor", port, stack.enter_context(Program([floor, str(port), file], directory / "floor.log", core=hit.SERVERS_CORE, port=port))), larder]
    for name in args.only:
        try:
            peer = hit.start_peer(name, peers_directory, directory, stack, marks=marks(name))
            verify(peer)
            servers.append(peer)
        except Unable as error:
            notes.append(f"{name} is left out: it {error}.")
    return servers


def main() -> None:
    args = arguments()
    progress, directory = hit.prepare("hit-h2")
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {hit.CLIENT_CORE})
    notes: list[str] = []
    idle: dict[str, float] = {}
    faults: dict[str, list[str]] = {}
    with ExitStack() as stack:
        stack.callback(progress.end)
        servers = gather(args, directory, common.open_directory(stack), stack, notes)
        for server in servers:
            progress(f"memory of {args.held} idle connections: {server.name}")
            try:
                idle[server.name] = idle_bytes(server, args.held)
            except (Unable, OSError) as error:
                notes.append(f"{server.name} has no figure for idle connections: it {error}.")
        samples: dict[int, dict[str, list[Sample]]] = {streams: {server.name: [] for server in servers} for streams in STREAMS}
        for number in range(args.rounds):
            for streams in STREAMS:
                for server in servers if number % 2 == 0 else list(reversed(servers)):
                    progress(f"round {number + 1} of {args.rounds}, {streams} streams: {server.name}")
                    try:
                        sample = measure(server, streams, args.seconds)
                    except Unable as error:
                        raise SystemExit(f"{server.name}: it {error}") from None
                    hit.tell_faults(faults, f"{server.name}, {streams} streams", sample)
                    samples[streams][server.name].append(sample)
    progress.end()
    notes += [f"{name}: {'; '.join(dict.fromkeys(said))}." for name, said in faults.items()]
    rows = [[f"{streams} streams: {name}" if streams > 1 else f"1 stream: {name}", hit.figure(statistics.median(s.cpu_us for s in mine)),
             hit.shown_range([s.cpu_us for s in mine]), hit.figure(hit.ratio(mine, of["floor"]).median), hit.figure(hit.ratio(mine, of["larder"]).median),
             f"{statistics.median(s.rate for s in mine):.0f}"] for streams, of in samples.items() for name, mine in of.items()]
    tables = [Table(["1.1 KB over HTTP/2", "CPU us/request", "lowest-highest", "x floor", "x larder", "requests/s"], rows)]
    judged = []
    for streams, expectations in EXPECTED.items():
        for name, to, sense, bound in expectations:
            of = samples[streams]
            if name not in of:
                continue
            found = hit.ratio(of[name], of[to])
            met = found.median <= bound if sense == "at most" else found.median >= bound
            judged.append([f"{streams} stream{'s' if streams > 1 else ''}: {name} {sense} {bound:g} times {to}", hit.figure(found.median),
                           f"{hit.figure(found.lowest)}-{hit.figure(found.highest)}",
                           "not judged" if args.smoke else "met" if met else f"not met: {found.median:.2f}x"])
    tables.append(Table(["expected CPU time per request", "median", "lowest-highest", "verdict"], judged))
    tables.append(Table(["memory of an idle connection", "bytes", "x larder"],
                        [[name, common.show_bytes(value), hit.figure(value / idle["larder"]) if idle.get("larder") else "-"] for name, value in idle.items()]))
    hit.tell_disturbed([sample for of in samples.values() for mine in of.values() for sample in mine], notes)
    raw = {"streams": {str(streams): {name: [asdict(sample) for sample in mine] for name, mine in of.items()} for streams, of in samples.items()},
           "idle": idle, "rounds": args.rounds, "seconds": args.seconds, "connections": CONNECTIONS, "notes": notes}
    common.finish("hit-h2", "A hit over HTTP/2, compared with other servers", tables=tables, raw=raw,
                  versions=[common.version(server.name) for server in servers if server.name != "floor"], words=notes)


if __name__ == "__main__":
    main()
