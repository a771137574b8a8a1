"""Content codings: encoded once per stored response, outside the loop, and sent to clients that accept them (RFC 9110 8.4, 12.5.3)."""

import gzip
import json
import re
import zlib

import pytest
from harness import Larder, cache_status, reply

BODY = json.dumps([{"id": i, "slug": f"item-{i}", "more": "x" * 20} for i in range(400)]).encode()
JSON = {"Content-Type": "application/json", "ETag": '"v1"'}
TTL = "  - {path: /**, ttl: 60s}"


def is_tag(tag, of, coding):
    """Whether it is the entity tag of that coding of the representation; it has four more digits if the bytes were made by other
    libraries than those of Debian 12.
    """
    return re.fullmatch(f'"{of}-{coding}(-[0-9a-f]{{4}})?"', tag) is not None


def coded(larder, coding, target="/x", **fields):
    """The response, as soon as the coding is available."""
    return larder.get_until(target, lambda it: it.get("Content-Encoding") == coding, {"Accept-Encoding": coding, **fields})


def test_identity_is_sent_until_the_coding_is_ready(origin):
    origin.on("/x", reply(200, JSON, BODY))
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        first = client.get("/x", {"Accept-Encoding": "gzip"})
        assert (first.get("Content-Encoding"), first.body, first["ETag"]) == (None, BODY, '"v1"')
        answer = coded(larder, "gzip")
        assert gzip.decompress(answer.body) == BODY
        assert is_tag(answer["ETag"], "v1", "gzip")
        assert (answer["Content-Length"], answer["Content-Type"]) == (str(len(answer.body)), "application/json")
        assert cache_status(answer)[1].get("hit")
        assert len(answer.body) < len(BODY) / 3
        plain = client.get("/x")
        assert (plain.get("Content-Encoding"), plain.body) == (None, BODY)
        for it in (first, answer, plain):
            assert it["Vary"] == "Accept-Encoding"
    assert len(origin.seen("/x")) == 1


@pytest.mark.parametrize("asked, expected", [("gzip", "gzip"), ("br", "br"), ("zstd", "zstd"), ("gzip, br;q=0.5", "gzip"), ("*", "zstd"), ("gzip, br, zstd", "zstd")])
def test_the_coding_is_negotiated(origin, asked, expected):
    origin.on("/x", reply(200, JSON, BODY))
    with Larder(origin, routes=TTL) as larder:
        answer = larder.get_until("/x", lambda it: it.get("Content-Encoding") == expected, {"Accept-Encoding": asked})
        assert is_tag(answer["ETag"], "v1", expected)


@pytest.mark.parametrize("asked", [None, "", "identity", "gzip;q=0", "deflate", "gzip;q=0.1, identity;q=0.2"])
def test_a_client_without_accept_encoding_gets_identity(origin, asked):
    origin.on("/x", reply(200, JSON, BODY))
    with Larder(origin, routes=TTL) as larder:
        coded(larder, "gzip")
        assert larder.get("/x", {} if asked is None else {"Accept-Encoding": asked}).body == BODY


def test_a_coded_response_has_no_digest_of_the_identity_bytes(origin):
    names = ("Content-Digest", "Content-MD5", "Repr-Digest", "Digest")
    origin.on("/x", reply(200, {**JSON, **{name: "x" for name in names}}, BODY))
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        answer = coded(larder, "gzip")
        part = client.get("/x", {"Accept-Encoding": "gzip", "Range": "bytes=0-9"})
        unmodified = client.get("/x", {"Accept-Encoding": "gzip", "If-None-Match": answer["ETag"]})
        assert (answer.status, part.status, unmodified.status) == (200, 206, 304)
        for it in (answer, part, unmodified):
            assert [name for name in names if name in it] == []
        assert all(name in client.get("/x") for name in names)


def test_a_response_with_content_encoding_identity_is_coded(origin):
    origin.on("/x", reply(200, {**JSON, "Content-Encoding": "identity"}, BODY))
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        assert "Content-Encoding" not in client.get("/x")
        assert gzip.decompress(coded(larder, "gzip").body) == BODY
    assert len(origin.seen("/x")) == 1


NOT_CODED = {
    "too small": (JSON, b"[1]", ""),
    "a picture": ({"Content-Type": "image/png"}, BODY, ""),
    "no type": ({}, BODY, ""),
    "no-transform": ({**JSON, "Cache-Control": "no-transform"}, BODY, ""),
    "the route's will": (JSON, BODY, ", compress: off"),
}


@pytest.mark.parametrize("fields, body, route", NOT_CODED.values(), ids=NOT_CODED.keys())
def test_responses_that_are_not_coded(origin, fields, body, route):
    origin.on("/x", reply(200, fields, body)).on("/y", reply(200, JSON, BODY))
    with Larder(origin, routes=f"  - {{path: /x, ttl: 60s{route}}}\n  - {{path: /**, ttl: 60s}}") as larder, larder.client() as client:
        client.get("/x", {"Accept-Encoding": "gzip"})
        client.get("/x", {"Accept-Encoding": "gzip"})
        coded(larder, "gzip", "/y")  # one thread encodes in order, so /x has been tried
        answer = client.get("/x", {"Accept-Encoding": "gzip"})
        assert ("Content-Encoding" in answer, "Vary" in answer, answer.body) == (False, False, body)


def test_a_response_that_the_api_coded_is_stored_unchanged(origin):
    def script(exchange):
        if "gzip" in exchange.request.get("Accept-Encoding", ""):
            return reply(200, {**JSON, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}, gzip.compress(BODY))
        return reply(200, {**JSON, "Vary": "Accept-Encoding"}, BODY)

    origin.on("/x", script)
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        for _ in range(2):
            answer = client.get("/x", {"Accept-Encoding": "gzip"})
            assert (gzip.decompress(answer.body), answer["ETag"], answer["Content-Encoding"]) == (BODY, '"v1"', "gzip")
            assert client.get("/x").body == BODY
    assert len(origin.seen("/x")) == 2


