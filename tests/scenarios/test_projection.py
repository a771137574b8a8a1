"""Projection of lists to the selected fields; responses that cannot be projected are sent unchanged."""

import gzip
import hashlib
import json

import pytest
from harness import Larder, cache_status, in_parallel, reply

ROUTE = "  - {path: /topics/, ttl: 60s, fields: [id, slug]}\n  - {path: /**, ttl: 60s}"
JSON = {"Content-Type": "application/json"}


def test_a_list_keeps_its_fields_and_their_bytes(origin):
    body = b'[ {"id": 9007199254740993, "fat": [1, 2], "slug": "a\\u00e9\\n" }, {"slug":null,"id":1e999,"more":{}} , {} ]'
    origin.on("/topics/", reply(200, JSON, body)).on("/topics/1", reply(200, JSON, body))
    with Larder(origin, routes=ROUTE) as larder, larder.client() as client:
        lean = client.get("/topics/")
        assert lean.body == b'[{"id":9007199254740993,"slug":"a\\u00e9\\n"},{"slug":null,"id":1e999},{}]'
        assert lean["Content-Type"] == "application/json"
        assert client.get("/topics/").body == lean.body
        assert client.get("/topics/1").body == body  # details are not projected
        assert larder.metric("larder_projections_total") == 1


def test_upstream_is_asked_for_identity_where_larder_projects(origin):
    origin.on("/topics/", reply(200, JSON, b"[]")).on("/other", reply(200, JSON, b"[]"))
    with Larder(origin, routes=ROUTE) as larder:
        for target in ("/topics/", "/other"):
            larder.get(target, {"Accept-Encoding": "gzip, br"})
    assert origin.seen("/topics/")[0]["Accept-Encoding"] == "identity"
    assert origin.seen("/other")[0]["Accept-Encoding"] == "gzip, br"


def test_fields_about_the_original_bytes_are_removed(origin):
    body = b'[{"id": 1, "fat": 2}]'
    origin.on(
        "/topics/",
        reply(
            200,
            {
                **JSON,
                "ETag": '"up"',
                "Content-MD5": "x",
                "Digest": "sha-256=x",
                "Repr-Digest": "sha-256=:x:",
                "Content-Digest": "sha-256=:x:",
                "Accept-Ranges": "bytes",
                "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT",
                "X-Total": "1",
            },
            body,
        ),
    )
    with Larder(origin, routes=ROUTE) as larder:
        answer = larder.get("/topics/")
    assert answer["ETag"] != '"up"'
    assert answer["Content-Length"] == str(len(b'[{"id":1}]'))
    for name in ("Content-MD5", "Digest", "Repr-Digest", "Content-Digest", "Accept-Ranges"):
        assert name not in answer
    assert answer["X-Total"] == "1"


def test_a_change_in_a_removed_member_keeps_the_entity_tag(origin):
    origin.on("/topics/", lambda _: reply(200, JSON, json.dumps([{"id": 1, "seen": len(origin.requests)}])))
    with Larder(origin, routes="  - {path: /**, ttl: 60s, fields: [id], refresh_param: refresh}") as larder, larder.client() as client:
        tag = client.get("/topics/")["ETag"]
        origin.on("/topics/?refresh=1", lambda _: reply(200, JSON, b'[{"id": 1, "seen": 99}]'))
        assert client.get("/topics/?refresh=1", {"If-None-Match": tag}).status == 304


