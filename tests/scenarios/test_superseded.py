"""A newer final response supersedes an older one, and no older one is stored afterwards."""

import threading

import pytest
from harness import Larder, Origin, cache_status, in_parallel, reply

STALE = "  - {path: /**, ttl: 1ms, stale_while_revalidate: 1h}"
FRESH = {"Cache-Control": "max-age=3600"}
REFRESH = "  - {path: /**, ttl: 1h, refresh_param: refresh}"


def told(response):
    return cache_status(response)[1]


def is_hit(response):
    return "hit" in told(response)


FINAL = [
    reply(404, {}, b"gone"), reply(410, {}, b"gone"), reply(403, {}, b"gone"), reply(301, {"Location": "/y"}, b"gone"),
    reply(200, {"Cache-Control": "no-store"}, b"gone"), reply(200, {"Cache-Control": "private"}, b"gone"),
    reply(200, {"Set-Cookie": "a=b"}, b"gone"), reply(501, {}, b"gone"),
]  # fmt: skip
NAMES = ["404", "410", "403", "301", "no-store", "private", "set-cookie", "501"]


@pytest.mark.parametrize("final", FINAL, ids=NAMES)
def test_a_final_response_to_a_background_fetch_supersedes_the_stale_one(origin, final):
    origin.on("/x", reply(200, {}, b"old"))
    with Larder(origin, routes=STALE) as larder:
        assert larder.get("/x").body == b"old"
        origin.on("/x", final)
        # One request gets the stale response while the final one is fetched; then the stale one is no longer stored.
        larder.get_until("/x", lambda response: response.body == b"gone")
        for _ in range(3):
            response = larder.get("/x")
            assert (response.body, is_hit(response)) == (b"gone", False)


@pytest.mark.parametrize("final", FINAL, ids=NAMES)
def test_a_final_response_to_a_forced_refresh_supersedes_the_fresh_one(origin, final):
    origin.on("*", reply(200, {}, b"old"))
    with Larder(origin, routes=REFRESH) as larder:
        larder.get("/x")
        origin.on("*", final)
        assert larder.get("/x?refresh=1").body == b"gone"
        assert larder.get("/x").body == b"gone"


ABOUT_THE_REQUEST = [400, 406, 408, 412, 413, 414, 416, 417, 421, 425, 428, 429, 431, 511]


@pytest.mark.parametrize("status", ABOUT_THE_REQUEST)
@pytest.mark.parametrize("mode", ["ttl: 1h", "cache: standard"])
def test_a_response_about_the_request_neither_supersedes_nor_renews(origin, status, mode):
    origin.on("/x", reply(200, FRESH, b"old"))
    with Larder(origin, routes=f"  - {{path: /**, {mode}}}") as larder:
        larder.get("/x")
        origin.on("/x", reply(status, FRESH, b"no"))
        assert larder.get("/x", {"Cache-Control": "no-cache"}).status == status
        response = larder.get("/x")
        assert (response.body, is_hit(response)) == (b"old", True)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_errors_that_stale_if_error_covers_do_not_supersede(origin, status):
    origin.on("*", reply(200, {}, b"old"))
    with Larder(origin, routes=REFRESH) as larder:
        larder.get("/x")
        origin.on("*", reply(status, {}, b"bad"))
        assert larder.get("/x?refresh=1").status in (200, status)
        assert larder.get("/x").body == b"old"


def test_a_refused_credential_does_not_supersede(origin):
    origin.on("/x", lambda at: reply(403, {}, b"no") if "X-API-Key" in at.request else reply(200, FRESH, b"public"))
    with Larder(origin, routes="  - {path: /**, cache: standard}") as larder:
        larder.get("/x")
        assert larder.get("/x", {"X-API-Key": "bad", "Cache-Control": "no-cache"}).status == 403
        assert is_hit(larder.get("/x"))


