"""A scripted origin, real clients and the real binary.

Tests synchronise by events and counters: `hold` of an origin reports when a request has arrived, and responds when it is
released; `Larder.wait_for` polls a metric until it has the expected value. No test sleeps, and every wait has a timeout that is
reached only on failure.
"""

import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from certificates import authority
from structured import parse_list

PATIENCE = 30  # seconds; only a failure takes that long
ROOT = pathlib.Path(__file__).resolve().parents[2]


# The scenarios' core runs with TLS on either side too: see CMakeLists.txt.
CLIENTS_USE_TLS = os.environ.get("LARDER_CLIENTS") in ("tls", "h2")
CLIENTS_USE_HTTP2 = os.environ.get("LARDER_CLIENTS") in ("h2", "h2c")
ORIGIN_USES_TLS = os.environ.get("LARDER_ORIGIN") == "tls"
SCHEME, DEFAULT_PORT = ("https", 443) if CLIENTS_USE_TLS else ("http", 80)


def binary():
    named = os.environ.get("LARDER")
    if named:
        return named
    built = [ROOT / "build" / preset / "larder" for preset in ("dev", "release", "asan")]
    built = [path for path in built if path.exists()]
    assert built, "no larder binary; build one or name it in LARDER"
    return str(max(built, key=lambda path: path.stat().st_mtime))


def is_sanitized():
    data = pathlib.Path(binary()).read_bytes()
    return b"__ubsan_handle" in data or b"__tsan_init" in data


