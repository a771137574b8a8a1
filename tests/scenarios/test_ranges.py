"""Ranges (RFC 9110 14), and the combination of parts with `cache: standard` (RFC 9111 3.3, 3.4)."""

import pytest
from harness import Larder, cache_status, in_parallel, reply

WHOLE = b"0123456789"
KEPT = {"Cache-Control": "max-age=60", "ETag": '"v1"', "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"}
LONG_AGO = "Sun, 06 Nov 1994 08:49:37 GMT"


def ranged(exchange, whole=WHOLE, fields=KEPT):
    """An origin that supports single ranges, and If-Range with an entity tag."""
    asked = exchange.request.get("Range")
    if_range = exchange.request.get("If-Range")
    if asked is None or (if_range is not None and if_range != fields.get("ETag")):
        return reply(200, fields, whole)
    (first, last) = asked.removeprefix("bytes=").split("-")
    if first == "":
        (first, last) = (len(whole) - int(last), len(whole) - 1)
    else:
        (first, last) = (int(first), min(int(last or len(whole) - 1), len(whole) - 1))
    if first >= len(whole):
        return reply(416, {"Content-Range": f"bytes */{len(whole)}"})
    return reply(206, {**fields, "Content-Range": f"bytes {first}-{last}/{len(whole)}"}, whole[first : last + 1])


FROM_THE_WHOLE = [
    ("bytes=0-1", 206, b"01", "bytes 0-1/10"),
    ("bytes=8-", 206, b"89", "bytes 8-9/10"),
    ("bytes=-3", 206, b"789", "bytes 7-9/10"),
    ("bytes=-30", 206, WHOLE, "bytes 0-9/10"),
    ("bytes=4-1000", 206, b"456789", "bytes 4-9/10"),
    ("Bytes = 2-3", 206, b"23", "bytes 2-3/10"),
    ("bytes=10-", 416, b"", "bytes */10"),
    ("bytes=-0", 416, b"", "bytes */10"),
    ("bytes=0-1,4-5", 200, WHOLE, None),
    ("bytes=5-4", 200, WHOLE, None),
    ("bytes=a-b", 200, WHOLE, None),
    ("lines=0-1", 200, WHOLE, None),
    ("bytes=99999999999999999999-", 416, b"", "bytes */10"),
]


@pytest.mark.parametrize("route", ["ttl: 60s", "cache: standard"])
@pytest.mark.parametrize("asked, status, body, content_range", FROM_THE_WHOLE)
def test_a_range_of_a_complete_stored_response(origin, route, asked, status, body, content_range):
    origin.on("/x", reply(200, {**KEPT, "X-More": "1"}, WHOLE))
    with Larder(origin, routes=f"  - {{path: /**, {route}}}") as larder, larder.client() as client:
        client.get("/x")
        answer = client.get("/x", {"Range": asked})
        assert (answer.status, answer.body, answer.get("Content-Range")) == (status, body, content_range)
        assert answer["Content-Length"] == str(len(body))
        assert cache_status(answer)[1].get("hit")
        if status == 206:
            assert (answer["ETag"], answer["X-More"]) == ('"v1"', "1") and 0 <= int(answer["Age"]) < 60
        # None of them changes what is stored.
        assert client.get("/x").body == WHOLE
    assert len(origin.seen("/x")) == 1


def test_a_range_applies_only_to_a_get_of_a_200(origin):
    origin.on("/x", reply(200, KEPT, WHOLE)).on("/gone", reply(404, {"Cache-Control": "max-age=60"}, WHOLE))
    with Larder(origin) as larder, larder.client() as client:
        client.get("/x")
        client.get("/gone")
        head = client.get("/x", {"Range": "bytes=0-1"}, method="HEAD")
        assert (head.status, head["Content-Length"]) == (200, "10")
        assert (client.get("/gone", {"Range": "bytes=0-1"}).status, client.get("/gone").status) == (404, 404)


