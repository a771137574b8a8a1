"""Streams and slow responses: handed over, streamed while they are stored, and ended when their clients leave."""

import socket
import threading

import pytest
from harness import CLIENTS_USE_TLS, Larder, Origin, cache_status, in_parallel, read_chunked, reply

EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n"
TTL = "  - {path: /**, ttl: 1h}"


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n%s\r\n"


def read_chunk(client):
    size = int(client.file.readline(), 16)
    data = client.file.read(size)
    client.file.readline()
    return data


def idle(larder):
    larder.wait_for('larder_upstream_connections{state="busy"}', lambda value: value == 0)
    larder.wait_for("larder_fills_running", lambda value: value == 0)


@pytest.mark.parametrize("route", ["ttl: 1h", "cache: standard", "cache: off", "ttl: 1h, fields: [id]"])
@pytest.mark.parametrize(
    "content_type",
    ["text/event-stream", "Text/Event-Stream; charset=utf-8", "multipart/x-mixed-replace;boundary=x", "application/x-ndjson"],
)
def test_a_stream_is_forwarded_while_it_arrives_on_every_route(origin, route, content_type):
    seen = threading.Event()

    def stream(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Type: %s\r\n\r\nfirst" % content_type.encode())
        assert seen.wait(30)
        exchange.send(b"second")
        return Origin.CLOSE

    origin.on("/x", stream)
    with Larder(origin, routes=f"  - {{path: /**, {route}}}") as larder:
        for _ in range(2):  # it is not stored
            seen.clear()
            with larder.client() as client:
                client.request("GET", "/x")
                head = client.read_head()
                assert head.status == 200
                assert read_chunk(client) == b"first"
                seen.set()
                assert read_chunk(client) == b"second"
                assert client.file.readline() == b"0\r\n"
                if route.startswith("ttl"):
                    assert cache_status(head)[1].get("detail") in ("stream", "hit-for-miss")
        idle(larder)
    assert len(origin.seen("/x")) == 2


def test_streams_whose_clients_have_left_hold_no_connection_of_the_api(origin):
    origin.on("/fine", reply(200, {}, b"fine"))

    def stream(exchange):
        exchange.send(EVENTS)
        assert exchange.connection.recv(1) == b""  # until larder closes the connection
        return Origin.CLOSE

    origin.on("/events", stream)
    with Larder(origin, routes=TTL, upstream="  connections: 4") as larder:
        for _ in range(12):
            with larder.client() as client:
                client.request("GET", "/events")
                client.read_head()
                read_chunk(client)
        assert larder.get("/fine").body == b"fine"
        idle(larder)


def test_a_response_that_falls_silent_is_handed_over_and_its_waiters_are_released(origin):
    hold = origin.hold("/x")
    go_on = threading.Event()

    def silent(exchange):
        exchange.send(CHUNKED % b"ETag: \"1\"\r\n" + chunk(b"some"))
        assert go_on.wait(30)
        exchange.send(chunk(b"more") + b"0\r\n\r\n")
        return None

    with Larder(origin, routes=TTL, upstream="  fill_timeout: 300ms") as larder:
        first, second = larder.client(), larder.client()
        first.request("GET", "/x")
        hold.wait()
        second.request("GET", "/x")
        larder.wait_for("larder_fill_waiters", lambda value: value == 2)
        hold.release_one(silent)
        # The second is released once the first has taken the response over, and fetches for itself.
        hold.wait(2)
        hold.release(reply(200, {}, b"own"))
        assert second.response().body == b"own"
        head = first.read_head()
        assert read_chunk(first) == b"some"
        go_on.set()
        assert read_chunk(first) == b"more"
        assert first.file.readline() == b"0\r\n"
        assert head["ETag"] == '"1"'
        idle(larder)
        first.close()
        second.close()


def test_a_silent_response_ends_upstream_once_its_client_has_left(origin):
    def silent(exchange):
        exchange.send(CHUNKED % b"" + chunk(b"some"))
        assert exchange.connection.recv(1) == b""
        return Origin.CLOSE

    origin.on("/x", silent)
    for route in ("ttl: 1h", "cache: off"):
        with Larder(origin, routes=f"  - {{path: /**, {route}}}", upstream="  fill_timeout: 200ms") as larder:
            with larder.client() as client:
                client.request("GET", "/x")
                client.read_head()
            idle(larder)


def test_a_slow_response_that_makes_progress_is_collected_and_its_waiters_stay(origin):
    hold = origin.hold("/x")
    steps = 8

    def slow(exchange):
        exchange.send(CHUNKED % b"")
        for _ in range(steps):
            threading.Event().wait(0.15)  # the pace of the API
            exchange.send(chunk(b"x"))
        return b"0\r\n\r\n"

    with Larder(origin, routes=TTL, upstream="  fill_timeout: 1s") as larder:
        join = [larder.client() for _ in range(3)]
        join[0].request("GET", "/x")
        hold.wait()
        for client in join[1:]:
            client.request("GET", "/x")
        larder.wait_for("larder_fill_waiters", lambda value: value == 3)
        hold.release(slow)
        assert [client.response().body for client in join] == [b"x" * steps] * 3
        assert cache_status(larder.get("/x"))[1].get("hit")
        for client in join:
            client.close()
    assert len(origin.seen("/x")) == 1


def test_a_fetch_has_a_time_limit_as_a_whole(origin):
    hold = origin.hold("/x")
    with Larder(origin, routes=TTL, upstream="  total_timeout: 300ms") as larder:
        assert larder.get("/x").status == 504
        hold.release(Origin.CLOSE)
        idle(larder)

        stop = threading.Event()

        def endless(exchange):
            exchange.send(CHUNKED % b"")
            while not stop.is_set():
                try:
                    exchange.send(chunk(b"x"))
                except OSError:
                    break
                stop.wait(0.05)
            return Origin.CLOSE

        origin.on("/y", endless)
        with larder.client() as client:
            client.request("GET", "/y")
            client.read_head()
            for _ in range(12):  # beyond the limit: it goes on for this client alone
                assert read_chunk(client)
        stop.set()
        idle(larder)


def test_a_chunked_response_is_sent_while_it_is_stored(origin):
    seen = threading.Event()

    def slow(exchange):
        exchange.send(CHUNKED % b"ETag: \"1\"\r\n" + chunk(b"some"))
        assert seen.wait(30)
        return chunk(b" more") + b"0\r\n\r\n"

    origin.on("/x", slow)
    with Larder(origin, routes=TTL) as larder, larder.client() as first, larder.client() as second:
        first.request("GET", "/x", {"If-None-Match": '"0"'})
        head = first.read_head()
        assert head["ETag"] == '"1"'
        assert cache_status(head)[1].get("detail") == "streamed"
        assert read_chunk(first) == b"some"
        second.request("GET", "/x")
        larder.wait_for("larder_fill_waiters", lambda value: value == 2)
        seen.set()
        assert read_chunk(first) == b" more"
        assert first.file.readline() == b"0\r\n"
        first.file.readline()
        assert second.response().body == b"some more"
        hit = first.get("/x")
        assert hit.body == b"some more" and cache_status(hit)[1].get("hit")
    assert len(origin.seen("/x")) == 1


def test_a_streamed_response_that_breaks_off_is_not_taken_for_a_whole_one(origin):
    seen = threading.Event()

    def broken(exchange):
        exchange.send(CHUNKED % b"" + chunk(b"some"))
        assert seen.wait(30)
        return Origin.CLOSE

    origin.on("/x", broken)
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        client.request("GET", "/x")
        client.read_head()
        assert read_chunk(client) == b"some"
        seen.set()
        assert client.file.read() == b""  # and not the last chunk
        idle(larder)
        origin.on("/x", reply(200, {}, b"whole"))
        assert larder.get("/x").body == b"whole"


def test_a_streamed_response_that_is_too_large_to_store_goes_on(origin):
    seen = threading.Event()

    def large(exchange):
        exchange.send(CHUNKED % b"" + chunk(b"a" * 3000))
        assert seen.wait(30)
        return chunk(b"b" * 90_000) + chunk(b"c" * 10) + b"0\r\n\r\n"

    origin.on("/x", large)
    with Larder(origin, routes=TTL, settings="cache: {max_body: 64KiB}") as larder, larder.client() as client:
        client.request("GET", "/x")
        client.read_head()
        first = client.file.readline()
        data = client.file.read(int(first, 16))
        client.file.readline()
        seen.set()
        data += read_chunked(client.file)
        assert data == b"a" * 3000 + b"b" * 90_000 + b"c" * 10
        idle(larder)


@pytest.mark.parametrize(
    "route, fields",
    [
        ("ttl: 1h, fields: [id]", {}),  # projected
        ("ttl: 1h", {"If-None-Match": '"x"'}),  # the tag is made from the whole body
        ("ttl: 1h", {"Range": "bytes=0-1"}),
    ],
)
def test_a_response_whose_head_depends_on_its_body_is_not_streamed(origin, route, fields):
    def slow(exchange):
        exchange.send(CHUNKED % b"" + chunk(b'[{"id": 1, '))
        threading.Event().wait(0.4)
        return chunk(b'"a": 2}]') + b"0\r\n\r\n"

    origin.on("/x", slow)
    with Larder(origin, routes=f"  - {{path: /**, {route}}}") as larder:
        answer = larder.get("/x", fields)
        assert answer["Content-Length"] and answer["ETag"]


@pytest.mark.skipif(CLIENTS_USE_TLS, reason="Python's TLS has no half-closed connection")
@pytest.mark.http_1
def test_a_client_that_closes_its_sending_side_gets_a_finite_response(origin):
    for route in ("ttl: 1h", "cache: standard", "cache: off"):
        hold = origin.hold("/x")
        with Larder(origin, routes=f"  - {{path: /**, {route}}}") as larder, larder.client() as client:
            client.request("GET", "/x")
            client.socket.shutdown(socket.SHUT_WR)
            hold.wait()
            hold.release(CHUNKED % b"" + chunk(b"whole") + b"0\r\n\r\n")
            assert client.response().body == b"whole"
            assert client.ended()


@pytest.mark.http_1
def test_a_client_that_closes_its_sending_side_ends_a_stream(origin):
    def stream(exchange):
        exchange.send(EVENTS)
        assert exchange.connection.recv(1) == b""
        return Origin.CLOSE

    origin.on("/x", stream)
    for route in ("ttl: 1h", "cache: off"):
        with Larder(origin, routes=f"  - {{path: /**, {route}}}") as larder, larder.client() as client:
            client.request("GET", "/x")
            client.read_head()
            client.socket.shutdown(socket.SHUT_WR)
            idle(larder)


def test_a_client_that_resets_its_connection_ends_its_request(origin):
    hold = origin.hold("/x")
    with Larder(origin, routes="  - {path: /**, cache: off}") as larder:
        client = larder.client()
        client.request("GET", "/x")
        hold.wait()
        client.abort()
        idle(larder)
        hold.release(Origin.CLOSE)


def test_many_streams_of_one_url_are_independent(origin):
    def stream(exchange):
        exchange.send(EVENTS)
        return Origin.CLOSE

    origin.on("/x", stream)
    with Larder(origin, routes=TTL) as larder:
        assert in_parallel(8, lambda _: larder.get("/x").body)() == [b"data: 1\n\n"] * 8


@pytest.mark.parametrize("route", ["ttl: 1h", "cache: off"])
def test_an_api_that_does_not_answer_is_not_waited_for_by_clients_that_have_left(origin, route):
    hold = origin.hold("/x")
    with Larder(origin, routes=f"  - {{path: /**, {route}}}", upstream="  fill_timeout: 100ms") as larder:
        for _ in range(3):
            with larder.client() as client:
                client.request("GET", "/x")
                hold.wait()
        idle(larder)
        larder.wait_for("larder_fill_waiters", lambda value: value == 0)
        assert larder.metric("larder_upstream_errors_total") == 0
        hold.release(reply(200, {}, b"late"))
        assert larder.get("/x").body == b"late"
