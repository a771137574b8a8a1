"""Waiting times of dashboard tabs in front of the API, reached in three ways, with a writer. See dashboards.sh."""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import random
import signal
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from common import LARDER, OUT, ROOT, Program, Table, build_larder, finish, free_port, percentile, version, which

SUMMARY = "/state/summary"
INDEX = "/workstreams/workplan-index"
TTLS = {INDEX: 30, SUMMARY: 15, "/topics/": 30, "/domains/": 30, "/repos/": 30, "/tasks/?limit=500": 15, "/sbom/snapshots/": 60}
PAGES = [target for target in TTLS if target != SUMMARY]
AFTER_A_WRITE = 6.0  # seconds during which a poll may have to wait for the new state
PERCENTILES = [50, 90, 99, 99.9, 100]


def say(text: str) -> None:
    print(f"dashboards: {text}", file=sys.stderr, flush=True)


# ---- a small HTTP client: one connection, kept alive ----------------------------------------------------------------


@dataclass
class Answer:
    status: int
    fields: dict[str, str]
    body: bytes


class Connection:
    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, target: str, fields: dict[str, str] | None = None, body: bytes = b"") -> Answer:
        """The response, or ConnectionError. An idle connection that the server has closed is opened again."""
        kept = self.streams is not None
        try:
            return await self._ask(method, target, fields or {}, body)
        except (ConnectionError, asyncio.IncompleteReadError, ValueError) as error:
            self.close()
            if not kept:
                raise ConnectionError(str(error)) from None
        try:
            return await self._ask(method, target, fields or {}, body)
        except (asyncio.IncompleteReadError, ValueError, ConnectionError) as error:
            self.close()
            raise ConnectionError(str(error)) from None

    async def _ask(self, method: str, target: str, fields: dict[str, str], body: bytes) -> Answer:
        if self.streams is None:
            self.streams = await asyncio.open_connection(*self.address, limit=1 << 20)
        reader, writer = self.streams
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.address[0]}:{self.address[1]}"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(head[0].split(" ")[1])
        found = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in head[1:] if line)}
        content = b""
        if status not in (204, 304):
            if "chunked" in found.get("transfer-encoding", ""):
                content = await read_chunks(reader)
            else:
                content = await reader.readexactly(int(found.get("content-length", "0")))
        if found.get("connection", "").lower() == "close":
            self.close()
        return Answer(status, found, content)

    def close(self) -> None:
        if self.streams is not None:
            self.streams[1].close()
            self.streams = None


async def read_chunks(reader: asyncio.StreamReader) -> bytes:
    pieces = []
    while True:
        size = int((await reader.readline()).split(b";")[0], 16)
        if size == 0:
            while await reader.readline() not in (b"\r\n", b""):
                pass
            return b"".join(pieces)
        pieces.append(await reader.readexactly(size))
        await reader.readexactly(2)


# ---- measurements ---------------------------------------------------------------------------------------------------


@dataclass
class Poll:
    target: str
    began: float
    wait: float
    status: int  # 0: no response
    age: float | None
    reload: bool  # a forced reload, which is expected to wait


@dataclass
class Results:
    polls: list[Poll] = field(default_factory=list)
    writes: list[tuple[float, float]] = field(default_factory=list)  # start and end
    seen_after: list[float] = field(default_factory=list)
    upstream: dict[str, int] = field(default_factory=dict)
    failed_writes: int = 0

    def is_after_a_write(self, poll: Poll) -> bool:
        return any(began <= poll.began <= ended + AFTER_A_WRITE for began, ended in self.writes)

    def is_apart(self, poll: Poll) -> bool:
        """Whether it has no reason to wait."""
        return not poll.reload and not self.is_after_a_write(poll)


def age_of(answer: Answer) -> float | None:
    made = answer.fields.get("x-made-at")
    return max(time.time() - float(made), 0) if made else None


