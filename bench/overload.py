"""Clients, an API and writes that misbehave. See overload.sh."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import resource
import socket
import time
import urllib.request
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import common
from common import Program, Progress, Table, free_port, percentile, show_bytes, show_time

WORK = common.OUT / "overload"
SERVER_CORE, LOAD_CORE = 0, 1
PATIENCE = 10.0  # seconds; what has had no response by then counts as unanswered
say = Progress("overload")


@dataclass
class Sizes:
    streams: int = 70
    uploads: int = 80
    probes: int = 20
    outage: float = 35
    readers: int = 1000
    heads: int = 6000
    bodies: int = 64
    body: int = 15_000_000
    keys: int = 18_000
    writes: int = 15_000
    hot: int = 500
    slow: int = 10_000
    rounds: int = 7
    seconds: float = 3
    judged: bool = True


SMOKE = Sizes(streams=10, uploads=10, probes=4, outage=1, readers=5, heads=20, bodies=2, body=200_000, keys=50, writes=50, hot=10, slow=50, rounds=1, seconds=1,
              judged=False)


# ---- the API --------------------------------------------------------------------------------------------------------


class Api:
    """An HTTP/1.1 server whose paths say how it behaves. Requests are counted by method and path."""

    def __init__(self) -> None:
        self.port = free_port()
        self.seen: dict[str, int] = {}
        self.server: asyncio.Server | None = None
        self.body = 0

    async def begin(self) -> None:
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", self.port, backlog=2048)

    async def end(self) -> None:
        self.server.close()
        self.server = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Cancelled at the end of the part.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while self.server and await self.answer(reader, writer):
                pass
        writer.close()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, target, _ = head.split(" ", 2)
        path = target.partition("?")[0]
        self.seen[f"{method} {path}"] = self.seen.get(f"{method} {path}", 0) + 1
        length = next((int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length:")), 0)
        if path == "/early":
            writer.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno\n")
            await writer.drain()
            await asyncio.sleep(0.3)  # the body is not read
            return False
        if length:
            await reader.readexactly(length)
        if path.startswith("/events"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: x\n\n\r\n")
            await writer.drain()
            await reader.read(1)  # until the other side closes
            return False
        if path == "/silent":
            await reader.read(1)
            return False
        if path == "/broken":
            return False
        size = self.body if path.startswith("/large") else 1000
        more = "Cache-Control: private\r\n" if path == "/private" else ""
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{more}Content-Length: {size}\r\n\r\n".encode())
        for _ in range(size // 100_000):
            writer.write(b"x" * 100_000)
            await writer.drain()
        writer.write(b"x" * (size % 100_000))
        await writer.drain()
        return True


# ---- larder ---------------------------------------------------------------------------------------------------------


class Larder:
    """/page/**, /events/**, /large/** and /private have a ttl; everything else is passed through."""

    def __init__(self, stack: ExitStack, binary: Path, api: Api, settings: str = "", files: int | None = None) -> None:
        self.port, self.admin = free_port(), free_port()
        config = WORK / f"{self.port}.yaml"
        config.write_text(f"""listen: 127.0.0.1:{self.port}
admin: 127.0.0.1:{self.admin}
log_level: error
routes:
  - {{path: /page/**, ttl: 1h}}
  - {{path: /events/**, ttl: 1h}}
  - {{path: /large/**, ttl: 1h}}
  - {{path: /private, ttl: 1h}}
  - {{path: /**, cache: off}}
{settings or 'upstream: "http://127.0.0.1:%d"' % api.port}
""")
        stack.callback(config.unlink)
        more = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))} if files else {}
        self.program = stack.enter_context(Program([binary, "serve", "-c", config], WORK / "larder.log", core=SERVER_CORE, port=self.port, **more))

    @property
    def pid(self) -> int:
        return self.program.process.pid

    def status_bytes(self, name: str) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
        return 0

    def settled_memory(self) -> int:
        """Once it no longer grows."""
        last = -1
        while (now := self.program.memory_bytes()) > last:
            last = now
            time.sleep(0.3)
        return now

    def unsent_bytes(self) -> int:
        """In the kernel's send queues of its clients' connections."""
        port = f":{self.port:04X}"
        total = 0
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            words = line.split()
            if words[1].endswith(port):
                total += int(words[4].partition(":")[0], 16)
        return total

    def admin_answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/healthz", timeout=3) as answer:
                return answer.status == 200
        except OSError:
            return False


# ---- clients --------------------------------------------------------------------------------------------------------


async def connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), PATIENCE)


async def ask(port: int, target: str, method: str = "GET", body: bytes = b"", to: tuple | None = None) -> int:
    """The status; 0 without a complete response. `to`: a connection that stays open."""
    try:
        return await asyncio.wait_for(ask_unbounded(port, target, method, body, to), PATIENCE)
    except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, ValueError):
        return 0


async def ask_unbounded(port: int, target: str, method: str, body: bytes, to: tuple | None) -> int:
    reader, writer = to or await connect(port)
    try:
        length = f"Content-Length: {len(body)}\r\n" if method not in ("GET", "DELETE") else ""
        writer.write(f"{method} {target} HTTP/1.1\r\nHost: larder.test\r\n{length}\r\n".encode() + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        size = next((int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length:")), 0)
        await reader.readexactly(size)
        return int(head.split(" ")[1])
    finally:
        if to is None:
            writer.close()


async def raw(port: int, sent: bytes, buffer: int = 0) -> socket.socket:
    """A connection on which these bytes were sent, and nothing is read."""
    sock = socket.socket()
    if buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, ("127.0.0.1", port))
    await loop.sock_sendall(sock, sent)
    return sock


async def opened(port: int, count: int, sent: Callable[[int], bytes], buffer: int = 0) -> list[socket.socket]:
    socks: list[socket.socket] = []
    while len(socks) < count:
        some = range(len(socks), min(count, len(socks) + 200))
        socks += await asyncio.gather(*(raw(port, sent(i), buffer) for i in some))
    return socks


def get(target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: larder.test\r\n\r\n".encode()


async def page_statuses(port: int, count: int, path: str = "/other") -> list[int]:
    return list(await asyncio.gather(*(ask(port, f"{path}?{i}") for i in range(count))))


def good(statuses: list[int]) -> float:
    return sum(status == 200 for status in statuses)


# ---- parts ----------------------------------------------------------------------------------------------------------


@dataclass
class Figure:
    what: str
    value: float
    show: Callable[[float], str]
    expected: Callable[[float], bool]
    wanted: str


def number(value: float) -> str:
    return f"{value:.0f}"


Part = Callable[[Path, Sizes, ExitStack, Api], Awaitable[list[Figure]]]


async def streams(binary: Path, sizes: Sizes, stack: ExitStack, api: Api) -> list[Figure]:
    larder = Larder(stack, binary, api)

    async def leave(number: int) -> None:
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            reader, writer = await connect(larder.port)
            writer.write(get(f"/events/{number}"))
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(reader.readuntil(b"data"), 1)
            writer.close()

    for first in range(0, sizes.streams, 10):
        await asyncio.gather(*(leave(number) for number in range(first, min(sizes.streams, first + 10))))
    await asyncio.sleep(1.5)
    answered = good(await page_statuses(larder.port, sizes.probes))
    return [Figure(f"responses to {sizes.probes} others after {sizes.streams} streams were left", answered, number, lambda v: v == sizes.probes, "all")]


async def uploads(binary: Path, sizes: Sizes, stack: ExitStack, api: Api) -> list[Figure]:
    larder = Larder(stack, binary, api)
    socks = await opened(larder.port, sizes.uploads, lambda i: f"POST /upload/{i} HTTP/1.1\r\nHost: larder.test\r\nContent-Length: 1000000\r\n\r\n".encode() + b"x" * 100)
    await asyncio.sleep(1.5)
    for sock in socks:
        with contextlib.suppress(OSError):
            sock.send(b"x")
    answered = good(await page_statuses(larder.port, sizes.probes))
    for sock in socks:
        sock.close()
    return [Figure(f"responses to {sizes.probes} others during {sizes.uploads} slow uploads", answered, number, lambda v: v == sizes.probes, "all")]


async def early(binary: Path, sizes: Sizes, stack: ExitStack, api: Api) -> list[Figure]:
    larder = Larder(stack, binary, api)
    failed = 0
    to = None
    for _ in range(sizes.probes):
        to = to or await connect(larder.port)
        reader, writer = to
        # As a client with a connection pool: keeps the connection unless the response forbids it.
        writer.write(b"POST /early HTTP/1.1\r\nHost: larder.test\r\nContent-Length: 5000000\r\n\r\n" + b"x" * 5_000_000)
        try:
            head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)).lower()
            await reader.readexactly(next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")))
            keeps = b"connection: close" not in head
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
            keeps = False  # its own failure is not counted
        if keeps:
            failed += await ask(larder.port, "/other", to=to) != 200
        if not keeps or reader.at_eof():
            writer.close()
            to = None
    return [Figure(f"requests of {sizes.probes} that failed after an early response", failed, number, lambda v: v == 0, "none")]


async def timeout(binary: Path, sizes: Sizes, stack: ExitStack, api: Api) -> list[Figure]:
    larder = Larder(stack, binary, api, f'upstream: {{url: "http://127.0.0.1:{api.port}", first_byte_timeout: 500ms}}')
    await ask(larder.port, "/other")  # leaves an idle connection to the API
    await ask(larder.port, "/silent", "DELETE")
    return [Figure("times that the API got a DELETE that it did not answer in time", api.seen.get("DELETE /silent", 0), number, lambda v: v == 1, "1")]


async def broken(binary: Path, sizes: Sizes, stack: ExitStack, api: Api) -> list[Figure]:
    larder = Larder(stack, binary, api)
    statuses = []
    for i in range(sizes.probes):
        await asyncio.gather(*(ask(larder.port, "/broken") for _ in range(3)))
        statuses.append(await ask(larder.port, f"/other?{i}"))
    return [Figure(f"healthy requests of {sizes.probes} that failed beside a broken path", sizes.probes - good(statuses), number, lambda v: v == 0, "none")]


async def outage(binary: Path, sizes: Sizes, stack: ExitStack, api: Api) -> list[Figure]:
    larder = Larder(stack, binary, api)
    await ask(larder.port, "/other")
    await api.end()
    end = time.monotonic() + sizes.outage
    while time.monotonic() < end:
        await ask(larder.port, "/other", "POST", b"{}")
        await asyncio.sleep(0.2)
    await api.begin()
    began = time.monotonic()
    while await ask(larder.port, "/other", "POST", b"{}") != 200 and time.monotonic() < began + 60:
        await asyncio.sleep(0.02)
    return [Figure(f"first write after an outage of {sizes.outage:.0f} s", time.monotonic() - began, show_time, lambda v: v <= 2, "2 s")]


async def files(binary: Path, sizes: Sizes, stack: ExitStack, api: Api) -> list[Figure]:
    larder = Larder(stack, binary, api, files=1024)
    await ask(larder.port, "/page/1")
    # Idle clients: each has had a response.
    socks = []
    for _ in range(1100 if sizes.judged else 100):
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            socks.append(await asyncio.wait_for(raw(larder.port, get("/page/1")), 1))
    answered = good([await ask(larder.port, "/page/1") for _ in range(sizes.probes if sizes.judged else 1)])
    admin = await asyncio.to_thread(larder.admin_answers)
    for sock in socks:
        sock.close()
    count = sizes.probes if sizes.judged else 1
    return [Figure(f"responses to {count} new clients at the limit of open files", answered, number, lambda v: v == count, "all"),
            Figure("responses of the admin listener meanwhile, of 1", float(admin), number, lambda v: v == 1, "1")]


async def readers(binary: Path, sizes: Sizes, stack: ExitStack, api: Api) -> list[Figure]:
    api.body = 5_000_000 if sizes.judged else 500_000
    larder = Larder(stack, binary, api)
    await ask(larder.port, "/large/1")
    await ask(larder.port, "/page/1")
    to = await connect(larder.port)
    waits: list[float] = []
    done = asyncio.Event()

    async def probe() -> None:
        while not done.is_set():
            began = time.monotonic()
            if await ask(larder.port, "/page/1", to=to) != 200:
                waits.append(PATIENCE)
                return
            waits.append(time.monotonic() - began)
            await asyncio.sleep(0.002)

    probing = asyncio.create_task(probe())
    socks = await opened(larder.port, sizes.readers, lambda _: get("/large/1"), buffer=4096)
    await asyncio.sleep(3 if sizes.judged else 0.3)
    done.set()
    await probing
    unsent = larder.unsent_bytes()
    for sock in socks:
        sock.close()
    return [Figure(f"unsent bytes in the kernel for {sizes.readers} clients that do not read", unsent, show_bytes, lambda v: v <= 400_000 * sizes.readers, "400 kB each"),
            Figure("longest wait of another client meanwhile", max(waits), show_time, lambda v: v <= 0.5, "0.5 s")]


async def heads(binary: Path, sizes: Sizes, stack: ExitStack, api: Api) -> list[Figure]:
    larder = Larder(stack, binary, api)
    before = larder.settled_memory()
    socks = await opened(larder.port, sizes.heads, lambda _: b"GET /page/1 HTTP/1.1\r\nHost: larder.test\r\nX-Padding: " + b"x" * 1000)
    await asyncio.sleep(0.5)
    memory = larder.settled_memory() - before
    for sock in socks:
        sock.close()
    return [Figure(f"memory for {sizes.heads} half-sent heads of 1 kB", memory, show_bytes, lambda v: v <= 10_000 * sizes.heads, "10 kB each")]


async def bodies(binary: Path, sizes: Sizes, stack: ExitStack, api: Api) -> list[Figure]:
    api.body = sizes.body
    larder = Larder(stack, binary, api, f'upstream: "http://127.0.0.1:{api.port}"\ncache: {{memory: 64MiB, max_body: 16MiB}}')
    before = larder.settled_memory()
    Path(f"/proc/{larder.pid}/clear_refs").write_text("5")  # the peak begins here
    await asyncio.gather(*(ask(larder.port, f"/large/{i}") for i in range(sizes.bodies)))
    peak = larder.status_bytes("VmHWM") - before
    return [Figure(f"most memory for {sizes.bodies} concurrent responses of {show_bytes(sizes.body)}, with 64 MiB for the cache", peak, show_bytes,
                   lambda v: v <= 200e6, "200 MB")]


async def keys(binary: Path, sizes: Sizes, stack: ExitStack, api: Api) -> list[Figure]:
    larder = Larder(stack, binary, api)
    await ask(larder.port, "/private")
    before = larder.settled_memory()
    to = await connect(larder.port)
    for i in range(sizes.keys):
        await ask(larder.port, f"/private?q={'x' * 6000}{i}", to=to)
    memory = larder.settled_memory() - before
    return [Figure(f"memory for {sizes.keys} queries of 6 kB that are not stored", memory, show_bytes, lambda v: v <= 20e6, "20 MB")]


async def writes(binary: Path, sizes: Sizes, stack: ExitStack, api: Api) -> list[Figure]:
    larder = Larder(stack, binary, api)
    to = await connect(larder.port)
    for i in range(sizes.hot):
        await ask(larder.port, f"/page/{i}", to=to)
    before = sum(count for name, count in api.seen.items() if name.startswith("GET /page/"))
    for i in range(sizes.writes):
        await ask(larder.port, f"/other/{i}", "PUT", b"{}", to=to)
    for i in range(sizes.hot):
        await ask(larder.port, f"/page/{i}", to=to)
    again = sum(count for name, count in api.seen.items() if name.startswith("GET /page/")) - before
    return [Figure(f"of {sizes.hot} stored responses, those fetched again after {sizes.writes} writes to other URLs", again, number, lambda v: v == 0, "none")]


async def slow(binary: Path, sizes: Sizes, stack: ExitStack, api: Api) -> list[Figure]:
    settings = f'upstream: "http://127.0.0.1:{api.port}"\nlimits: {{connections: 11000}}\ntimeouts: {{head: 1h}}'
    alone, beside = Larder(stack, binary, api, settings), Larder(stack, binary, api, settings)
    for larder in (alone, beside):
        await ask(larder.port, "/page/1")
    count = min(sizes.slow, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 500)
    socks = await opened(beside.port, count, lambda _: b"GET /page/1 HTTP/1.1\r\nX-Slow: ")
    trickles, done = asyncio.Event(), asyncio.Event()

    async def trickle() -> None:
        while not done.is_set():
            for at, sock in enumerate(socks):
                await trickles.wait()
                with contextlib.suppress(OSError):
                    sock.send(b"x")
                if at % 20 == 0:
                    await asyncio.sleep(0.02)

    def p99(larder: Larder) -> float:
        return common.wrk(f"http://127.0.0.1:{larder.port}/page/1", seconds=sizes.seconds, connections=4, core=LOAD_CORE, headers=["Host: larder.test"]).p99_ms / 1000

    trickling = asyncio.create_task(trickle())
    ratios = []
    # In turn, because the machine's speed changes with time.
    for _ in range(sizes.rounds):
        trickles.clear()
        without = await asyncio.to_thread(p99, alone)
        trickles.set()
        ratios.append(await asyncio.to_thread(p99, beside) / without)
    done.set()
    trickles.set()
    await trickling
    for sock in socks:
        sock.close()
    return [Figure(f"99th percentile of others' waits beside {count} slow connections, times that without", percentile(ratios, 50), "{:.2f}".format, lambda v: v <= 1.5, "1.5")]


PARTS: dict[str, Part] = {part.__name__: part for part in (streams, uploads, early, timeout, broken, outage, files, readers, heads, bodies, keys, writes, slow)}


async def measure(part: Part, binary: Path, sizes: Sizes) -> list[Figure]:
    api = Api()
    await api.begin()
    try:
        with ExitStack() as stack:
            return await part(binary, sizes, stack, api)
    finally:
        if api.server:
            await api.end()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--before", type=Path)
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    names = options.only.split(",")
    if unknown := [name for name in names if name not in PARTS]:
        raise SystemExit(f"overload: no part {unknown[0]}; they are {', '.join(PARTS)}")
    sizes = SMOKE if options.smoke else Sizes()
    common.build_larder()
    WORK.mkdir(parents=True, exist_ok=True)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {LOAD_CORE})
    rows, words, raw = [], [], {}
    for name in names:
        say(name)
        before = asyncio.run(measure(PARTS[name], options.before, sizes)) if options.before else None
        for at, figure in enumerate(asyncio.run(measure(PARTS[name], common.LARDER, sizes))):
            holds = figure.expected(figure.value)
            earlier = [figure.show(before[at].value)] if before else []
            verdict = "-" if not sizes.judged else "met" if holds else "not met"
            rows.append([figure.what, *earlier, figure.show(figure.value), figure.wanted, verdict])
            raw.setdefault(name, []).append({"what": figure.what, "value": figure.value, "before": before[at].value if before else None, "met": holds})
    say.end()
    columns = ["load", *(["before"] if options.before else []), "larder", "expected at most, or", ""]
    common.finish("overload", "Overload", tables=[Table(columns, rows)], raw=raw, versions=[common.version("larder")], words=words)


if __name__ == "__main__":
    main()