@pytest.mark.parametrize("asked", ["bytes=0-", "bytes=0-0", "bytes=5-", "bytes=-5"])
def test_an_empty_response_is_sent_whole_whatever_the_range(origin, asked):
    origin.on("/x", reply(200, KEPT, b""))
    with Larder(origin) as larder, larder.client() as client:
        client.get("/x")
        for method in ("GET", "HEAD"):
            answer = client.get("/x", {"Range": asked}, method=method)
            assert (answer.status, answer.body, answer["Content-Length"]) == (200, b"", "0")
            assert "Content-Range" not in answer
            assert cache_status(answer)[1].get("hit")


DIGESTS = {"Content-Digest": "sha-256=:YQ==:", "Content-MD5": "YQ==", "Repr-Digest": "sha-256=:Yg==:", "Digest": "sha-256=Yg=="}


def digests(answer):
    return {name for name in DIGESTS if name in answer}


def test_a_part_has_no_content_digest_of_the_whole(origin):
    origin.on("/x", reply(200, KEPT | DIGESTS, WHOLE))
    with Larder(origin) as larder, larder.client() as client:
        assert digests(client.get("/x")) == set(DIGESTS)
        assert digests(client.get("/x")) == set(DIGESTS)
        part = client.get("/x", {"Range": "bytes=2-3"})
        assert (part.status, digests(part)) == (206, {"Repr-Digest", "Digest"})
        unmodified = client.get("/x", {"If-None-Match": '"v1"'})
        assert (unmodified.status, digests(unmodified) & {"Content-Digest", "Content-MD5"}) == (304, set())


def test_a_stored_or_combined_part_has_no_content_digest(origin):
    origin.on("/x", lambda exchange: ranged(exchange, fields=KEPT | DIGESTS))
    with Larder(origin) as larder, larder.client() as client:
        client.get("/x", {"Range": "bytes=0-5"})
        inside = client.get("/x", {"Range": "bytes=2-3"})
        assert (inside.status, digests(inside)) == (206, {"Repr-Digest", "Digest"})
        whole = client.get("/x")
        assert (whole.status, whole.body, digests(whole)) == (200, WHOLE, {"Repr-Digest", "Digest"})
    assert [request.get("Range") for request in origin.seen("/x")] == ["bytes=0-5", "bytes=6-"]


IF_RANGE = [
    ('"v1"', 206),
    ('"v2"', 200),
    ('W/"v1"', 200),  # RFC 9110 13.1.5: compared strongly
    (LONG_AGO, 206),
    ("Sun, 06 Nov 1994 08:49:38 GMT", 200),  # exactly that date, not a later one
    ("yesterday", 200),
]


@pytest.mark.parametrize("condition, status", IF_RANGE)
def test_if_range_decides_between_the_part_and_the_whole(origin, condition, status):
    origin.on("/x", reply(200, {**KEPT, "Date": "Sun, 06 Nov 1994 10:49:37 GMT", "Cache-Control": "max-age=2000000000"}, WHOLE))
    with Larder(origin) as larder, larder.client() as client:
        client.get("/x")
        answer = client.get("/x", {"Range": "bytes=0-1", "If-Range": condition})
        assert (answer.status, answer.body) == (status, b"01" if status == 206 else WHOLE)


def test_a_304_takes_precedence_over_a_206(origin):
    origin.on("/x", reply(200, KEPT, WHOLE))
    with Larder(origin) as larder, larder.client() as client:
        client.get("/x")
        assert client.get("/x", {"Range": "bytes=0-1", "If-None-Match": '"v1"'}).status == 304
        assert client.get("/x", {"Range": "bytes=0-1", "If-None-Match": '"v2"'}).status == 206


def test_under_a_ttl_a_range_that_misses_fetches_the_whole(origin):
    origin.on("/x", ranged)
    with Larder(origin, routes="  - {path: /**, ttl: 60s}") as larder, larder.client() as client:
        answer = client.get("/x", {"Range": "bytes=2-3", "If-Range": '"v1"'})
        assert (answer.status, answer.body) == (206, b"23")
        assert client.get("/x").body == WHOLE
    assert [(request.get("Range"), request.get("If-Range")) for request in origin.seen("/x")] == [(None, None)]


