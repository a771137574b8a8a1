"""HTTP/2 towards clients: frames that no library sends, bounds, the end of a connection. The scenarios' core runs with HTTP/2 as well."""

import signal
import socket
import struct
import subprocess
import threading

import hpack
import pytest
from certificates import authority
from harness import PATIENCE, Client, Larder, reply

HOUR = "  - {path: /**, ttl: 1h}"
PASS = "  - {path: /**, cache: off}"
H2C = '{address: "127.0.0.1:0", http2: true}'

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, ACK = 1, 4, 1
NO_ERROR, PROTOCOL_ERROR, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 0, 1, 3, 6, 9, 11
GET = [(":method", "GET"), (":scheme", "http"), (":path", "/x"), (":authority", "api.test")]


class Raw:
    """A connection on which any frame can be sent."""

    def __init__(self, address, settings=b"", preface=b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
        self.socket = socket.create_connection(address)
        self.socket.settimeout(PATIENCE)
        self.file = self.socket.makefile("rb")
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.socket.sendall(preface)
        self.send(SETTINGS, 0, 0, settings)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def send(self, kind, flags, stream, payload=b""):
        try:
            self.socket.sendall(struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the other side has said why

    def request(self, stream, fields=None, flags=END_STREAM | END_HEADERS):
        self.send(HEADERS, flags, stream, self.encoder.encode(fields or GET))

    def frame(self):
        """The next frame: kind, flags, stream, payload; None at the end of the connection."""
        try:
            head = self.file.read(9)
            if len(head) < 9:
                return None
            return head[3], head[4], struct.unpack(">I", head[5:])[0], self.file.read(int.from_bytes(head[:3], "big"))
        except ConnectionResetError:
            return None

    def until(self, kind, stream=None):
        """Skips frames until one of that kind, and acknowledges settings."""
        while (frame := self.frame()) is not None:
            if frame[0] == SETTINGS and not frame[1] & ACK:
                self.send(SETTINGS, ACK, 0)
            if frame[0] == HEADERS:
                self.fields = dict(self.decoder.decode(frame[3]))
            if frame[0] == kind and stream in (None, frame[2]):
                return frame
            assert frame[0] != GOAWAY or kind == GOAWAY, f"GOAWAY {frame[3]!r}"
        raise AssertionError("the connection has ended")

    def status(self, stream):
        self.until(HEADERS, stream)
        return int(self.fields[":status"])

    def goaway(self):
        """Last stream and error code."""
        return struct.unpack(">II", self.until(GOAWAY)[3][:8])

    def reset_code(self, stream):
        return struct.unpack(">I", self.until(RST_STREAM, stream)[3])[0]

    def ended(self):
        while self.frame() is not None:
            pass
        return True


def connect(larder, **more):
    return Raw(larder.address, **more)


def test_http_2_is_chosen_by_alpn_and_by_prior_knowledge_where_it_is_on(origin):
    origin.on("/x", reply(200, {}, b"x"))
    files = authority().files("server")

    def chosen(listen):
        with Larder(origin, routes=HOUR, listen=listen) as larder:
            client = Client(larder.address, authority().client_context(alpn=("h2", "http/1.1")))
            with client:
                return getattr(client.socket, "socket", client.socket).selected_alpn_protocol()

    assert chosen(f'{{address: "127.0.0.1:0", tls: {{{files}}}}}') == "h2"
    assert chosen(f'{{address: "127.0.0.1:0", tls: {{{files}}}, http2: false}}') == "http/1.1"
    with Larder(origin, routes=HOUR, listen='{address: "127.0.0.1:0"}') as larder:
        with connect(larder) as client:
            assert client.file.readline().startswith(b"HTTP/1.1 ")  # the preface is no request of HTTP/1
    with Larder(origin, routes=HOUR, listen=H2C) as larder:
        with connect(larder) as client:
            client.request(1)
            assert client.status(1) == 200
        with socket.create_connection(larder.address) as client:  # HTTP/1 on the same port, and a part of the preface at first
            client.settimeout(PATIENCE)
            client.sendall(b"P")
            client.sendall(b"OST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200 ")


def test_the_api_the_log_and_the_metrics_learn_the_version(origin):
    origin.on("/x", reply(200, {}, b"x"))
    with Larder(origin, routes=HOUR, settings="access_log: combined", listen=H2C) as larder, connect(larder) as client:
        client.request(1)
        assert client.status(1) == 200
        client.request(3)
        assert client.status(3) == 200 and "hit" in client.fields["cache-status"]
        larder.wait_for_line('"GET /x HTTP/2.0" 200', where="output")
        assert larder.metric("larder_http2_requests_total") == 2
        assert larder.metric("larder_http2_connections") == 1
    assert origin.requests[0]["Via"] == "2 larder"
    assert origin.requests[0]["Host"] == "api.test"


def test_trailers_end_a_body_and_do_not_go_on(origin):
    origin.on("/x", lambda exchange: reply(200, {}, exchange.request.body))
    with Larder(origin, routes=PASS, listen=H2C) as larder, connect(larder) as client:
        client.request(1, [(":method", "POST"), *GET[1:]], END_HEADERS)
        client.send(DATA, 0, 1, b"body")
        client.request(1, [("trailer", "yes")])
        assert client.status(1) == 200
        assert client.until(DATA, 1)[3] == b"body"
    assert "trailer" not in origin.requests[0]


MALFORMED = {
    "upper case": [*GET, ("Accept", "a")],
    "connection": [*GET, ("connection", "close")],
    "transfer-encoding": [*GET, ("transfer-encoding", "chunked")],
    "te": [*GET, ("te", "gzip")],
    "no path": [field for field in GET if field[0] != ":path"],
    "empty path": [(name, "" if name == ":path" else value) for name, value in GET],
    "two methods": [GET[0], *GET],
    "pseudo-field after a field": [*GET[:3], ("accept", "a"), GET[3]],
    "unknown pseudo-field": [(":x", "y"), *GET],
    "line end in a value": [*GET, ("a", "b\r\nc: d")],
    "line end in the path": [(name, "/x HTTP/1.1\r\nHost: b\r\n\r\n" if name == ":path" else value) for name, value in GET],
    "another host": [*GET, ("host", "other.test")],
    "space in the authority": [(name, "a b" if name == ":authority" else value) for name, value in GET],
    "no host": [field for field in GET if field[0] != ":authority"],
    "two lengths": [*GET, ("content-length", "1"), ("content-length", "1")],
    "a length that is not that of the body": [*GET, ("content-length", "5")],
}


@pytest.mark.parametrize("fields", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_request_is_reset_and_does_not_reach_the_api(origin, fields):
    origin.on("/x", reply(200, {}, b"x"))
    with Larder(origin, routes=PASS, listen=H2C) as larder, connect(larder) as client:
        client.request(1, fields)
        assert client.reset_code(1) == PROTOCOL_ERROR
        client.request(3)  # the connection goes on
        assert client.status(3) == 200
    assert len(origin.requests) == 1


def test_what_the_gate_refuses_gets_its_status(origin):
    origin.on("/x", reply(200, {}, b"x"))
    with Larder(origin, routes=PASS, settings="limits: {target: 100B, fields: 20}", listen=H2C) as larder, connect(larder) as client:
        cases = [
            (414, [(name, "/" + "x" * 200 if name == ":path" else value) for name, value in GET]),
            (431, [*GET, *[(f"x-{i}", "y") for i in range(30)]]),
            (400, [(name, "api.test:x" if name == ":authority" else value) for name, value in GET]),
            (501, [(":method", "CONNECT"), (":authority", "a:443")]),
            (400, [(name, "https" if name == ":scheme" else value) for name, value in GET]),
        ]
        for at, (status, fields) in enumerate(cases):
            client.request(1 + 2 * at, fields)
            if fields[1] == (":scheme", "https"):  # this peer is trusted: its scheme is its own affair
                assert client.status(1 + 2 * at) == 200
            else:
                assert client.status(1 + 2 * at) == status
    assert len(origin.requests) == 1


# Each of these is a connection error with that code (RFC 9113 4 to 6).
CONNECTION_ERRORS = {
    "DATA on stream 0": (lambda c: c.send(DATA, 0, 0, b"x"), PROTOCOL_ERROR),
    "DATA on an idle stream": (lambda c: c.send(DATA, 0, 5, b"x"), PROTOCOL_ERROR),
    "HEADERS on stream 0": (lambda c: c.request(0), PROTOCOL_ERROR),
    "HEADERS on an even stream": (lambda c: c.request(2), PROTOCOL_ERROR),
    "PUSH_PROMISE": (lambda c: c.send(PUSH_PROMISE, END_HEADERS, 1, struct.pack(">I", 2)), PROTOCOL_ERROR),
    "CONTINUATION without HEADERS": (lambda c: c.send(CONTINUATION, END_HEADERS, 1), PROTOCOL_ERROR),
    "a frame within a field section": (lambda c: (c.request(1, flags=0), c.send(PING, 0, 0, b"x" * 8)), PROTOCOL_ERROR),
    "another stream's CONTINUATION": (lambda c: (c.request(1, flags=0), c.send(CONTINUATION, END_HEADERS, 3)), PROTOCOL_ERROR),
    "SETTINGS of a stream": (lambda c: c.send(SETTINGS, 0, 1), PROTOCOL_ERROR),
    "SETTINGS of a wrong size": (lambda c: c.send(SETTINGS, 0, 0, b"x" * 5), FRAME_SIZE_ERROR),
    "SETTINGS ACK with content": (lambda c: c.send(SETTINGS, ACK, 0, b"x" * 6), FRAME_SIZE_ERROR),
    "a window of 2^31": (lambda c: c.send(SETTINGS, 0, 0, struct.pack(">HI", 4, 1 << 31)), FLOW_CONTROL_ERROR),
    "a frame size below 16384": (lambda c: c.send(SETTINGS, 0, 0, struct.pack(">HI", 5, 100)), PROTOCOL_ERROR),
    "PING of a stream": (lambda c: c.send(PING, 0, 1, b"x" * 8), PROTOCOL_ERROR),
    "PING of a wrong size": (lambda c: c.send(PING, 0, 0, b"x" * 7), FRAME_SIZE_ERROR),
    "RST_STREAM on stream 0": (lambda c: c.send(RST_STREAM, 0, 0, b"\0" * 4), PROTOCOL_ERROR),
    "RST_STREAM of an idle stream": (lambda c: c.send(RST_STREAM, 0, 7, b"\0" * 4), PROTOCOL_ERROR),
    "RST_STREAM of a wrong size": (lambda c: (c.request(1), c.send(RST_STREAM, 0, 1, b"\0" * 3)), FRAME_SIZE_ERROR),
    "WINDOW_UPDATE by nothing": (lambda c: c.send(WINDOW_UPDATE, 0, 0, b"\0" * 4), PROTOCOL_ERROR),
    "WINDOW_UPDATE of a wrong size": (lambda c: c.send(WINDOW_UPDATE, 0, 0, b"\0" * 3), FRAME_SIZE_ERROR),
    "a window beyond its maximum": (lambda c: c.send(WINDOW_UPDATE, 0, 0, struct.pack(">I", (1 << 31) - 1)), FLOW_CONTROL_ERROR),
    "a frame larger than allowed": (lambda c: c.send(DATA, 0, 1, b"x" * 16385), FRAME_SIZE_ERROR),
    "padding longer than the frame": (lambda c: (c.request(1, flags=END_HEADERS), c.send(DATA, 8, 1, b"\x05abc")), PROTOCOL_ERROR),
    "an index beyond the table": (lambda c: c.send(HEADERS, END_STREAM | END_HEADERS, 1, b"\xff\xff\x10"), COMPRESSION_ERROR),
    "index 0": (lambda c: c.send(HEADERS, END_STREAM | END_HEADERS, 1, b"\x80"), COMPRESSION_ERROR),
    "an integer that is too large": (lambda c: c.send(HEADERS, END_STREAM | END_HEADERS, 1, b"\xff" * 12), COMPRESSION_ERROR),
    "a cut-off field": (lambda c: c.send(HEADERS, END_STREAM | END_HEADERS, 1, b"\x40\x0aabc"), COMPRESSION_ERROR),
    "a table larger than allowed": (lambda c: c.send(HEADERS, END_STREAM | END_HEADERS, 1, b"\x3f\xe2\x1f" + b"\x82\x84\x86"), COMPRESSION_ERROR),
    "a table size after a field": (lambda c: c.send(HEADERS, END_STREAM | END_HEADERS, 1, b"\x82\x20"), COMPRESSION_ERROR),
}


@pytest.mark.parametrize("provoke, code", CONNECTION_ERRORS.values(), ids=CONNECTION_ERRORS.keys())
def test_a_connection_error_ends_the_connection_with_its_code(origin, provoke, code):
    origin.on("/x", reply(200, {}, b"x"))
    with Larder(origin, routes=HOUR, listen=H2C) as larder:
        with connect(larder) as client:
            client.until(SETTINGS)
            provoke(client)
            assert client.goaway()[1] == code
            assert client.ended()
        with connect(larder) as other:
            other.request(1)
            assert other.status(1) == 200


# ---- bounds


def floods():
    def rapid_reset(client):  # CVE-2023-44487
        for stream in range(1, 2001, 2):
            client.request(stream)
            client.send(RST_STREAM, 0, stream, struct.pack(">I", 8))

    def made_to_reset(client):  # CVE-2025-8671: larder resets
        for stream in range(1, 2001, 2):
            client.request(stream, [*GET[1:]], END_HEADERS)

    def made_to_reset_by_a_window(client):
        for stream in range(1, 2001, 2):
            client.request(stream)
            client.send(WINDOW_UPDATE, 0, stream, b"\0" * 4)

    def continuations(client):  # 2024
        client.request(1, flags=END_STREAM)
        for _ in range(1000):
            client.send(CONTINUATION, 0, 1, b"")

    def bomb(client):  # one entry of the table, referred to again and again
        client.send(HEADERS, 0, 1, b"\x40\x01a\x7f\xd1\x1e" + b"x" * 4000 + b"\xbe" * 3000)
        client.send(CONTINUATION, END_HEADERS, 1, b"\xbe" * 10000)

    def bomb_of_trailers(client):
        client.request(1, [(":method", "POST"), *GET[1:]], END_HEADERS)
        client.send(HEADERS, END_STREAM, 1, b"\x40\x01a\x7f\xd1\x1e" + b"x" * 4000 + b"\xbe" * 3000)
        client.send(CONTINUATION, END_HEADERS, 1, b"\xbe" * 10000)

    def settings(client):
        for _ in range(5000):
            client.send(SETTINGS, 0, 0)

    def pings(client):
        for _ in range(5000):
            client.send(PING, 0, 0, b"x" * 8)

    def priorities(client):
        for _ in range(5000):
            client.send(PRIORITY, 0, 1, struct.pack(">IB", 3, 1))

    def empty_data(client):
        client.request(1, [(":method", "POST"), *GET[1:]], END_HEADERS)
        for _ in range(5000):
            client.send(DATA, 0, 1)

    return [rapid_reset, made_to_reset, made_to_reset_by_a_window, continuations, bomb, bomb_of_trailers, settings, pings, priorities, empty_data]


@pytest.mark.parametrize("flood", floods(), ids=lambda flood: flood.__name__)
def test_a_flood_ends_its_connection_alone(origin, flood):
    hold = origin.hold("/slow")
    origin.on("/x", reply(200, {}, b"x"))
    with Larder(origin, routes=PASS, listen=H2C) as larder, connect(larder) as other:
        other.request(1, [(name, "/slow" if name == ":path" else value) for name, value in GET])
        hold.wait()
        with connect(larder) as client:
            sender = threading.Thread(target=flood, args=(client,))
            sender.start()
            try:
                # nghttp2 has errors of its own for these, such as more streams than limits.streams before the resets are sent.
                assert client.goaway()[1] in ({PROTOCOL_ERROR, ENHANCE_YOUR_CALM} if flood.__name__ in ("made_to_reset", "made_to_reset_by_a_window", "continuations") else {ENHANCE_YOUR_CALM})
            finally:
                sender.join(PATIENCE)
            assert client.ended()
        hold.release(reply(200, {}, b"late"))
        assert other.status(1) == 200
        larder.wait_for("larder_http2_connections", lambda value: value == 1)


def test_no_more_streams_than_limits_streams(origin):
    hold = origin.hold("/x")
    with Larder(origin, routes=PASS, settings="limits: {streams: 3}", listen=H2C) as larder, connect(larder) as client:
        settings = client.until(SETTINGS)[3]
        assert struct.pack(">HI", 3, 3) in [settings[i : i + 6] for i in range(0, len(settings), 6)]
        for stream in (1, 3, 5, 7):
            client.request(stream)
        hold.wait(3)
        assert client.goaway()[1] == PROTOCOL_ERROR
        hold.release(reply(200, {}, b"x"))
    assert len(origin.requests) == 3


def test_a_client_that_opens_no_window_loses_its_stream_alone(origin):
    origin.on("/x", reply(200, {}, b"x" * 100_000)).on("/y", reply(200, {}, b""))
    with Larder(origin, routes=HOUR, settings="timeouts: {write: 1s}", listen=H2C) as larder:
        with connect(larder, settings=struct.pack(">HI", 4, 0)) as client:
            client.request(1)
            assert client.status(1) == 200
            client.request(3, [(name, "/y" if name == ":path" else value) for name, value in GET])
            assert client.status(3) == 200
            assert client.until(RST_STREAM, 1)


def test_a_head_that_is_not_completed_ends_the_connection(origin):
    with Larder(origin, routes=HOUR, settings="timeouts: {head: 1s}", listen=H2C) as larder, connect(larder) as client:
        client.until(SETTINGS)
        client.request(1, flags=END_STREAM)
        assert client.goaway()[1] == NO_ERROR
        assert client.ended()


def test_bodies_that_nobody_reads_do_not_hold_up_others(origin):
    """More streams than would fit into the connection's window wait for their turn; one that is read goes on."""
    origin.on("*", lambda exchange: reply(200, {}, str(len(exchange.request.body)).encode()))
    with Larder(origin, routes=PASS, settings="limits: {uploads: 1}", listen=H2C) as larder:
        body = b"x" * 200_000
        file = larder.config.with_name("body")
        file.write_bytes(body)
        done = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "--parallel", "--parallel-immediate", "-H", "Expect:"] + [
            word for i in range(8) for word in ("--data-binary", f"@{file}", "http://%s:%d/%d" % (*larder.address, i), "--next")][:-1], capture_output=True, text=True, timeout=PATIENCE * 2, check=False)
        assert done.stdout == "200000" * 8, done.stderr


# ---- the end


def test_a_drain_announces_the_end_and_serves_what_is_under_way(origin):
    hold = origin.hold("/x")
    with Larder(origin, routes=PASS, listen=H2C) as larder, connect(larder) as client:
        client.request(1)
        hold.wait()
        larder.process.send_signal(signal.SIGTERM)
        assert client.goaway() == ((1 << 31) - 1, NO_ERROR)
        client.request(3)  # it was on its way
        hold.wait(2)
        assert client.goaway() == (3, NO_ERROR)
        hold.release(reply(200, {}, b"x"))
        assert {client.until(HEADERS)[2] for _ in range(2)} == {1, 3}
        assert client.ended()
        assert larder.process.wait(PATIENCE) == 0


def test_the_end_of_a_drain_ends_streams_under_way(origin):
    hold = origin.hold("/x")
    with Larder(origin, routes=PASS, listen=H2C, settings="drain_timeout: 100ms") as larder, connect(larder) as client:
        client.request(1)
        client.request(3)
        hold.wait(2)
        larder.process.send_signal(signal.SIGTERM)
        assert client.goaway()[1] == NO_ERROR
        assert client.ended()
        larder.expected_exit = larder.process.wait(PATIENCE)
        assert larder.expected_exit in (0, 1)
        hold.release(reply(200, {}, b"x"))


def test_a_head_that_is_not_completed_does_not_hold_up_an_announced_end(origin):
    origin.on("/x", reply(200, {}, b"x"))
    with Larder(origin, routes=HOUR, settings="limits: {requests_per_connection: 1}\ntimeouts: {head: 1s}", listen=H2C) as larder, connect(larder) as client:
        client.until(SETTINGS)
        client.request(1)
        client.request(3, flags=END_STREAM)
        assert client.goaway() == ((1 << 31) - 1, NO_ERROR)
        assert client.status(1) == 200
        assert client.ended()
        larder.wait_for("larder_connections", lambda value: value == 0)


def test_a_reload_ends_connections_only_where_the_listener_no_longer_speaks_http_2(origin):
    origin.on("/x", reply(200, {}, b"x"))
    with Larder(origin, routes=HOUR, listen=H2C) as larder, connect(larder) as client:
        client.request(1)
        assert client.status(1) == 200
        larder.reload(routes="  - {path: /**, ttl: 2h}")
        client.request(3)
        assert client.status(3) == 200
        larder.reload(listen='{address: "127.0.0.1:0", http2: false}')
        assert client.goaway() == ((1 << 31) - 1, NO_ERROR)
        assert client.goaway() == (3, NO_ERROR)
        assert client.ended()
        with socket.create_connection(larder.address) as other:
            other.settimeout(PATIENCE)
            other.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
            assert other.recv(100).startswith(b"HTTP/1.1 200 ")


def test_an_idle_connection_is_told_of_its_end(origin):
    origin.on("/x", reply(200, {}, b"x"))
    with Larder(origin, routes=HOUR, settings="timeouts: {idle: 1s}", listen=H2C) as larder, connect(larder) as client:
        client.request(1)
        assert client.status(1) == 200
        assert client.goaway() == (1, NO_ERROR)
        assert client.ended()


def test_a_connection_ends_after_its_number_of_requests(origin):
    origin.on("/x", reply(200, {}, b"x"))
    with Larder(origin, routes=HOUR, settings="limits: {requests_per_connection: 3}", listen=H2C) as larder, connect(larder) as client:
        for stream in (1, 3):
            client.request(stream)
            assert client.status(stream) == 200
        client.request(5)
        assert client.goaway() == ((1 << 31) - 1, NO_ERROR)
        assert client.status(5) == 200
        assert client.goaway() == (5, NO_ERROR)
        assert client.ended()


def test_a_reset_stream_leaves_the_fetch_to_others(origin):
    hold = origin.hold("/x")
    with Larder(origin, routes=HOUR, listen=H2C) as larder, connect(larder) as client, connect(larder) as other:
        client.request(1)
        hold.wait()
        other.request(1)
        larder.wait_for("larder_fill_waiters", lambda value: value == 2)
        client.send(RST_STREAM, 0, 1, struct.pack(">I", 8))
        hold.release(reply(200, {}, b"x"))
        assert other.status(1) == 200
        client.request(3)
        assert client.status(3) == 200
    assert len(origin.requests) == 1


def test_ten_polls_share_a_connection(origin):
    hold = origin.hold("/0")
    for i in range(1, 10):
        origin.on(f"/{i}", reply(200, {}, b"x"))
    with Larder(origin, routes=HOUR, listen=H2C) as larder, connect(larder) as client:
        for i in range(10):
            client.request(1 + 2 * i, [(name, f"/{i}" if name == ":path" else value) for name, value in GET])
        assert {client.until(HEADERS)[2] for _ in range(9)} == {1 + 2 * i for i in range(1, 10)}
        hold.release(reply(200, {}, b"x"))
        assert client.status(1) == 200


# ---- WebSocket (RFC 8441)


def upgraded(exchange):
    assert exchange.request["Upgrade"] == "websocket" and len(exchange.request["Sec-WebSocket-Key"]) == 24
    exchange.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: chat\r\n\r\nhello")
    while data := exchange.connection.recv(65536):
        exchange.send(data)
    exchange.connection.shutdown(socket.SHUT_WR)


SOCKET = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/ws"), (":authority", "api.test"), ("sec-websocket-version", "13")]


def test_a_websocket_is_an_extended_connect(origin):
    origin.on("/ws", upgraded).on("/x", reply(200, {}, b"x"))
    with Larder(origin, routes=PASS, listen=H2C) as larder, connect(larder) as client:
        client.until(SETTINGS)
        client.request(1, SOCKET, END_HEADERS)
        assert client.status(1) == 200
        assert client.fields["sec-websocket-protocol"] == "chat"
        assert not {"upgrade", "connection", "sec-websocket-accept"} & client.fields.keys()
        assert client.until(DATA, 1)[3] == b"hello"
        client.send(DATA, 0, 1, b"one")
        assert client.until(DATA, 1)[3] == b"one"
        client.request(3)  # others go on
        assert client.status(3) == 200
        received = 0
        for _ in range(30):  # more than the windows
            client.send(DATA, 0, 1, b"x" * 10_000)
            while received < 10_000:
                frame = client.until(DATA, 1)
                received += len(frame[3])
                for stream in (0, 1):
                    client.send(WINDOW_UPDATE, 0, stream, struct.pack(">I", max(1, len(frame[3]))))
            received -= 10_000
        client.send(DATA, END_STREAM, 1)
        while not client.until(DATA, 1)[1] & END_STREAM:
            pass
        client.request(5)
        assert client.status(5) == 200
    assert origin.seen("/ws")[0].method == "GET"


def test_a_websocket_that_the_api_refuses_and_one_that_is_reset(origin):
    origin.on("/ws", reply(403, {}, b"no"))
    with Larder(origin, routes=PASS, listen=H2C) as larder, connect(larder) as client:
        client.request(1, SOCKET, END_HEADERS)
        assert client.status(1) == 403
        origin.on("/ws", upgraded)
        client.request(3, SOCKET, END_HEADERS)
        assert client.status(3) == 200
        client.send(RST_STREAM, 0, 3, struct.pack(">I", 8))
        larder.wait_for('larder_upstream_connections{state="busy"}', lambda value: value == 0)


def test_what_is_more_urgent_is_sent_first(origin):  # RFC 9218
    origin.on("/a", reply(200, {}, b"a" * 200_000)).on("/b", reply(200, {}, b"b" * 200_000))
    with Larder(origin, routes=HOUR, listen=H2C) as larder, connect(larder, settings=struct.pack(">HI", 4, 1 << 20)) as client:
        client.until(SETTINGS)
        for stream, path in ((1, "/a"), (3, "/b")):  # into the cache
            client.request(stream, [(name, path if name == ":path" else value) for name, value in GET])
            received = 0
            while received < 200_000:
                received += len(client.until(DATA, stream)[3])
                client.send(WINDOW_UPDATE, 0, 0, struct.pack(">I", 200_000))
        requests = b""
        for stream, path, urgency in ((5, "/a", "u=7"), (7, "/b", "u=0")):
            head = client.encoder.encode([*[(name, path if name == ":path" else value) for name, value in GET], ("priority", urgency)])
            requests += struct.pack(">I", len(head))[1:] + bytes([HEADERS, END_STREAM | END_HEADERS]) + struct.pack(">I", stream) + head
        client.socket.sendall(requests)
        order = []
        while order.count(7) < 200_000 // 16384:
            order.append(client.until(DATA)[2])
        assert 5 not in order
