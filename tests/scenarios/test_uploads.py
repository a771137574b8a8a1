"""Request bodies that arrive slowly take no connection to the API away from others."""

import contextlib

import pytest
from harness import CLIENTS_USE_HTTP2, Larder, in_parallel, reply

PASS = "  - {path: /**, cache: off}"


def echo(exchange):
    return reply(200, {}, exchange.request.body)


def begin(larder, length, sent=b"a", fields=()):
    client = larder.client()
    client.request("POST", "/up", [("Content-Length", str(length)), *fields])
    client.send(sent)
    return client


def test_bodies_that_trickle_leave_connections_for_others(origin):
    origin.on("/up", echo).on("/x", reply(200, {}, b"x"))
    with Larder(origin, routes=PASS, settings="limits: {uploads: 2}", upstream="  connections: 4") as larder:
        uploads = [begin(larder, 10) for _ in range(12)]
        assert [larder.get("/x").body for _ in range(8)] == [b"x"] * 8
        for client in uploads:
            client.send(b"b" * 9)
        assert [client.response("POST").body for client in uploads] == [b"a" + b"b" * 9] * 12
        for client in uploads:
            client.close()


def test_large_bodies_share_the_connections_that_are_for_uploads(origin):
    origin.on("/up", echo).on("/x", reply(200, {}, b"x"))
    length = 300_000
    with Larder(origin, routes=PASS, settings="loops: 1\nlimits: {uploads: 2}", upstream="  connections: 4") as larder:
        uploads = [begin(larder, length, b"a" * 70_000) for _ in range(6)]
        larder.wait_for("larder_upstream_queue", lambda value: value == 4)
        assert larder.get("/x").body == b"x"
        join = in_parallel(6, lambda i: uploads[i].send(b"b" * (length - 70_000)))
        bodies = [client.response("POST").body for client in uploads]
        join()
        assert bodies == [b"a" * 70_000 + b"b" * (length - 70_000)] * 6
        for client in uploads:
            client.close()


def test_a_body_that_comes_too_slowly_gets_408(origin):
    origin.on("/up", echo)
    settings = "limits: {body_rate: 1GiB}"
    with Larder(origin, routes=PASS, settings=settings) as larder, begin(larder, 1_000_000) as client:
        stop = False
        with contextlib.suppress(OSError):
            client.socket.settimeout(0.5)
            for _ in range(200):
                client.send(b"a")
                try:
                    answer = client.response("POST")
                    stop = True
                    break
                except TimeoutError:
                    client.file = client.socket.makefile("rb")
        assert stop and answer.status == 408


@pytest.mark.http_1
def test_a_malformed_body_does_not_reach_the_api(origin):
    with Larder(origin, routes=PASS) as larder, larder.client() as client:
        client.send(b"POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        assert client.response("POST").status == 400
        assert larder.metric("larder_upstream_requests_total") == 0
    assert origin.requests == []


@pytest.mark.parametrize("close", ["close", "abort"])
def test_a_client_that_leaves_within_its_body_leaves_nothing_behind(origin, close):
    with Larder(origin, routes=PASS) as larder:
        client = begin(larder, 100)
        getattr(client, close)()
        larder.wait_for("larder_connections", lambda value: value == 0)
        assert larder.metric("larder_upstream_requests_total") == 0
    assert origin.requests == []


def test_an_early_response_to_a_large_upload(origin):
    def early(exchange):
        return reply(401, {}, b"no")

    origin.on("/up", early)
    with Larder(origin, routes=PASS) as larder:
        client = begin(larder, 1_000_000, b"", [("Expect", "100-continue")])
        answer = client.response("POST")
        assert answer.status == 401
        assert CLIENTS_USE_HTTP2 or answer["Connection"] == "close"
        client.close()
        larder.wait_for('larder_upstream_connections{state="busy"}', lambda value: value == 0)