WHOLE = [
    ("malformed JSON", 200, JSON, b'[{"id": 1,}]', "not-json"),
    ("malformed in a part that would be dropped", 200, JSON, b'[{"id": 1, "fat": 01}]', "not-json"),
    ("bytes behind the end", 200, JSON, b'[{"id": 1}] x', "not-json"),
    ("not UTF-8", 200, JSON, b'[{"id": "\xff"}]', "not-json"),
    ("nothing", 200, JSON, b"", "not-json"),
    ("another type", 200, {"Content-Type": "text/html"}, b'[{"id": 1, "fat": 2}]', "not-json"),
    ("no type", 200, {}, b'[{"id": 1, "fat": 2}]', "not-json"),
    ("an unknown coding", 200, {**JSON, "Content-Encoding": "x-unknown"}, b"\x00\x01", "not-projectable"),
    ("a coding that is none", 200, {**JSON, "Content-Encoding": "gzip"}, b'[{"id": 1}]', "not-projectable"),
    ("one that is cut off", 200, {**JSON, "Content-Encoding": "gzip"}, gzip.compress(b'[{"id": 1}]')[:-4], "not-projectable"),
    ("two of them", 200, {**JSON, "Content-Encoding": "gzip, gzip"}, gzip.compress(gzip.compress(b"[]")), "not-projectable"),
    ("a bomb", 200, {**JSON, "Content-Encoding": "gzip"}, gzip.compress(b" " * (20 << 20)), "not-projectable"),
    ("malformed JSON in a coding", 200, {**JSON, "Content-Encoding": "gzip"}, gzip.compress(b'[{"id": 1,}]'), "not-json"),
    ("no-transform", 200, {**JSON, "Cache-Control": "no-transform"}, b'[{"id": 1, "fat": 2}]', "not-projectable"),
    ("no-transform, other things said to caches", 200, {**JSON, "Cache-Control": "no-transform", "CDN-Cache-Control": "max-age=5"}, b'[{"id": 1, "fat": 2}]', "not-projectable"),
    ("an error", 500, JSON, b'{"detail": "no", "id": 1}', "status"),
    ("a validation error", 422, JSON, b'{"detail": [{"loc": ["query"], "id": 2}]}', "status"),
]


@pytest.mark.parametrize("status, fields, body, detail", [row[1:] for row in WHOLE], ids=[row[0] for row in WHOLE])
def test_a_response_that_cannot_be_projected_is_sent_whole_and_not_stored(origin, status, fields, body, detail):
    origin.on("/topics/", reply(status, fields, body))
    with Larder(origin, routes=ROUTE) as larder, larder.client() as client:
        for _ in range(2):
            answer = client.get("/topics/")
            assert (answer.status, answer.body) == (status, body)
            assert cache_status(answer)[1]["detail"] == detail
        assert larder.metric("larder_store_entries") == 0
        assert larder.metric(f'larder_not_stored_total{{reason="{detail}"}}') >= 1


STORED_WHOLE = [
    ("an envelope", b'{"items": [{"id": 1}], "total": 3}'),
    ("a list without the fields", b'[{"name": "a"}, {"name": "b"}]'),
    ("an item without the fields", b'{"name": "a"}'),
    ("a list of numbers", b"[1, 2]"),
    ("a single value", b'"text"'),
]


@pytest.mark.parametrize("body", [row[1] for row in STORED_WHOLE], ids=[row[0] for row in STORED_WHOLE])
def test_a_response_of_which_nothing_would_be_left_is_stored_whole(origin, body):
    origin.on("/topics/?a", reply(200, {**JSON, "ETag": '"up"'}, body))
    with Larder(origin, routes=ROUTE) as larder, larder.client() as client:
        first = client.get("/topics/?a")
        assert (first.body, first["ETag"]) == (body, '"up"')
        assert first["Cache-Status"] == "larder; fwd=uri-miss; stored; detail=not-projectable"
        second = client.get("/topics/?a")
        assert second.body == body and cache_status(second)[1].get("hit")
        assert len(origin.requests) == 1
        assert larder.metric("larder_projections_total") == 0
        larder.wait_for_line("route /topics/: the response to /topics/?a is stored and sent whole: it has no list of objects where `items` says, or no object in it has any of the members in fields: [id, slug]")


@pytest.mark.parametrize("body, left", [(b"[]", b"[]"), (b"[ ]", b"[]"), (b"[{}, {}]", b"[{},{}]"), (b'[{"x": 1}, {"id": 2}]', b'[{},{"id":2}]')])
def test_an_empty_list_and_one_with_some_fields_are_projected(origin, body, left):
    origin.on("/topics/", reply(200, JSON, body))
    with Larder(origin, routes=ROUTE) as larder, larder.client() as client:
        answer = client.get("/topics/")
        assert (answer.body, answer["Cache-Status"]) == (left, "larder; fwd=uri-miss; stored")


