"""Entity tags of encoded and projected representations, sent back by clients."""

import json

import pytest
from harness import Larder, cache_status, reply

BODY = json.dumps([{"id": i, "slug": f"item-{i}", "more": "x" * 40} for i in range(60)]).encode()
JSON = {"Content-Type": "application/json"}


def api(exchange):
    """Accepts a PUT only with the tag of the current state."""
    if exchange.request.method == "GET":
        return reply(200, {**JSON, "ETag": '"v7"'}, BODY)
    if exchange.request.get("If-Match") == '"v7"':
        return reply(204, length=False)
    return reply(412, {}, b"")


def coded(larder, coding):
    return larder.get_until("/x", lambda response: response.get("Content-Encoding") == coding, {"Accept-Encoding": coding})


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_a_write_with_the_tag_of_a_coded_representation(origin, coding):
    origin.on("/x", api)
    with Larder(origin, routes="  - {path: /**, ttl: 1h}") as larder:
        tag = coded(larder, coding)["ETag"]
        assert tag != '"v7"'
        assert larder.get("/x", {"If-Match": tag}, method="PUT", body=b"{}").status == 204


def test_a_write_with_the_tag_of_a_projected_representation(origin):
    origin.on("/x", api)
    routes = "  - {path: /**, ttl: 1h, fields: [id], fields_param: fields}"
    with Larder(origin, routes=routes, settings="compression: {min_size: 0B}") as larder:
        tag = larder.get("/x")["ETag"]
        assert tag != '"v7"'
        assert larder.get("/x", {"If-Match": f'"other", {tag}'}, method="PUT", body=b"{}").status == 412
        assert origin.requests[-1]["If-Match"] == '"other", "v7"'
        larder.get("/x")
        assert larder.get("/x", {"If-Match": coded(larder, "gzip")["ETag"]}, method="PUT", body=b"{}").status == 204


def test_other_conditions_are_forwarded_unchanged(origin):
    origin.on("/x", api)
    with Larder(origin, routes="  - {path: /**, ttl: 1h}") as larder:
        for name, value in (("If-Match", "*"), ("If-Match", '"v6"'), ("If-None-Match", '"a", W/"b"'), ("If-Range", "Sun, 06 Nov 1994 08:49:37 GMT")):
            larder.get("/x", {name: value}, method="PUT", body=b"{}")
            assert origin.requests[-1][name] == value


def test_a_coded_entity_tag_identifies_its_bytes(origin):
    """Encoded at another level, the bytes and the tag differ, so a download is not resumed with them."""
    origin.on("/x", api)
    tags = set()
    for level in (1, 6, 12):
        with Larder(origin, routes="  - {path: /**, ttl: 1h}", settings=f"compression: {{gzip_level: {level}}}") as larder:
            tags.add(coded(larder, "gzip")["ETag"])
            for tag in tags:
                part = larder.get("/x", {"Accept-Encoding": "gzip", "Range": "bytes=10-", "If-Range": tag})
                assert (part.status == 206) == (tag == coded(larder, "gzip")["ETag"])
    assert len(tags) == 3


@pytest.mark.parametrize("fields", [{"Authorization": "a"}, {"Cache-Control": "no-store", "X-API-Key": "k"}], ids=["bypass", "api-key"])
def test_a_forwarded_304_has_the_clients_entity_tag(origin, fields):
    def validate(exchange):
        return reply(304, {"ETag": '"v7"'}, length=False) if '"v7"' in exchange.request.get("If-None-Match", "") else api(exchange)

    origin.on("/x", validate)
    with Larder(origin, routes="  - {path: /**, ttl: 1h}") as larder:
        tag = coded(larder, "gzip")["ETag"]
        response = larder.get("/x", {**fields, "If-None-Match": tag})
        assert (response.status, response["ETag"]) == (304, tag)
        response = larder.get("/x", {**fields, "If-None-Match": f'{tag}, "v7"'})
        assert (response.status, response["ETag"]) == (304, '"v7"')


def test_on_uncached_routes_entity_tags_are_not_translated(origin):
    with Larder(origin, routes="  - {path: /**, cache: off}") as larder:
        larder.get("/x", {"If-None-Match": '"v7-gzip"'})
        assert origin.requests[-1]["If-None-Match"] == '"v7-gzip"'
        larder.get("/x", {"If-Match": '"v7-gzip"'}, method="PUT", body=b"{}")
        assert origin.requests[-1]["If-Match"] == '"v7-gzip"'