def test_a_new_vary_replaces_the_response_without_it(origin):
    origin.on("/x", reply(200, FRESH, b"old"))
    with Larder(origin, routes="  - {path: /**, cache: standard}") as larder:
        larder.get("/x")
        origin.on("/x", lambda at: reply(200, {**FRESH, "Vary": "X-Team"}, at.request.get("X-Team", "none")))
        assert larder.get("/x", {"Cache-Control": "no-cache"}).body == b"none"
        assert larder.get("/x", {"X-Team": "a"}).body == b"a"
        assert larder.get("/x").body == b"none"


# ---- order ----------------------------------------------------------------------------------------------------------


class Overtaken:
    """A fetch of /x under way, and a forced one that started after it; each waits for its response."""

    def __init__(self, origin, larder, older=None, newer=None):
        self.holds = origin.hold("/x"), origin.hold("/x?refresh=1")
        self.older = in_parallel(1, lambda _: larder.get("/x", older))
        self.holds[0].wait(1)
        self.newer = in_parallel(1, lambda _: larder.get("/x?refresh=1", newer))
        self.holds[1].wait(1)

    def newer_gets(self, answer):
        self.holds[1].release(answer)
        return self.newer()[0].body

    def older_gets(self, answer):
        self.holds[0].release(answer)
        return self.older()[0].body


@pytest.mark.parametrize("final", FINAL, ids=NAMES)
def test_an_older_fetch_that_ends_after_a_final_response_is_not_stored(origin, final):
    with Larder(origin, routes=REFRESH) as larder:
        both = Overtaken(origin, larder)
        assert both.newer_gets(final) == b"gone"
        assert both.older_gets(reply(200, {}, b"old")) == b"old"  # it had arrived before
        origin.on("/x", final)
        assert larder.get("/x").body == b"gone"


def test_an_older_fetch_is_stored_where_the_final_response_was_for_another_variant(origin):
    with Larder(origin, routes=REFRESH) as larder:
        both = Overtaken(origin, larder, older={"X-Team": "a"}, newer={"X-Team": "b"})
        assert both.newer_gets(reply(404, {"Vary": "X-Team"}, b"gone")) == b"gone"
        assert both.older_gets(reply(200, {"Vary": "X-Team"}, b"old")) == b"old"
        assert is_hit(larder.get("/x", {"X-Team": "a"}))


def test_a_fetch_that_began_before_a_head_found_a_change_is_not_stored(origin):
    old = reply(200, {"Cache-Control": "max-age=3600", "ETag": '"1"'}, b"old")
    new = reply(200, {"Cache-Control": "max-age=3600", "ETag": '"2"'}, b"new")
    origin.on("/x", old)
    with Larder(origin, routes="  - {path: /**, cache: standard}") as larder:
        larder.get("/x")
        older = origin.hold("/x")
        first = in_parallel(1, lambda _: larder.get("/x", {"Cache-Control": "no-cache"}))
        older.wait(1)
        origin.on("/x", new)
        larder.get("/x", {"Cache-Control": "no-cache"}, method="HEAD")
        older.release(old)
        assert first()[0].body == b"old"
        assert larder.get("/x").body == b"new"


def test_an_older_fetch_that_ends_later_does_not_replace_a_newer_one(origin):
    with Larder(origin, routes=REFRESH) as larder:
        both = Overtaken(origin, larder)
        assert both.newer_gets(reply(200, {}, b"new")) == b"new"
        both.older_gets(reply(200, {}, b"old"))
        response = larder.get("/x")
        assert (response.body, is_hit(response)) == (b"new", True)


@pytest.mark.parametrize("purge", [{"path": "/x"}, {"prefix": "/"}, {"group": "lists"}, {"all": True}])
def test_a_fetch_that_began_before_a_purge_is_not_stored(origin, purge):
    hold = origin.hold("/x")
    with Larder(origin, routes="  - {path: /**, ttl: 1h, groups: [lists]}") as larder:
        first = in_parallel(1, lambda _: larder.get("/x"))
        hold.wait(1)
        assert larder.change("/api/purge", purge)[0] == 200
        second = in_parallel(1, lambda _: larder.get("/x"))
        hold.wait(2)  # it does not join the fetch that began before
        hold.release_one(reply(200, {}, b"before"))
        assert first()[0].body == b"before"
        hold.release(reply(200, {}, b"after"))
        assert second()[0].body == b"after"
        assert larder.get("/x").body == b"after"


