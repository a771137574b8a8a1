"""Requests do not wait: expiry, background refreshes, keep_warm, a failing API."""

import threading

import pytest
from harness import Larder, Origin, cache_status, in_parallel, reply

STALE = "  - {path: /**, ttl: 150ms, stale_while_revalidate: 1h}"
WARM = "  - {path: /clock, ttl: 500ms}\n  - {path: /**, ttl: 500ms, keep_warm: 10m}"


def told(answer):
    return cache_status(answer)[1]


def is_stale(answer):
    return int(told(answer).get("ttl", "0")) < 0


def until_stale(larder, target):
    """Waits until the entry has expired: a request that accepts neither a stale response nor a fetch gets 504."""
    larder.get_until(target, lambda answer: answer.status == 504, {"Cache-Control": "only-if-cached, min-fresh=0"})


def let_a_ttl_pass(larder):
    """Under WARM: waits until an entry that is stored now has expired."""
    assert told(larder.get("/clock"))["stored"]
    until_stale(larder, "/clock")


def hold_refreshes(larder, origin, body):
    """Under WARM: stores /x and holds its refreshes; returns when the second one has arrived.

    A refresh starts at least a ttl after the start of the previous one. The first is held for longer than that, so that the
    second is due as soon as the response of the first is stored: a whole ttl is left then, however slow the machine is.
    """
    origin.on("/clock", reply(200, {}, b"")).on("/x", reply(200, {}, body))
    assert larder.get("/x").body == body
    hold = origin.hold("/x")
    hold.wait(1)  # without a request
    let_a_ttl_pass(larder)
    hold.release_one(reply(200, {}, body))
    hold.wait(2)
    return hold