class Run:
    """The tabs and the writer, with one address, for a given time."""

    def __init__(self, options: argparse.Namespace, name: str, address: tuple[str, int]) -> None:
        self.options = options
        self.name = name
        self.address = address
        self.results = Results()
        self.title = b""  # set by the last write
        self.written_at: float | None = None  # until a response has shown it
        self.api_is_down = False
        self.begun = 0.0

    def left(self) -> float:
        return self.begun + self.options.seconds - time.monotonic()

    async def warm_up(self) -> None:
        connection = Connection(self.address)
        for target in TTLS:
            await connection.ask("GET", target)
        connection.close()

    async def poll(self, connection: Connection, target: str, fields: dict[str, str], counted: bool = True) -> Answer | None:
        began = time.monotonic()
        answer = None
        try:
            answer = await connection.ask("GET", target, fields)
        except OSError:
            pass
        ended = time.monotonic()
        path = target.split("?refresh")[0]
        if answer is not None and path == "/topics/" and self.written_at is not None and self.title in answer.body:
            self.results.seen_after.append(ended - self.written_at)
            self.written_at = None
        if counted:
            age = age_of(answer) if answer is not None and answer.status == 200 else None
            self.results.polls.append(Poll(path, began, ended - began, answer.status if answer else 0, age, path != target))
        return answer

    async def tab(self, target: str, rhythm: float, phase: float, remembers: bool, presses_reload: bool) -> None:
        connection = Connection(self.address)
        due = self.begun + phase
        tag = ""
        count = 0
        while due - self.begun < self.options.seconds:
            await asyncio.sleep(max(due - time.monotonic(), 0))
            count += 1
            # The reload button, every fourth time.
            asked = f"{target}?refresh=1" if presses_reload and count % 4 == 0 else target
            answer = await self.poll(connection, asked, {"If-None-Match": tag} if remembers and tag else {})
            if answer is not None and answer.status == 200:
                tag = answer.fields.get("etag", "")
            # If one is still unanswered when the next is due, the next is skipped.
            due += rhythm * max(1, math.ceil((time.monotonic() - due) / rhythm))
        connection.close()

    async def watch(self) -> None:
        """Polls after a write until the new state is visible."""
        connection = Connection(self.address)
        while self.left() > 0:
            if self.written_at is not None:
                await self.poll(connection, "/topics/", {}, counted=False)
            await asyncio.sleep(0.25)
        connection.close()

    async def write(self, topic: str) -> None:
        connection = Connection(self.address)
        number = 0
        due = self.begun + self.options.write_rhythm / 2
        # No write near the end, so that each can be observed.
        while due - self.begun < self.options.seconds - self.options.write_rhythm / 2:
            await asyncio.sleep(max(due - time.monotonic(), 0))
            due += self.options.write_rhythm
            if self.api_is_down:
                continue
            number += 1
            title = f"Renamed {self.name} {number}"
            began = time.monotonic()
            try:
                answer = await connection.ask("PATCH", f"/topics/{topic}", body=json.dumps({"title": title}).encode())
                if answer.status != 200:
                    raise ConnectionError(answer.status)
            except OSError:
                self.results.failed_writes += 1
                continue
            ended = time.monotonic()
            self.results.writes.append((began, ended))
            self.title, self.written_at = title.encode(), ended
        connection.close()

    async def tell(self) -> None:
        while self.left() > 0:
            polls = self.results.polls
            bad = sum(1 for poll in polls if not 200 <= poll.status < 400)
            longest = max((poll.wait for poll in polls), default=0) * 1000
            say(f"{self.name}: {self.left():4.0f} s left, {len(polls)} polls, {bad} errors, longest wait {longest:.0f} ms")
            await asyncio.sleep(min(5, max(self.left(), 0)))

    async def run(self, api: Api) -> Results:
        topic = json.loads(fetch(api.url + "/topics/"))[0]["id"]
        say(f"{self.name}: one request for each endpoint")
        await self.warm_up()
        before = api.counts()
        chance = random.Random(1)
        self.begun = time.monotonic()
        tasks = [self.tell(), self.watch(), self.write(topic)]
        for number in range(self.options.tabs):
            remembers = number % 10 == 0
            page = PAGES[number % len(PAGES)]
            for target, rhythm in ((SUMMARY, self.options.rhythm), (page, self.options.rhythm / 4)):
                tasks.append(self.tab(target, rhythm, chance.uniform(0, rhythm), remembers, number == 0 and target == INDEX))
        if self.options.kill:
            tasks.append(self.trouble(api))
        running = [asyncio.create_task(task) for task in tasks]
        await asyncio.wait(running, timeout=self.options.seconds + 120)
        for task in running:
            task.cancel()
        after = api.counts()
        self.results.upstream = {path: after.get(path, 0) - before.get(path, 0) for path in after}
        return self.results

    async def trouble(self, api: Api) -> None:
        await asyncio.sleep(self.options.seconds / 3)
        self.api_is_down = True
        say(f"{self.name}: the API is killed")
        await asyncio.to_thread(api.kill)
        await asyncio.sleep(min(60, self.options.seconds / 3))
        await asyncio.to_thread(api.start)
        say(f"{self.name}: the API is back")
        self.api_is_down = False


