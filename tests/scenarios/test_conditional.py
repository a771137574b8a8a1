"""Conditional requests: entity tags and 304, towards clients and towards the API."""

import re

import pytest
from harness import Larder, cache_status, reply

TTL = "  - {path: /**, ttl: 60s}"


def test_every_stored_200_has_an_entity_tag_and_equal_bytes_have_equal_ones(origin):
    origin.on("/a", reply(200, {}, b"same")).on("/b", reply(200, {}, b"same")).on("/c", reply(200, {}, b"other"))
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        tags = [client.get(target)["ETag"] for target in ("/a", "/b", "/c", "/a")]
    assert re.fullmatch(r'"[0-9a-f]{32}"', tags[0])
    assert tags[0] == tags[1] == tags[3] != tags[2]


def test_the_apis_tag_and_cache_control_are_kept_if_the_bytes_are(origin):
    origin.on("/x", reply(200, {"ETag": 'W/"v1"', "Cache-Control": "max-age=5"}, b"data"))
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        for _ in range(2):
            answer = client.get("/x")
            assert answer["ETag"] == 'W/"v1"'
            assert answer["Cache-Control"] == "max-age=5"


def test_client_cache_control_replaces_cache_control(origin):
    origin.on("/x", reply(200, {"Cache-Control": "max-age=5"}, b"data"))
    with Larder(origin, routes="  - {path: /**, ttl: 60s, client_cache_control: 'private, max-age=1'}") as larder:
        assert larder.get("/x")["Cache-Control"] == "private, max-age=1"


CONDITIONS = [
    ('"v1"', 304),
    ('W/"v1"', 304),
    ('"v0", "v1"', 304),
    ('"v0" ,W/"v1"', 304),
    ("*", 304),
    ('"v0"', 200),
    ("v1", 200),
    ('"v1', 200),
    ('"V1"', 200),
]


@pytest.mark.parametrize("value, status", CONDITIONS)
def test_if_none_match_is_answered_from_the_store(origin, value, status):
    origin.on("/x", reply(200, {"ETag": '"v1"', "Content-Type": "text/plain", "X-Kept": "1", "Vary": "Accept"}, b"data"))
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        client.get("/x")
        answer = client.get("/x", {"If-None-Match": value})
        assert answer.status == status
        if status == 304:
            assert answer.body == b""
            assert answer["ETag"] == '"v1"'
            assert answer["Vary"] == "Accept"
            assert answer["X-Kept"] == "1"
            assert "Date" in answer
            assert "Content-Type" not in answer and "Content-Length" not in answer
        # The connection remains usable: no byte follows a 304.
        assert client.get("/x").body == b"data"
    assert len(origin.seen("/x")) == 1


def test_a_condition_on_a_miss_is_answered_after_the_fill(origin):
    origin.on("/x", reply(200, {"ETag": '"v1"'}, b"data"))
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        assert client.get("/x", {"If-None-Match": '"v1"'}).status == 304
        assert "If-None-Match" not in origin.seen("/x")[0]
        assert client.get("/x").body == b"data"


def test_if_modified_since_is_answered_from_the_store(origin):
    origin.on("/x", reply(200, {"Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"}, b"data"))
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        client.get("/x")
        since = {"If-Modified-Since": "Sun, 06 Nov 1994 08:49:37 GMT"}
        assert client.get("/x", since).status == 304
        assert client.get("/x", {"If-Modified-Since": "Sun, 06 Nov 1994 08:49:36 GMT"}).status == 200
        assert client.get("/x", {**since, "If-None-Match": '"other"'}).status == 200


def test_a_head_is_answered_from_a_stored_get(origin):
    origin.on("/x", reply(200, {"Content-Type": "text/plain"}, b"data"))
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        whole = client.get("/x")
        head = client.get("/x", method="HEAD")
        for name in ("ETag", "Content-Type", "Content-Length"):
            assert head[name] == whole[name]
        assert cache_status(head)[1].get("hit")
        assert client.get("/x", {"If-None-Match": whole["ETag"]}, method="HEAD").status == 304


def test_under_a_ttl_a_head_that_misses_fills_the_entry(origin):
    origin.on("/x", reply(200, {}, b"data"))
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        head = client.get("/x", method="HEAD")
        assert head["Content-Length"] == "4"
        assert cache_status(client.get("/x"))[1].get("hit")
    assert [request.method for request in origin.seen("/x")] == ["GET"]


def test_a_304_with_another_tag_validates_and_updates_nothing(origin):
    """RFC 9111 4.3.4: it must not update anything; but the condition named only the API's own tag, and the 304 says that it holds."""

    def script(exchange):
        if "If-None-Match" in exchange.request:
            return reply(304, {"ETag": '"other"', "Cache-Control": "max-age=60", "X-New": "1"}, length=False)
        return reply(200, {"ETag": '"ours"', "Cache-Control": "max-age=1"}, b"data")

    origin.on("/x", script)
    with Larder(origin) as larder:
        larder.get("/x")
        answer = larder.get_until("/x", lambda it: cache_status(it)[1].get("fwd-status") == "304")
        assert (answer.status, answer.body, answer["ETag"]) == (200, b"data", '"ours"')
        assert "X-New" not in answer
        assert answer["Cache-Control"] == "max-age=1"
        larder.get_until("/x", lambda it: cache_status(it)[1].get("fwd-status") == "304")
    assert [request.get("If-None-Match") for request in origin.seen("/x")] == [None, '"ours"', '"ours"']


def test_with_cache_standard_a_clients_condition_is_forwarded_if_nothing_can_be_stored(origin):
    def script(exchange):
        if exchange.request.get("If-None-Match") == '"v1"':
            return reply(304, {"ETag": '"v1"', "Cache-Control": "no-store"}, length=False)
        return reply(200, {"ETag": '"v1"', "Cache-Control": "no-store"}, b"data")

    origin.on("/x", script)
    with Larder(origin) as larder, larder.client() as client:
        assert client.get("/x").body == b"data"
        assert client.get("/x", {"If-None-Match": '"v1"'}).status == 304
        assert client.get("/x").body == b"data"


@pytest.mark.parametrize("dates", [["Fri, 01 Jan 2100 00:00:00 GMT"] * 2, ["Fri, 01 Jan 2100 00:00:00 GMT", "yesterday"], ["Fri, 01 Jan 2100 00:00:00 GMT, Fri, 01 Jan 2100 00:00:00 GMT"]])
def test_several_if_modified_since_lines_are_ignored(origin, dates):
    origin.on("/x", reply(200, {"Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"}, b"data"))
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        client.get("/x")
        assert client.get("/x", {"If-Modified-Since": dates[0].split(" GMT")[0] + " GMT"}).status == 304
        answer = client.get("/x", [("If-Modified-Since", date) for date in dates])  # RFC 9110 13.1.3
        assert (answer.status, answer.body) == (200, b"data")
