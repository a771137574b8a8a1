"""Routes with a ttl: what is stored under which key, which requests share a fetch, and what a write invalidates."""

import pytest
from harness import DEFAULT_PORT, Larder, Origin, cache_status, in_parallel, reply

TTL = "  - {path: /**, ttl: 60s}"


def counting(fields=None, status=200):
    """Responses with consecutive numbers."""
    count = []

    def script(exchange):
        count.append(1)
        return reply(status, fields, f"answer {len(count)}")

    return script


def bodies(client, target, times=2, fields=None):
    return [client.get(target, fields).body for _ in range(times)]


def test_within_the_ttl_the_api_is_asked_once(origin):
    origin.on("/x", counting())
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        first = client.get("/x")
        assert cache_status(first) == ("larder", {"fwd": "uri-miss", "stored": True})
        assert "Age" not in first
        for _ in range(3):
            hit = client.get("/x")
            name, parameters = cache_status(hit)
            assert (name, parameters["hit"]) == ("larder", True)
            assert 0 <= int(parameters["ttl"]) <= 60
            assert int(hit["Age"]) >= 0
            assert hit.body == first.body
    assert len(origin.seen("/x")) == 1


def test_a_ttl_overrides_the_apis_lifetime(origin):
    origin.on("/x", counting({"Cache-Control": "max-age=0", "Expires": "0", "Age": "1000"}))
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        assert bodies(client, "/x") == [b"answer 1"] * 2
        assert client.get("/x")["Cache-Control"] == "max-age=0"


@pytest.mark.parametrize("value", ["1", "true", "YES", "on"])
def test_a_true_refresh_fetches_again_and_refills_the_entry(origin, value):
    count = []

    def script(_):
        count.append(1)
        return reply(200, {}, f"answer {len(count)}")

    origin.on("/x", script).on(f"/x?refresh={value}", script)
    with Larder(origin, routes="  - {path: /**, ttl: 60s, refresh_param: refresh}") as larder, larder.client() as client:
        assert client.get("/x").body == b"answer 1"
        refreshed = client.get(f"/x?refresh={value}")
        assert refreshed.body == b"answer 2"
        assert cache_status(refreshed)[1]["fwd"] == "request"
        assert client.get("/x").body == b"answer 2"
        assert larder.metric("larder_store_entries") == 1


def test_a_false_refresh_is_a_hit_and_another_value_is_forwarded(origin):
    origin.on("/x", counting()).on("/x?refresh=banana", counting())
    with Larder(origin, routes="  - {path: /**, ttl: 60s, refresh_param: refresh}") as larder, larder.client() as client:
        client.get("/x")
        assert cache_status(client.get("/x?refresh=0"))[1].get("hit")
        assert cache_status(client.get("/x?refresh=off"))[1].get("hit")
        assert client.get("/x?refresh=banana").body == b"answer 1"
    assert [request.target for request in origin.seen()] == ["/x", "/x?refresh=banana"]


def test_a_refresh_too_soon_is_answered_from_the_store(origin):
    origin.on("/x", counting()).on("/x?refresh=1", counting())
    route = "  - {path: /**, ttl: 60s, refresh_param: refresh, refresh_min_interval: 1h}"
    with Larder(origin, routes=route) as larder, larder.client() as client:
        client.get("/x")
        answer = client.get("/x?refresh=1")
        assert cache_status(answer)[1]["detail"] == "refresh-too-soon"
    assert len(origin.seen()) == 1


def test_the_query_is_part_of_the_key(origin):
    for target in ("/x", "/x?a=1", "/x?a=2", "/x?a=1&b=2", "/x?b=2&a=1"):
        origin.on(target, reply(200, {}, target))
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        for _ in range(2):
            for target in ("/x", "/x?a=1", "/x?a=2", "/x?a=1&b=2", "/x?b=2&a=1"):
                assert client.get(target).body == target.encode()
    assert len(origin.seen()) == 5