# ---- programs -------------------------------------------------------------------------------------------------------


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=120) as answer:
        return answer.read()


class Api:
    """The sample API, on the same port after a restart."""

    def __init__(self, options: argparse.Namespace, log: Path) -> None:
        self.log = log
        self.program: Program | None = None
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.earlier: dict[str, int] = {}  # of earlier processes that were killed
        self.command = ["/usr/bin/python3", ROOT / "bench/upstream/run.py", "--port", str(self.port), "--scale", str(options.scale),
                        "--data", options.data, "--stamp"]

    def start(self) -> None:
        self.program = Program(self.command, self.log, port=self.port)

    def counts(self) -> dict[str, int]:
        """Requests for the seven endpoints since the start, by path."""
        now = {path: 0 for path in self.paths()}
        for name, count in json.loads(fetch(self.url + "/_stats"))["requests"].items():
            method, path = name.split(" ", 1)
            if method == "GET" and path in now:
                now[path] += count
        return {path: count + self.earlier.get(path, 0) for path, count in now.items()}

    @staticmethod
    def paths() -> list[str]:
        return [target.split("?")[0] for target in TTLS]

    def kill(self) -> None:
        self.earlier = self.counts()
        self.end(signal.SIGKILL)

    def end(self, how: int = signal.SIGTERM) -> None:
        if self.program is not None:
            self.program.end(how)


NGINX = """
daemon off; worker_processes 1; pid {work}/nginx.pid; error_log {work}/nginx.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_timeout 300; keepalive_requests 1000000;
  client_body_temp_path {work}/body; proxy_temp_path {work}/proxy; fastcgi_temp_path {work}/f; uwsgi_temp_path {work}/u; scgi_temp_path {work}/s;
  proxy_cache_path {work}/cache keys_zone=api:10m inactive=1h max_size=256m use_temp_path=off;
  upstream api {{ server 127.0.0.1:{api} max_fails=0; keepalive 32; }}
  map $arg_refresh $reload {{ default ""; ~*^(1|true|t|yes|y|on)$ 1; }}
  server {{
    listen 127.0.0.1:{port};
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
    proxy_cache api; proxy_cache_key $uri$is_args$args; proxy_cache_revalidate on;
    proxy_cache_lock on; proxy_cache_lock_timeout 60s; proxy_cache_lock_age 60s;
    proxy_cache_use_stale error timeout updating http_500 http_502 http_503 http_504; proxy_cache_background_update on;
    proxy_ignore_headers Cache-Control Expires;
    add_header X-Cache $upstream_cache_status always;
{locations}
    location / {{ proxy_cache off; proxy_pass http://api; }}
  }}
}}
"""


def nginx_locations() -> str:
    lines = []
    for target, ttl in TTLS.items():
        path = target.split("?")[0]
        more = " proxy_cache_key $uri; proxy_cache_bypass $reload;" if path == INDEX else ""
        lines.append(f"    location = {path} {{ proxy_cache_valid 200 {ttl}s;{more} proxy_pass http://api; }}")
    return "\n".join(lines)


