"""CPU time of a hit: of larder, of other caches and of the floor; then the cost of larder's features.

bench/hit.sh says how it is used and read. Each server runs on one core, wrk on another. Each has an origin of its own (threads of this process, on
wrk's core), which nobody is to ask while something is measured; it counts whether somebody does.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import http.server
import json
import os
import resource
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import threading
import time
import urllib.request
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Callable

import common
from common import Program, Table

HERE = Path(__file__).resolve().parent
PEERS = ["haproxy", "nginx", "varnish", "squid", "trafficserver"]
SIZES = {"1k": 1_100, "20k": 20_000, "290k": 290_000}
SIZE_NAMES = {"1k": "1.1 KB", "20k": "20 KB", "290k": "290 KB"}
KINDS = {"plain": "plain", "304": "If-None-Match", "gzip": "gzip"}
CONNECTIONS = 64
SERVERS_CORE, CLIENT_CORE = 0, 1


class Unable(Exception):
    """Why a server cannot be measured."""


class Tls:
    """A certificate for 127.0.0.1 that signs itself, for all servers."""

    def __init__(self, directory: Path) -> None:
        self.certificate, self.key, self.both = directory / "server.pem", directory / "server.key", directory / "both.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", self.key, "-out", self.certificate], check=True, capture_output=True)
        self.both.write_text(self.certificate.read_text() + self.key.read_text())
        for file in directory.iterdir():
            file.chmod(0o644)  # the peers run as nobody
        self.context = ssl.create_default_context(cafile=self.certificate)


# ---- requests and responses -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    size: str
    kind: str

    @property
    def name(self) -> str:
        return f"{self.size}-{self.kind}"

    @property
    def title(self) -> str:
        return f"{SIZE_NAMES[self.size]} {KINDS[self.kind]}"

    @property
    def path(self) -> str:
        # Separate paths, so that responses without a coding have no Vary, which costs some caches a second look-up.
        return f"/coded/{self.size}" if self.kind == "gzip" else f"/plain/{self.size}"


ALL_CASES = [Case(size, kind) for size in SIZES for kind in KINDS]


def list_of(size: int) -> bytes:
    """A JSON list as an API sends it; gzip reduces it to a seventh."""
    items, length = [], 2
    while length < size:
        digest = hashlib.sha256(str(len(items)).encode()).hexdigest()
        items.append(json.dumps({"id": len(items), "slug": f"topic-{digest[:6]}", "title": f"A topic of number {digest[6:12]}", "status": "active"}))
        length += len(items[-1]) + 2
    return ("[" + ", ".join(items) + "]").encode()[: size - 1].ljust(size - 1) + b"]"


BODIES = {size: list_of(count) for size, count in SIZES.items()}


class Origin:
    """The API: its responses may be stored for a day; under /coded/ they are coded on request. Counts its requests."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        origin = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:  # noqa: N802, the library's name
                origin.asked[self.path] += 1
                body = BODIES.get(self.path.rpartition("/")[2])
                if body is None:
                    self.send_error(404)
                    return
                tag = hashlib.sha256(body).hexdigest()[:16]
                self.send_response(200)
                if self.path.startswith("/coded/"):
                    self.send_header("Vary", "Accept-Encoding")
                    if "gzip" in self.headers.get("Accept-Encoding", ""):
                        body, tag = gzip.compress(body, 6), tag + "-gzip"
                        self.send_header("Content-Encoding", "gzip")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "max-age=86400")
                self.send_header("ETag", f'"{tag}"')
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_) -> None:
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            def handle_error(self, *_) -> None:
                pass  # a server that is stopped resets its connections

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 60}, daemon=True).start()


@dataclass
class Answer:
    status: int
    fields: dict[str, str]
    body: bytes
    raw: bytes


