"""Collapsed forwarding in complicated cases: expired entries, bodies too large to store, clients with different requests and speeds."""

import pytest
from harness import Larder, Origin, cache_status, in_parallel, reply

TTL = "  - {path: /**, ttl: 60s}"
SHORT = "  - {path: /**, ttl: 100ms}"


def expired(larder, target):
    """Waits until the entry has expired: a request with only-if-cached then gets 504."""
    larder.get_until(target, lambda answer: answer.status == 504, {"Cache-Control": "only-if-cached"})


@pytest.mark.parametrize("loops", [1, 2])
@pytest.mark.parametrize("validator", [{}, {"ETag": '"v1"'}], ids=["fetched", "validated"])
def test_many_requests_for_an_expired_entry_make_one_fetch(origin, validator, loops):
    origin.on("/x", reply(200, validator, b"old"))
    with Larder(origin, routes=SHORT, settings=f"loops: {loops}") as larder:
        assert larder.get("/x").body == b"old"
        expired(larder, "/x")
        hold = origin.hold("/x")
        join = in_parallel(50, lambda _: larder.get("/x"))
        larder.wait_for("larder_fill_waiters", lambda value: value == 50)
        hold.release(reply(304, validator, length=False) if validator else reply(200, {}, b"new"))
        answers = join()
    assert {answer.body for answer in answers} == {b"old" if validator else b"new"}
    assert hold.arrivals == 1
    assert len([answer for answer in answers if "collapsed" in cache_status(answer)[1]]) == 49


def test_requests_with_different_conditions_share_a_fill(origin):
    kinds = [
        ("GET", {}, "1.1", 200, b"data"),
        ("HEAD", {}, "1.1", 200, b""),
        ("GET", {"If-None-Match": '"v1"'}, "1.1", 304, b""),
        ("GET", {"If-None-Match": '"v0"'}, "1.1", 200, b"data"),
        ("GET", {"Host": "api.test"}, "1.0", 200, b"data"),
        ("GET", {"Connection": "close"}, "1.1", 200, b"data"),
    ]
    hold = origin.hold("/x")
    with Larder(origin, routes=TTL) as larder:
        join = in_parallel(len(kinds), lambda i: larder.get("/x", kinds[i][1], method=kinds[i][0], version=kinds[i][2]))
        larder.wait_for("larder_fill_waiters", lambda value: value == len(kinds))
        hold.release(reply(200, {"ETag": '"v1"'}, b"data"))
        answers = join()
    assert [(answer.status, answer.body) for answer in answers] == [kind[3:] for kind in kinds]
    assert [request.method for request in origin.seen("/x")] == ["GET"]
    assert "If-None-Match" not in origin.seen("/x")[0]


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_too_large_to_store_releases_its_waiters_and_each_gets_it_whole(origin, framing):
    body = bytes(range(256)) * 4096  # 1 MiB, four times max_body
    hold = origin.hold("/x")

    def large(exchange):
        if framing == "length":
            return reply(200, {}, body)
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for at in range(0, len(body), 100_000):
            piece = body[at : at + 100_000]
            exchange.send(b"%x\r\n" % len(piece) + piece + b"\r\n")
        return b"0\r\n\r\n"

    with Larder(origin, routes=TTL, settings="cache: {max_body: 256KiB}") as larder:
        join = in_parallel(10, lambda _: larder.get("/x"))
        larder.wait_for("larder_fill_waiters", lambda value: value == 10)
        hold.release(large)
        answers = join()
        assert all(answer.complete and answer.body == body for answer in answers)
        assert {cache_status(answer)[1]["detail"] for answer in answers} <= {"body-too-large", "hit-for-miss"}
        assert larder.metric("larder_store_entries") == 0
        larder.wait_for("larder_fill_waiters", lambda value: value == 0)


def test_a_client_that_does_not_read_does_not_delay_others(origin):
    body = bytes(range(256)) * 32768  # 8 MiB: more than the buffers of the sockets
    hold = origin.hold("/x")
    with Larder(origin, routes=TTL) as larder, larder.client() as slow:
        slow.request("GET", "/x")
        hold.wait()
        join = in_parallel(3, lambda _: larder.get("/x"))
        larder.wait_for("larder_fill_waiters", lambda value: value == 4)
        hold.release(reply(200, {}, body))
        assert all(answer.body == body for answer in join())
        assert cache_status(larder.get("/x"))[1].get("hit")
        assert slow.response().body == body
    assert hold.arrivals == 1