def test_what_cannot_be_projected_keeps_the_apis_coding_only_where_the_client_accepts_it(origin):
    bad = b'[{"id": 1,}]'
    origin.on("/topics/", reply(200, {**JSON, "Content-Encoding": "gzip", "ETag": '"up"'}, gzip.compress(bad)))
    with Larder(origin, routes=ROUTE) as larder, larder.client() as client:
        kept = client.get("/topics/", {"Accept-Encoding": "gzip"})
        assert (gzip.decompress(kept.body), kept["Content-Encoding"], kept["ETag"]) == (bad, "gzip", '"up"')
        plain = client.get("/topics/", {"Accept-Encoding": "identity"})
        assert (plain.body, plain.get("Content-Encoding")) == (bad, None)
        assert plain["ETag"] != '"up"'


def test_what_is_no_json_keeps_the_apis_coding_only_where_the_client_accepts_it(origin):
    page = b"<p>" * 100
    origin.on("/topics/", reply(200, {"Content-Type": "text/html", "Content-Encoding": "gzip"}, gzip.compress(page)))
    with Larder(origin, routes=ROUTE) as larder, larder.client() as client:
        kept = client.get("/topics/", {"Accept-Encoding": "gzip"})
        assert (gzip.decompress(kept.body), kept["Content-Encoding"]) == (page, "gzip")
        plain = client.get("/topics/", {"Accept-Encoding": "identity"})
        assert (plain.body, plain.get("Content-Encoding")) == (page, None)
        assert plain["Cache-Status"].endswith("detail=not-json")


def test_what_is_stored_whole_keeps_the_fields_about_its_bytes_when_it_is_renewed(origin):
    fields = {**JSON, "Last-Modified": "Wed, 01 Jan 2025 00:00:00 GMT", "Repr-Digest": "sha-256=:AAAA:"}
    origin.on("/topics/", lambda exchange: reply(304 if exchange.request.get("If-Modified-Since") else 200, fields, b"" if exchange.request.get("If-Modified-Since") else b'[{"name": 1}]'))
    with Larder(origin, routes=ROUTE) as larder, larder.client() as client:
        assert client.get("/topics/")["Repr-Digest"] == fields["Repr-Digest"]
        renewed = client.get("/topics/", {"Cache-Control": "no-cache"})
        assert "fwd-status=304" in renewed["Cache-Status"]
        assert (renewed.body, renewed["Repr-Digest"]) == (b'[{"name": 1}]', fields["Repr-Digest"])
        assert client.get("/topics/")["Repr-Digest"] == fields["Repr-Digest"]


def test_what_is_stored_whole_is_coded_by_larder(origin):
    body = json.dumps([{"name": "x" * 40} for _ in range(200)]).encode()
    origin.on("/topics/", reply(200, {**JSON, "Content-Encoding": "gzip", "ETag": '"up"'}, gzip.compress(body)))
    with Larder(origin, routes=ROUTE, settings="compression: {codings: [gzip]}") as larder, larder.client() as client:
        plain = client.get("/topics/", {"Accept-Encoding": "identity"})
        assert (plain.body, plain.get("Content-Encoding")) == (body, None)
        assert plain["ETag"] != '"up"'
        coded = larder.get_until("/topics/", lambda it: it.get("Content-Encoding") == "gzip", {"Accept-Encoding": "gzip"})
        assert gzip.decompress(coded.body) == body
    assert len(origin.requests) == 1


def test_a_failed_projection_is_logged_once_a_minute(origin):
    origin.on("*", reply(200, JSON, b"{oops"))
    with Larder(origin, routes=ROUTE) as larder, larder.client() as client:
        for _ in range(5):
            client.get("/topics/?a=b")
        larder.wait_for_line("route /topics/: the response to /topics/?a=b is sent whole and not stored: it is not well-formed JSON")
        assert sum("is sent whole" in line for line in larder.errors) == 1


def test_an_unrequested_coding_is_decoded_before_projection(origin):
    fields = {**JSON, "Content-Encoding": "gzip", "ETag": '"up"', "Content-MD5": "x", "Vary": "Accept-Encoding"}
    origin.on("/topics/", reply(200, fields, gzip.compress(b'[{"id": 1, "fat": 2}]')))
    with Larder(origin, routes=ROUTE) as larder, larder.client() as client:
        for asked in ({}, {"Accept-Encoding": "gzip"}):
            answer = client.get("/topics/", asked)
            assert (answer.body, answer.get("Content-Encoding"), answer.get("Content-MD5")) == (b'[{"id":1}]', None, None)
            assert answer["ETag"] != '"up"'
    assert len(origin.seen("/topics/")) == 1


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", "application/problem+json", "application/hal+json"])
def test_every_json_media_type_is_projected(origin, kind):
    origin.on("/topics/", reply(200, {"Content-Type": kind}, b'[{"id": 1, "fat": 2}]'))
    with Larder(origin, routes=ROUTE) as larder:
        assert larder.get("/topics/").body == b'[{"id":1}]'