def test_a_route_may_select_query_parameters(origin):
    origin.on("*", counting())
    with Larder(origin, routes="  - {path: /none, ttl: 60s, key: {query: none}}\n  - {path: /named, ttl: 60s, key: {query: [limit]}}") as larder:
        with larder.client() as client:
            assert client.get("/none?a=1").body == client.get("/none?b=2").body
            first = client.get("/named?limit=1&junk=1").body
            assert client.get("/named?junk=2&limit=1").body == first
            assert client.get("/named?limit=2").body != first


def test_hosts_do_not_share(origin):
    origin.on("/x", lambda exchange: reply(200, {}, exchange.request["Host"]))
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        for host in ("a.test", "b.test", "a.test"):
            assert client.get("/x", {"Host": host}).body == host.encode()
        assert client.get("/x", {"Host": f"A.TEST:{DEFAULT_PORT}"}).body == b"a.test"


def test_vary_keeps_variants_apart(origin):
    origin.on("/x", lambda exchange: reply(200, {"Vary": "Accept-Language"}, exchange.request.get("Accept-Language", "none")))
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        for _ in range(2):
            for language in ("de", "en"):
                assert client.get("/x", {"Accept-Language": language}).body == language.encode()
        assert client.get("/x").body == b"none"
        assert cache_status(client.get("/x", {"Accept-Language": "fr"}))[1]["fwd"] == "vary-miss"
    assert len(origin.seen()) == 4


def test_a_cors_answer_for_one_origin_is_not_given_to_another(origin):
    def cors(exchange):
        asked = exchange.request.get("Origin")
        return reply(200, {"Access-Control-Allow-Origin": asked} if asked else {}, b"data")

    origin.on("/x", cors)
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        for _ in range(2):
            assert "Access-Control-Allow-Origin" not in client.get("/x")
            for page in ("http://one.test", "http://two.test"):
                answer = client.get("/x", {"Origin": page})
                assert answer["Access-Control-Allow-Origin"] == page
        unchanged = client.get("/x", {"Origin": "http://one.test", "If-None-Match": "*"})
        assert unchanged.status == 304
        assert unchanged["Access-Control-Allow-Origin"] == "http://one.test"
    assert len(origin.seen()) == 3


def test_a_preflight_goes_through(origin):
    origin.on("/x", reply(204, {"Access-Control-Allow-Methods": "PATCH"}, length=False))
    with Larder(origin, routes=TTL) as larder:
        answer = larder.get("/x", {"Origin": "http://one.test", "Access-Control-Request-Method": "PATCH"}, method="OPTIONS")
        assert answer["Access-Control-Allow-Methods"] == "PATCH"


AGAINST = [
    ("no-store", {"Cache-Control": "no-store"}, {}, "no-store"),
    ("no-cache", {"Cache-Control": "no-cache"}, {}, "no-cache"),
    ("private", {"Cache-Control": "private"}, {}, "private"),
    ("set-cookie", {"Set-Cookie": "a=b"}, {}, "set-cookie"),
    ("authorization", {}, {"Authorization": "Bearer x"}, "request-authorization"),
]


@pytest.mark.parametrize("despite, answer, asked, detail", AGAINST, ids=[row[0] for row in AGAINST])
def test_directives_against_sharing_apply_unless_despite_lists_them(origin, despite, answer, asked, detail):
    origin.on("/x", counting(answer)).on("/despite", counting(answer))
    routes = f"  - {{path: /despite, ttl: 60s, despite: [{despite}]}}\n{TTL}"
    with Larder(origin, routes=routes) as larder, larder.client() as client:
        assert cache_status(client.get("/x", asked))[1]["detail"] == detail
        assert client.get("/x", asked).body == b"answer 2"
        assert bodies(client, "/despite", 2, asked) == [b"answer 1"] * 2
        assert "Set-Cookie" not in client.get("/despite", asked)


@pytest.mark.parametrize("status", [201, 203, 301, 302, 404, 410, 500, 503])
def test_only_a_200_is_stored(origin, status):
    origin.on("/x", counting({"Cache-Control": "max-age=60"}, status))
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        assert bodies(client, "/x") == [b"answer 1", b"answer 2"]
        assert cache_status(client.get("/x"))[1]["detail"] == "status"