def test_a_range_applies_to_the_projected_body(origin):
    origin.on("/x", reply(200, {"Content-Type": "application/json"}, b'[{"id": 1, "more": 2}]'))
    with Larder(origin, routes="  - {path: /**, ttl: 60s, fields: [id]}") as larder, larder.client() as client:
        assert client.get("/x", {"Range": "bytes=0-4"}).body == b'[{"id'
        assert client.get("/x", {"Range": "bytes=-2"})["Content-Range"] == "bytes 8-9/10"


def test_with_cache_standard_a_part_is_stored_and_answers_ranges_within_it(origin):
    origin.on("/x", ranged)
    with Larder(origin) as larder, larder.client() as client:
        first = client.get("/x", {"Range": "bytes=2-5"})
        assert (first.status, first.body, first["Content-Range"]) == (206, b"2345", "bytes 2-5/10")
        assert cache_status(first)[1] == {"fwd": "uri-miss", "stored": True}
        for asked, body in (("bytes=2-5", b"2345"), ("bytes=3-4", b"34"), ("bytes=5-5", b"5")):
            inner = client.get("/x", {"Range": asked})
            assert (inner.status, inner.body) == (206, body)
            assert cache_status(inner)[1].get("hit")
        assert len(origin.seen("/x")) == 1
        outer = client.get("/x", {"Range": "bytes=5-7"})
        assert (outer.status, outer.body) == (206, b"567")
        assert cache_status(outer)[1] == {"fwd": "partial", "stored": True}


def test_a_stored_part_never_answers_for_the_whole(origin):
    origin.on("/x", ranged)
    with Larder(origin) as larder, larder.client() as client:
        client.get("/x", {"Range": "bytes=2-5"})
        answer = client.get("/x")
        assert (answer.status, answer.body) == (200, WHOLE)
        assert cache_status(answer)[1]["fwd"] == "partial"
        assert cache_status(client.get("/x"))[1].get("hit")
        assert client.get("/x", method="HEAD")["Content-Length"] == "10"


def test_parts_of_one_representation_are_combined(origin):
    origin.on("/x", ranged)
    with Larder(origin) as larder, larder.client() as client:
        client.get("/x", {"Range": "bytes=0-3"})
        client.get("/x", {"Range": "bytes=4-6"})
        both = client.get("/x", {"Range": "bytes=2-5"})
        assert (both.body, both["Content-Range"]) == (b"2345", "bytes 2-5/10")
        assert cache_status(both)[1].get("hit")
        client.get("/x", {"Range": "bytes=5-9"})
        whole = client.get("/x")
        assert (whole.status, whole.body, whole.get("Content-Range")) == (200, WHOLE, None)
        assert cache_status(whole)[1].get("hit")
    assert len(origin.seen("/x")) == 3


def test_parts_with_a_gap_or_of_different_representations_are_not_combined(origin):
    origin.on("/x", lambda exchange: ranged(exchange, fields={"Cache-Control": "max-age=60", "ETag": f'"{len(origin.seen("/x"))}"'}))
    origin.on("/y", ranged)
    with Larder(origin) as larder, larder.client() as client:
        for asked in ("bytes=0-3", "bytes=4-6"):
            client.get("/x", {"Range": asked})
        assert cache_status(client.get("/x", {"Range": "bytes=2-5"}))[1]["fwd"] == "partial"
        for asked in ("bytes=0-1", "bytes=8-9"):
            client.get("/y", {"Range": asked})
        assert cache_status(client.get("/y", {"Range": "bytes=0-1"}))[1]["fwd"] == "partial"


def test_the_rest_of_a_part_completes_it(origin):
    origin.on("/x", ranged)
    with Larder(origin) as larder, larder.client() as client:
        client.get("/x", {"Range": "bytes=0-3"})
        answer = client.get("/x")
        assert (answer.status, answer.body, answer["Content-Length"]) == (200, WHOLE, "10")
        assert cache_status(client.get("/x"))[1].get("hit")
    assert [(request.get("Range"), request.get("If-Range")) for request in origin.seen("/x")][1:] == [("bytes=4-", '"v1"')]