def tied(command):
    """The command, run so that it ends with this process, however that ends."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", *command] if setpriv else command


# ---- messages -------------------------------------------------------------------------------------------------------


class Message:
    """A parsed message: head, and body without framing. Field names are looked up case-insensitively."""

    def __init__(self, head, body=b"", complete=True):
        self.head = head
        lines = head.decode("latin-1").split("\r\n")
        self.start = lines[0]
        self.fields = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:] if line]
        self.body = body
        self.complete = complete

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name, default=None):
        values = self.all(name)
        return ", ".join(values) if values else default

    def __getitem__(self, name):
        value = self.get(name)
        assert value is not None, f"no {name} in {self.start!r}: {self.fields}"
        return value

    def __contains__(self, name):
        return self.get(name) is not None

    @property
    def status(self):
        return int(self.start.split(" ")[1])

    @property
    def method(self):
        return self.start.split(" ")[0]

    @property
    def target(self):
        return self.start.split(" ")[1]


class Truncated(Exception):
    """The connection ended inside a message."""


def read_head(file):
    head = b""
    while True:
        line = file.readline(65537)
        if not line:
            if head:
                raise Truncated(head)
            return None
        head += line
        if line == b"\r\n":
            if head == b"\r\n":
                head = b""
                continue
            return head[:-2]


def read_exactly(file, size):
    body = b""
    while len(body) < size:
        piece = file.read(size - len(body))
        if not piece:
            raise Truncated(body)
        body += piece
    return body


def read_chunked(file):
    pieces = []
    while True:
        line = file.readline()
        if not line.endswith(b"\r\n"):
            raise Truncated(b"".join(pieces))
        size = int(line.split(b";")[0], 16)
        if size == 0:
            while file.readline() not in (b"\r\n", b""):
                pass
            return b"".join(pieces)
        pieces.append(read_exactly(file, size))
        assert file.readline() == b"\r\n"


def read_request(file):
    head = read_head(file)
    if head is None:
        return None
    request = Message(head)
    if "chunked" in request.get("Transfer-Encoding", ""):
        request.body = read_chunked(file)
    elif "Content-Length" in request:
        request.body = read_exactly(file, int(request["Content-Length"]))
    return request


def reply(status=200, fields=None, body=b"", reason="OK", length=True):
    """The bytes of a response. `fields` is a dict, or a list of pairs if a name occurs twice."""
    if isinstance(body, str):
        body = body.encode()
    pairs = list(fields.items()) if isinstance(fields, dict) else list(fields or [])
    if length and not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in pairs):
        pairs.append(("Content-Length", str(len(body))))
    head = f"HTTP/1.1 {status} {reason}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in pairs) + "\r\n"
    return head.encode("latin-1") + body


# ---- the origin -----------------------------------------------------------------------------------------------------


class Hold:
    """Makes requests for a path wait at the origin until they are released, individually or all, with a response."""

    def __init__(self):
        self.condition = threading.Condition()
        self.waiting = []
        self.arrivals = 0
        self.released = None

    def __call__(self, exchange):
        with self.condition:
            self.arrivals += 1
            self.waiting.append(exchange)
            self.condition.notify_all()
            bound = self.condition.wait_for(lambda: self.released is not None or exchange.answer is not None, PATIENCE)
            assert bound, "nobody released the origin's answer"
        answer = exchange.answer if exchange.answer is not None else self.released
        return answer(exchange) if callable(answer) else answer

    def wait(self, count=1):
        """Waits until that many requests have arrived."""
        with self.condition:
            assert self.condition.wait_for(lambda: self.arrivals >= count, PATIENCE), f"{self.arrivals} of {count} arrived"

    def release(self, answer):
        """Responds to all waiting requests and to all later ones."""
        with self.condition:
            self.released = answer
            self.condition.notify_all()

    def release_one(self, answer, index=0):
        """Responds to one waiting request, or to the next one that arrives."""
        with self.condition:
            assert self.condition.wait_for(lambda: len(self.waiting) > index, PATIENCE), f"{len(self.waiting)} wait"
            self.waiting.pop(index).answer = answer
            self.condition.notify_all()


class OriginExchange:
    """One request at the origin, with the connection for writing raw bytes."""

    def __init__(self, request, connection, file):
        self.request = request
        self.connection = connection
        self.file = file
        self.answer = None

    def send(self, data):
        self.connection.sendall(data)


class Origin:
    """A scripted HTTP/1.1 server.

    `on(target, answer)`: `answer` is bytes, or a function of the exchange that returns bytes, None (it has written the response
    itself), or CLOSE. An exception in such a function ends the connection and fails the test when the origin is closed.
    """

    CLOSE = object()

    def __init__(self, unix=None, tls=None):
        if unix:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(unix)
            self.listener.listen(512)
            self.url = f"unix:{unix}"
        else:
            self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
            self.port = self.listener.getsockname()[1]
            self.url = f"http://127.0.0.1:{self.port}"
        self.tls = tls or (authority().server_context("server") if ORIGIN_USES_TLS and not unix else None)
        if self.tls:
            self.url = self.url.replace("http:", "https:")
        self.answers = {}
        self.default = reply(404, {}, b"not scripted")
        self.requests = []
        self.connections = 0
        self.open = set()
        self.failures = []
        self.condition = threading.Condition()
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def on(self, target, answer):
        self.answers[target] = answer
        return self

    def hold(self, target):
        hold = Hold()
        self.answers[target] = hold
        return hold

    def seen(self, target=None, method=None):
        with self.condition:
            return [
                request
                for request in self.requests
                if (target is None or request.target == target) and (method is None or request.method == method)
            ]

    def wait_for(self, predicate):
        with self.condition:
            assert self.condition.wait_for(lambda: predicate(self), PATIENCE)

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with self.condition:
                self.connections += 1
                self.open.add(connection)
                self.condition.notify_all()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls:
            try:
                connection = self._with_tls(connection)
            except OSError:  # the handshake has failed
                connection.close()
                return
        file = connection.makefile("rb")
        try:
            with contextlib.suppress(OSError, Truncated, ValueError):
                self._answer_all(connection, file)
        except BaseException as failure:  # noqa: BLE001 - handed to the test by close()
            self.failures.append(failure)
        finally:
            with self.condition:
                self.open.discard(connection)
                self.condition.notify_all()
            with contextlib.suppress(OSError, ValueError):
                if self.tls:
                    connection.setblocking(False)
                    connection.unwrap()  # sends close_notify, and does not wait for the other side's
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            file.close()
            connection.close()

    def _with_tls(self, connection):
        encrypted = self.tls.wrap_socket(connection, server_side=True)
        with self.condition:
            self.open.discard(connection)
            self.open.add(encrypted)
        return encrypted

    def _answer_all(self, connection, file):
        while True:
            head = read_head(file)
            if head is None:
                return
            request = Message(head)
            exchange = OriginExchange(request, connection, file)
            if request.get("Expect") is None:
                read_body_into(exchange)
            with self.condition:
                self.requests.append(request)
                self.condition.notify_all()
            answer = self.answers.get(request.target, self.answers.get("*", self.default))
            if callable(answer):
                answer = answer(exchange)
            if answer is Origin.CLOSE:
                return
            if answer is not None:
                connection.sendall(answer)

    def drop_connections(self):
        """Closes all open connections from the origin's side."""
        with self.condition:
            for connection in list(self.open):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.drop_connections()
        if self.failures:
            raise self.failures[0]


def read_body_into(exchange):
    """Reads the request's body; for scripts that must send 100 first."""
    request = exchange.request
    if "chunked" in request.get("Transfer-Encoding", ""):
        request.body = read_chunked(exchange.file)
    elif "Content-Length" in request:
        request.body = read_exactly(exchange.file, int(request["Content-Length"]))


# ---- the client -----------------------------------------------------------------------------------------------------