def test_a_client_with_a_coded_copy_gets_a_304_before_the_coding_is_made_again(origin):
    origin.on("/x", reply(200, JSON, BODY))
    with Larder(origin, routes=TTL) as larder:
        gzip_tag, br_tag, zstd_tag = (coded(larder, coding)["ETag"] for coding in ("gzip", "br", "zstd"))
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        for tag in ('"v1"', gzip_tag, br_tag, f"W/{zstd_tag}", f'"other", {gzip_tag}'):
            answer = client.get("/x", {"Accept-Encoding": "gzip, br, zstd", "If-None-Match": tag})
            assert answer.status == 304, tag
            assert answer["ETag"] in tag.replace("W/", "")
            assert (answer.body, answer.get("Content-Encoding"), answer["Vary"]) == (b"", None, "Accept-Encoding")
        for tag in ('"v2-gzip"', '"v1-deflate"', '"v1-"'):
            assert client.get("/x", {"Accept-Encoding": "gzip", "If-None-Match": tag}).status == 200


def test_a_range_applies_to_the_coded_bytes(origin):
    origin.on("/x", reply(200, JSON, BODY))
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        whole = coded(larder, "gzip")
        asked = {"Accept-Encoding": "gzip", "Range": "bytes=10-19"}
        part = client.get("/x", asked)
        assert (part.status, part.body, part["Content-Range"]) == (206, whole.body[10:20], f"bytes 10-19/{len(whole.body)}")
        assert (part["Content-Encoding"], part["ETag"]) == ("gzip", whole["ETag"])
        assert client.get("/x", {**asked, "If-Range": whole["ETag"]}).status == 206
        assert client.get("/x", {**asked, "If-Range": '"v1"'}).status == 200
        plain = client.get("/x", {"Range": "bytes=10-19", "If-Range": '"v1"'})
        assert (plain.status, plain.body) == (206, BODY[10:20])


def test_a_head_has_the_fields_of_a_get(origin):
    origin.on("/x", reply(200, JSON, BODY))
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        answer = coded(larder, "br")
        head = client.get("/x", {"Accept-Encoding": "br"}, method="HEAD")
        for name in ("Content-Encoding", "Content-Length", "ETag", "Vary"):
            assert head[name] == answer[name]


def test_a_projected_list_is_coded_after_projection(origin):
    origin.on("/x", reply(200, JSON, BODY))
    with Larder(origin, routes="  - {path: /**, ttl: 60s, fields: [id, slug]}") as larder:
        answer = coded(larder, "gzip")
        lean = json.loads(zlib.decompress(answer.body, 31))
        assert lean == [{"id": item["id"], "slug": item["slug"]} for item in json.loads(BODY)]
        plain = larder.get("/x")
        assert is_tag(answer["ETag"], plain["ETag"].strip('"'), "gzip")
    assert origin.seen("/x")[0]["Accept-Encoding"] == "identity"


def test_a_coding_is_charged_to_the_budget(origin):
    origin.on("*", reply(200, JSON, BODY))
    with Larder(origin, routes=TTL) as larder:
        larder.get("/x")
        before = larder.metric("larder_store_bytes")
        answer = coded(larder, "gzip")
        larder.wait_for("larder_store_bytes", lambda value: value > before + len(answer.body))


def test_the_settings_say_which_codings_and_from_which_size(origin):
    origin.on("/x", reply(200, JSON, BODY)).on("/small", reply(200, JSON, BODY[:600]))
    with Larder(origin, routes=TTL, settings="compression: {codings: [gzip], min_size: 500B, gzip_level: 12}") as larder, larder.client() as client:
        assert larder.get_until("/x", lambda it: it.get("Content-Encoding"), {"Accept-Encoding": "br, gzip, zstd"})["Content-Encoding"] == "gzip"
        coded(larder, "gzip", "/small")
        client.get("/x", {"Accept-Encoding": "br"})
        assert "Content-Encoding" not in client.get("/x", {"Accept-Encoding": "br"})
    with Larder(origin, routes=TTL, settings="compression: off") as larder, larder.client() as client:
        for _ in range(2):
            answer = client.get("/x", {"Accept-Encoding": "gzip"})
            assert ("Content-Encoding" in answer, "Vary" in answer) == (False, False)


def test_vary_is_not_duplicated(origin):
    origin.on("/x", reply(200, {**JSON, "Vary": "Origin, accept-encoding"}, BODY))
    with Larder(origin, routes=TTL) as larder:
        answer = coded(larder, "gzip")
        assert answer.all("Vary") == ["Origin, accept-encoding"]


def test_a_renewed_response_is_coded_again(origin):
    def script(exchange):
        if exchange.request.get("If-None-Match") == '"v1"':
            return reply(304, {"ETag": '"v1"', "Cache-Control": "max-age=60", "X-N": "2"}, length=False)
        return reply(200, {**JSON, "Cache-Control": "max-age=60", "X-N": "1"}, BODY)

    origin.on("/x", script)
    with Larder(origin) as larder:
        assert coded(larder, "gzip")["X-N"] == "1"
        assert cache_status(larder.get("/x", {"Cache-Control": "no-cache"}))[1]["fwd-status"] == "304"
        answer = coded(larder, "gzip")
        assert answer["X-N"] == "2"
        assert (gzip.decompress(answer.body), answer.all("Vary")) == (BODY, ["Accept-Encoding"])
        assert is_tag(answer["ETag"], "v1", "gzip")