@pytest.mark.parametrize("status", [404, 410])
def test_negative_ttl_stores_404_and_410(origin, status):
    origin.on("/x", counting({}, status))
    with Larder(origin, routes="  - {path: /**, ttl: 60s, negative_ttl: 60s}") as larder, larder.client() as client:
        assert bodies(client, "/x") == [b"answer 1"] * 2
        assert client.get("/x").status == status


def test_a_path_that_no_route_matches_is_passed_through(origin):
    origin.on("/x", counting({"Cache-Control": "max-age=60"}))
    with Larder(origin, routes="  - {path: /y, ttl: 60s}") as larder, larder.client() as client:
        assert bodies(client, "/x") == [b"answer 1", b"answer 2"]
        assert cache_status(client.get("/x"))[1] == {"fwd": "bypass", "detail": "route-off"}


def test_the_first_route_that_matches_wins(origin):
    for target in ("/topics/", "/topics/5", "/topics/5/x", "/static/a/b"):
        origin.on(target, counting())
    routes = "  - {path: /topics/, ttl: 60s}\n  - {path: '/topics/{id}', cache: off}\n  - {path: /static/**, ttl: 60s}"
    with Larder(origin, routes=routes) as larder, larder.client() as client:
        assert bodies(client, "/topics/")[1] == b"answer 1"
        assert bodies(client, "/topics/5")[1] == b"answer 2"
        assert bodies(client, "/topics/5/x")[1] == b"answer 2"
        assert bodies(client, "/static/a/b")[1] == b"answer 1"


# ---- collapsed forwarding -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loops", [1, 2])
def test_two_hundred_concurrent_misses_make_one_fetch(origin, loops):
    hold = origin.hold("/x")
    with Larder(origin, routes=TTL, settings=f"loops: {loops}") as larder:
        join = in_parallel(200, lambda _: larder.get("/x"))
        hold.wait()
        larder.wait_for("larder_fill_waiters", lambda value: value == 200)
        hold.release(reply(200, {}, b"shared"))
        answers = join()
    assert {answer.body for answer in answers} == {b"shared"}
    assert len(origin.seen("/x")) == 1
    collapsed = [answer for answer in answers if "collapsed" in cache_status(answer)[1]]
    stored = [answer for answer in answers if "stored" in cache_status(answer)[1]]
    assert len(stored) == 1
    assert len(collapsed) == 199


def test_an_answer_that_cannot_be_shared_releases_every_waiter_at_once(origin):
    hold = origin.hold("/x")
    with Larder(origin, routes=TTL, settings="cache: {uncacheable_memory: 1h}") as larder:
        join = in_parallel(20, lambda _: larder.get("/x"))
        hold.wait()
        larder.wait_for("larder_fill_waiters", lambda value: value == 20)
        hold.release_one(reply(200, {"Cache-Control": "no-store"}, b"mine"))
        # All others are fetched concurrently: none waits for another.
        hold.wait(20)
        hold.release(reply(200, {"Cache-Control": "no-store"}, b"mine"))
        assert {answer.body for answer in join()} == {b"mine"}
        # The key is marked hit-for-miss: the next requests do not wait either.
        hold.released = None
        join = in_parallel(5, lambda _: larder.get("/x"))
        hold.wait(25)
        hold.release(reply(200, {"Cache-Control": "no-store"}, b"mine"))
        join()


def test_a_shareable_response_ends_hit_for_miss_at_once(origin):
    origin.on("/x", reply(200, {"Cache-Control": "no-store"}, b"mine"))
    with Larder(origin, routes=TTL, settings="cache: {uncacheable_memory: 1h}") as larder, larder.client() as client:
        client.get("/x")
        origin.on("/x", reply(200, {}, b"shared"))
        assert "stored" in cache_status(client.get("/x"))[1]
        assert cache_status(client.get("/x"))[1].get("hit")


def test_known_variants_do_not_wait_for_each_other(origin):
    def answer(language):
        return reply(200, {"Vary": "Accept-Language"}, language)

    origin.on("/x", answer("en"))
    with Larder(origin, routes=TTL) as larder:
        larder.get("/x", {"Accept-Language": "en"})
        hold = origin.hold("/x")
        join = in_parallel(2, lambda i: larder.get("/x", {"Accept-Language": ["de", "fr"][i]}))
        hold.wait(2)
        hold.release(lambda exchange: answer(exchange.request["Accept-Language"]))
        assert {reply.body for reply in join()} == {b"de", b"fr"}


