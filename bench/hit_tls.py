"""Hits over TLS, handshakes, and the memory of an idle connection: larder, other servers and a bare program.

bench/hit.sh --tls says how it is used and read.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import common
import hit
from common import Program, Table
from hit import Case, Sample, Server, Tls, Unable

PEERS = ["haproxy", "nginx", "h2o"]
HANDSHAKES = ["full", "resumed"]
PATH = "/plain/1k"

EXPECTED = {case: [("larder", "floor", "at most", 1.05), *((peer, "larder", "at least", 1.0) for peer in PEERS)]
            for case in (Case("1k", "plain"), Case("20k", "plain"))}


def connect(load: Path, server: Server, mode: str, seconds: int) -> Sample:
    """Connections with one request each. Raises Unable."""
    core_before, before = hit.core_seconds(), server.program.cpu_seconds()
    ran = subprocess.run([load, mode, str(server.port), PATH, str(seconds)], capture_output=True, text=True)
    cpu = server.program.cpu_seconds() - before
    others = max(0.0, hit.core_seconds() - core_before - cpu) / seconds
    if ran.returncode != 0:
        raise Unable(f"cannot be measured: {ran.stderr}")
    made, resumed, failed = map(int, ran.stdout.split())
    if made == 0:
        raise Unable("answers no connection")
    faults = [f"{failed} connections failed"] if failed else []
    # The first connections have no session to resume.
    if mode == "full" and resumed or mode == "resumed" and resumed < made * 0.9:
        faults.append(f"{resumed} of {made} connections resumed a session")
    return Sample(cpu / made * 1e6, made / seconds, 0, made, others, faults)


def idle_bytes(load: Path, server: Server, count: int) -> float:
    """Anonymous memory of the server per idle connection that has been used once: the difference between two numbers of connections."""
    memory = []
    for connections in (count // 10, count):
        with subprocess.Popen([load, "hold", str(server.port), PATH, str(connections)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as held:
            if held.stdout.readline().strip() != "open":
                raise Unable(f"does not hold {connections} connections: {held.stderr.read()}")
            memory.append(server.program.memory_bytes())
            held.stdin.close()
    return (memory[1] - memory[0]) / (count - count // 10)


def handshake_rounds(args: argparse.Namespace, load: Path, servers: list[Server], progress: common.Progress, notes: list[str]) -> dict[str, dict[str, list[Sample]]]:
    samples: dict[str, dict[str, list[Sample]]] = {mode: {server.name: [] for server in servers} for mode in HANDSHAKES}
    faults: dict[str, list[str]] = {}
    for number in range(args.rounds):
        for mode in HANDSHAKES:
            for server in servers if number % 2 == 0 else list(reversed(servers)):
                progress(f"round {number + 1} of {args.rounds}, {mode} handshakes: {server.name}")
                try:
                    sample = connect(load, server, mode, args.seconds)
                except Unable as error:
                    raise SystemExit(f"{server.name}, {mode} handshakes: it {error}") from None
                hit.tell_faults(faults, f"{server.name}, {mode} handshakes", sample)
                samples[mode][server.name].append(sample)
    notes += [f"{name}: {'; '.join(dict.fromkeys(said))}." for name, said in faults.items()]
    return samples


def handshake_table(samples: dict[str, dict[str, list[Sample]]]) -> Table:
    rows = []
    for mode, of in samples.items():
        for name, mine in of.items():
            rows.append([f"{mode}: {name}", hit.figure(statistics.median(s.cpu_us for s in mine)), hit.shown_range([s.cpu_us for s in mine]),
                         hit.figure(hit.ratio(mine, of["floor"]).median), hit.figure(hit.ratio(mine, of["larder"]).median),
                         f"{statistics.median(1e6 / s.cpu_us for s in mine):.0f}"])
    return Table(["a connection, one request", "CPU us", "lowest-highest", "x floor", "x larder", "connections per CPU second"], rows)


def handshakes_judged(samples: dict[str, dict[str, list[Sample]]], judge: bool) -> Table:
    rows = []
    for mode, of in samples.items():
        for name in of:
            if name not in PEERS:
                continue
            found = hit.ratio(of[name], of["larder"])
            rows.append([f"{mode} handshake: {name} at least 1 times larder", hit.figure(found.median), f"{hit.figure(found.lowest)}-{hit.figure(found.highest)}",
                         "not judged" if not judge else "met" if found.median >= 1 else f"not met: {found.median:.2f}x"])
    return Table(["expected CPU time per connection", "median", "lowest-highest", "verdict"], rows)


def memory_table(args: argparse.Namespace, load: Path, servers: list[Server], progress: common.Progress, notes: list[str], raw: dict) -> Table:
    of: dict[str, float] = {}
    for server in servers:
        progress(f"memory of {args.held} idle connections: {server.name}")
        try:
            of[server.name] = idle_bytes(load, server, args.held)
        except Unable as error:
            notes.append(f"{server.name} has no figure for idle connections: it {error}.")
    raw["idle"] = of
    rows = [[name, common.show_bytes(value), hit.figure(value / of["larder"]) if of.get("larder") else "-"] for name, value in of.items()]
    if "nginx" in of and "larder" in of and not args.smoke:
        notes.append(f"Expected: larder's memory per idle connection is below nginx's. {'Met' if of['larder'] < of['nginx'] else 'Not met'}: "
                     f"{common.show_bytes(of['larder'])} and {common.show_bytes(of['nginx'])}.")
    return Table(["memory of an idle connection", "bytes", "x larder"], rows)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/hit.sh --tls", add_help=False)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=int, default=1)
    parser.add_argument("--only", default=",".join(PEERS))
    parser.add_argument("--cases")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true")
    size.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    by_name = {case.name: case for case in hit.ALL_CASES if case.kind != "gzip"}  # h2o does not compress
    names = (args.cases or ("1k-plain" if args.smoke else "1k-plain,20k-plain,290k-plain")).split(",")
    for name in names:
        if name not in by_name:
            parser.error(f"--cases: no case '{name}'; the cases are {', '.join(by_name)}")
    args.cases = [by_name[name] for name in names]
    args.only = hit.chosen(parser, args.only, PEERS)
    args.rounds = args.rounds or (1 if args.smoke else 3 if args.quick else 7)
    args.held = 200 if args.smoke else 2_000
    if args.rounds < 1 or args.seconds < 1:
        parser.error("--rounds and --seconds are 1 or more")
    return args


def main() -> None:
    args = arguments()
    progress, directory = hit.prepare("hit-tls")
    load = hit.build_program("tls_load", directory, "-lssl", "-lcrypto", "-pthread")
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {hit.CLIENT_CORE})
    notes: list[str] = []
    raw: dict = {}
    with ExitStack() as stack:
        stack.callback(progress.end)
        peers_directory = common.open_directory(stack)
        certificates = peers_directory / "certificates"
        certificates.mkdir()
        tls = Tls(certificates)
        floor = hit.build_floor(directory, tls)
        names, targets = hit.gather(args, floor, directory, peers_directory, stack, progress, notes, tls)
        versions = {name: cipher(target.server) for name, target in targets[args.cases[0]].items()}
        servers = [target.server for target in targets[args.cases[0]].values()]
        memory = memory_table(args, load, servers, progress, notes, raw)  # before the load leaves free memory behind
        samples = hit.run_rounds(args, targets, progress, notes)
        handshakes = handshake_rounds(args, load, servers, progress, notes)
        tables = [hit.size_table(size, names, samples) for size in hit.SIZES if any(case.size == size for case in samples)]
        expected = hit.judged(samples, not args.smoke, {case: of for case, of in EXPECTED.items() if case in samples})
        tables += [table for table in (expected, handshake_table(handshakes), handshakes_judged(handshakes, not args.smoke)) if table.rows]
        tables.append(memory)
    progress.end()
    notes.append("Ciphers: " + "; ".join(f"{used}: {', '.join(name for name, its in versions.items() if its == used)}" for used in dict.fromkeys(versions.values())) +
                 ". A certificate with a P-256 key; session tickets.")
    measured = [sample for of in (*samples.values(), *handshakes.values()) for mine in of.values() for sample in mine]
    hit.tell_disturbed(measured, notes)
    raw["cases"] = {case.name: {name: [asdict(sample) for sample in mine] for name, mine in of.items()} for case, of in samples.items()}
    raw["handshakes"] = {mode: {name: [asdict(sample) for sample in mine] for name, mine in of.items()} for mode, of in handshakes.items()}
    raw["rounds"], raw["seconds"], raw["connections"], raw["notes"] = args.rounds, args.seconds, hit.CONNECTIONS, notes
    common.finish("hit-tls", "A hit over TLS, compared with other servers", tables=tables, raw=raw,
                  versions=[common.version(name) for name in [*(n for n in names if n != "floor"), "wrk"]], words=notes)


def cipher(server: Server) -> str:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as plain, server.tls.context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
        return f"{connection.version()} {connection.cipher()[0]}"


if __name__ == "__main__":
    main()
