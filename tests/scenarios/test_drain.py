"""Shutdown: requests under way are completed, responses say that the connection closes, and streams without an end are closed last."""

import queue
import signal
import threading

import pytest
from harness import PATIENCE, Larder, Origin, in_parallel, reply

ROUTES = "  - {path: /ttl/**, ttl: 1h}\n  - {path: /**, cache: off}"

pytestmark = pytest.mark.http_1


def echo(exchange):
    exchange.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    while data := exchange.connection.recv(1000):
        exchange.send(data)
    return Origin.CLOSE


class Events:
    """A stream of events controlled by the test."""

    def __init__(self):
        self.queue = queue.Queue()

    def __call__(self, exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        while (event := self.queue.get(timeout=PATIENCE)) is not None:
            exchange.send(b"%x\r\n%s\r\n" % (len(event), event))
        return Origin.CLOSE


def next_chunk(client):
    size = int(client.file.readline(), 16)
    chunk = client.file.read(size)
    assert client.file.readline() == b"\r\n"
    return chunk


def says(client, text):
    client.send(text)
    assert client.file.read(len(text)) == text


@pytest.mark.parametrize("loops", [1, 2])
def test_in_a_drain_requests_end_before_tunnels_and_streams(origin, loops):
    events = Events()
    origin.on("/ws", echo).on("/events", events).on("*", reply(200, {}, b"ok"))
    filled, passed = origin.hold("/ttl/slow"), origin.hold("/slow")
    with Larder(origin, routes=ROUTES, settings=f"drain_timeout: 1h\nloops: {loops}") as larder:
        larder.get("/ttl/a")
        tunnel, stream, filling, passing, uploading = (larder.client() for _ in range(5))
        come = [larder.client() for _ in range(3)]  # have sent nothing yet
        silent = larder.client()  # sends nothing at all
        larder.wait_for("larder_connections", lambda value: value == 9)
        tunnel.request("GET", "/ws", {"Connection": "Upgrade", "Upgrade": "websocket"})
        assert tunnel.response().status == 101
        stream.request("GET", "/events")
        assert "Connection" not in stream.read_head()
        filling.request("GET", "/ttl/slow")
        passing.request("GET", "/slow")
        uploading.request("POST", "/upload", {"Content-Length": "10"}, None)
        uploading.send(b"12345")
        filled.wait()
        passed.wait()
        larder.process.send_signal(signal.SIGTERM)
        larder.wait_for_line("draining")
        methods = ["GET", "GET", "POST"]
        for client, method, target in zip(come, methods, ["/ttl/a", "/a", "/a"]):  # the grace period of these has not ended
            client.request(method, target, body=b"" if method == "POST" else None)
        assert larder.ask_admin("/readyz")[0] == 503
        for client, method in zip(come, methods):
            answer = client.response(method)
            assert (answer.body, answer["Connection"]) == (b"ok", "close")
            assert client.ended()
        assert silent.ended()  # its grace period is over while the drain continues
        uploading.send(b"67890")
        filled.release(reply(200, {}, b"filled"))
        passed.release(reply(200, {}, b"passed"))
        for client, body in ((filling, b"filled"), (passing, b"passed"), (uploading, b"ok")):
            answer = client.response()
            assert (answer.body, answer["Connection"]) == (body, "close")
            assert client.ended()

        # Every request has its response; these two connections remain open.
        larder.wait_for("larder_connections", lambda value: value == 2)
        says(tunnel, b"still here?")
        events.queue.put(b"data: still here\n\n")
        assert next_chunk(stream) == b"data: still here\n\n"
        assert larder.process.poll() is None

        larder.process.send_signal(signal.SIGTERM)
        assert tunnel.ended()
        assert stream.file.read() == b""  # without a last chunk: the client can tell that the stream is incomplete
        assert larder.process.wait(PATIENCE) == 0
        events.queue.put(None)
        for client in (tunnel, stream, filling, passing, uploading, silent, *come):
            client.close()


def test_the_drain_ends_when_tunnels_and_streams_have_ended_by_themselves(origin):
    events = Events()
    origin.on("/ws", echo).on("/events", events)
    with Larder(origin, routes=ROUTES, settings="drain_timeout: 1h") as larder:
        with larder.client() as tunnel, larder.client() as stream:
            tunnel.request("GET", "/ws", {"Connection": "Upgrade", "Upgrade": "websocket"})
            assert tunnel.response().status == 101
            stream.request("GET", "/events")
            stream.read_head()
            larder.process.send_signal(signal.SIGTERM)
            larder.wait_for_line("draining")
            says(tunnel, b"hello")
            events.queue.put(b"data: last\n\n")
            assert next_chunk(stream) == b"data: last\n\n"
        events.queue.put(None)
        assert larder.process.wait(PATIENCE) == 0


def test_under_load_every_response_is_complete_and_the_last_has_connection_close(origin):
    origin.on("*", reply(200, {}, b"x" * 1000))
    begun = threading.Barrier(5)
    with Larder(origin, routes=ROUTES, settings="drain_timeout: 1h") as larder:

        def load(target):
            """Sends requests until the connection ends: after a response with Connection: close, or between two responses."""
            with larder.client() as client:
                client.get(target)
                begun.wait(PATIENCE)
                while True:
                    try:
                        client.request("GET", target)
                        head = client.file.peek(1)
                    except (BrokenPipeError, ConnectionResetError):
                        return
                    if not head:
                        return
                    answer = client.response()
                    assert answer.complete and answer.body == b"x" * 1000
                    if answer.get("Connection") == "close":
                        assert client.ended()
                        return

        join = in_parallel(4, lambda i: load("/ttl/a" if i % 2 else "/a"))
        begun.wait(PATIENCE)
        larder.process.send_signal(signal.SIGTERM)
        join()
        assert larder.process.wait(PATIENCE) == 0
