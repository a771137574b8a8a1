"""The circuit breaker, and the precedence of requests with a waiting client over background fetches."""

from harness import Larder, Origin, cache_status, in_parallel, reply


def told(answer):
    return cache_status(answer)[1]


OFF = "  - {path: /off/**, cache: off}\n  - {path: /**, ttl: 1h}"
FEW = "  breaker_failures: 5\n  breaker_wait: 1h\n  breaker_longest_wait: 1h"


def test_failures_open_the_breaker_and_requests_get_503(origin):
    origin.on("*", Origin.CLOSE)
    with Larder(origin, routes=OFF, upstream=FEW) as larder:
        statuses = [larder.get(f"/off/{i}").status for i in range(50)]
        assert statuses == [502] * 5 + [503] * 45
        answer = larder.get("/off/x")
        assert answer["Retry-After"] == "1"
        assert b"probed again shortly" in answer.body
        assert larder.metric("larder_upstream_breakers_open") == 1
        assert larder.metric("larder_upstream_breaker_opened_total") == 1
    assert len(origin.requests) == 5


def test_stored_responses_are_served_while_the_breaker_is_open(origin):
    origin.on("/x", reply(200, {}, b"x"))
    routes = "  - {path: /off/**, cache: off}\n  - {path: /old, ttl: 1ms, stale_if_error: 1h}\n  - {path: /**, ttl: 1h}"
    origin.on("/old", reply(200, {}, b"old"))
    with Larder(origin, routes=routes, upstream=FEW) as larder:
        larder.get("/x")
        larder.get("/old")
        for i in range(6):
            larder.get(f"/off/{i}")
        for i in range(10):
            origin.on(f"/off/{i}", Origin.CLOSE)
        for i in range(6):
            larder.get(f"/off/{i}")
        larder.wait_for("larder_upstream_breakers_open", lambda value: value == 1)
        larder.get_until("/old", lambda answer: answer.status == 504, {"Cache-Control": "only-if-cached"})  # the entry has expired
        seen = len(origin.requests)
        assert "hit" in told(larder.get("/x"))
        assert told(larder.get("/old"))["detail"] == "stale-if-error"
        assert len(origin.requests) == seen


def test_statuses_of_a_proxy_in_front_of_the_api_count_and_the_apis_own_do_not(origin):
    origin.on("*", reply(503, {}, b"")).on("/off/500", reply(500, {}, b""))
    with Larder(origin, routes=OFF, upstream=FEW) as larder:
        for _ in range(20):
            assert larder.get("/off/500").status == 500
        for i in range(5):
            larder.get(f"/off/{i}")
        assert larder.metric("larder_upstream_breakers_open") == 1
    assert len(origin.requests) == 25


def test_one_endpoint_that_answers_503_does_not_open_the_breaker(origin):
    origin.on("/off/health", reply(503, {}, b"degraded")).on("/off/good", reply(200, {}, b"good"))
    with Larder(origin, routes=OFF, upstream=FEW) as larder:
        for _ in range(30):
            assert larder.get("/off/health").body == b"degraded"
        assert larder.get("/off/good").status == 200
        assert larder.metric("larder_upstream_breaker_opened_total") == 0


def test_one_endpoint_that_breaks_does_not_take_the_api_away_from_the_others(origin):
    origin.on("/off/broken", Origin.CLOSE).on("/off/good", reply(200, {}, b"good"))
    with Larder(origin, routes=OFF, upstream=FEW) as larder:
        for _ in range(30):
            assert larder.get("/off/broken").status == 502
        assert {larder.get("/off/good").status for _ in range(20)} == {200}
        assert larder.metric("larder_upstream_breaker_opened_total") == 0


def test_a_success_between_failures_keeps_the_breaker_closed(origin):
    origin.on("/off/bad", Origin.CLOSE).on("/off/good", reply(200, {}, b""))
    with Larder(origin, routes=OFF, upstream=FEW) as larder:
        for _ in range(10):
            for _ in range(4):
                assert larder.get("/off/bad").status == 502
            assert larder.get("/off/good").status == 200
        assert larder.metric("larder_upstream_breaker_opened_total") == 0


def test_a_successful_probe_closes_the_breaker(origin):
    upstream = "  breaker_failures: 5\n  breaker_wait: 100ms\n  breaker_longest_wait: 100ms"
    origin.on("*", Origin.CLOSE)
    with Larder(origin, routes=OFF, upstream=upstream) as larder:
        for i in range(6):
            larder.get(f"/off/{i}")
        origin.on("*", reply(200, {}, b"back"))
        larder.get_until("/off/x", lambda answer: answer.status == 200)
        join = in_parallel(30, lambda i: larder.get(f"/off/{i}"))
        assert {answer.status for answer in join()} == {200}  # requests beyond the allowance wait and are not refused
        assert larder.metric("larder_upstream_breakers_open") == 0


