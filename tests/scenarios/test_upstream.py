"""Connections to the API: reuse, limits, timeouts, and the responses that clients get on failures."""

import json
import socket

import pytest
from harness import Larder, Origin, in_parallel, reply

PASS = "  - {path: /**, cache: off}"


def problem(answer):
    assert answer["Content-Type"] == "application/problem+json"
    return json.loads(answer.body)


def test_connections_are_reused(origin):
    origin.on("/x", reply(200, {}, b"ok"))
    with Larder(origin, routes=PASS) as larder, larder.client() as client:
        for _ in range(5):
            client.get("/x")
        assert origin.connections == 1
        larder.wait_for('larder_upstream_connections{state="idle"}', lambda value: value == 1)


def test_a_closed_connection_is_not_reused(origin):
    origin.on("/x", reply(200, {"Connection": "close"}, b"ok"))
    with Larder(origin, routes=PASS) as larder, larder.client() as client:
        client.get("/x")
        client.get("/x")
    assert origin.connections == 2


@pytest.mark.parametrize("route", [PASS, "  - {path: /**, ttl: 60s}"])
def test_a_refused_connection_is_a_502(route):
    port = socket.create_server(("127.0.0.1", 0)).getsockname()[1]  # closed at once
    with Larder(f"http://127.0.0.1:{port}", routes=route) as larder, larder.client() as client:
        for _ in range(2):
            answer = client.get("/x")
            assert answer.status == 502
            assert problem(answer)["detail"] == "cannot connect to upstream: Connection refused"  # no address for clients
        post = client.get("/x", method="POST", body=b"lost")
        assert post.status == 502
        larder.wait_for_line(f"request to /x: cannot connect to upstream 127.0.0.1:{port}: Connection refused")


def test_an_unknown_host_name_is_a_502():
    with Larder("http://no-such-host.invalid:80", routes=PASS) as larder:
        answer = larder.get("/x")
        assert answer.status == 502
        assert "cannot resolve" in problem(answer)["detail"]


def test_a_name_is_resolved(origin):
    origin.on("/x", reply(200, {}, b"ok"))
    with Larder(f"http://localhost:{origin.port}", routes=PASS) as larder:
        assert larder.get("/x").body == b"ok"


@pytest.mark.parametrize("route", [PASS, "  - {path: /**, ttl: 60s}"])
def test_an_api_that_never_answers_is_a_504(origin, route):
    hold = origin.hold("/x")
    with Larder(origin, routes=route, upstream="  first_byte_timeout: 200ms") as larder:
        answer = larder.get("/x")
        assert answer.status == 504
        assert "first_byte_timeout" in problem(answer)["detail"]
        assert hold.arrivals == 1
        hold.release(Origin.CLOSE)


