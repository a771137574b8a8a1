"""Features of a shared cache beyond storing and reusing (RFC 9111, RFC 5861): HEAD, POST, an unreachable API."""

import pytest
from harness import Larder, Origin, cache_status, reply

DATA = b"data"
SHORT = {"Cache-Control": "max-age=1"}


def is_stale(answer):
    status = cache_status(answer)[1]
    return status.get("hit") and int(status["ttl"]) < 0


# ---- HEAD (RFC 9111 4.3.5) -------------------------------------------------------------------------------------------


def answers(get, head):
    return lambda exchange: reply(200, get, DATA) if exchange.request.method == "GET" else reply(200, head, length=False)


def test_a_head_that_misses_is_forwarded_as_a_head(origin):
    origin.on("/x", answers({"Cache-Control": "max-age=60"}, {"X-From": "head"}))
    with Larder(origin) as larder, larder.client() as client:
        assert client.get("/x", method="HEAD")["X-From"] == "head"
        assert client.get("/x").body == DATA
    assert [request.method for request in origin.seen("/x")] == ["HEAD", "GET"]


def test_the_answer_to_a_head_renews_what_is_stored(origin):
    origin.on("/x", answers(SHORT | {"X-A": "1", "X-B": "1"}, {"Cache-Control": "max-age=60", "X-A": "2", "Content-Length": "4"}))
    with Larder(origin) as larder, larder.client() as client:
        client.get("/x")
        # While the stored response is fresh, larder answers the HEAD; then it is forwarded, and its response renews the stored one.
        larder.get_until("/x", lambda it: not cache_status(it)[1].get("hit"), method="HEAD")
        answer = client.get("/x")
        assert cache_status(answer)[1].get("hit")
        assert (answer.body, answer["X-A"], answer["X-B"], answer["Cache-Control"]) == (DATA, "2", "1", "max-age=60")
    assert [request.method for request in origin.seen("/x")] == ["GET", "HEAD"]


CHANGED = [{"ETag": '"other"'}, {"Last-Modified": "Mon, 07 Nov 1994 08:49:37 GMT"}, {"Content-Length": "5"}]


@pytest.mark.parametrize("head", CHANGED, ids=lambda it: next(iter(it)))
def test_a_head_with_other_validators_expires_the_stored_response(origin, head):
    stored = {"Cache-Control": "max-age=60", "Vary": "X-V"}
    origin.on("/x", lambda exchange: reply(200, {**stored, **head}, length=False) if exchange.request.method == "HEAD" else reply(200, stored, DATA))
    with Larder(origin) as larder, larder.client() as client:
        client.get("/x")
        assert cache_status(client.get("/x"))[1].get("hit")
        # A HEAD that must be forwarded.
        client.get("/x", {"Cache-Control": "no-cache"}, method="HEAD")
        assert cache_status(client.get("/x"))[1]["fwd"] == "stale"


@pytest.mark.parametrize("status", [404, 410, 500])
def test_a_head_that_fails_changes_nothing(origin, status):
    origin.on("/x", lambda exchange: reply(status, {"Content-Length": "9"}, length=False) if exchange.request.method == "HEAD" else reply(200, {"Cache-Control": "max-age=60"}, DATA))
    with Larder(origin) as larder, larder.client() as client:
        client.get("/x")
        client.get("/x", {"Cache-Control": "no-cache"}, method="HEAD")
        assert cache_status(client.get("/x"))[1].get("hit")


# ---- POST (RFC 9110 9.3.3) -------------------------------------------------------------------------------------------

SAME = {"Content-Location": "/x?a=1", "Cache-Control": "max-age=60"}


def test_a_post_with_content_location_fills_the_entry(origin):
    origin.on("/x?a=1", lambda exchange: reply(200, SAME, exchange.request.method))
    with Larder(origin) as larder, larder.client() as client:
        assert client.get("/x?a=1").body == b"GET"
        assert client.get("/x?a=1", method="POST", body=b"new").body == b"POST"
        answer = client.get("/x?a=1")
        assert (answer.body, cache_status(answer)[1].get("hit")) == (b"POST", True)
        assert client.get("/x?a=1", method="HEAD")["Content-Length"] == "4"