def test_an_allowed_forced_fetch_gets_a_response_fetched_after_it_arrived(origin):
    origin.on("/x", reply(200, {}, b"0"))
    with Larder(origin, routes="  - {path: /**, ttl: 1ms}") as larder:
        larder.get("/x")
        hold = origin.hold("/x")
        first = in_parallel(1, lambda _: larder.get_until("/x", lambda answer: answer.body == b"1"))
        hold.wait(1)
        forced = in_parallel(1, lambda _: larder.get("/x", {"Cache-Control": "max-age=0"}))
        hold.wait(2)
        hold.release_one(reply(200, {}, b"1"))
        assert first()[0].body == b"1"
        hold.release(reply(200, {}, b"2"))
        assert forced()[0].body == b"2"


# ---- validation -----------------------------------------------------------------------------------------------------


def test_a_private_304_is_for_its_client_only(origin):
    origin.on("/x", reply(200, {"Cache-Control": "no-cache", "ETag": '"1"'}, b"x"))
    with Larder(origin, routes="  - {path: /**, cache: standard}") as larder:
        larder.get("/x")
        hold = origin.hold("/x")
        join = in_parallel(3, lambda _: larder.get("/x"))
        larder.wait_for("larder_fill_waiters", lambda value: value == 3)
        count = iter(range(100))
        lock = threading.Lock()

        def answer(exchange):
            with lock:
                number = next(count)
            fields = {"ETag": '"1"', "Cache-Control": "private", "X-User": str(number)}
            if "If-None-Match" in exchange.request:
                return reply(304, fields, length=False)
            return reply(200, fields, b"x")

        hold.release(answer)
        users = [response["X-User"] for response in join()]
        assert len(set(users)) == 3


def test_a_304_by_a_date_alone_that_names_a_tag_renews_nothing(origin):
    """Two states of the resource within one second: the date cannot distinguish them, but the tag does."""
    dated = {"Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"}
    origin.on("/x", reply(200, {**dated, "Cache-Control": "no-cache"}, b"one"))

    def answer(exchange):
        if "If-Modified-Since" in exchange.request:
            return reply(304, {"ETag": '"2"', **FRESH}, length=False)
        return reply(200, {**dated, **FRESH, "ETag": '"2"'}, b"two")

    with Larder(origin, routes="  - {path: /**, cache: standard}") as larder:
        assert larder.get("/x").body == b"one"
        origin.on("/x", answer)
        response = larder.get("/x")
        assert (response.body, response["ETag"]) == (b"two", '"2"')
        assert (larder.get("/x").body, is_hit(larder.get("/x"))) == (b"two", True)


# ---- reasons about one request --------------------------------------------------------------------------------------


def test_no_store_of_one_client_does_not_end_collapsing_for_the_others(origin):
    origin.on("/x", reply(200, {}, b"x"))
    with Larder(origin, routes="  - {path: /**, ttl: 1h}") as larder:
        assert told(larder.get("/x", {"Cache-Control": "no-store"}))["detail"] == "request-no-store"
        hold = origin.hold("/x")
        join = in_parallel(8, lambda _: larder.get("/x"))
        larder.wait_for("larder_fill_waiters", lambda value: value == 8)
        hold.release(reply(200, {}, b"x"))
        join()
        assert hold.arrivals == 1
        assert is_hit(larder.get("/x", {"Cache-Control": "no-store"}))  # it does not force a fetch


def test_a_stale_hit_with_no_store_starts_a_refresh_that_is_stored(origin):
    origin.on("/x", reply(200, {}, b"old"))
    with Larder(origin, routes="  - {path: /**, ttl: 1ms, stale_while_revalidate: 1h}") as larder:
        larder.get("/x")
        origin.on("/x", reply(200, {}, b"new"))
        larder.get_until("/x", lambda response: response.body == b"new", {"Cache-Control": "no-store"})