def test_an_answer_that_stops_in_the_middle_is_a_broken_transfer(origin):
    hold = origin.hold("/x")

    def stall(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        return hold(exchange)

    origin.on("/x", stall)
    with Larder(origin, routes=PASS, upstream="  idle_timeout: 200ms") as larder:
        answer = larder.get("/x")
        assert not answer.complete
        hold.release(Origin.CLOSE)


def test_connections_and_queue_are_limited(origin):
    hold = origin.hold("/x")
    # With several loops, an idle connection of another loop is closed and a new one opened in its place.
    with Larder(origin, routes=PASS, upstream="  connections: 2\n  queue: 3", settings="loops: 1") as larder:
        join = in_parallel(5, lambda _: larder.get("/x"))
        hold.wait(2)
        larder.wait_for("larder_upstream_queue", lambda value: value == 3)
        refused = larder.get("/x")
        assert refused.status == 503
        assert refused["Retry-After"] == "1"
        assert "waiting for an upstream connection" in problem(refused)["detail"]
        assert hold.arrivals == 2
        hold.release(reply(200, {}, b"ok"))
        assert [answer.body for answer in join()] == [b"ok"] * 5
    assert origin.connections == 2


def test_queue_timeout_limits_the_wait_for_a_connection(origin):
    hold = origin.hold("/x")
    with Larder(origin, routes=PASS, upstream="  connections: 1\n  queue_timeout: 100ms") as larder:
        join = in_parallel(1, lambda _: larder.get("/x"))
        hold.wait()
        assert larder.get("/x").status == 503
        hold.release(reply(200, {}, b"ok"))
        assert join()[0].status == 200


def dying_once(origin):
    """The first request on each connection gets a response; the second finds the connection closed without a byte."""
    seen = {}

    def script(exchange):
        count = seen[exchange.connection] = seen.get(exchange.connection, 0) + 1
        return reply(200, {}, b"ok") if count == 1 else Origin.CLOSE

    origin.on("/x", script)


@pytest.mark.parametrize("route", [PASS, "  - {path: /**, cache: standard}"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_idempotent_request_is_retried_once_on_a_dead_pooled_connection(origin, method, route):
    dying_once(origin)
    with Larder(origin, routes=route) as larder, larder.client() as client:
        for _ in range(3):
            assert client.get("/x", method=method).status == 200
        assert larder.metric("larder_upstream_retries_total") == 2


def test_a_post_is_never_sent_twice(origin):
    dying_once(origin)
    with Larder(origin, routes=PASS) as larder, larder.client() as client:
        assert client.get("/x").status == 200
        assert client.get("/x", method="POST", body=b"once").status == 502
    assert len(origin.seen("/x", "POST")) == 1


def test_a_failure_on_a_new_connection_is_not_retried(origin):
    origin.on("/x", Origin.CLOSE)
    with Larder(origin, routes=PASS) as larder:
        assert larder.get("/x").status == 502
    assert len(origin.seen("/x")) == 1


def test_a_failure_after_the_first_byte_is_not_retried(origin):
    seen = []

    def script(exchange):
        seen.append(1)
        if len(seen) == 1:
            return reply(200, {}, b"ok")
        exchange.send(b"HTTP/1.1 2")
        return Origin.CLOSE

    origin.on("/x", script)
    with Larder(origin, routes=PASS) as larder, larder.client() as client:
        assert client.get("/x").status == 200
        assert client.get("/x").status == 502
    assert len(seen) == 2


def test_a_connection_that_closed_while_it_was_idle_is_noticed(origin):
    origin.on("/x", reply(200, {}, b"ok"))
    with Larder(origin, routes=PASS) as larder, larder.client() as client:
        assert client.get("/x").status == 200
        origin.drop_connections()
        origin.wait_for(lambda it: not it.open)
        assert client.get("/x", method="POST", body=b"x").status == 200


def test_an_answer_before_the_body_is_read_reaches_the_client(origin):
    def early(exchange):
        exchange.send(reply(413, {"Connection": "close"}, b"too much"))
        return Origin.CLOSE

    def script(exchange):
        return early(exchange)

    origin.on("/x", script)
    with Larder(origin, routes=PASS) as larder, larder.client() as client:
        client.request("POST", "/x", {"Content-Length": "1000000", "Expect": "100-continue"})
        answer = client.response("POST")
        assert answer.status == 413
        assert answer.body == b"too much"


def test_a_connection_in_use_while_the_upstream_changed_is_not_reused(origin):
    hold = origin.hold("/held")
    origin.on("/x", reply(200, {}, b"before"))
    other = Origin().on("/x", reply(200, {}, b"after"))
    try:
        with Larder(origin, routes=PASS) as larder:
            held = in_parallel(1, lambda _: larder.get("/held"))
            hold.wait()
            larder.reload(url=other.url)
            hold.release(reply(200, {}, b"held"))
            assert held()[0].body == b"held"
            assert larder.get("/x").body == b"after"
    finally:
        other.close()


def test_upstream_connections_is_a_bound_of_all_loops_together(origin):
    hold = origin.hold("/x")
    with Larder(origin, routes=PASS, settings="loops: 2", upstream="  connections: 3\n  queue: 100\n") as larder:
        answers = in_parallel(16, lambda _: larder.get("/x").status)
        larder.wait_for("larder_upstream_queue", lambda value: value == 13)
        hold.wait(3)
        assert len(origin.seen("/x")) == 3
        hold.release(reply(200, {}, b"x"))
        assert answers() == [200] * 16


def test_an_idle_connection_of_one_loop_does_not_keep_another_loop_from_the_api(origin):
    origin.on("/x", reply(200, {}, b"x"))
    with Larder(origin, routes=PASS, settings="loops: 2", upstream="  connections: 1\n") as larder:
        for _ in range(16):
            assert larder.get("/x").status == 200
        assert origin.connections > 1
        metrics = larder.metrics()
        assert sum(metrics[f'larder_upstream_connections{{state="{state}"}}'] for state in ("idle", "busy")) == 1


def test_failures_on_all_loops_together_open_the_breaker(origin):
    origin.on("*", lambda _: Origin.CLOSE)
    settings = "loops: 2"
    with Larder(origin, routes=PASS, settings=settings, upstream="  breaker_failures: 8\n  breaker_wait: 1h\n") as larder:
        for i in range(8):
            assert larder.get(f"/{i}").status == 502
        assert larder.get("/x").status == 503
        assert larder.metric("larder_upstream_breaker_opened_total") == 1


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_request_that_had_no_answer_in_time_is_not_sent_again(origin, method):
    hold = origin.hold("/slow")
    origin.on("/x", reply(200, {}, b"x"))
    with Larder(origin, routes=PASS, upstream="  first_byte_timeout: 200ms") as larder, larder.client() as client:
        assert client.get("/x").body == b"x"  # its connection is used again
        assert client.get("/slow", method=method).status == 504
        hold.release(Origin.CLOSE)
        assert larder.metric("larder_upstream_retries_total") == 0
    assert len(origin.seen("/slow")) == 1


def test_an_early_response_ends_the_connection_or_leaves_it_usable(origin):
    origin.on("/early", reply(413, {}, b"no"))  # it does not read the body, because of Expect
    origin.on("/x", reply(200, {}, b"x"))
    head = b"POST /early HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3000000\r\n\r\n"
    with Larder(origin, routes=PASS) as larder, larder.client() as client:
        client.send(head + b"a" * 100_000)
        answer = client.response()
        assert answer.status == 413
        if answer.get("Connection", "").lower() != "close":
            client.send(b"a" * 2_900_000)
            assert client.get("/x").body == b"x"