NOT_THE_SAME = {
    "no lifetime": {"Content-Location": "/x?a=1"},
    "a heuristic one": {"Content-Location": "/x?a=1", "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"},
    "no Content-Location": {"Cache-Control": "max-age=60"},
    "another place": {**SAME, "Content-Location": "/x?a=2"},
    "another host": {**SAME, "Content-Location": "http://elsewhere.test/x?a=1"},
    "private": {**SAME, "Cache-Control": "max-age=60, private"},
    "no-store": {**SAME, "Cache-Control": "max-age=60, no-store"},
}


@pytest.mark.parametrize("fields", NOT_THE_SAME.values(), ids=NOT_THE_SAME.keys())
def test_any_other_answer_to_a_post_is_not_stored(origin, fields):
    origin.on("/x?a=1", lambda exchange: reply(200, fields, exchange.request.method))
    with Larder(origin) as larder, larder.client() as client:
        client.get("/x?a=1", method="POST", body=b"new")
        assert client.get("/x?a=1").body == b"GET"


@pytest.mark.parametrize("method, status, route", [("PUT", 200, "cache: standard"), ("POST", 201, "cache: standard"), ("POST", 200, "ttl: 60s")])
def test_a_response_to_another_method_or_status_or_on_another_route_is_not_stored(origin, method, status, route):
    origin.on("/x?a=1", lambda exchange: reply(200 if exchange.request.method == "GET" else status, SAME, exchange.request.method))
    with Larder(origin, routes=f"  - {{path: /**, {route}}}") as larder, larder.client() as client:
        client.get("/x?a=1", method=method, body=b"new")
        assert client.get("/x?a=1").body == b"GET"


def test_a_post_whose_answer_breaks_off_stores_nothing(origin):
    def script(exchange):
        if exchange.request.method == "GET":
            return reply(200, SAME, b"GET")
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Location: /x?a=1\r\nCache-Control: max-age=60\r\nContent-Length: 10\r\n\r\nhalf")
        return Origin.CLOSE

    origin.on("/x?a=1", script)
    with Larder(origin) as larder:
        with larder.client() as client:
            client.request("POST", "/x?a=1", body=b"new")
            assert not client.response().complete
        assert larder.get("/x?a=1").body == b"GET"


# ---- an API that cannot be reached (RFC 9111 4.2.4, RFC 5861 4) ------------------------------------------------------


def away(exchange):
    return Origin.CLOSE


def failing(status):
    return lambda exchange: reply(status, {}, b"broken")


MAY_BE_STALE = [
    ("max-age=1", away, True),  # disconnected
    ("max-age=1", failing(503), False),  # a response, not a disconnection
    ("max-age=1, stale-if-error=60", failing(503), True),
    ("max-age=1, stale-if-error=60", failing(500), True),
    ("max-age=1, stale-if-error=60", failing(404), False),  # RFC 5861 4: 500, 502, 503, 504
    ("max-age=1, stale-if-error=60", failing(501), False),
    ("max-age=1, stale-if-error=60", away, True),
    ("max-age=1, must-revalidate", away, False),
    ("max-age=1, proxy-revalidate", away, False),
    ("s-maxage=1", away, False),
    ("max-age=1, stale-if-error=60, must-revalidate", failing(503), False),
    ("max-age=1, no-cache", away, False),
]


@pytest.mark.parametrize("directives, trouble, served", MAY_BE_STALE, ids=lambda it: it if isinstance(it, str) else None)
def test_when_a_stale_response_is_served_while_the_api_fails(origin, directives, trouble, served):
    origin.on("/x", reply(200, {"Cache-Control": directives, "ETag": '"v"'}, DATA))
    with Larder(origin) as larder:
        larder.get("/x")
        origin.on("/x", trouble)
        if served:
            answer = larder.get_until("/x", is_stale)
            assert (answer.status, answer.body, cache_status(answer)[1]["detail"]) == (200, DATA, "stale-if-error")
        else:
            assert larder.get_until("/x", lambda it: it.status != 200).body != DATA
        # When the API is back, it is requested again.
        origin.on("/x", reply(200, {"Cache-Control": "max-age=60"}, b"back"))
        assert larder.get_until("/x", lambda it: it.body == b"back").status == 200


def test_a_request_may_ask_for_a_stale_answer_on_errors(origin):
    origin.on("/x", reply(200, SHORT, DATA))
    with Larder(origin) as larder:
        larder.get("/x")
        origin.on("/x", failing(500))
        assert larder.get_until("/x", lambda it: it.status == 500).body == b"broken"
        assert larder.get("/x", {"Cache-Control": "stale-if-error=60"}).body == DATA