def start_way(name: str, api: Api, work: Path, options: argparse.Namespace) -> tuple[Program | None, tuple[str, int]]:
    if name == "direct":
        return None, ("127.0.0.1", api.port)
    port = free_port()
    log = work / f"{name}.log"
    if name == "nginx":
        configuration = work / "nginx.conf"
        configuration.write_text(NGINX.format(work=work, api=api.port, port=port, locations=nginx_locations()))
        command = ["nginx", "-p", work, "-e", work / "nginx.log", "-c", configuration]
    else:
        command = [LARDER, "serve", "-c", ROOT / "config/examples/statehub.yaml", "--listen", f"127.0.0.1:{port}", "--upstream", api.url,
                   "--admin", f"127.0.0.1:{free_port()}"]
    return Program(command, log, port=port), ("127.0.0.1", port)


# ---- the table and the plot -----------------------------------------------------------------------------------------


def figures(results: Results) -> dict[str, float]:
    waits = [poll.wait * 1000 for poll in results.polls]
    apart = [poll.wait * 1000 for poll in results.polls if results.is_apart(poll)]
    ages = [poll.age for poll in results.polls if poll.age is not None]
    over = [poll.age - TTLS[poll.target] for poll in results.polls if poll.age is not None]
    out: dict[str, float] = {"polls": len(waits), "errors": sum(1 for poll in results.polls if not 200 <= poll.status < 400)}
    for percent in PERCENTILES:
        out[f"wait p{percent:g}"] = percentile(waits, percent)
    for percent in PERCENTILES:
        out[f"apart p{percent:g}"] = percentile(apart, percent)
    out["upstream requests"] = sum(results.upstream.values())
    out["age p50"] = percentile(ages, 50)
    out["age longest"] = percentile(ages, 100)
    out["older than its ttl by"] = max(max(over, default=0), 0)
    out["writes"] = len(results.writes)
    out["seen after, median"] = percentile([value * 1000 for value in results.seen_after], 50)
    out["seen after, longest"] = percentile([value * 1000 for value in results.seen_after], 100)
    return out


def table(all_figures: dict[str, dict[str, float]]) -> Table:
    def show(value: float, unit: str) -> str:
        if math.isnan(value):
            return "-"
        return f"{value:.1f} {unit}" if (unit == "ms" and value < 100) or unit == "s" else f"{value:.0f} {unit}".rstrip()

    rows = [("polls", "polls", ""), ("errors", "errors", "")]
    rows += [(f"wait {'longest' if p == 100 else f'p{p:g}'}", f"wait p{p:g}", "ms") for p in PERCENTILES]
    rows += [(f"without reason {'longest' if p == 100 else f'p{p:g}'}", f"apart p{p:g}", "ms") for p in PERCENTILES]
    rows += [("upstream requests", "upstream requests", ""), ("age p50", "age p50", "s"), ("age longest", "age longest", "s"),
             ("older than its ttl by", "older than its ttl by", "s"), ("writes", "writes", ""),
             ("a write is seen after, median", "seen after, median", "ms"), ("a write is seen after, longest", "seen after, longest", "ms")]
    return Table(["", *all_figures], [[label, *(show(of[key], unit) for of in all_figures.values())] for label, key, unit in rows])


COLOURS = {"direct": "#b3261e", "nginx": "#1b7f3b", "larder": "#1f5fbf"}