def ask(server: Server, path: str, headers: list[str]) -> Answer:
    """One GET; the response unchanged."""
    with ExitStack() as stack:
        connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
        if server.tls is not None:
            connection = stack.enter_context(server.tls.context.wrap_socket(connection, server_hostname="127.0.0.1"))
        connection.sendall("\r\n".join([f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{server.port}", *headers, "", ""]).encode())
        raw = b""

        def more() -> None:
            nonlocal raw
            got = connection.recv(1 << 20)
            if not got:
                raise Unable(f"closed the connection within an answer to {path}")
            raw += got

        while b"\r\n\r\n" not in raw:
            more()
        head, _, _ = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        status, begin = int(first.split()[1]), len(head) + 4
        if status == 304:
            return Answer(status, fields, b"", raw)
        if "content-length" in fields:
            while len(raw) < begin + int(fields["content-length"]):
                more()
            return Answer(status, fields, raw[begin:], raw)
        if fields.get("transfer-encoding", "").lower() != "chunked":
            raise Unable(f"frames an answer to {path} by closing the connection")
        body, at = b"", begin
        while True:
            while (end := raw.find(b"\r\n", at)) < 0:
                more()
            count = int(raw[at:end].split(b";")[0], 16)
            while len(raw) < end + 2 + count + 2:
                more()
            if count == 0:
                return Answer(status, fields, body, raw)
            body += raw[end + 2 : end + 2 + count]
            at = end + 2 + count + 2


# ---- the servers ----------------------------------------------------------------------------------------------------


@dataclass
class Server:
    name: str
    port: int
    program: Program
    origin: Origin | None = None
    tls: Tls | None = None

    @property
    def url(self) -> str:
        return f"{'http' if self.tls is None else 'https'}://127.0.0.1:{self.port}"


@dataclass
class Target:
    """A verified case of a server: the request for wrk, and the size of the response."""

    server: Server
    path: str
    headers: list[str]
    bytes: int


def as_nobody(directory: Path) -> list[str]:
    """For the peers, which refuse to run as root or change to a user that cannot read the directory."""
    if os.geteuid() != 0:
        return []
    subprocess.run(["chown", "-R", "nobody:nogroup", directory], check=True)
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]


# Tags of Varnish's shared log about a client's request. The log is not read here, so they are masked, as its manual recommends.
VARNISH_LOG_TAGS = """Begin End Link SessOpen SessClose ReqStart ReqMethod ReqURL ReqProtocol ReqHeader ReqUnset ReqAcct RespProtocol RespStatus
    RespReason RespHeader RespUnset VCL_call VCL_return VCL_use Timestamp Hit HitMiss Filters Length Gzip""".split()


def peer_command(name: str, work: Path, port: int) -> list[str | Path]:
    match name:
        case "haproxy":
            return ["haproxy", "-db", "-f", work / "haproxy.cfg"]
        case "nginx":
            return ["nginx", "-p", work, "-e", work / "nginx.log", "-c", work / "nginx.conf"]
        case "h2o":
            return ["h2o", "-c", work / "h2o.conf"]
        case "squid":
            return ["squid", "-N", "-f", work / "squid.conf"]
        case "trafficserver":
            return ["traffic_server", f"--run-root={work / 'runroot.yaml'}"]
        case "varnish":
            parameters = {
                "vsl_mask": ",".join("-" + tag for tag in VARNISH_LOG_TAGS),
                "thread_pools": "1",  # more than one for each core is "most likely detrimental to performance"
                "thread_pool_min": "200",  # started in advance, and not ended when idle
                "thread_pool_max": "1000",
            }
            return ["varnishd", "-F", "-j", "none", "-a", f"127.0.0.1:{port}", "-f", work / "varnish.vcl", "-n", work / "varnish", "-s", "malloc,256m",
                    "-T", "none", *(word for key, value in parameters.items() for word in ("-p", f"{key}={value}"))]
    raise ValueError(name)


PROGRAMS = {"haproxy": "haproxy", "nginx": "nginx", "h2o": "h2o", "varnish": "varnishd", "squid": "squid", "trafficserver": "traffic_server"}


def tls_marks(name: str, tls: Tls | None) -> dict[str, str]:
    """What the marks of a peer's settings stand for: @ssl@ follows the address, @tls@ is a line of its own."""
    if tls is None:
        return {"@ssl@": "", "@tls@": ""}
    files = f"ssl_certificate {tls.certificate}; ssl_certificate_key {tls.key}; ssl_protocols TLSv1.2 TLSv1.3;"
    return {"@ssl@": {"haproxy": f" ssl crt {tls.both} alpn http/1.1", "nginx": " ssl"}.get(name, ""),
            "@tls@": {"nginx": files, "h2o": f"ssl: {{certificate-file: {tls.certificate}, key-file: {tls.key}, minimum-version: TLSv1.2}}"}.get(name, "")}


def start_peer(name: str, directory: Path, logs: Path, stack: ExitStack, tls: Tls | None = None, marks: dict[str, str] | None = None) -> Server:
    """Raises Unable, with the end of its log, if it does not start."""
    if common.which(PROGRAMS[name]) is None:
        raise Unable("is not installed (bash config/setup.sh peers)")
    complaint, origin = "", Origin()
    for attempt in range(3):  # another program may have taken the port
        work, port = directory / f"{name}{attempt}", common.free_port()
        (work / "cache").mkdir(parents=True)
        into, files = work, [path for path in (HERE / "peers").iterdir() if path.stem == name]
        if name == "trafficserver":
            # It needs a directory tree of its own, with its default files in addition to ours.
            into, files = work / "etc", list((HERE / "peers" / name).iterdir())
            shutil.copytree("/etc/trafficserver", into)
            (work / "run").mkdir()
            (work / "log").mkdir()
            tree = {"prefix": work, "exec_prefix": "/usr", "bindir": "/usr/bin", "sbindir": "/usr/sbin", "sysconfdir": into, "datadir": work / "cache",
                    "libdir": "/usr/lib/trafficserver", "libexecdir": "/usr/lib/trafficserver/modules", "localstatedir": work / "run",
                    "runtimedir": work / "run", "logdir": work / "log", "cachedir": work / "cache"}
            (work / "runroot.yaml").write_text("".join(f"{key}: {value}\n" for key, value in tree.items()))
        if name == "h2o":  # not a cache: it serves the same bodies from files
            for size, body in BODIES.items():
                for directory_name in ("plain", "coded"):
                    (work / "files" / directory_name).mkdir(parents=True, exist_ok=True)
                    (work / "files" / directory_name / size).write_bytes(body)
        for path in files:
            text = path.read_text()
            for mark, value in {"@work@": work, "@port@": port, "@origin@": origin.port, **(marks or tls_marks(name, tls))}.items():
                text = text.replace(mark, str(value))
            (into / path.name).write_text(text)
        command = [*as_nobody(work), *peer_command(name, work, port)]
        try:
            program = Program(command, logs / f"{name}.log", core=SERVERS_CORE, port=port, patience=30, cwd=work)
        except SystemExit as error:
            complaint = str(error).strip().rpartition("\n")[2]
            continue
        return Server(name, port, stack.enter_context(program), origin, tls)
    raise Unable(f"does not start: {complaint}")


def larder_yaml(port: int, admin: int | None, origin: int, *, tls: Tls | None = None, http2: bool = False, top: str = "", before: str = "", policy: str = "ttl: 1h") -> str:
    listen = f"127.0.0.1:{port}" if tls is None else f"{{address: 127.0.0.1:{port}, tls: {{certificate: {tls.certificate}, key: {tls.key}}}}}"
    if http2:
        listen = f"{{address: {listen}, http2: true}}"
    return (f"listen: {listen}\nupstream: http://127.0.0.1:{origin}\n" + (f"admin: 127.0.0.1:{admin}\n" if admin else "") + top +
            f"routes:\n{before}  - path: /**\n    {policy}\n")


@dataclass
class Larder(Server):
    """Its upstream need not be an Origin."""

    admin: int | None = None

    def metric(self, name: str) -> float:
        if self.admin is None:
            return 0
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=20) as answer:
            return sum(float(line.split()[-1]) for line in answer.read().decode().splitlines() if line.split("{")[0].split(" ")[0] == name)


def start_larder(name: str, origin: Origin | int, directory: Path, stack: ExitStack, *, admin: bool = True, tls: Tls | None = None, **more) -> Larder:
    port, admin_port = common.free_port(), common.free_port() if admin else None
    stem = "larder-" + "".join(c if c.isalnum() else "-" for c in name)
    file = directory / f"{stem}.yaml"
    file.write_text(larder_yaml(port, admin_port, origin.port if isinstance(origin, Origin) else origin, tls=tls, **more))
    program = Program([common.LARDER, "serve", "-c", file], directory / f"{stem}.log", core=SERVERS_CORE, port=port)
    return Larder(name, port, stack.enter_context(program), origin if isinstance(origin, Origin) else None, tls, admin_port)


def build_program(name: str, directory: Path, *libraries: str) -> Path:
    """bench/NAME.cpp, compiled."""
    program = directory / name
    ran = subprocess.run(["g++", "-std=c++20", "-O2", "-o", program, HERE / f"{name}.cpp", *libraries], capture_output=True, text=True)
    if ran.returncode != 0:
        raise SystemExit(f"bench/{name}.cpp does not compile:\n{ran.stderr}")
    return program


def build_floor(directory: Path, tls: Tls | None = None) -> Path:
    return build_program("floor", directory) if tls is None else build_program("tls_floor", directory, "-lssl", "-lcrypto")


def start_floor(floor: Path, answer: bytes, directory: Path, stack: ExitStack, *, core: int = SERVERS_CORE, tls: Tls | None = None) -> Server:
    port = common.free_port()
    file = directory / f"answer-{port}"
    file.write_bytes(answer)
    command = [floor, str(port), file, *([] if tls is None else [tls.certificate, tls.key])]
    return Server("floor", port, stack.enter_context(Program(command, directory / "floor.log", core=core, port=port)), tls=tls)


# ---- verifying ------------------------------------------------------------------------------------------------------


def wrong(case: Case, answer: Answer) -> str:
    """The error in it, or None."""
    if case.kind == "304":
        return "" if answer.status == 304 else f"answers {answer.status} where a 304 is due"
    if answer.status != 200:
        return f"answers {answer.status}"
    coding = answer.fields.get("content-encoding", "")
    if case.kind == "gzip":
        if coding != "gzip":
            return "does not send gzip"
        return "" if gzip.decompress(answer.body) == BODIES[case.size] else "sends another body"
    if coding:
        return f"sends {coding} unasked"
    return "" if answer.body == BODIES[case.size] else "sends another body"


def verify(server: Server, case: Case, *, patience: float = 10) -> Target:
    """Repeats the request until three consecutive responses are correct and do not reach the origin; raises Unable, with the reason, if that fails."""
    end, in_a_row, why, headers = time.monotonic() + patience, 0, "", []
    if case.kind == "gzip":
        headers = ["Accept-Encoding: gzip"]
    while True:
        if case.kind == "304":
            tag = ask(server, case.path, []).fields.get("etag")
            if tag is None:
                raise Unable("sends no entity tag")
            headers = [f"If-None-Match: {tag}"]
        before = server.origin.asked[case.path]
        answer = ask(server, case.path, headers)
        why = wrong(case, answer) or ("" if server.origin.asked[case.path] == before else "asks the origin each time")
        in_a_row = 0 if why else in_a_row + 1
        if in_a_row == 3:
            return Target(server, case.path, headers, len(answer.raw))
        if time.monotonic() > end:
            raise Unable(why)
        if why:
            time.sleep(0.02)  # a server may store after it has responded


# ---- measuring ------------------------------------------------------------------------------------------------------


@dataclass
class Sample:
    cpu_us: float
    rate: float
    p99_ms: float
    requests: int
    others: float  # share of the time that other programs used the servers' core
    faults: list[str] = field(default_factory=list)


def core_seconds() -> float:
    """CPU time on the servers' core of all programs, and of other guests of the machine."""
    name = f"cpu{SERVERS_CORE} "
    words = next((line.split() for line in Path("/proc/stat").read_text().splitlines() if line.startswith(name)), ["", *"00000000"])
    user, nice, system, steal = (int(words[i]) for i in (1, 2, 3, 8))
    return (user + nice + system + steal) / common.TICKS


def measure(target: Target, seconds: float, *, script: str = "") -> Sample:
    """Raises Unable."""
    program = target.server.program
    core_before, before = core_seconds(), program.cpu_seconds()
    ran = common.wrk(f"{target.server.url}{target.path}", seconds=seconds, connections=CONNECTIONS, core=CLIENT_CORE,
                     headers=target.headers, script=script)
    cpu = program.cpu_seconds() - before
    others = max(0.0, core_seconds() - core_before - cpu) / ran.seconds
    if ran.requests == 0:
        raise Unable(f"answers wrk nothing that wrk takes for an answer (log: {program.log})")
    faults = []
    if ran.errors:
        faults.append(f"{ran.errors} errors at wrk")
    # Fields such as Age change the length slightly, and wrk leaves some responses partly read; another response would change it by more.
    if abs(ran.bytes / ran.requests - target.bytes) > 24 + target.bytes * (0.02 + CONNECTIONS / ran.requests):
        faults.append(f"{ran.bytes / ran.requests:.0f} bytes an answer, {target.bytes} when verified")
    return Sample(cpu / ran.requests * 1e6, ran.rate, ran.p99_ms, ran.requests, others, faults)


def ratio(samples: list[Sample], to: list[Sample]) -> common.Spread:
    """Ratio of CPU times, by round: a disturbance of a round affects both."""
    return common.spread([a.cpu_us / b.cpu_us for a, b in zip(samples, to)])


def figure(value: float) -> str:
    return "-" if value != value else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def shown_range(values: list[float]) -> str:
    return f"{figure(min(values))}-{figure(max(values))}" if values else "-"


def tell_disturbed(samples: list[Sample], notes: list[str]) -> None:
    disturbed = sum(sample.others > 0.1 for sample in samples)
    if disturbed:
        notes.append(f"The machine was busy: in {disturbed} of {len(samples)} measurements other programs took more than a tenth of the servers' core "
                     f"(up to {max(sample.others for sample in samples) * 100:.0f} %). On an idle machine the figures are closer together.")


def tell_faults(faults: dict[str, list[str]], name: str, sample: Sample) -> None:
    if sample.faults:
        faults.setdefault(name, []).extend(sample.faults)


# ---- the cost of each feature ---------------------------------------------------------------------------------------

RANDOM_PATHS = """
math.randomseed({seed})
local random, text = math.random, string.format
request = function() return text("GET /e/%07d HTTP/1.1\\r\\nHost: {host}\\r\\n\\r\\n", random({count})) end
"""
PATHS_IN_ORDER = """
local at, text = {first}, string.format
request = function() at = at % {count} + 1; return text("GET /e/%07d HTTP/1.1\\r\\nHost: {host}\\r\\n\\r\\n", at) end
"""


class Scraper:
    """Reads /metrics at once and then every second, until the end of the block."""

    def __init__(self, larder: Larder) -> None:
        self.larder, self.stop = larder, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self) -> None:
        while True:
            self.larder.metric("larder_store_entries")
            if self.stop.wait(1):
                return

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_) -> None:
        self.stop.set()
        self.thread.join()


