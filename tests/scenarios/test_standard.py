"""`cache: standard`: the API's fields decide. Also Cache-Status on each path."""

import pytest
from harness import Larder, cache_status, in_parallel, reply


def numbered(fields=None):
    count = []

    def script(_):
        count.append(1)
        return reply(200, fields, f"answer {len(count)}")

    return script


@pytest.mark.parametrize(
    "fields, kept",
    [
        ({"Cache-Control": "max-age=60"}, True),
        ({"Cache-Control": "s-maxage=60, max-age=0"}, True),
        ({"Cache-Control": "max-age=60, private"}, False),
        ({"Cache-Control": "no-store"}, False),
        ({"Expires": "Fri, 01 Jan 2100 00:00:00 GMT"}, True),
        ({"Expires": "fri, 01 JAN 2100 00:00:00 gmt"}, True),  # RFC 9111 4.2: in any case
        ({"Expires": "Fri, 01 Jan 2100 00:00:00 CET"}, False),
        ({"Expires": "0"}, False),
        ({"Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"}, True),
        ({}, False),
        ({"Cache-Control": "max-age=60", "Age": "60"}, False),
        ({"Cache-Control": "max-age=60", "Vary": "*"}, False),
    ],
)
def test_the_apis_lifetime_applies(origin, fields, kept):
    origin.on("/x", numbered(fields))
    with Larder(origin) as larder, larder.client() as client:
        bodies = [client.get("/x").body for _ in range(2)]
    assert bodies == ([b"answer 1"] * 2 if kept else [b"answer 1", b"answer 2"])


@pytest.mark.parametrize(
    "ages, kept",
    [(["old"], True), (["5.5"], True), (["-7200"], True), ([""], True), (["old", "7200"], True), (["0, 7200"], True), (["0", "7200"], True), (["7200", "0"], False), (["7200,0"], False)],
)
def test_of_several_ages_the_first_counts_and_an_unreadable_one_is_ignored(origin, ages, kept):
    origin.on("/x", numbered([("Cache-Control", "max-age=3600"), *(("Age", age) for age in ages)]))
    with Larder(origin) as larder, larder.client() as client:
        client.get("/x")
        second = client.get("/x")
    assert second.body == (b"answer 1" if kept else b"answer 2")
    if kept:
        assert int(second["Age"]) < 3600


def test_a_response_to_authorization_is_shared_only_if_it_allows_that(origin):
    origin.on("/mine", numbered({"Cache-Control": "max-age=60"})).on("/ours", numbered({"Cache-Control": "max-age=60, public"}))
    with Larder(origin) as larder, larder.client() as client:
        asked = {"Authorization": "Bearer x"}
        assert [client.get("/mine", asked).body for _ in range(2)] == [b"answer 1", b"answer 2"]
        assert [client.get("/ours", asked).body for _ in range(2)] == [b"answer 1", b"answer 1"]


def test_no_cache_is_validated_each_time(origin):
    def script(exchange):
        if exchange.request.get("If-None-Match") == '"v1"':
            return reply(304, {"ETag": '"v1"', "Cache-Control": "no-cache"}, length=False)
        return reply(200, {"ETag": '"v1"', "Cache-Control": "no-cache"}, b"data")

    origin.on("/x", script)
    with Larder(origin) as larder, larder.client() as client:
        assert client.get("/x").body == b"data"
        for _ in range(2):
            answer = client.get("/x")
            assert answer.body == b"data"
            assert cache_status(answer)[1]["fwd-status"] == "304"
    assert len(origin.seen("/x")) == 3


def test_waiters_for_a_no_cache_response_do_not_wait_in_turn(origin):
    hold = origin.hold("/x")
    answer = reply(200, {"ETag": '"v1"', "Cache-Control": "no-cache"}, b"data")
    with Larder(origin) as larder:
        join = in_parallel(10, lambda _: larder.get("/x"))
        larder.wait_for("larder_fill_waiters", lambda value: value == 10)
        hold.release_one(answer)
        hold.wait(10)  # the other nine are fetched concurrently
        hold.release(answer)
        assert {it.body for it in join()} == {b"data"}


def test_only_if_cached_never_goes_upstream(origin):
    origin.on("/x", numbered({"Cache-Control": "max-age=60"}))
    with Larder(origin) as larder, larder.client() as client:
        asked = {"Cache-Control": "only-if-cached"}
        assert client.get("/x", asked).status == 504
        assert origin.seen() == []
        client.get("/x")
        assert client.get("/x", asked).body == b"answer 1"


STATUS = [
    ("GET", "/kept", {}, {"fwd": "uri-miss", "stored": True}),
    ("GET", "/kept", {"Cache-Control": "no-cache"}, {"fwd": "uri-miss", "stored": True}),
    ("GET", "/private", {}, {"fwd": "uri-miss", "detail": "private"}),
    ("GET", "/kept?other", {"Cache-Control": "no-store"}, {"fwd": "request", "detail": "request-no-store"}),
    ("POST", "/kept", {}, {"fwd": "method"}),
    ("GET", "/off", {}, {"fwd": "bypass", "detail": "route-off"}),
    ("GET", "/kept?range", {"Range": "bytes=0-1"}, {"fwd": "uri-miss", "stored": True}),
]


@pytest.mark.parametrize("method, target, fields, expected", STATUS)
def test_cache_status_of_each_outcome(origin, method, target, fields, expected):
    origin.on("*", reply(200, {"Cache-Control": "max-age=60"}, b"data"))
    origin.on("/private", reply(200, {"Cache-Control": "private"}, b"data"))
    with Larder(origin, routes="  - {path: /off, cache: off}\n  - {path: /**, cache: standard}") as larder:
        assert cache_status(larder.get(target, fields, method=method)) == ("larder", expected)


def test_cache_status_of_a_request_that_forces_a_fetch(origin):
    origin.on("/x", reply(200, {"Cache-Control": "max-age=60"}, b"data"))
    with Larder(origin) as larder, larder.client() as client:
        client.get("/x")
        for fields in ({"Cache-Control": "no-cache"}, {"Pragma": "no-cache"}):
            assert cache_status(client.get("/x", fields))[1]["fwd"] == "request"


def test_cache_status_is_appended_to_the_apis(origin):
    origin.on("/x", reply(200, {"Cache-Control": "max-age=60", "Cache-Status": "inner; hit"}, b"data"))
    with Larder(origin) as larder, larder.client() as client:
        for _ in range(2):
            assert client.get("/x")["Cache-Status"].startswith("inner; hit, larder; ")


def test_age_is_the_apis_age_plus_the_time_stored(origin):
    origin.on("/x", reply(200, {"Cache-Control": "max-age=600", "Age": "100"}, b"data"))
    with Larder(origin) as larder, larder.client() as client:
        for _ in range(2):
            assert 100 <= int(client.get("/x")["Age"]) <= 130


def test_fields_are_sent_unchanged_and_in_order(origin):
    pairs = [("X-B", "2"), ("x-a", "1"), ("X-B", "3"), ("Cache-Control", "max-age=60"), ("X-C", "")]
    origin.on("/x", reply(200, pairs, b"data"))
    with Larder(origin) as larder, larder.client() as client:
        for _ in range(2):
            kept = [(name, value) for name, value in client.get("/x").fields if name.lower().startswith(("x-", "cache-control"))]
            assert kept == pairs
