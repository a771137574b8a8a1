"""Writes through larder: what they invalidate, in which order, and writes that may have been applied."""

import socket

import pytest
from harness import Larder, Origin, cache_status, in_parallel, reply

TTL = "  - {path: /**, ttl: 60s}"


class Resource:
    """A resource at the origin: GET returns its version; other methods do what `write` says."""

    def __init__(self, origin, target, write):
        self.version = 1
        self.write = write
        origin.on(target, self)

    def __call__(self, exchange):
        if exchange.request.method == "GET":
            return reply(200, {}, f"version {self.version}")
        self.version += 1
        return self.write(exchange) if callable(self.write) else self.write


def half(exchange):
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    return Origin.CLOSE


WENT_THROUGH = [
    ("200", reply(200, {}, b"done")),
    ("201", reply(201, {}, b"")),
    ("204", reply(204, {}, length=False)),
    ("303", reply(303, {"Location": "/elsewhere"}, b"")),
    ("an answer that breaks off", half),
    ("an answer that is malformed", b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n"),
    ("no answer", Origin.CLOSE),
]


@pytest.mark.parametrize("answer", [row[1] for row in WENT_THROUGH], ids=[row[0] for row in WENT_THROUGH])
def test_after_a_write_that_was_or_may_have_been_applied_the_next_request_gets_the_new_state(origin, answer):
    Resource(origin, "/x", answer)
    with Larder(origin, routes=TTL) as larder:
        assert larder.get("/x").body == b"version 1"
        with larder.client() as writer:
            writer.request("PATCH", "/x", body=b"change")
            writer.response()
        assert larder.get("/x").body == b"version 2"


def test_a_write_that_timed_out_may_have_been_applied(origin):
    hold = origin.hold("/silent")
    resource = Resource(origin, "/x", lambda exchange: hold(exchange))
    with Larder(origin, routes=TTL) as larder:
        assert larder.get("/x").body == b"version 1"
        larder.reload(upstream="  first_byte_timeout: 200ms")
        assert larder.get("/x", method="PUT", body=b"change").status == 504
        hold.release(Origin.CLOSE)
        larder.reload(upstream="")
        assert larder.get("/x").body == b"version 2"
    assert resource.version == 2


def test_a_write_whose_client_left_invalidates(origin):
    hold = origin.hold("/held")
    Resource(origin, "/x", lambda exchange: hold(exchange))
    with Larder(origin, routes=TTL) as larder:
        assert larder.get("/x").body == b"version 1"
        writer = larder.client()
        writer.request("PATCH", "/x", body=b"change")
        hold.wait()
        writer.abort()
        hold.release(reply(200, {}, b"done"))
        larder.get_until("/x", lambda answer: answer.body == b"version 2")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_write_whose_retry_cannot_connect_may_have_been_applied(origin, method):
    def apply_and_go(exchange):
        origin.listener.shutdown(socket.SHUT_RDWR)  # from now on connections are refused
        return Origin.CLOSE

    resource = Resource(origin, "/x", apply_and_go)
    with Larder(origin, routes=TTL, settings="loops: 1") as larder:  # no other loop has a connection
        assert larder.get("/x").body == b"version 1"
        assert larder.get("/x", method=method).status == 502
        assert resource.version == 2
        assert larder.get("/x").status == 502


@pytest.mark.parametrize("loops", [1, 2])
def test_a_response_fetched_during_a_write_is_invalidated(origin, loops):
    hold = origin.hold("/held")
    resource = Resource(origin, "/x", lambda exchange: hold(exchange))
    with Larder(origin, routes=TTL, settings=f"loops: {loops}") as larder:
        join = in_parallel(1, lambda _: larder.get("/x", method="PATCH", body=b"change"))
        hold.wait()
        resource.version = 1  # the origin has not applied the write yet
        assert larder.get("/x").body == b"version 1"
        resource.version = 2
        hold.release(reply(200, {}, b"done"))
        assert join()[0].status == 200
        assert larder.get("/x").body == b"version 2"


def test_a_write_that_is_refused_by_larder_changes_nothing(origin):
    Resource(origin, "/x", reply(200, {}, b"done"))
    with Larder(origin, routes=TTL, settings="limits: {body: 1KiB}") as larder:
        larder.get("/x")
        assert larder.get("/x", method="PUT", body=b"x" * 2000).status == 413
        assert cache_status(larder.get("/x"))[1].get("hit")
    assert origin.seen("/x", "PUT") == []


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "HEAD"])
def test_a_safe_method_changes_nothing(origin, method):
    Resource(origin, "/x", reply(200, {}, b""))
    with Larder(origin, routes=TTL) as larder:
        larder.get("/x")
        larder.get("/x", method=method)
        assert cache_status(larder.get("/x"))[1].get("hit")