def read_often(larder, target, times, readers=4):
    """That many responses, over several connections concurrently."""

    def read(_):
        with larder.client() as client:
            return [client.get(target) for _ in range(times // readers)]

    return [answer for answers in in_parallel(readers, read)() for answer in answers]


@pytest.mark.parametrize("loops", [1, 2])
def test_a_thousand_requests_across_an_expiry_make_one_fetch_and_none_waits(origin, loops):
    origin.on("/x", reply(200, {}, b"old"))
    with Larder(origin, routes=STALE, settings=f"loops: {loops}") as larder:
        assert larder.get("/x").body == b"old"
        until_stale(larder, "/x")
        hold = origin.hold("/x")
        answers = read_often(larder, "/x", 1000)  # a request that waited for the origin would not return
        hold.wait(1)
        assert {answer.body for answer in answers} == {b"old"}
        assert all("hit" in told(answer) and is_stale(answer) for answer in answers)
        assert {told(answer)["detail"] for answer in answers} == {"stale-while-revalidate"}
        assert hold.arrivals == 1
        hold.release(reply(200, {}, b"new"))
        larder.get_until("/x", lambda answer: answer.body == b"new")


@pytest.mark.parametrize("loops", [1, 2])
def test_keep_warm_fetches_before_the_expiry_and_readers_are_served_meanwhile(origin, loops):
    with Larder(origin, routes=WARM, settings=f"loops: {loops}") as larder:
        hold = hold_refreshes(larder, origin, b"one")
        answers = read_often(larder, "/x", 1000)
        assert {answer.body for answer in answers} == {b"one"}
        assert all("hit" in told(answer) for answer in answers)
        assert hold.arrivals == 2
        hold.release(reply(200, {}, b"two"))
        larder.get_until("/x", lambda answer: answer.body == b"two" and "hit" in told(answer) and not is_stale(answer))


def test_keep_warm_repeats_the_clients_request(origin):
    origin.on("*", reply(200, {"Vary": "Accept-Language"}, b"x"))
    route = "  - {path: /**, ttl: 300ms, keep_warm: 10m, refresh_param: refresh}"
    fields = {"Accept-Language": "de", "Cookie": "a=b", "Cache-Control": "no-cache", "If-None-Match": '"z"'}
    with Larder(origin, routes=route) as larder:
        larder.get("/x?refresh=1&a=1", fields)
        origin.wait_for(lambda at: len(at.requests) >= 2)
    first, again = origin.requests[:2]
    assert first.target == "/x?refresh=1&a=1"
    assert again.target == "/x?a=1"  # the refresh is not forced
    assert (again["Accept-Language"], again["Cookie"]) == ("de", "a=b")
    assert "Cache-Control" not in again and "If-None-Match" not in again


def test_a_refresh_validates_the_stored_response(origin):
    def answer(exchange):
        if exchange.request.get("If-None-Match") == '"v1"':
            return reply(304, {"ETag": '"v1"'}, length=False)
        return reply(200, {"ETag": '"v1"'}, b"x")

    origin.on("/x", answer)
    with Larder(origin, routes="  - {path: /**, ttl: 300ms, keep_warm: 10m}") as larder:
        larder.get("/x")
        origin.wait_for(lambda at: len(at.requests) >= 3)
        assert larder.get("/x").body == b"x"
    assert all("If-None-Match" in request for request in origin.requests[1:])


@pytest.mark.parametrize("route", [STALE, WARM], ids=["stale-while-revalidate", "keep-warm"])
def test_a_refresh_that_fails_affects_no_client(origin, route):
    answers = [reply(200, {}, b"good"), reply(500, {}, b"bad"), Origin.CLOSE, reply(503, {}, b"worse")]
    lock = threading.Lock()

    def answer(_):
        with lock:
            return answers.pop(0) if len(answers) > 1 else answers[0]

    origin.on("/x", answer)
    with Larder(origin, routes=route.replace("}", ", stale_if_error: 1h}")) as larder, larder.client() as client:
        assert client.get("/x").body == b"good"
        while len(origin.seen("/x")) < 4:
            got = client.get("/x")
            assert (got.status, got.body) == (200, b"good")
            assert "hit" in told(got)
        # The failure is not stored; when the API is back, a fresh response is fetched.
        origin.on("/x", reply(200, {}, b"better"))
        larder.get_until("/x", lambda got: got.body == b"better" and "hit" in told(got))


@pytest.mark.parametrize("how", ["dies", "hangs", "answers 500"])
def test_while_the_api_fails_one_reader_waits_and_the_others_do_not(origin, how):
    origin.on("/x", reply(200, {}, b"good"))
    routes = "  - {path: /**, ttl: 20ms, stale_if_error: 1h}"
    with Larder(origin, routes=routes) as larder:
        larder.get("/x")
        until_stale(larder, "/x")
        larder.reload(upstream="  first_byte_timeout: 300ms")
        hold = origin.hold("/x")
        if how == "dies":
            origin.on("/x", Origin.CLOSE)
        elif how == "answers 500":
            origin.on("/x", reply(500, {}, b"bad"))
        first = larder.get("/x")
        assert (first.body, told(first)["detail"]) == (b"good", "stale-if-error")
        answers = read_often(larder, "/x", 400)
        assert {(answer.body, told(answer)["detail"]) for answer in answers} == {(b"good", "stale-if-error")}
        # One fetch before the failure, and one for the first request after it (with a retry if the connection had been used before). The next
        # attempts are background fetches: the first a second later, then after intervals that double.
        behind = larder.metric("larder_refreshes_total")
        assert len(origin.seen("/x")) - behind <= 3
        assert behind <= 5
        hold.release(reply(200, {}, b"back"))
        origin.on("/x", reply(200, {}, b"back"))
        larder.get_until("/x", lambda answer: answer.body == b"back")


def test_an_error_is_not_stored_over_a_good_answer_though_it_may_be_stored(origin):
    origin.on("/x", reply(200, {"Cache-Control": "max-age=0, stale-if-error=1000", "ETag": '"1"'}, b"good"))
    with Larder(origin, routes="  - {path: /**, cache: standard}") as larder:
        larder.get("/x")
        origin.on("/x", reply(500, {"Cache-Control": "max-age=1000"}, b"bad"))
        for _ in range(3):
            got = larder.get("/x")
            assert (got.body, told(got)["detail"]) == (b"good", "stale-if-error")
        # Without a successful response to keep, it is stored as RFC 9111 allows.
        origin.on("/y", reply(500, {"Cache-Control": "max-age=1000"}, b"bad"))
        assert larder.get("/y").status == 500
        assert "hit" in told(larder.get("/y"))


# ---- writes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loops", [1, 2])
def test_a_write_during_a_refresh_invalidates_its_result(origin, loops):
    origin.on("/x", reply(200, {}, b"before"))
    with Larder(origin, routes=WARM, settings=f"loops: {loops}") as larder:
        larder.get("/x")
        hold = origin.hold("/x")
        hold.wait(1)  # the refresh gets the old state

        def write(exchange):
            return reply(200, {}, b"written") if exchange.request.method == "PATCH" else hold(exchange)

        origin.on("/x", write)
        assert larder.get("/x", method="PATCH", body=b"{}").status == 200
        join = in_parallel(1, lambda _: larder.get("/x"))
        hold.wait(2)  # the request neither gets the old state nor joins the refresh that gets it
        hold.release_one(reply(200, {}, b"before"))
        hold.release(reply(200, {}, b"after"))
        assert join()[0].body == b"after"
        assert larder.get("/x").body == b"after"
        larder.wait_for('larder_not_stored_total{reason="superseded"}', lambda value: value == 1)


SOFT = """  - {path: /list, ttl: 1h, invalidated_by: [/items/**], invalidation: soft}
  - {path: /hard, ttl: 1h, invalidated_by: [/items/**]}
  - {path: /**, ttl: 1h}"""


def test_a_soft_write_serves_the_old_state_once_more_while_it_is_refreshed(origin):
    origin.on("/list", reply(200, {}, b"old")).on("/hard", reply(200, {}, b"old")).on("/items/1", reply(200, {}, b"done"))
    with Larder(origin, routes=SOFT) as larder:
        assert larder.get("/list").body == b"old"
        assert larder.get("/hard").body == b"old"
        hold = origin.hold("/list")
        origin.on("/hard", reply(200, {}, b"new"))
        assert larder.get("/items/1", method="PATCH", body=b"{}").status == 200
        got = larder.get("/hard")
        assert (got.body, told(got)["fwd"]) == (b"new", "uri-miss")
        got = larder.get("/list")
        assert (got.body, told(got)["detail"], told(got)["ttl"]) == (b"old", "soft-invalidation", "-1")
        hold.wait(1)
        hold.release(reply(200, {}, b"new"))
        got = larder.get_until("/list", lambda answer: answer.body == b"new")
        assert "hit" in told(got) and not is_stale(got)
        # A write to the URL itself is hard, whatever the route says.
        assert larder.get("/list", method="DELETE").status == 200
        assert "fwd" in told(larder.get("/list"))


def test_an_invalidated_response_is_served_on_errors_if_stale_if_error_allows(origin):
    origin.on("/list", reply(200, {}, b"old")).on("/own", reply(200, {}, b"old")).on("/items/1", reply(200, {}, b"done"))
    routes = """  - {path: /list, ttl: 1h, invalidated_by: [/items/**], stale_if_error: 1h}
  - {path: /none, ttl: 1h, invalidated_by: [/items/**]}
  - {path: /**, ttl: 1h, stale_if_error: 1h}"""
    origin.on("/none", reply(200, {}, b"old"))
    with Larder(origin, routes=routes) as larder:
        for path in ("/list", "/own", "/none"):
            larder.get(path)
        larder.get("/items/1", method="PATCH", body=b"{}")
        larder.get("/own", method="PATCH", body=b"{}")
        origin.on("*", Origin.CLOSE)
        for path in ("/list", "/own", "/none"):
            origin.on(path, Origin.CLOSE)
        got = larder.get("/list")
        assert (got.body, told(got)["detail"]) == (b"old", "stale-if-error")
        assert larder.get("/none").status == 502  # without stale_if_error
        assert larder.get("/own").status == 502  # RFC 9111 4.4


def test_a_write_without_a_response_invalidates(origin):
    """It may have been applied: the next request fetches, and gets the old state only if the API fails for good."""
    origin.on("/x", lambda at: Origin.CLOSE if at.request.method == "PATCH" else reply(200, {}, b"old"))
    with Larder(origin, routes="  - {path: /**, ttl: 1h, stale_if_error: 1h}") as larder:
        larder.get("/x")
        assert larder.get("/x", method="PATCH", body=b"{}").status == 502
        assert "fwd" in told(larder.get("/x"))
        assert larder.get("/x", method="PATCH", body=b"{}").status == 502
        origin.on("/x", Origin.CLOSE)
        got = larder.get("/x")
        assert (got.body, told(got)["detail"]) == (b"old", "stale-if-error")


def test_groups_of_the_configuration_and_of_the_api_are_the_same(origin):
    origin.on("/a", reply(200, {}, b"a")).on("/b", reply(200, {"Cache-Groups": '"lists"'}, b"b")).on("/c", reply(200, {}, b"c"))
    origin.on("/write", reply(200, {"Cache-Group-Invalidation": '"lists"'}, b"done"))
    routes = "  - {path: /a, ttl: 1h, groups: [lists, more]}\n  - {path: /**, ttl: 1h}"
    with Larder(origin, routes=routes) as larder:
        for path in ("/a", "/b", "/c"):
            larder.get(path)
        larder.get("/write", method="POST", body=b"{}")
        assert ["hit" in told(larder.get(path)) for path in ("/a", "/b", "/c")] == [False, False, True]


# ---- forced refresh -------------------------------------------------------------------------------------------------

REFRESH = "  - {path: /**, ttl: 1h, refresh_param: refresh}"


@pytest.mark.parametrize("how", ["refresh", "no-cache"])
def test_a_forced_refresh_does_not_join_an_earlier_fetch(origin, how):
    target = "/x?refresh=1" if how == "refresh" else "/x"
    fields = {} if how == "refresh" else {"Cache-Control": "no-cache"}
    hold = origin.hold(target)
    origin.on("/x?refresh=1", hold).on("/x", hold)
    with Larder(origin, routes=REFRESH) as larder:
        first = in_parallel(1, lambda _: larder.get("/x"))
        hold.wait(1)
        second = in_parallel(1, lambda _: larder.get(target, fields))
        hold.wait(2)  # it does not wait for the first
        others = in_parallel(20, lambda _: larder.get(target, fields))
        larder.wait_for("larder_fill_waiters", lambda value: value == 22)
        assert hold.arrivals == 2  # and no more: the others wait for a fetch that begins after their arrival
        hold.release_one(reply(200, {}, b"1"))
        assert first()[0].body == b"1"
        hold.release_one(reply(200, {}, b"2"))
        assert second()[0].body == b"2"
        hold.wait(3)
        hold.release(reply(200, {}, b"3"))
        assert {answer.body for answer in others()} == {b"3"}
        assert hold.arrivals == 3
        got = larder.get("/x")
        assert (got.body, "hit" in told(got)) == (b"3", True)  # the same entry is refilled


@pytest.mark.parametrize("value", ["1", "true", "T", "Yes", "y", "ON"])
def test_true_values_of_refresh_param_force_a_fetch(origin, value):
    origin.on("*", reply(200, {}, b"x"))
    with Larder(origin, routes=REFRESH) as larder:
        larder.get("/x")
        assert told(larder.get(f"/x?refresh={value}"))["fwd"] == "request"


@pytest.mark.parametrize("value", ["0", "false", "F", "No", "n", "OFF"])
def test_false_values_of_refresh_param_are_hits(origin, value):
    origin.on("*", reply(200, {}, b"x"))
    with Larder(origin, routes=REFRESH) as larder:
        larder.get("/x")
        assert "hit" in told(larder.get(f"/x?refresh={value}"))


@pytest.mark.parametrize("value", ["", "2", "yess", "tr%20ue"])
def test_other_values_of_refresh_param_are_forwarded(origin, value):
    origin.on("*", reply(200, {}, b"x"))
    with Larder(origin, routes=REFRESH) as larder:
        larder.get("/x")
        assert told(larder.get(f"/x?refresh={value}"))["fwd"] == "uri-miss"
    assert origin.requests[-1].target == f"/x?refresh={value}"


@pytest.mark.parametrize("fields", [{}, {"Cache-Control": "no-cache"}], ids=["refresh", "no-cache"])
def test_refresh_min_interval_bounds_forced_refreshes(origin, fields):
    origin.on("*", reply(200, {}, b"x"))
    routes = "  - {path: /**, ttl: 1h, refresh_param: refresh, refresh_min_interval: 1h}"
    with Larder(origin, routes=routes) as larder:
        larder.get("/x")
        for _ in range(10):
            got = larder.get("/x" if fields else "/x?refresh=1", fields)
            assert told(got)["detail"] == "refresh-too-soon"
    assert len(origin.requests) == 1


def test_a_refresh_within_the_interval_joins_the_one_under_way(origin):
    routes = "  - {path: /**, ttl: 1h, refresh_param: refresh, refresh_min_interval: 1h}"
    hold = origin.hold("/x?refresh=1")
    with Larder(origin, routes=routes) as larder:
        join = in_parallel(10, lambda _: larder.get("/x?refresh=1"))
        larder.wait_for("larder_fill_waiters", lambda value: value == 10)
        hold.release(reply(200, {}, b"x"))
        assert {answer.body for answer in join()} == {b"x"}
    assert hold.arrivals == 1