def test_queued_requests_fail_at_once_when_the_breaker_opens(origin):
    hold = origin.hold("*")
    upstream = "  connections: 5\n  breaker_failures: 5\n  breaker_wait: 1h\n  breaker_longest_wait: 1h"
    with Larder(origin, routes=OFF, upstream=upstream) as larder:
        join = in_parallel(20, lambda i: larder.get(f"/off/{i}"))
        hold.wait(5)
        larder.wait_for("larder_upstream_queue", lambda value: value == 15)
        hold.release(Origin.CLOSE)
        statuses = sorted(answer.status for answer in join())
        assert statuses.count(503) >= 10
    assert hold.arrivals <= 10


def test_breaker_failures_0_disables_the_breaker(origin):
    origin.on("*", Origin.CLOSE)
    with Larder(origin, routes=OFF, upstream="  breaker_failures: 0") as larder:
        assert {larder.get("/off/x").status for _ in range(50)} == {502}


# ---- priorities -----------------------------------------------------------------------------------------------------

STALE = "  - {path: /off/**, cache: off}\n  - {path: /**, ttl: 1ms, stale_while_revalidate: 1h}"


def make_stale(larder, origin, count):
    for i in range(count):
        origin.on(f"/{i}", reply(200, {}, b"old"))
        larder.get(f"/{i}")


def test_background_fetches_have_a_limit_of_their_own(origin):
    with Larder(origin, routes=STALE, upstream="  connections: 8\n  background_connections: 2") as larder:
        make_stale(larder, origin, 6)
        holds = [origin.hold(f"/{i}") for i in range(6)]
        origin.on("/off/a", reply(200, {}, b"a"))
        for i in range(6):
            larder.get_until(f"/{i}", lambda answer: told(answer).get("detail") == "stale-while-revalidate")
        larder.wait_for("larder_upstream_queue", lambda value: value == 4)
        origin.wait_for(lambda at: len(at.requests) >= 8)
        assert len(origin.requests) == 8  # six misses and two refreshes
        assert larder.get("/off/a").body == b"a"
        for hold in holds:
            hold.release(reply(200, {}, b"new"))
        for i in range(6):
            larder.get_until(f"/{i}", lambda answer: answer.body == b"new")


def test_a_clients_request_precedes_background_fetches(origin):
    with Larder(origin, routes=STALE, upstream="  connections: 1\n  background_connections: 1") as larder:
        make_stale(larder, origin, 3)
        busy = origin.hold("/off/busy")
        order = []
        for i in range(3):
            origin.on(f"/{i}", lambda at: (order.append(at.request.target), reply(200, {}, b"new"))[1])
        origin.on("/off/reader", lambda at: (order.append(at.request.target), reply(200, {}, b"r"))[1])
        first = in_parallel(1, lambda _: larder.get("/off/busy"))
        busy.wait(1)
        for i in range(3):
            larder.get_until(f"/{i}", lambda answer: told(answer).get("detail") == "stale-while-revalidate")
        larder.wait_for("larder_upstream_queue", lambda value: value == 3)
        reader = in_parallel(1, lambda _: larder.get("/off/reader"))
        larder.wait_for("larder_upstream_queue", lambda value: value == 4)
        busy.release(reply(200, {}, b"done"))
        first()
        reader()
        larder.wait_for("larder_upstream_queue", lambda value: value == 0)
        origin.wait_for(lambda _: len(order) >= 4)
        assert order[0] == "/off/reader"


def test_a_refresh_that_a_client_waits_for_moves_to_the_front(origin):
    with Larder(origin, routes=STALE, upstream="  connections: 1\n  background_connections: 1") as larder:
        make_stale(larder, origin, 3)
        busy = origin.hold("/off/busy")
        order = []
        for i in range(3):
            origin.on(f"/{i}", lambda at: (order.append(at.request.target), reply(200, {}, b"new"))[1])
        first = in_parallel(1, lambda _: larder.get("/off/busy"))
        busy.wait(1)
        for i in range(3):
            larder.get_until(f"/{i}", lambda answer: told(answer).get("detail") == "stale-while-revalidate")
        larder.wait_for("larder_upstream_queue", lambda value: value == 3)
        # A request that accepts no stale response waits for the refresh that is queued last.
        reader = in_parallel(1, lambda _: larder.get("/2", {"Cache-Control": "min-fresh=0"}))
        larder.wait_for("larder_fill_waiters", lambda value: value == 1)
        busy.release(reply(200, {}, b"done"))
        first()
        assert reader()[0].body == b"new"
        origin.wait_for(lambda _: len(order) >= 3)
        assert order[0] == "/2"