def test_waiters_of_another_variant_fetch_their_own(origin):
    hold = origin.hold("/x")
    with Larder(origin, routes=TTL) as larder:
        join = in_parallel(3, lambda i: larder.get("/x", {"Accept-Language": ["de", "en", "fr"][i]}))
        larder.wait_for("larder_fill_waiters", lambda value: value == 3)
        hold.release(lambda exchange: reply(200, {"Vary": "Accept-Language"}, exchange.request["Accept-Language"]))
        assert {answer.body for answer in join()} == {b"de", b"en", b"fr"}


def test_a_client_that_leaves_does_not_stop_the_fill(origin):
    hold = origin.hold("/x")
    with Larder(origin, routes=TTL) as larder:
        first = larder.client()
        first.request("GET", "/x")
        hold.wait()
        join = in_parallel(1, lambda _: larder.get("/x"))
        larder.wait_for("larder_fill_waiters", lambda value: value == 2)
        first.abort()
        hold.release(reply(200, {}, b"shared"))
        assert join()[0].body == b"shared"
        assert cache_status(larder.get("/x"))[1].get("hit")
    assert len(origin.seen("/x")) == 1


def test_a_fill_whose_only_client_left_is_stored(origin):
    hold = origin.hold("/x")
    with Larder(origin, routes=TTL) as larder:
        client = larder.client()
        client.request("GET", "/x")
        hold.wait()
        client.abort()
        hold.release(reply(200, {}, b"shared"))
        larder.wait_for("larder_store_entries", lambda value: value == 1)
        assert cache_status(larder.get("/x"))[1].get("hit")