RELATED = [
    ({"Location": "/other"}, True),
    ({"Content-Location": "/other"}, True),
    ({"Location": "http://api.test/other"}, True),
    ({"Location": "http://API.test:80/other?a=1"}, True),
    ({"Location": "other"}, True),
    ({"Location": "http://elsewhere.test/other"}, False),
    ({"Location": "//elsewhere.test/other"}, False),
    ({"Location": "mailto:other"}, False),
]


@pytest.mark.parametrize("fields, touched", RELATED)
def test_a_write_invalidates_related_targets_on_the_same_host(origin, fields, touched):
    Resource(origin, "/x", reply(201, fields, b""))
    origin.on("/other", reply(200, {}, b"data"))
    with Larder(origin, routes=TTL) as larder:
        larder.get("/other")
        larder.get("/x", method="POST", body=b"change")
        assert bool(cache_status(larder.get("/other"))[1].get("hit")) is not touched


def test_another_spelling_of_a_path_is_invalidated(origin):
    origin.on("*", reply(200, {}, b"data"))
    routes = "  - {path: /topics/, ttl: 60s, invalidated_by: ['/topics/{id}']}\n" + TTL
    with Larder(origin, routes=routes) as larder:
        for target in ("/topics/", "/topics/5"):
            larder.get(target)
        assert cache_status(larder.get("/%74opics/%35"))[1].get("hit")
        larder.get("/%74opics/%35", method="PATCH", body=b"change")
        for target in ("/topics/", "/topics/5"):
            assert "hit" not in cache_status(larder.get(target))[1]
    assert origin.seen(method="PATCH")[0].target == "/%74opics/%35"


def test_a_write_for_one_host_does_not_invalidate_another(origin):
    origin.on("/x", reply(200, {}, b"data"))
    with Larder(origin, routes=TTL) as larder:
        for host in ("a.test", "b.test"):
            larder.get("/x", {"Host": host})
        larder.get("/x", {"Host": "a.test"}, method="PATCH", body=b"change")
        assert "hit" not in cache_status(larder.get("/x", {"Host": "a.test"}))[1]
        assert cache_status(larder.get("/x", {"Host": "b.test"}))[1].get("hit")


def test_concurrent_clients_never_see_a_state_older_than_their_own_write(origin):
    state = {}

    def script(exchange):
        name = exchange.request.target
        if exchange.request.method == "PUT":
            state[name] = exchange.request.body
            return reply(200, {}, b"done")
        return reply(200, {}, state.get(name, b"nothing"))

    origin.on("*", script)
    with Larder(origin, routes=TTL, settings="loops: 2") as larder:

        def write_and_read(i):
            with larder.client() as writer, larder.client() as reader:
                for turn in range(30):
                    body = b"%d" % turn
                    assert writer.get(f"/x{i}", method="PUT", body=body).status == 200
                    assert reader.get(f"/x{i}").body == body
                    assert writer.get(f"/x{i}").body == body
            return True

        assert all(in_parallel(8, write_and_read)())


BOUND = """  - {path: '/orders/{id}/summary', ttl: 1h, invalidated_by: ['/orders/{=id}/**']}
  - {path: '/all/{id}', ttl: 1h, invalidated_by: ['/orders/{any}/**']}
"""


def test_a_bound_placeholder_limits_an_invalidation_to_the_responses_with_the_same_segment(origin):
    origin.on("*", reply(200, {}, b"data"))
    with Larder(origin, routes=BOUND + TTL) as larder:
        paths = ("/orders/7/summary", "/orders/8/summary", "/all/7", "/all/8")
        for path in paths:
            larder.get(path)
        larder.get("/orders/%37/items?x=1", method="POST", body=b"change")
        hits = [bool(cache_status(larder.get(path))[1].get("hit")) for path in paths]
        assert hits == [False, True, False, False]
        for path in paths:
            assert cache_status(larder.get(path))[1].get("hit")


def test_a_bound_write_invalidates_the_response_that_is_being_fetched(origin):
    hold = origin.hold("/orders/7/summary")
    origin.on("*", reply(200, {}, b"done"))
    with Larder(origin, routes=BOUND) as larder:
        join = in_parallel(1, lambda _: larder.get("/orders/7/summary"))
        hold.wait()
        assert larder.get("/orders/7/items", method="POST", body=b"change").status == 200
        hold.release(reply(200, {}, b"old"))
        join()
        origin.on("/orders/7/summary", reply(200, {}, b"new"))
        assert larder.get("/orders/7/summary").body == b"new"