def test_a_large_list_is_projected_exactly(origin):
    items = [{"id": i, "slug": f"t-{i}", "text": hashlib.sha256(str(i).encode()).hexdigest() * 20} for i in range(2000)]
    origin.on("/topics/", reply(200, JSON, json.dumps(items)))
    with Larder(origin, routes=ROUTE) as larder:
        assert json.loads(larder.get("/topics/").body) == [{"id": item["id"], "slug": item["slug"]} for item in items]


def test_an_envelope_keeps_its_other_members(origin):
    origin.on("/topics/", reply(200, JSON, b'{"total": 2, "data": [{"id": 1, "fat": 2}], "next": null}'))
    with Larder(origin, routes="  - {path: /**, ttl: 60s, items: data, fields: [id]}") as larder:
        assert json.loads(larder.get("/topics/").body) == {"total": 2, "data": [{"id": 1}], "next": None}


def counted(origin, target):
    """Each response contains the number of responses before it."""
    return lambda _: reply(200, {**JSON, "ETag": f'"{len(origin.seen(target))}"'}, json.dumps({"total": 7, "generated_at": len(origin.seen(target))}))


def test_ignored_members_do_not_change_the_entity_tag(origin):
    origin.on("/state", counted(origin, "/state"))
    with Larder(origin, routes="  - {path: /**, ttl: 60s, etag_ignore: [generated_at]}") as larder, larder.client() as client:
        first = client.get("/state")
        assert first["ETag"].startswith('W/"')
        second = client.get("/state", {"Cache-Control": "no-cache"})
        assert first.body != second.body
        assert first["ETag"] == second["ETag"]
        assert client.get("/state", {"If-None-Match": first["ETag"]}).status == 304
        assert client.get("/state", {"If-None-Match": '"1"'}).status == 200
        origin.on("/state", reply(200, JSON, b'{"total": 8, "generated_at": 9}'))
        third = client.get("/state", {"Cache-Control": "no-cache", "If-None-Match": first["ETag"]})
        assert (third.status, third.body) == (200, b'{"total": 8, "generated_at": 9}')
    # The API is asked with its own tag.
    assert [request.get("If-None-Match") for request in origin.seen("/state")] == [None, '"1"', '"2"']


def test_fields_and_etag_ignore_together(origin):
    origin.on("/topics/", lambda _: reply(200, JSON, json.dumps([{"id": 1, "seen_at": len(origin.requests), "fat": len(origin.requests)}])))
    with Larder(origin, routes="  - {path: /**, ttl: 60s, fields: [id, seen_at], etag_ignore: [seen_at]}") as larder, larder.client() as client:
        first = client.get("/topics/")
        assert client.get("/topics/", {"Cache-Control": "no-cache", "If-None-Match": first["ETag"]}).status == 304


def test_without_json_the_apis_entity_tag_is_kept(origin):
    origin.on("/x", reply(200, {"Content-Type": "text/plain", "ETag": '"up"'}, b"text")).on("/y", reply(200, {**JSON, "ETag": '"up"'}, b"{oops"))
    with Larder(origin, routes="  - {path: /**, ttl: 60s, etag_ignore: [at]}") as larder:
        assert larder.get("/x")["ETag"] == larder.get("/y")["ETag"] == '"up"'


def test_depth_and_members_are_limited(origin):
    deep = b'[{"id": 1, "fat": ' + b"[" * 20 + b"]" * 20 + b"}]"
    many = json.dumps([{"id": i} for i in range(3000)]).encode()
    origin.on("/topics/?deep", reply(200, JSON, deep)).on("/topics/?many", reply(200, JSON, many)).on("/topics/?fine", reply(200, JSON, b'[{"id": 1, "fat": [[]]}]'))
    with Larder(origin, routes=ROUTE, settings="limits: {json_depth: 8, json_members: 1000}") as larder, larder.client() as client:
        for target, body in (("/topics/?deep", deep), ("/topics/?many", many)):
            answer = client.get(target)
            assert (answer.body, cache_status(answer)[1]["detail"]) == (body, "not-projectable")
        assert client.get("/topics/?fine").body == b'[{"id":1}]'


