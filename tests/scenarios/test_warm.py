"""Warm routes: fetched at startup, and after a reload that adds them."""

import signal

from harness import Larder, Origin, cache_status, reply


def told(answer):
    return cache_status(answer)[1]


ROUTES = """  - {path: /a, ttl: 1h, warm: true}
  - {path: /b, ttl: 1h, warm: true, fields: [id]}
  - {path: /**, ttl: 1h}"""
HOSTS = "cache: {warm_hosts: [api.test]}"


def test_warm_routes_are_hits_from_the_first_request(origin):
    origin.on("/a", reply(200, {}, b"a")).on("/b", reply(200, {"Content-Type": "application/json"}, b'[{"id": 1, "x": 2}]'))
    with Larder(origin, routes=ROUTES, settings=HOSTS) as larder:
        larder.wait_for("larder_store_entries", lambda value: value == 2)
        assert "hit" in told(larder.get("/a"))
        assert larder.get("/b").body == b'[{"id":1}]'
    assert sorted(request.target for request in origin.requests) == ["/a", "/b"]


def test_without_warm_hosts_the_first_listener_is_used(origin):
    origin.on("/a", reply(200, {}, b"a")).on("/b", reply(200, {"Content-Type": "application/json"}, b"[]"))
    with Larder(origin, routes=ROUTES) as larder:
        larder.wait_for("larder_store_entries", lambda value: value == 2)
        host = f"{larder.address[0]}:{larder.address[1]}"
        assert "hit" in told(larder.get("/a", {"Host": host}))
        assert origin.seen("/a")[0]["Host"] == host


def test_readyz_can_wait_for_warm_routes(origin):
    hold = origin.hold("/a")
    origin.on("/b", reply(200, {"Content-Type": "application/json"}, b"[]"))
    with Larder(origin, routes=ROUTES, settings="cache: {warm_hosts: [api.test], warm_before_ready: true}") as larder:
        hold.wait(1)
        larder.wait_for("larder_store_entries", lambda value: value == 1)
        while larder.ask_admin("/readyz") == (503, "warming: 2 left\n"):  # it is stored shortly before it counts as warm
            pass
        assert larder.ask_admin("/readyz") == (503, "warming: 1 left\n")
        assert larder.ask_admin("/healthz")[0] == 200
        assert larder.get("/c").status == 404  # requests are served meanwhile
        hold.release(reply(200, {}, b"a"))
        while (answer := larder.ask_admin("/readyz")) == (503, "warming: 1 left\n"):
            pass
        assert answer == (200, "serving\n")
        assert "hit" in told(larder.get("/a"))


def test_a_request_joins_the_startup_fetch(origin):
    hold = origin.hold("/a")
    origin.on("/b", reply(200, {"Content-Type": "application/json"}, b"[]"))
    with Larder(origin, routes=ROUTES, settings=HOSTS) as larder, larder.client() as client:
        hold.wait(1)
        client.request("GET", "/a")
        larder.wait_for("larder_fill_waiters", lambda value: value == 2)
        hold.release(reply(200, {}, b"a"))
        assert client.response().body == b"a"
    assert hold.arrivals == 1


def test_a_failed_startup_fetch_is_retried(origin):
    answers = [Origin.CLOSE, reply(503, {}, b"no"), reply(200, {}, b"a")]
    origin.on("/a", lambda _: answers.pop(0))
    with Larder(origin, routes="  - {path: /a, ttl: 1h, warm: true}", settings=HOSTS) as larder:
        larder.wait_for("larder_store_entries", lambda value: value == 1)
        assert larder.get("/a").body == b"a"
    assert answers == []


def test_an_unstorable_warm_route_is_reported_once_and_not_retried(origin):
    origin.on("/a", reply(200, {"Set-Cookie": "a=b"}, b"a"))
    settings = "cache: {warm_hosts: [api.test], warm_before_ready: true}"
    with Larder(origin, routes="  - {path: /a, ttl: 1h, warm: true}", settings=settings) as larder:
        larder.wait_for_line("route /a: its response is not stored, so it cannot be kept warm: set-cookie")
        while larder.ask_admin("/readyz")[0] != 200:
            pass
    assert len(origin.requests) == 1


def test_a_reload_fetches_added_warm_routes(origin):
    origin.on("*", reply(200, {}, b"x"))
    with Larder(origin, routes="  - {path: /a, ttl: 1h, warm: true}", settings=HOSTS) as larder:
        larder.wait_for("larder_store_entries", lambda value: value == 1)
        larder.write(routes="  - {path: /a, ttl: 1h, warm: true}\n  - {path: /b, ttl: 1h, warm: true}")
        larder.process.send_signal(signal.SIGHUP)
        larder.wait_for("larder_store_entries", lambda value: value == 2)
    assert sorted(request.target for request in origin.requests) == ["/a", "/b"]


def test_a_warm_route_with_keep_warm_is_refreshed_from_the_start(origin):
    origin.on("/a", reply(200, {}, b"a")).on("/clock", reply(200, {}, b""))
    routes = "  - {path: /a, ttl: 500ms, warm: true, keep_warm: 10m}\n  - {path: /clock, ttl: 500ms}"
    with Larder(origin, routes=routes, settings=HOSTS) as larder:
        larder.wait_for("larder_store_entries", lambda value: value == 1)
        first = told(larder.get("/a"))
        assert "hit" in first or first["fwd"] == "stale"  # on a slow machine it expires first
        # No further requests. A refresh held for longer than a ttl is followed by the next at once, which leaves a whole ttl.
        hold = origin.hold("/a")
        hold.wait(1)
        assert "stored" in told(larder.get("/clock"))
        larder.get_until("/clock", lambda answer: answer.status == 504, {"Cache-Control": "only-if-cached"})
        hold.release_one(reply(200, {}, b"a"))
        hold.wait(2)
        assert "hit" in told(larder.get("/a"))
        hold.release(reply(200, {}, b"a"))