@pytest.mark.parametrize("believes_if_range", [True, False])
def test_the_rest_of_another_representation_completes_nothing(origin, believes_if_range):
    changed = {**KEPT, "ETag": '"v2"'}

    def script(exchange):
        if len(origin.seen("/x")) == 1:
            return ranged(exchange)
        if not believes_if_range and exchange.request.get("Range"):
            return reply(206, {**changed, "Content-Range": "bytes 4-9/10"}, b"ABCDEF")
        return ranged(exchange, whole=b"ABCDEFGHIJ", fields=changed)

    origin.on("/x", script)
    with Larder(origin) as larder, larder.client() as client:
        client.get("/x", {"Range": "bytes=0-3"})
        answer = client.get("/x")
        assert (answer.status, answer.body, answer["ETag"]) == (200, b"ABCDEFGHIJ", '"v2"')


BAD_PARTS = {
    "no Content-Range": {},
    "another unit": {"Content-Range": "lines 0-3/10"},
    "backwards": {"Content-Range": "bytes 3-0/10"},
    "beyond its end": {"Content-Range": "bytes 0-3/2"},
    "several parts": {"Content-Type": "multipart/byteranges; boundary=x"},
    "fewer bytes said than came": {"Content-Range": "bytes 0-1/10"},
}


@pytest.mark.parametrize("fields", BAD_PARTS.values(), ids=BAD_PARTS.keys())
def test_a_part_without_a_valid_content_range_is_forwarded_and_not_stored(origin, fields):
    origin.on("/x", reply(206, {**KEPT, **fields}, b"0123"))
    with Larder(origin) as larder, larder.client() as client:
        for _ in range(2):
            answer = client.get("/x", {"Range": "bytes=0-3"})
            assert (answer.status, answer.body) == (206, b"0123")
            assert "stored" not in cache_status(answer)[1]
        assert larder.metric("larder_store_entries") == 0


def test_an_unrequested_206_is_not_stored(origin):
    origin.on("/x", reply(206, {**KEPT, "Content-Range": "bytes 0-3/10"}, b"0123"))
    with Larder(origin) as larder, larder.client() as client:
        answer = client.get("/x")
        assert (answer.status, cache_status(answer)[1]["detail"]) == (206, "partial-content")
        assert larder.metric("larder_store_entries") == 0


def test_an_origin_without_ranges_fills_the_whole(origin):
    origin.on("/x", reply(200, KEPT, WHOLE))
    with Larder(origin) as larder, larder.client() as client:
        answer = client.get("/x", {"Range": "bytes=0-1"})
        assert (answer.status, answer.body) == (206, b"01")
        assert cache_status(client.get("/x"))[1].get("hit")


def test_a_416_of_the_api_is_forwarded(origin):
    origin.on("/x", ranged)
    with Larder(origin) as larder, larder.client() as client:
        answer = client.get("/x", {"Range": "bytes=100-"})
        assert (answer.status, answer["Content-Range"]) == (416, "bytes */10")
        assert client.get("/x").body == WHOLE


def test_requests_for_one_range_share_a_fetch_and_others_do_not_wait_for_it(origin):
    hold = origin.hold("/x")
    with Larder(origin) as larder:
        def ask(i):
            return larder.get("/x", {"Range": "bytes=0-3" if i < 8 else "bytes=4-5"})

        asked = in_parallel(16, ask)
        hold.wait(2)
        larder.wait_for("larder_fill_waiters", lambda value: value == 16)
        hold.release(lambda exchange: ranged(exchange))
        answers = asked()
    assert [answer.body for answer in answers] == [b"0123"] * 8 + [b"45"] * 8
    assert sorted(request["Range"] for request in origin.seen("/x")) == ["bytes=0-3", "bytes=4-5"]