def test_a_304_is_for_a_coding_that_the_client_accepts(origin):
    origin.on("/x", api)
    with Larder(origin, routes="  - {path: /**, ttl: 1h}") as larder:
        tag = coded(larder, "gzip")["ETag"]
        assert larder.get("/x", {"If-None-Match": tag, "Accept-Encoding": "gzip"}).status == 304
        for accepted in (None, "br", "gzip;q=0", "identity"):
            fields = {"If-None-Match": tag, **({"Accept-Encoding": accepted} if accepted else {})}
            assert larder.get("/x", fields).status == 200


# ---- the client's directives ----------------------------------------------------------------------------------------


def told(response):
    return cache_status(response)[1]


FORCES = [{"Cache-Control": "no-cache"}, {"Pragma": "no-cache"}, {"Cache-Control": "max-age=0"}, {"Cache-Control": "min-fresh=7200"}]


@pytest.mark.parametrize("mode", ["ttl: 1h", "cache: standard"])
@pytest.mark.parametrize("fields", FORCES, ids=lambda fields: list(fields.values())[0])
def test_refresh_min_interval_bounds_every_way_to_force_a_fetch(origin, fields, mode):
    origin.on("/x", reply(200, {"Cache-Control": "max-age=3600"}, b"x"))
    with Larder(origin, routes=f"  - {{path: /**, {mode}, refresh_min_interval: 1h}}") as larder:
        larder.get("/x")
        for _ in range(5):
            assert told(larder.get("/x", fields))["detail"] == "refresh-too-soon"
    assert len(origin.requests) == 1


@pytest.mark.parametrize("fields", FORCES, ids=lambda fields: list(fields.values())[0])
def test_client_directives_may_be_ignored(origin, fields):
    origin.on("*", reply(200, {}, b"x"))
    with Larder(origin, routes="  - {path: /**, ttl: 1h, client_directives: ignore}") as larder:
        larder.get("/x", fields)
        assert "hit" in told(larder.get("/x", fields))
        assert larder.get("/y", {"Cache-Control": "only-if-cached"}).status == 504
        assert told(larder.get("/z", {"Cache-Control": "no-store, no-cache"}))["detail"] == "request-no-store"
    assert all(name not in origin.requests[0] for name in fields)


# ---- Upgrade --------------------------------------------------------------------------------------------------------


def test_an_upgrade_that_is_not_allowed_is_ignored(origin):
    """Java's client offers h2c with every request."""
    origin.on("/x", reply(200, {}, b"x"))
    fields = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA"}
    with Larder(origin, routes="  - {path: /off, cache: off}\n  - {path: /**, ttl: 1h}") as larder:
        larder.get("/x", fields)
        assert "hit" in told(larder.get("/x", fields))
        larder.get("/off", fields)
    for request in origin.requests:
        assert "Upgrade" not in request and "HTTP2-Settings" not in request


def test_only_the_protocols_that_are_allowed_are_offered(origin):
    origin.on("/ws", lambda at: reply(101, {"Connection": "upgrade", "Upgrade": "h2c"}, length=False))
    with Larder(origin, routes="  - {path: /**, cache: off}") as larder:
        response = larder.get("/ws", {"Connection": "upgrade", "Upgrade": "h2c, websocket"})
        assert response.status == 502  # a switch to a protocol that was not offered
        assert origin.requests[0]["Upgrade"] == "websocket"
    with Larder(origin, routes="  - {path: /**, cache: off}", settings="upgrade: []") as larder:
        assert larder.get("/ws", {"Connection": "upgrade", "Upgrade": "websocket"}).status == 502
        assert "Upgrade" not in origin.requests[1]


def test_an_upgrade_with_a_body_is_not_forwarded(origin):
    origin.on("/x", reply(200, {}, b"x"))
    with Larder(origin, routes="  - {path: /**, cache: off}") as larder:
        assert larder.get("/x", {"Connection": "upgrade", "Upgrade": "websocket"}, method="POST", body=b"GET / HTTP/1.1\r\n\r\n").status == 200
    assert "Upgrade" not in origin.requests[0]