# ---- fields_param ----------------------------------------------------------------------------------------------------

LESS = "  - {path: /topics/, ttl: 60s, fields: [id, slug, domain], fields_param: fields}\n  - {path: /**, ttl: 60s, fields_param: fields}"
TOPICS = json.dumps([{"id": 1, "slug": "a", "domain": {"slug": "d", "fat": 1}, "fat": 2}, {"slug": "b", "id": 2, "fat": 3}], separators=(",", ":"))


def test_all_selections_are_made_from_one_fetch(origin):
    origin.on("*", reply(200, {**JSON, "ETag": '"up"'}, TOPICS))
    with Larder(origin, routes=LESS) as larder, larder.client() as client:
        for target, body in (
            ("/topics/?limit=5&fields=id", b'[{"id":1},{"id":2}]'),
            ("/topics/?fields=slug,id&limit=5", b'[{"id":1,"slug":"a"},{"slug":"b","id":2}]'),
            ("/topics/?fields=id,slug,id&limit=5", b'[{"id":1,"slug":"a"},{"slug":"b","id":2}]'),
            ("/topics/?limit=5&fields=domain.slug", b'[{"domain":{"slug":"d"}},{}]'),
            ("/topics/?limit=5", b'[{"id":1,"slug":"a","domain":{"slug":"d","fat":1}},{"slug":"b","id":2}]'),
            ("/topics/?limit=5&fields=domain,slug,id", b'[{"id":1,"slug":"a","domain":{"slug":"d","fat":1}},{"slug":"b","id":2}]'),
        ):
            for method in ("GET", "HEAD"):
                answer = client.get(target, method=method)
                assert (answer.status, answer.body) == (200, body if method == "GET" else b"")
                assert answer["Content-Length"] == str(len(body))
        assert larder.metric("larder_store_entries") == 1
    assert [request.target for request in origin.seen()] == ["/topics/?limit=5"]


def test_without_fields_a_client_may_select_any_member(origin):
    origin.on("*", reply(200, {**JSON, "ETag": '"up"'}, TOPICS))
    with Larder(origin, routes=LESS) as larder, larder.client() as client:
        whole = client.get("/other")
        assert (whole.body.decode(), whole["ETag"]) == (TOPICS, '"up"')
        less = client.get("/other?fields=fat")
        assert less.body == b'[{"fat":2},{"fat":3}]'
        assert less["ETag"] != '"up"'
        assert client.get("/other?fields=nothing").body == b"[{},{}]"
    assert [request.target for request in origin.seen()] == ["/other"]


def test_each_selection_has_its_entity_tag_and_304(origin):
    origin.on("*", reply(200, JSON, TOPICS))
    with Larder(origin, routes=LESS) as larder, larder.client() as client:
        tags = {target: client.get(target)["ETag"] for target in ("/topics/", "/topics/?fields=id", "/topics/?fields=slug")}
        assert len(set(tags.values())) == 3
        for target in tags:
            for of, tag in tags.items():
                answer = client.get(target, {"If-None-Match": tag})
                assert answer.status == (304 if of == target else 200)
                assert answer["ETag"] == tags[target]
        part = client.get("/topics/?fields=id", {"Range": "bytes=0-7", "If-Range": tags["/topics/?fields=id"]})
        assert (part.status, part.body, part["Content-Range"]) == (206, b'[{"id":1', "bytes 0-7/19")


def test_an_unknown_name_is_refused_with_the_valid_names(origin):
    origin.on("*", reply(200, JSON, TOPICS))
    with Larder(origin, routes=LESS) as larder, larder.client() as client:
        answer = client.get("/topics/?fields=id,titel")
        assert (answer.status, answer["Content-Type"]) == (400, "application/problem+json")
        assert json.loads(answer.body)["detail"] == "fields: unknown field 'titel'; available: id, slug, domain"
        assert cache_status(answer)[1]["detail"] == "unknown-field"
        assert client.get("/topics/?fields=id").status == 200  # the connection remains usable
    assert len(origin.seen()) == 1