class Nothing:
    def __enter__(self) -> None:
        pass

    def __exit__(self, *_) -> None:
        pass


@dataclass
class Variant:
    name: str
    larder: Larder
    target: Target
    against: str
    script: Callable[[int], str] = lambda round_number: ""
    beside: Callable[[], object] = Nothing
    log: Path | None = None


def fill(larder: Larder, count: int, progress: Callable[[str], None]) -> None:
    """Requests /e/0000001 to the last until all are stored; wrk abandons some requests at the end of each run."""
    host = f"127.0.0.1:{larder.port}"
    stored, asked, end = 0, 0, time.monotonic() + 60 + count / 2000
    while stored < count:
        if time.monotonic() > end:
            raise Unable(f"only {stored:.0f} of {count} entries could be stored")
        progress(f"filling the store: {stored:.0f} of {count} entries")
        asked += common.wrk(f"http://{host}/", seconds=1 if count <= 100_000 else 4, connections=CONNECTIONS, core=CLIENT_CORE,
                            script=PATHS_IN_ORDER.format(first=asked % count, count=count, host=host)).requests
        stored = larder.metric("larder_store_entries")
        if larder.metric("larder_store_evictions_total"):
            raise Unable(f"cache.memory does not hold {count} entries")


def memory_available() -> int:
    return next(int(line.split()[1]) * 1024 for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable"))


ENTRY_BYTES = 256
ENTRY_COST = 2000  # upper bound of the charge to cache.memory, with the share of the tables


def feature_variants(wanted: str, floor: Path, directory: Path, logs: Path, entries: int, stack: ExitStack,
                     progress: Callable[[str], None], notes: list[str]) -> list[Variant]:
    case = Case("1k", "plain")
    base, origin = "settings as above", Origin()
    variants: list[Variant] = []

    def add(name: str, *, beside: bool = False, log: Path | None = None, **more) -> None:
        larder = start_larder(f"feature {len(variants)}", origin, directory, stack, **more)
        variants.append(Variant(name, larder, verify(larder, case), base, beside=(lambda: Scraper(larder)) if beside else Nothing, log=log))

    add(base)
    add("no admin listener", admin=False)
    add("/metrics read every second", beside=True)
    if wanted == "all":
        for shape in ("json", "combined"):
            file = logs / f"{shape}.log"
            add(f"access_log: {shape}, to a file", log=file, top=f"access_log: {shape}\naccess_log_file: {file}\n")
    else:
        file = logs / "json.log"
        add("access_log: json, to a file", log=file, top=f"access_log: json\naccess_log_file: {file}\n")
    others = "".join(f"  - path: /list{number}/{{id}}\n    ttl: 1h\n" for number in range(1, 50))
    add("50 routes, the last one hit", before=others)
    add("cache: standard instead of ttl", policy="cache: standard")

    if memory_available() < entries * ENTRY_COST * 1.3:
        fitting = int(memory_available() / ENTRY_COST / 1.3)
        notes.append(f"The memory of this machine is enough for {fitting} stored entries, not for {entries}.")
        entries = fitting
    body = list_of(ENTRY_BYTES)
    small = (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: max-age=86400\r\nContent-Length: %d\r\n\r\n" % len(body)) + body
    # On the client's core, so that larder has its own while the store is filled.
    api = start_floor(floor, small, directory, stack, core=CLIENT_CORE)
    one = f"1 stored entry of {ENTRY_BYTES} B, requested by a script"
    for count, name in ((1, one), (entries, f"{entries:,} such entries, at random")):
        larder = start_larder(f"entries {count}", api.port, directory, stack, top=f"cache:\n  memory: {max(1, count * ENTRY_COST >> 20) + 64}MiB\n")
        stack.callback(larder.program.end, signal.SIGKILL)  # without freeing a million entries one by one
        try:
            fill(larder, count, progress)
        except Unable as error:
            notes.append(f"{name}: {error}.")
            continue
        answer = ask(larder, "/e/0000001", [])
        if "hit" not in answer.fields.get("cache-status", "") or answer.body != body:
            raise SystemExit(f"larder does not answer from its store what was stored: {answer.fields}; its log: {larder.program.log}")
        by_random = lambda number, count=count, port=larder.port: RANDOM_PATHS.format(seed=number + 1, count=count, host=f"127.0.0.1:{port}")  # noqa: E731
        variants.append(Variant(name, larder, Target(larder, "/", [], len(answer.raw)), one, script=by_random))
        if count > 1:
            notes.append(f"larder charges {larder.metric('larder_store_bytes') / larder.metric('larder_store_entries'):.0f} bytes to cache.memory for "
                         f"each of the {count:,} entries.")
    return variants


def feature_table(args: argparse.Namespace, floor: Path, directory: Path, logs: Path, progress: common.Progress,
                  notes: list[str], measured: list[Sample], raw: dict) -> Table:
    samples: dict[str, list[Sample]] = {}
    faults: dict[str, list[str]] = {}
    with ExitStack() as stack:
        variants = feature_variants(args.feature_set, floor, directory, logs, args.entries, stack, progress, notes)
        for number in range(args.feature_rounds):
            for variant in variants if number % 2 == 0 else reversed(variants):
                progress(f"features, round {number + 1} of {args.feature_rounds}: {variant.name}")
                upstream = variant.larder.metric("larder_upstream_requests_total")
                with variant.beside():
                    sample = measure(variant.target, args.seconds, script=variant.script(number))
                if (asked := variant.larder.metric("larder_upstream_requests_total") - upstream) > 0:
                    sample.faults.append(f"{asked:.0f} of {sample.requests} requests reached the origin")
                if variant.log is not None:
                    if variant.log.stat().st_size == 0:
                        sample.faults.append("the access log stayed empty")
                    os.truncate(variant.log, 0)
                tell_faults(faults, variant.name, sample)
                samples.setdefault(variant.name, []).append(sample)
        for variant in variants:
            if variant.log is not None and (dropped := variant.larder.metric("larder_log_lines_dropped_total")) > 0:
                whole = sum(sample.requests for sample in samples[variant.name])
                notes.append(f"{variant.name}: {dropped:.0f} of {whole} lines were dropped, as the file is slower than the requests: larder never waits "
                             "for its log.")
    measured += [sample for mine in samples.values() for sample in mine]
    rows = []
    for variant in variants:
        mine = samples[variant.name]
        to = ratio(mine, samples[variant.against]) if variant.against in samples else common.spread([])
        rows.append([variant.name, figure(statistics.median(s.cpu_us for s in mine)), shown_range([s.cpu_us for s in mine]),
                     "1" if variant.against == variant.name else figure(to.median),
                     "" if variant.against == variant.name else f"{figure(to.lowest)}-{figure(to.highest)}",
                     f"{statistics.median(s.rate for s in mine):.0f}"])
    notes += [f"{name}: {'; '.join(dict.fromkeys(said))}." for name, said in faults.items()]
    raw["features"] = {name: [asdict(sample) for sample in of] for name, of in samples.items()}
    notes.append("Requests are always counted; only the admin listener and reading the metrics can be turned off.")
    title = ("What each feature costs: a hit of 1.1 KB with the settings above, then with one setting changed\n"
             "(ratio to the first row; for the last row, to the row above it)")
    return Table(["larder", "CPU us/request", "lowest-highest", "ratio", "lowest-highest", "requests/s"], rows, title)


# ---- comparison with the peers --------------------------------------------------------------------------------------


def gather(args: argparse.Namespace, floor: Path, directory: Path, peers_directory: Path, stack: ExitStack, progress: common.Progress,
           notes: list[str], tls: Tls | None = None) -> tuple[list[str], dict[Case, dict[str, Target]]]:
    """Starts and verifies all servers; returns the names of those that run, and for each case the request for each of them."""
    progress("starting larder")
    larder = start_larder("larder", Origin(), directory, stack, tls=tls)
    servers: list[Server] = [larder]
    for name in args.only:
        progress(f"starting {name}")
        try:
            servers.append(start_peer(name, peers_directory, directory, stack, tls))
        except Unable as error:
            notes.append(f"{name} is left out: it {error}.")
    targets: dict[Case, dict[str, Target]] = {}
    for case in args.cases:
        targets[case] = {}
        for server in servers:
            progress(f"verifying {case.title} at {server.name}")
            try:
                targets[case][server.name] = verify(server, case)
            except Unable as error:
                if server is larder:
                    raise SystemExit(f"larder fails {case.title}: it {error}; its log: {larder.program.log}") from None
                notes.append(f"{server.name} has no figure for {case.title}: it {error}.")
        mine = targets[case]["larder"]
        answer = ask(larder, mine.path, mine.headers)
        bare = start_floor(floor, answer.raw, directory, stack, tls=tls)
        targets[case] = {"floor": Target(bare, mine.path, mine.headers, len(answer.raw)), **targets[case]}
    return ["floor", *(server.name for server in servers)], targets


def run_rounds(args: argparse.Namespace, targets: dict[Case, dict[str, Target]], progress: common.Progress,
               notes: list[str]) -> dict[Case, dict[str, list[Sample]]]:
    samples: dict[Case, dict[str, list[Sample]]] = {case: {name: [] for name in of} for case, of in targets.items()}
    faults: dict[str, list[str]] = {}
    servers = {name: target.server for of in targets.values() for name, target in of.items() if target.server.origin is not None}
    asked = {name: server.origin.asked.total() for name, server in servers.items()}
    whole, done, begin = args.rounds * sum(map(len, targets.values())), 0, time.monotonic()
    for number in range(args.rounds):
        for case, of in targets.items():
            for name in list(of) if number % 2 == 0 else list(reversed(of)):
                left = (time.monotonic() - begin) / done * (whole - done) if done else whole * args.seconds
                progress(f"round {number + 1} of {args.rounds}, {case.title}: {name} (about {left / 60:.1f} min left of this part)")
                done += 1
                try:
                    sample = measure(of[name], args.seconds)
                except Unable as error:
                    if name in ("floor", "larder"):
                        raise SystemExit(f"{name}, {case.title}: it {error}") from None
                    notes.append(f"{name} has no figure for {case.title}: it {error}.")
                    del of[name], samples[case][name]
                    continue
                tell_faults(faults, f"{name}, {case.title}", sample)
                samples[case][name].append(sample)
    for name, server in servers.items():
        if (more := server.origin.asked.total() - asked[name]) > 0:
            requests = sum(sample.requests for of in samples.values() for sample in of.get(name, []))
            faults.setdefault(name, []).append(f"{more} of {requests} requests in all rounds reached its origin")
    for case, of in targets.items():
        for name, target in of.items():
            if name != "floor" and (said := wrong(case, ask(target.server, target.path, target.headers))):
                faults.setdefault(f"{name}, {case.title}", []).append(f"{said}, after the rounds")
    notes += [f"{name}: {'; '.join(dict.fromkeys(said))}." for name, said in faults.items()]
    return samples


def size_table(size: str, names: list[str], samples: dict[Case, dict[str, list[Sample]]]) -> Table:
    rows = []
    for case, of in samples.items():
        if case.size != size:
            continue
        for name in names:
            mine = of.get(name, [])
            label = f"{KINDS[case.kind]}: {name}"
            if not mine:
                rows.append([label] + ["-"] * 6)
                continue
            rows.append([label, figure(statistics.median(s.cpu_us for s in mine)), shown_range([s.cpu_us for s in mine]),
                         figure(ratio(mine, of["floor"]).median), figure(ratio(mine, of["larder"]).median),
                         f"{statistics.median(s.rate for s in mine):.0f}", f"{statistics.median(s.p99_ms for s in mine):.2f}"])
    return Table([SIZE_NAMES[size], "CPU us/request", "lowest-highest", "x floor", "x larder", "requests/s", "p99 ms"], rows)


# Server, the other side of the ratio, whether the bound is a maximum or minimum, and the bound.
EXPECTED = {
    Case("1k", "plain"): [("larder", "floor", "at most", 1.25), ("haproxy", "larder", "at least", 1.15), ("nginx", "larder", "at least", 1.6),
                          ("varnish", "larder", "at least", 2.0)],
    Case("290k", "plain"): [("larder", "floor", "at most", 1.15), ("varnish", "larder", "at least", 1.0)],
    Case("290k", "gzip"): [("larder", "floor", "at most", 1.15), ("varnish", "larder", "at least", 1.0)],
}


def judged(samples: dict[Case, dict[str, list[Sample]]], judge: bool, expected: dict[Case, list[tuple[str, str, str, float]]]) -> Table:
    rows = []
    for case, expectations in expected.items():
        for name, to, sense, bound in expectations if case in samples else []:
            words = f"{case.title}: {name} {sense} {bound:g} times {'the floor' if to == 'floor' else to}"
            if not samples[case].get(name):
                rows.append([words, "-", "", "not measured"])
                continue
            of = ratio(samples[case][name], samples[case][to])
            met = of.median <= bound if sense == "at most" else of.median >= bound
            rows.append([words, figure(of.median), f"{figure(of.lowest)}-{figure(of.highest)}",
                         "not judged" if not judge else "met" if met else f"not met: {of.median:.2f}x"])
    return Table(["expected CPU time per request", "median", "lowest-highest", "verdict"], rows)


CODING_NOTE = (
    "gzip: the origin compresses for clients that accept it (Vary: Accept-Encoding). larder, HAProxy, nginx, Squid and Traffic Server store its response, one "
    "per variant; Varnish always requests gzip, stores only that, and decompresses for other clients. If the origin does not compress, larder compresses once "
    "per stored response, as does Varnish (do_gzip); nginx (gzip on) and HAProxy (compression) compress every response, Squid none.")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/hit.sh", add_help=False)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=int, default=1)
    parser.add_argument("--only", default=",".join(PEERS))
    parser.add_argument("--cases")
    parser.add_argument("--entries", type=int)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--features", action="store_true")
    mode.add_argument("--no-features", action="store_true")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true")
    size.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    cases = args.cases or ("1k-plain,290k-gzip" if args.smoke else "1k-plain,1k-304,290k-plain" if args.quick else "all")
    by_name = {case.name: case for case in ALL_CASES}
    if cases == "all":
        args.cases = ALL_CASES
    else:
        for name in cases.split(","):
            if name not in by_name:
                parser.error(f"--cases: no case '{name}'; the cases are {', '.join(by_name)}")
        args.cases = [by_name[name] for name in cases.split(",")]
    args.only = chosen(parser, args.only, PEERS)
    args.rounds = args.rounds or (1 if args.smoke else 3 if args.quick else 5)
    args.feature_rounds = min(args.rounds, 2) if args.quick else args.rounds
    args.feature_set = "few" if args.smoke or args.quick else "all"
    args.entries = args.entries or (2_000 if args.smoke else 100_000 if args.quick else 1_000_000)
    if args.rounds < 1 or args.seconds < 1 or not 1 <= args.entries <= 9_999_999:
        parser.error("--rounds and --seconds are 1 or more, --entries is 1 to 9999999")
    return args


def chosen(parser: argparse.ArgumentParser, only: str, peers: list[str]) -> list[str]:
    """The names in a value of --only."""
    names = [name for name in only.split(",") if name not in ("", "floor", "larder")]
    for name in names:
        if name not in peers:
            parser.error(f"--only: no server '{name}'; the servers are {', '.join(peers)} (the floor and larder always run)")
    return names


def prepare(name: str) -> tuple[common.Progress, Path]:
    """Builds larder; returns an empty directory for the run of that name. SIGTERM ends the run and its servers."""

    def stop(number: int, _) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, stop)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    progress = common.Progress(name)
    directory = common.OUT / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    progress("building")
    common.build_larder()
    return progress, directory


def main() -> None:
    args = arguments()
    progress, directory = prepare("hit")
    floor = build_floor(directory)
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {CLIENT_CORE})  # only the servers run on their core
    notes: list[str] = []
    measured: list[Sample] = []
    raw: dict = {}
    tables: list[Table] = []
    plots: dict[str, str] = {}
    names: list[str] = ["floor", "larder"]
    with ExitStack() as stack:
        stack.callback(progress.end)
        peers_directory = common.open_directory(stack)  # the peers run as nobody
        logs = directory / "logs"
        logs.mkdir()
        stack.callback(shutil.rmtree, logs, ignore_errors=True)
        if not args.features:
            with ExitStack() as running:
                names, targets = gather(args, floor, directory, peers_directory, running, progress, notes)
                samples = run_rounds(args, targets, progress, notes)
            tables += [size_table(size, names, samples) for size in SIZES if any(case.size == size for case in samples)]
            expected = judged(samples, not args.smoke, EXPECTED)
            if expected.rows:
                tables.append(expected)
            measured += [sample for of in samples.values() for mine in of.values() for sample in mine]
            if any(case.kind == "gzip" for case in samples):
                notes.insert(0, CODING_NOTE)
            raw["cases"] = {case.name: {name: [asdict(sample) for sample in mine] for name, mine in of.items()} for case, of in samples.items()}
            colours = dict(zip(["floor", "larder", *PEERS], ["#9aa0a6", *common.COLOURS]))
            for size in SIZES:
                groups = {case.title: {name: statistics.median(s.cpu_us for s in of[name]) if of.get(name) else float("nan") for name in names}
                          for case, of in samples.items() if case.size == size}
                if groups:
                    plots[f"hit-{size}"] = common.bars(f"CPU time per hit, {SIZE_NAMES[size]}: microseconds, less is better", groups, unit="us",
                                                       colours=colours, caption=f"medians of {args.rounds} rounds; {common.machine()}")
        if not args.no_features:
            tables.append(feature_table(args, floor, directory, logs, progress, notes, measured, raw))
    progress.end()
    tell_disturbed(measured, notes)
    raw["rounds"], raw["seconds"], raw["connections"], raw["notes"] = args.rounds, args.seconds, CONNECTIONS, notes
    common.finish("hit", "A hit, compared with other caches", tables=tables, plots=plots, raw=raw,
                  versions=[common.version(name) for name in [*(n for n in names if n != "floor"), "wrk"]], words=notes)


if __name__ == "__main__":
    main()