def test_an_incomplete_body_fails_the_fill_and_is_not_stored(origin):
    hold = origin.hold("/x")

    def die(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        return Origin.CLOSE

    with Larder(origin, routes=TTL) as larder:
        join = in_parallel(5, lambda _: larder.get("/x"))
        larder.wait_for("larder_fill_waiters", lambda value: value == 5)
        hold.release(die)
        for answer in join():
            assert answer.status == 502 or not answer.complete
        assert larder.metric("larder_store_entries") == 0
        origin.on("/x", reply(200, {}, b"whole"))
        assert larder.get("/x").body == b"whole"


# ---- writes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PATCH", "POST", "PUT", "DELETE", "BREW"])
def test_a_write_is_seen_by_the_next_reader(origin, method):
    count = counting()
    origin.on("/x", lambda exchange: count(exchange) if exchange.request.method == "GET" else reply(200, {}, b"done"))
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        assert bodies(client, "/x") == [b"answer 1"] * 2
        client.get("/x", method=method, body=b"change")
        assert bodies(client, "/x") == [b"answer 2"] * 2


@pytest.mark.parametrize("status", [400, 404, 409])
def test_a_write_that_was_refused_changes_nothing(origin, status):
    count = counting()
    origin.on("/x", lambda exchange: count(exchange) if exchange.request.method == "GET" else reply(status, {}, b"no"))
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        client.get("/x")
        client.get("/x", method="PATCH", body=b"change")
        assert client.get("/x").body == b"answer 1"


def test_a_write_without_a_response_invalidates(origin):
    count = counting()
    origin.on("/x", lambda exchange: count(exchange) if exchange.request.method == "GET" else Origin.CLOSE)
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        client.get("/x")
        assert client.get("/x", method="POST", body=b"change").status == 502
        assert client.get("/x").body == b"answer 2"


def test_a_write_invalidates_every_query_of_its_path_and_related_targets(origin):
    origin.on("*", counting({}))
    origin.on("/topics/", lambda e: reply(201, {"Location": "/topics/9"}) if e.request.method == "POST" else reply(200, {}, str(len(origin.requests))))
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        before = [client.get(target).body for target in ("/topics/", "/topics/?a=1", "/topics/9", "/other")]
        client.get("/topics/", method="POST", body=b"{}")
        after = [client.get(target).body for target in ("/topics/", "/topics/?a=1", "/topics/9", "/other")]
    assert [a != b for a, b in zip(before, after)] == [True, True, True, False]


def test_a_fill_that_began_before_a_write_answers_its_waiters_and_is_not_stored(origin):
    hold = origin.hold("/x")
    writes = []

    def script(exchange):
        if exchange.request.method == "PATCH":
            writes.append(1)
            return reply(200, {}, b"done")
        return hold(exchange)

    origin.on("/x", script)
    with Larder(origin, routes=TTL) as larder:
        early = in_parallel(2, lambda _: larder.get("/x"))
        hold.wait()
        larder.wait_for("larder_fill_waiters", lambda value: value == 2)
        assert larder.get("/x", method="PATCH", body=b"change").status == 200
        # A request after the write does not join the older fill.
        late = in_parallel(1, lambda _: larder.get("/x"))
        hold.wait(2)
        hold.release_one(reply(200, {}, b"old"))
        answers = early()
        assert {answer.body for answer in answers} == {b"old"}
        assert any(cache_status(answer)[1].get("detail") == "superseded" for answer in answers)
        assert larder.metric("larder_store_entries") == 0
        hold.release(reply(200, {}, b"new"))
        assert late()[0].body == b"new"
        assert larder.get("/x").body == b"new"


def test_a_write_to_a_path_in_invalidated_by_invalidates_the_route(origin):
    origin.on("/list", counting()).on("/other", counting())
    origin.on("/tasks/5", reply(200, {}, b"done")).on("/unrelated", reply(200, {}, b"done"))
    routes = "  - {path: /list, ttl: 60s, invalidated_by: [/topics/**, '/tasks/{id}']}\n" + TTL
    with Larder(origin, routes=routes) as larder, larder.client() as client:
        client.get("/list")
        client.get("/other")
        client.get("/unrelated", method="PATCH", body=b"x")
        assert client.get("/list").body == b"answer 1"
        client.get("/tasks/5", method="PATCH", body=b"x")
        assert client.get("/list").body == b"answer 2"
        assert client.get("/other").body == b"answer 1"


# ---- the store ------------------------------------------------------------------------------------------------------


def test_the_store_stays_within_its_budget(origin):
    origin.on("*", lambda exchange: reply(200, {}, b"x" * 100_000))
    with Larder(origin, routes=TTL, settings="cache: {memory: 1MiB, max_body: 1MiB}") as larder, larder.client() as client:
        for i in range(50):
            client.get(f"/x{i}")
        assert larder.metric("larder_store_bytes") <= 1 << 20
        assert larder.metric("larder_store_evictions_total") >= 40


def test_an_evicted_entry_is_sent_to_its_end(origin):
    size = 8 << 20
    origin.on("/big", lambda exchange: reply(200, {}, b"b" * size))
    origin.on("*", lambda exchange: reply(200, {}, b"x" * (3 << 20)))
    with Larder(origin, routes=TTL, settings="cache: {memory: 10MiB, max_body: 10MiB}") as larder:
        larder.get("/big")
        with larder.client() as slow, larder.client() as client:
            slow.request("GET", "/big")
            head = slow.read_head()
            assert cache_status(head)[1].get("hit")
            for i in range(40):  # how many it takes depends on when the hit above is counted as one
                client.get(f"/x{i}")
                if larder.metric("larder_store_bytes") < size:
                    break
            assert "hit" not in cache_status(client.get("/big"))[1]
            assert slow.file.read(size) == b"b" * size


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_that_is_too_large_is_streamed_and_not_stored(origin, framing):
    block = bytes(range(256)) * 400

    def script(exchange):
        if framing == "length":
            return reply(200, {}, block * 10)
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(10):
            exchange.send(b"%x\r\n" % len(block) + block + b"\r\n")
        return b"0\r\n\r\n"

    origin.on("/x", script)
    with Larder(origin, routes=TTL, settings="cache: {max_body: 256KiB}") as larder, larder.client() as client:
        for _ in range(2):
            answer = client.get("/x")
            assert answer.body == block * 10
            assert cache_status(answer)[1]["detail"] == "body-too-large"
        assert larder.metric("larder_store_entries") == 0