# ---- fields of responses ---------------------------------------------------------------------------------------------


def test_status_key_adds_the_key_to_cache_status(origin):
    origin.on("*", reply(200, {"Cache-Control": "max-age=60"}, DATA))
    routes = "  - {path: /topics/, ttl: 60s, refresh_param: refresh, key: {query: [a]}}\n  - {path: /**, cache: standard}"
    with Larder(origin, routes=routes, settings="cache: {status_key: true}") as larder, larder.client() as client:
        asked = {"Host": "API.test:80"}
        for _ in range(2):
            assert cache_status(client.get("/topics/?refresh=1&b=2&a=1", asked))[1]["key"] == "http://api.test/topics/?a=1"
        assert cache_status(client.get("/a%7Eb?q=%22", asked))[1]["key"] == "http://api.test/a~b?q=%22"
        assert "key" not in cache_status(client.get("/x", asked, method="POST"))[1]
    with Larder(origin) as larder:
        assert "key" not in cache_status(larder.get("/x"))[1]


def test_stored_fields_keep_their_bytes_and_order(origin):
    head = b"HTTP/1.1 200 Fine\r\nb-Field: 2\r\nA: 1\r\nB-FIELD: 3\r\nLink: <s>\r\nCache-Control: max-age=60\r\nX-Bytes: \xe4\xff\r\nLink: <t>\r\nContent-Length: 4\r\n\r\ndata"
    origin.on("/x", head)
    with Larder(origin) as larder, larder.client() as client:
        for _ in range(2):
            client.request("GET", "/x")
            answer = client.response()
            assert [pair for pair in answer.fields if pair[0] in ("b-Field", "A", "B-FIELD", "Link", "X-Bytes")] == [
                ("b-Field", "2"), ("A", "1"), ("B-FIELD", "3"), ("Link", "<s>"), ("X-Bytes", "\xe4\xff"), ("Link", "<t>"),
            ]
            assert answer.get("Date")
            assert answer.start == "HTTP/1.1 200 Fine"


@pytest.mark.parametrize("directive", ["private", "no-cache"])
def test_fields_for_one_client_are_not_replayed(origin, directive):
    fields = {"Cache-Control": f'max-age=60, {directive}="set-cookie, X-Mine"', "Set-Cookie": "s=1", "X-Mine": "1", "X-Ours": "1"}
    origin.on("/x", reply(200, fields, DATA))
    with Larder(origin) as larder, larder.client() as client:
        first = client.get("/x")
        assert (first.get("Set-Cookie"), first.get("X-Mine"), first.get("X-Ours")) == ("s=1", "1", "1")
        second = client.get("/x")
        assert (second.get("Set-Cookie"), second.get("X-Mine"), second.get("X-Ours")) == (None, None, "1")
        assert cache_status(second)[1].get("hit")


def test_with_despite_set_cookie_the_cookie_goes_only_to_its_client(origin):
    hold = origin.hold("/x")
    with Larder(origin, routes="  - {path: /**, ttl: 60s, despite: [set-cookie]}") as larder:
        with larder.client() as first, larder.client() as second:
            first.request("GET", "/x")
            hold.wait()
            second.request("GET", "/x")
            larder.wait_for("larder_fill_waiters", lambda value: value == 2)
            hold.release(reply(200, {"Set-Cookie": "s=1"}, DATA))
            assert (first.response().get("Set-Cookie"), second.response().get("Set-Cookie")) == ("s=1", None)
        assert "Set-Cookie" not in larder.get("/x")


# ---- CDN-Cache-Control (RFC 9213) ------------------------------------------------------------------------------------

TARGETED = [
    ({"CDN-Cache-Control": "max-age=60", "Cache-Control": "no-store"}, True),
    ({"CDN-Cache-Control": "no-store", "Cache-Control": "max-age=60"}, False),
    ({"CDN-Cache-Control": "max-age=0", "Expires": "Fri, 01 Jan 2100 00:00:00 GMT"}, False),
    ({"CDN-Cache-Control": "public", "Expires": "Fri, 01 Jan 2100 00:00:00 GMT"}, False),
    ({"CDN-Cache-Control": "max-age=\"60\"", "Cache-Control": "max-age=60"}, False),
    ({"CDN-Cache-Control": "max-age=", "Cache-Control": "max-age=60"}, True),
    ({"CDN-Cache-Control": "", "Cache-Control": "max-age=60"}, True),
]