@pytest.mark.parametrize("status, fields, body", [(500, JSON, b'{"id": 1}'), (200, {"Content-Type": "text/plain"}, b"text"), (200, JSON, b"[1]"), (200, JSON, b"{oops")])
def test_a_response_from_which_fields_cannot_be_selected_is_sent_whole(origin, status, fields, body):
    origin.on("*", reply(status, fields, body))
    with Larder(origin, routes=LESS) as larder, larder.client() as client:
        for _ in range(2):
            answer = client.get("/other?fields=id")
            assert (answer.status, answer.body) == (status, body)


def test_the_number_of_kept_selections_is_limited(origin):
    origin.on("*", reply(200, JSON, TOPICS))
    with Larder(origin, routes=LESS) as larder, larder.client() as client:
        client.get("/other")
        for i in range(40):
            assert client.get(f"/other?fields=id,n{i}").body == b'[{"id":1},{"id":2}]'
            if i == 20:
                after_some = larder.metric("larder_store_bytes")
        assert larder.metric("larder_store_bytes") == after_some
    assert len(origin.seen()) == 1


def test_waiting_clients_with_different_selections_share_a_fetch(origin):
    hold = origin.hold("/topics/")
    with Larder(origin, routes=LESS) as larder:
        asked = in_parallel(6, lambda i: larder.get("/topics/" + ["", "?fields=id", "?fields=slug"][i % 3]))
        larder.wait_for("larder_fill_waiters", lambda value: value == 6)
        hold.release(reply(200, JSON, TOPICS))
        bodies = [answer.body for answer in asked()]
    assert bodies[1] == bodies[4] == b'[{"id":1},{"id":2}]'
    assert bodies[2] == b'[{"slug":"a"},{"slug":"b"}]'
    assert len(origin.seen()) == 1


@pytest.mark.parametrize(
    "fields, coded",
    [
        ({"Content-Type": "text/json; charset=utf-8"}, False),
        ({**JSON, "Content-Encoding": "identity"}, False),
        ({**JSON, "Content-Encoding": "gzip, identity"}, True),
        ({**JSON, "Content-Encoding": "Identity, GZIP"}, True),
    ],
)
def test_an_old_type_and_an_identity_coding_are_projected_like_any_other(origin, fields, coded):
    body = b'[{"id": 1, "fat": 2}]'
    origin.on("/topics/", reply(200, fields, gzip.compress(body) if coded else body))
    with Larder(origin, routes=ROUTE) as larder, larder.client() as client:
        for _ in range(2):
            answer = client.get("/topics/")
            assert answer.body == b'[{"id":1}]'
            assert "Content-Encoding" not in answer


def test_the_requesting_client_gets_no_field_about_bytes_that_are_not_sent(origin):
    fields = {**JSON, "ETag": '"up"', "Cache-Control": 'max-age=60, no-cache="content-length, etag, content-digest"', "Content-Digest": "sha-256=:x:"}
    origin.on("/topics/", reply(200, fields, b'[{"id": 1, "fat": 2}]'))
    with Larder(origin, routes="  - {path: /topics/, cache: standard, fields: [id, slug]}") as larder, larder.client() as client:
        answer = client.get("/topics/")
        assert (answer.body, answer.all("Content-Length")) == (b'[{"id":1}]', ["10"])
        assert len(answer.all("ETag")) == 1 and answer["ETag"] != '"up"'
        assert "Content-Digest" not in answer


def test_a_list_in_which_no_item_has_the_fields_is_stored_whole_and_logged(origin):
    body = b'{"items": [{"orderId": 1}], "total": 3}'
    origin.on("/orders", reply(200, {"Content-Type": "application/json"}, body))
    with Larder(origin, routes="  - {path: /orders, ttl: 1h, fields: [orderId]}") as larder:
        first = larder.get("/orders")
        assert first.body == body
        told = cache_status(first)[1]
        assert told["detail"] == "not-projectable" and told["stored"]
        hit = larder.get("/orders")
        assert hit.body == body and cache_status(hit)[1]["hit"]
        line = larder.wait_for_line("no object in it has any of the members in fields: [orderId]")
        assert "route /orders" in line and "larder check" in line
    assert len(origin.seen("/orders")) == 1


def test_an_empty_list_is_projected(origin):
    origin.on("/orders", reply(200, {"Content-Type": "application/json"}, b"[ ]"))
    with Larder(origin, routes="  - {path: /orders, ttl: 1h, fields: [orderId]}") as larder:
        answer = larder.get("/orders")
        assert answer.body == b"[]" and "detail" not in cache_status(answer)[1]