def test_different_keys_are_fetched_concurrently(origin):
    hold = origin.hold("*")
    with Larder(origin, routes=TTL) as larder:
        join = in_parallel(30, lambda i: larder.get(f"/x{i % 10}"))
        hold.wait(10)
        larder.wait_for("larder_fill_waiters", lambda value: value == 30)
        assert larder.metric("larder_fills_running") == 10
        hold.release(lambda exchange: reply(200, {}, exchange.request.target))
        assert [answer.body.decode() for answer in join()] == [f"/x{i % 10}" for i in range(30)]
        larder.wait_for("larder_fills_running", lambda value: value == 0)
    assert hold.arrivals == 10


def test_a_forced_refresh_does_not_wait_for_a_fill_that_is_older(origin):
    hold = origin.hold("*")
    with Larder(origin, routes="  - {path: /**, ttl: 60s, refresh_param: refresh}") as larder:
        early = in_parallel(1, lambda _: larder.get("/x"))
        hold.wait(1)
        forced = in_parallel(1, lambda _: larder.get("/x?refresh=1"))
        hold.wait(2)
        hold.release_one(reply(200, {}, b"new"), 1)
        assert forced()[0].body == b"new"
        hold.release_one(reply(200, {}, b"old"), 0)
        assert early()[0].body == b"old"
    assert [request.target for request in origin.seen()] == ["/x", "/x?refresh=1"]


def test_a_refresh_that_fails_keeps_the_entry(origin):
    origin.on("/x", reply(200, {}, b"data")).on("/x?refresh=1", reply(500, {}, b"broken"))
    with Larder(origin, routes="  - {path: /**, ttl: 60s, refresh_param: refresh}") as larder, larder.client() as client:
        client.get("/x")
        assert client.get("/x?refresh=1").body in (b"broken", b"data")
        answer = client.get("/x")
        assert answer.body == b"data"
        assert cache_status(answer)[1].get("hit")


def test_a_refresh_forwards_the_rest_of_the_query(origin):
    origin.on("/x?a=1&refresh=1&b=2", reply(200, {}, b"new")).on("/x?a=1&b=2", reply(200, {}, b"old"))
    with Larder(origin, routes="  - {path: /**, ttl: 60s, refresh_param: refresh}") as larder, larder.client() as client:
        assert client.get("/x?a=1&b=2").body == b"old"
        assert client.get("/x?a=1&refresh=1&b=2").body == b"new"
        assert client.get("/x?a=1&b=2").body == b"new"
        assert larder.metric("larder_store_entries") == 1


def test_a_failed_projection_releases_its_waiters(origin):
    hold = origin.hold("/x")
    with Larder(origin, routes="  - {path: /**, ttl: 60s, fields: [id]}") as larder:
        join = in_parallel(10, lambda _: larder.get("/x"))
        larder.wait_for("larder_fill_waiters", lambda value: value == 10)
        hold.release(reply(200, {"Content-Type": "application/json"}, b'[{"id": 1,}]'))
        assert {answer.body for answer in join()} == {b'[{"id": 1,}]'}
        assert larder.metric("larder_store_entries") == 0


@pytest.mark.parametrize("upstream, status", [("  first_byte_timeout: 200ms", 504), ("", 502)], ids=["silent", "gone"])
def test_a_fill_that_fails_fails_all_its_waiters(origin, upstream, status):
    hold = origin.hold("/x")
    with Larder(origin, routes=TTL, upstream=upstream) as larder:
        join = in_parallel(10, lambda _: larder.get("/x"))
        hold.wait()
        if status == 502:
            larder.wait_for("larder_fill_waiters", lambda value: value == 10)
            hold.release(Origin.CLOSE)
        assert {answer.status for answer in join()} == {status}
        hold.release(Origin.CLOSE)
        larder.wait_for("larder_fill_waiters", lambda value: value == 0)
        assert larder.metric("larder_fills_running") == 0


def test_a_stalled_fill_times_out_and_nothing_is_stored(origin):
    hold = origin.hold("/x")

    def stall(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        return hold(exchange)

    origin.on("/x", stall)
    with Larder(origin, routes=TTL, upstream="  idle_timeout: 200ms") as larder:
        answer = larder.get("/x")
        assert answer.status == 504 or not answer.complete
        assert larder.metric("larder_store_entries") == 0
        hold.release(Origin.CLOSE)


def test_a_fill_whose_clients_have_left_is_stored(origin):
    hold = origin.hold("/x")
    with Larder(origin, routes=TTL) as larder:
        clients = [larder.client() for _ in range(5)]
        for client in clients:
            client.request("GET", "/x")
        larder.wait_for("larder_fill_waiters", lambda value: value == 5)
        for client in clients:
            client.abort()
        hold.release(reply(200, {}, b"kept"))
        larder.wait_for("larder_store_entries", lambda value: value == 1)
        assert cache_status(larder.get("/x"))[1].get("hit")
        larder.wait_for("larder_fill_waiters", lambda value: value == 0)
        larder.wait_for("larder_connections", lambda value: value == 0)
    assert hold.arrivals == 1