def test_a_credential_whose_response_is_not_shared_does_not_end_collapsing_for_the_others(origin):
    origin.on("/x", reply(200, FRESH, b"x"))
    with Larder(origin, routes="  - {path: /**, cache: standard}") as larder:
        assert told(larder.get("/x", {"Authorization": "a"}))["detail"] == "authorization"
        hold = origin.hold("/x")
        join = in_parallel(8, lambda _: larder.get("/x"))
        larder.wait_for("larder_fill_waiters", lambda value: value == 8)
        hold.release(reply(200, FRESH, b"x"))
        join()
        assert hold.arrivals == 1


@pytest.mark.parametrize("fields", [{}, {"Authorization": "a"}, {"Cookie": "preview=1"}])
def test_only_if_cached_never_goes_upstream(origin, fields):
    origin.on("*", reply(200, {}, b"x"))
    routes = "  - {path: /off, cache: off}\n  - {path: /**, ttl: 1ms, stale_while_revalidate: 1h, bypass: {cookies: [preview]}}"
    with Larder(origin, routes=routes) as larder:
        for path in ("/off", "/x", "/a/../x"):
            assert larder.get(path, {**fields, "Cache-Control": "only-if-cached"}).status == 504
        assert origin.requests == []


def test_fields_param_on_a_request_that_bypasses_the_cache(origin):
    origin.on("*", reply(200, {"Content-Type": "application/json"}, b'[{"id": 1, "slug": 2}]'))
    with Larder(origin, routes="  - {path: /**, ttl: 1h, fields: [id, slug], fields_param: fields}") as larder:
        assert larder.get("/x?fields=id&a=1", {"Authorization": "a"}).status == 200
        assert larder.get("/x?fields=nope", {"Authorization": "a"}).status == 400
    assert [request.target for request in origin.requests] == ["/x?a=1"]


# ---- errors ---------------------------------------------------------------------------------------------------------


def test_an_invalidated_response_is_served_on_errors_and_requests_do_not_wait_for_repeated_failures(origin):
    origin.on("/list", reply(200, {}, b"old")).on("/items/1", reply(200, {}, b"done"))
    routes = "  - {path: /list, ttl: 1h, invalidated_by: [/items/**], stale_if_error: 1h}\n  - {path: /**, ttl: 1h}"
    with Larder(origin, routes=routes, upstream="  breaker_failures: 0") as larder:
        larder.get("/list")
        larder.get("/items/1", method="PATCH", body=b"{}")
        origin.on("/list", Origin.CLOSE)
        first = larder.get("/list")
        assert (first.body, told(first)["detail"], told(first)["ttl"]) == (b"old", "stale-if-error", "-1")
        hold = origin.hold("/list")  # a request that waited for another fetch would not return
        for _ in range(20):
            response = larder.get("/list")
            assert (response.body, told(response)["ttl"]) == (b"old", "-1")
        hold.release(reply(200, {}, b"new"))
        larder.get_until("/list", lambda response: response.body == b"new")


@pytest.mark.parametrize("status, survives", [(500, True), (503, True), (404, False), (409, False)])
def test_a_write_answered_with_5xx_may_have_been_applied(origin, status, survives):
    """It invalidates, but allows stale_if_error; a write that is rejected invalidates nothing."""
    origin.on("/x", lambda at: reply(status, {}, b"") if at.request.method == "PUT" else reply(200, {}, b"old"))
    with Larder(origin, routes="  - {path: /**, ttl: 1h, stale_if_error: 1h}") as larder:
        larder.get("/x")
        assert larder.get("/x", method="PUT", body=b"{}").status == status
        assert is_hit(larder.get("/x")) == (not survives)
        assert larder.get("/x", method="PUT", body=b"{}").status == status
        origin.on("/x", Origin.CLOSE)
        response = larder.get("/x")
        assert (response.body, told(response).get("detail")) == (b"old", "stale-if-error" if survives else None)