@pytest.mark.parametrize("fields, stored", TARGETED)
def test_cdn_cache_control_precedes_cache_control(origin, fields, stored):
    origin.on("/x", reply(200, fields, DATA))
    with Larder(origin) as larder, larder.client() as client:
        answer = client.get("/x")
        assert {name: answer[name] for name in fields} == fields
        assert bool(cache_status(client.get("/x"))[1].get("hit")) == stored


# ---- groups (RFC 9875) -----------------------------------------------------------------------------------------------


def grouped(groups):
    return lambda exchange: reply(200, {"Cache-Control": "max-age=60", **({"Cache-Groups": groups} if groups else {})}, exchange.request.target)


def hits(client, *targets, **more):
    return [bool(cache_status(client.get(target, **more))[1].get("hit")) for target in targets]


def test_a_write_invalidates_its_groups(origin):
    origin.on("/a", grouped('"one"')).on("/b", grouped('"one", "two"')).on("/c", grouped('"two";p=1')).on("/d", grouped(None))
    origin.on("/write", reply(200, {"Cache-Group-Invalidation": '"one", "none"'}))
    with Larder(origin) as larder, larder.client() as client:
        for _ in range(2):
            found = hits(client, "/a", "/b", "/c", "/d")
        assert found == [True] * 4
        client.get("/write", method="POST", body=b"")
        assert hits(client, "/a", "/b", "/c", "/d") == [False, False, True, True]
        assert hits(client, "/a", "/b") == [True, True]


@pytest.mark.parametrize(
    "status, method, fields",
    [
        (200, "GET", {"Cache-Group-Invalidation": '"one"'}),  # RFC 9875 3: safe methods invalidate nothing
        (500, "POST", {"Cache-Group-Invalidation": '"one"'}),
        (200, "POST", {"Cache-Group-Invalidation": "one"}),  # a Token is no String
        (200, "POST", {"Cache-Group-Invalidation": '"one", 2'}),
        (200, "POST", {"Cache-Group-Invalidation": '"One"'}),  # RFC 9875 2.1: compared character by character
    ],
)
def test_responses_that_invalidate_no_group(origin, status, method, fields):
    origin.on("/a", grouped('"one"')).on("/write", reply(status, fields))
    with Larder(origin) as larder, larder.client() as client:
        client.get("/a")
        client.get("/write", method=method, body=b"" if method == "POST" else None)
        assert hits(client, "/a") == [True]


def test_groups_belong_to_one_origin(origin):
    origin.on("/a", grouped('"one"')).on("/write", reply(200, {"Cache-Group-Invalidation": '"one"'}))
    with Larder(origin) as larder, larder.client() as client:
        for host in ("a.test", "b.test"):
            client.get("/a", {"Host": host})
        client.get("/write", {"Host": "b.test"}, method="POST", body=b"")
        assert hits(client, "/a", fields={"Host": "a.test"}) == [True]
        assert hits(client, "/a", fields={"Host": "b.test"}) == [False]


def test_at_least_as_many_groups_as_rfc_9875_requires(origin):
    names = [f'"{i:03}{"x" * 60}"' for i in range(200)]
    origin.on("/a", grouped(", ".join(names))).on("/write", reply(200, {"Cache-Group-Invalidation": names[-1]}))
    with Larder(origin) as larder, larder.client() as client:
        client.get("/a")
        assert hits(client, "/a") == [True]
        client.get("/write", method="DELETE")
        assert hits(client, "/a") == [False]


def test_a_fetch_whose_group_is_invalidated_meanwhile_is_not_stored(origin):
    hold = origin.hold("/a")
    origin.on("/write", reply(200, {"Cache-Group-Invalidation": '"one"'}))
    with Larder(origin) as larder:
        with larder.client() as early, larder.client() as late, larder.client() as writer:
            early.request("GET", "/a")
            hold.wait()
            writer.get("/write", method="POST", body=b"")
            late.request("GET", "/a")
            larder.wait_for("larder_fill_waiters", lambda value: value == 2)
            hold.release_one(reply(200, {"Cache-Control": "max-age=60", "Cache-Groups": '"one"'}, b"old"))
            assert early.response().body == b"old"
            # A request that arrived after the write does not join a fetch that began before it.
            hold.release(reply(200, {"Cache-Control": "max-age=60", "Cache-Groups": '"one"'}, b"new"))
            assert late.response().body == b"new"
        assert larder.get("/a").body == b"new"