def plot(runs: dict[str, Results], caption: str) -> str:
    """Waits by percentile; each step to the right leaves a tenth of the polls."""
    width, height, left, right, top, bottom = 760, 430, 70, 110, 30, 70
    marks = [(0, "all"), (1, "p90"), (2, "p99"), (3, "p99.9")]
    lowest, highest = 0.1, 1_000_000.0

    def x(beyond: float) -> float:  # `beyond`: the share of polls that waited longer
        return left + (width - left - right) * min(-math.log10(max(beyond, 1e-3)), 3) / 3

    def y(milliseconds: float) -> float:
        at = math.log10(min(max(milliseconds, lowest), highest) / lowest) / math.log10(highest / lowest)
        return height - bottom - (height - top - bottom) * at

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
           f'<rect width="{width}" height="{height}" fill="#fff"/>',
           f'<text x="{left}" y="18" font-size="14" font-weight="bold">How long a dashboard tab waits for an answer</text>']
    for power in range(-1, 7):
        value = 10.0**power
        label = f"{value:g} ms" if value < 1000 else f"{value / 1000:g} s"
        out.append(f'<line x1="{left}" y1="{y(value):.1f}" x2="{width - right}" y2="{y(value):.1f}" stroke="#ddd"/>')
        out.append(f'<text x="{left - 8}" y="{y(value) + 4:.1f}" text-anchor="end" fill="#444">{label}</text>')
    for step, label in marks:
        at = x(10.0**-step)
        out.append(f'<line x1="{at:.1f}" y1="{top}" x2="{at:.1f}" y2="{height - bottom}" stroke="#eee"/>')
        out.append(f'<text x="{at:.1f}" y="{height - bottom + 18}" text-anchor="middle" fill="#444">{label}</text>')
    for name, results in runs.items():
        for polls, style in ((results.polls, ""), ([poll for poll in results.polls if results.is_apart(poll)], ' stroke-dasharray="5 3"')):
            waits = sorted(poll.wait * 1000 for poll in polls)
            points = [f"{x(1 - index / len(waits)):.1f},{y(wait):.1f}" for index, wait in enumerate(waits)]
            out.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"{style}/>')
        longest = max((poll.wait * 1000 for poll in results.polls), default=lowest)
        out.append(f'<text x="{width - right + 8}" y="{y(longest) + 4:.1f}" fill="{COLOURS[name]}" font-weight="bold">{name}</text>')
    out.append(f'<text x="{(left + width - right) / 2}" y="{height - bottom + 36}" text-anchor="middle" fill="#444">percentile of polls'
               ' (dashed: without the reload button, and polls that began within 6 s of a write)</text>')
    out.append(f'<text x="{left}" y="{height - 10}" font-size="10" fill="#666">{caption}</text></svg>')
    return "\n".join(out)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dashboards.sh", description="See the head of dashboards.sh.")
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--tabs", type=int, default=50)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--only", default="direct,nginx,larder")
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--out", type=Path, default=OUT, help="where the figures and the plot are left")
    options = parser.parse_args()
    options.ways = options.only.split(",")
    options.seconds, options.rhythm, options.write_rhythm = options.minutes * 60, 60.0, 30.0
    if options.smoke:
        options.scale, options.seconds, options.rhythm, options.write_rhythm = 0.02, 9.0, 4.0, 3.0
    unknown = set(options.ways) - {"direct", "nginx", "larder"}
    if unknown:
        parser.error(f"--only: {', '.join(sorted(unknown))}: there are direct, nginx and larder")
    if "nginx" in options.ways and not which("nginx"):
        say("nginx is not installed, and left out")
        options.ways.remove("nginx")
    return options


async def measure(name: str, options: argparse.Namespace, work: Path) -> Results:
    api = Api(options, work / "api.log")
    program = None
    try:
        api.start()
        program, address = start_way(name, api, work, options)
        return await Run(options, name, address).run(api)
    finally:
        if program is not None:
            program.end()
        api.end()


def main() -> None:
    options = parse_arguments()
    build_larder()
    options.data = ROOT / "build" / "statehub"
    options.out.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    runs: dict[str, Results] = {}
    with tempfile.TemporaryDirectory(prefix="larder-dashboards-") as directory:
        os.chmod(directory, 0o711)  # nginx's worker is another user if this runs as root
        for name in options.ways:
            work = Path(directory) / name
            work.mkdir()
            runs[name] = asyncio.run(measure(name, options, work))
    all_figures = {name: figures(results) for name, results in runs.items()}
    title = (f"{options.tabs} dashboard tabs, {options.seconds:.0f} s each way, sample API at scale {options.scale:g}"
             f"{', killed for a while' if options.kill else ''}")
    stem = "dashboards-kill" if options.kill else "dashboards"
    raw = {name: {"figures": all_figures[name], "upstream": results.upstream, "seen_after": results.seen_after,
                  "polls": [[p.target, round(p.began, 3), round(p.wait, 6), p.status, p.age] for p in results.polls]}
           for name, results in runs.items()}
    versions = [version(name) for name in runs if name != "direct"]
    finish(stem, title, tables=[table(all_figures)], plots={stem: plot(runs, title)}, raw=raw, versions=versions, out=options.out)


if __name__ == "__main__":
    main()