class Client:
    """A raw client connection: sends arbitrary bytes, receives parsed messages."""

    def __init__(self, address, tls=None, server_name="localhost"):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(address)
        else:
            self.socket = socket.create_connection(address)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(PATIENCE)
        if tls is not None:
            # An end of the connection without close_notify is one for the tests too.
            self.socket = tls.wrap_socket(self.socket, server_hostname=server_name, suppress_ragged_eofs=True)
        if CLIENTS_USE_HTTP2 and (tls is None or self.socket.selected_alpn_protocol() == "h2"):
            from http2_client import Bridge

            self.socket = Bridge(self.socket, "http" if tls is None else "https")
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def abort(self):
        """Closes the connection with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def request(self, method, target, fields=None, body=None, version="1.1"):
        pairs = list(fields.items()) if isinstance(fields, dict) else list(fields or [])
        if version == "1.1" and not any(name.lower() == "host" for name, _ in pairs):
            pairs.insert(0, ("Host", "api.test"))
        if body is not None and not any(name.lower() == "content-length" for name, _ in pairs):
            pairs.append(("Content-Length", str(len(body))))
        head = f"{method} {target} HTTP/{version}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in pairs) + "\r\n"
        self.send(head.encode("latin-1") + (body or b""))

    def read_head(self):
        head = read_head(self.file)
        assert head is not None, "the connection ended before a response"
        return Message(head)

    def response(self, method="GET", interim=None):
        """Receives the next final response; interim responses are appended to the list `interim`."""
        while True:
            message = self.read_head()
            if message.status >= 200 or message.status == 101:
                break
            if interim is not None:
                interim.append(message)
        if method == "HEAD" or message.status in (101, 204, 304):
            return message
        try:
            if "chunked" in message.get("Transfer-Encoding", ""):
                message.body = read_chunked(self.file)
            elif "Content-Length" in message:
                message.body = read_exactly(self.file, int(message["Content-Length"]))
            else:
                message.body = self.file.read()
        except (Truncated, ConnectionError) as broken:
            message.complete = False
            message.body = broken.args[0] if isinstance(broken, Truncated) else b""
        return message

    def get(self, target, fields=None, method="GET", body=None, version="1.1"):
        self.request(method, target, fields, body, version)
        return self.response(method)

    def ended(self):
        """Whether the server has closed the connection."""
        try:
            return self.file.read(1) == b""
        except ConnectionError:
            return True


# ---- larder ---------------------------------------------------------------------------------------------------------


class Larder:
    """The binary, on ports chosen by the kernel, until the end of the `with` block; it must exit cleanly."""

    def __init__(self, origin, routes="", settings="", upstream="", listen="127.0.0.1:0", arguments=(), config=None):
        self.directory = tempfile.TemporaryDirectory(prefix="larder-test-")
        self.config = pathlib.Path(self.directory.name) / "larder.yaml"
        url = origin if isinstance(origin, str) else origin.url
        if CLIENTS_USE_TLS and "{" not in listen and "unix:" not in listen:
            listen = f'{{address: "{listen}", tls: {{{authority().files("server")}}}}}'
        elif CLIENTS_USE_HTTP2 and "{" not in listen and "unix:" not in listen:
            listen = f'{{address: "{listen}", http2: true}}'
        self.parts = dict(url=url, routes=routes, settings=settings, upstream=upstream, listen=listen)
        if config is None:
            self.write()
            config = self.config
        self.output = []
        self.errors = []
        self.silent = 0  # how many of the two output streams have ended
        self.condition = threading.Condition()
        self.expected_exit = 0
        self.process = subprocess.Popen(
            tied([binary(), "serve", "-c", str(config), *arguments]),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.readers = [
            threading.Thread(target=self._read, args=(stream, lines), daemon=True)
            for stream, lines in ((self.process.stdout, self.output), (self.process.stderr, self.errors))
        ]
        try:
            self._wait_until_ready()
        except BaseException:
            self._end()
            raise

    def _wait_until_ready(self):
        for reader in self.readers:
            reader.start()
        with self.condition:
            self.condition.wait_for(
                lambda: any(line.startswith("admin on") for line in self.output + self.errors) or self.silent == 2, PATIENCE
            )
        # On standard error if standard output is the access log's.
        lines = self.output + self.errors
        admin = [line for line in lines if line.startswith("admin on")]
        assert admin, f"larder did not start: {self.output} {self.errors}"
        listeners = [line.split(" on ")[1] for line in lines if line.startswith("listening on")]
        self.addresses = [parse_address(listener) for listener in listeners]
        self.use_tls = [listener.startswith("https:") for listener in listeners]
        self.address = self.addresses[0]
        self.admin = parse_address(admin[0].split(" on ")[1])

    def _end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for reader in self.readers:
            if reader.ident is not None:
                reader.join(PATIENCE)
        self.process.stdout.close()
        self.process.stderr.close()
        self.directory.cleanup()

    def write(self, **changed):
        """Writes the configuration file with the changed settings."""
        self.parts.update(changed)
        routes = self.parts["routes"] or "  - {path: /**, cache: standard}"
        upstream = self.parts["upstream"]
        if ORIGIN_USES_TLS and "tls:" not in upstream:
            upstream += f"\n  tls: {{ca: {authority().ca}}}"
        loops = os.environ.get("LARDER_LOOPS", "1")  # 2 or more run every scenario on several loops
        if "loops:" not in self.parts["settings"]:
            self.parts["settings"] += f"\nloops: {loops}"
        self.config.write_text(
            f"listen: {self.parts['listen']}\nadmin: 127.0.0.1:0\nupstream:\n  url: {self.parts['url']}\n{upstream}\n"
            f"{self.parts['settings']}\nroutes:\n{routes}\n"
        )

    def _read(self, stream, lines):
        for line in stream:
            with self.condition:
                lines.append(line.rstrip("\n"))
                self.condition.notify_all()
        with self.condition:
            self.silent += 1
            self.condition.notify_all()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        code = None
        try:
            if kind is None:
                if self.process.poll() is None:
                    self.process.send_signal(signal.SIGTERM)
                code = self.process.wait(PATIENCE)
        finally:
            self._end()  # at once if the test has failed: requests that it still holds would delay the drain
        log = "\n".join(self.errors)
        if kind is None:
            assert code == self.expected_exit, f"exit {code}: {log}"
        assert "Sanitizer" not in log and "runtime error" not in log, log

    def wait_for_line(self, text, where="errors"):
        lines = getattr(self, where)
        with self.condition:
            assert self.condition.wait_for(lambda: any(text in line for line in lines), PATIENCE), lines
            return next(line for line in lines if text in line)

    def client(self, index=0):
        protocols = ("h2", "http/1.1") if CLIENTS_USE_HTTP2 else ("http/1.1",)
        return Client(self.addresses[index], authority().client_context(alpn=protocols) if self.use_tls[index] else None)

    def get(self, target, fields=None, **more):
        with self.client() as client:
            return client.get(target, fields, **more)

    def ask_admin(self, path):
        connection = http.client.HTTPConnection(*self.admin, timeout=PATIENCE)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def change(self, path, body, fields=None):
        """Sends a POST to the admin listener; returns status and text."""
        connection = http.client.HTTPConnection(*self.admin, timeout=PATIENCE)
        text = body if isinstance(body, str) else json.dumps(body)
        try:
            connection.request("POST", path, text, {"Content-Type": "application/json", **(fields or {})})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def reload(self, **changed):
        """Writes the configuration file with the changed settings, and returns when they are in force."""
        self.write(**changed)
        status, text = self.change("/api/reload", {})
        assert status == 200, text

    def metrics(self):
        """All metrics as a dict from `name{labels}` to the value as written."""
        found = {}
        for line in self.ask_admin("/metrics")[1].splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                found[name] = float(value)
        return found

    def metric(self, name):
        return self.metrics().get(name, 0)

    def wait_for(self, name, predicate):
        """Waits until the metric has the expected value. Each poll is a request to the admin listener, which paces the loop."""
        end = time.monotonic() + PATIENCE
        while True:
            value = self.metric(name)
            if predicate(value):
                return value
            assert time.monotonic() < end, f"{name} stayed {value}"

    def get_until(self, target, predicate, fields=None, method="GET"):
        """Repeats a request until the response is as expected; for changes caused by a short ttl."""
        end = time.monotonic() + PATIENCE
        with self.client() as client:
            while True:
                answer = client.get(target, fields, method=method)
                if predicate(answer):
                    return answer
                assert time.monotonic() < end, answer.fields

    def peak_memory(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", text)[1]) * 1024


def parse_address(text):
    if text.startswith("unix:"):
        return text[5:]
    host, port = text.removeprefix("http://").removeprefix("https://").rsplit(":", 1)
    return host.strip("[]"), int(port)


def cache_status(message):
    """The last member of Cache-Status as (name, parameters): {'hit': True, 'ttl': '5'}. Parses the whole field strictly."""
    name, parameters = parse_list(message["Cache-Status"])[-1]
    return name, {key: value if value is True else str(value) for key, value in parameters.items()}


def in_parallel(count, work):
    """Runs work(i) on separate threads and returns the results; an exception in any of them is raised here."""
    results = [None] * count
    failures = []

    def run(i):
        try:
            results[i] = work(i)
        except BaseException as failure:  # noqa: BLE001 - handed to the test
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(i,), daemon=True) for i in range(count)]
    for thread in threads:
        thread.start()

    def join():
        for thread in threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a client did not come back"
        if failures:
            raise failures[0]
        return results

    return join
