"""Sharing of responses: only between requests that the API could not distinguish, and never responses for one client."""

import threading

import pytest
from harness import Larder, Origin, cache_status, in_parallel, reply

TTL = "  - {path: /**, ttl: 1h}"
STANDARD = "  - {path: /**, cache: standard}"
FRESH = {"Cache-Control": "max-age=3600"}


def told(response):
    return cache_status(response)[1]


def is_hit(response):
    return "hit" in told(response)


def echo(*names):
    """An API whose response contains the values of these fields that it received."""
    return lambda exchange: reply(200, FRESH, "|".join(exchange.request.get(name, "-") for name in names))


# ---- cookies --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", [TTL, STANDARD], ids=["ttl", "standard"])
def test_a_response_that_sets_a_cookie_is_stored_in_no_mode(origin, route):
    count = iter(range(100))
    origin.on("/x", lambda _: reply(200, {**FRESH, "Set-Cookie": f"session={next(count)}"}, b"x"))
    with Larder(origin, routes=route) as larder:
        first, second = larder.get("/x"), larder.get("/x")
    assert [first["Set-Cookie"], second["Set-Cookie"]] == ["session=0", "session=1"]
    assert told(first)["detail"] == told(second)["detail"] == "set-cookie"


def test_waiting_clients_do_not_get_the_cookie_of_the_one_who_fetched(origin):
    hold = origin.hold("/x")
    with Larder(origin, routes=STANDARD) as larder:
        join = in_parallel(5, lambda _: larder.get("/x"))
        larder.wait_for("larder_fill_waiters", lambda value: value == 5)
        count = iter(range(100))
        lock = threading.Lock()

        def answer(_):
            with lock:
                return reply(200, {**FRESH, "Set-Cookie": f"session={next(count)}"}, b"x")

        hold.release(answer)
        cookies = [response["Set-Cookie"] for response in join()]
    assert len(set(cookies)) == 5


def test_the_cookie_of_a_304_is_its_requesting_clients(origin):
    origin.on("/x", reply(200, {"Cache-Control": "no-cache", "ETag": '"1"'}, b"x"))
    with Larder(origin, routes=STANDARD) as larder:
        assert larder.get("/x").body == b"x"
        hold = origin.hold("/x")
        origin.on("/x", lambda at: reply(304, {"ETag": '"1"', "Cache-Control": "max-age=3600", "Set-Cookie": "s=1"}, length=False))
        assert larder.get("/x").all("Set-Cookie") == ["s=1"]
        later = larder.get("/x")
        assert (later.body, later.all("Set-Cookie"), is_hit(later)) == (b"x", [], True)
        assert hold.arrivals == 0


@pytest.mark.parametrize("mode", ["ttl: 1h", "cache: standard"])
def test_despite_set_cookie_stores_the_response_without_the_cookie(origin, mode):
    origin.on("/x", reply(200, {**FRESH, "Set-Cookie": "a=b"}, b"x"))
    with Larder(origin, routes=f"  - {{path: /**, {mode}, despite: [set-cookie]}}") as larder:
        first, second = larder.get("/x"), larder.get("/x")
    assert (first.get("Set-Cookie"), second.get("Set-Cookie"), is_hit(second)) == ("a=b", None, True)


# ---- conditions, ranges, errors about the request -------------------------------------------------------------------


def test_a_304_to_the_clients_own_condition_does_not_become_the_urls_response(origin):
    def answer(exchange):
        if exchange.request.get("If-None-Match") == '"1"':
            return reply(304, {**FRESH, "ETag": '"1"'}, length=False)
        private = "Cookie" in exchange.request
        return reply(200, {"Cache-Control": "private" if private else "max-age=3600", "ETag": '"1"'}, b"whole")

    origin.on("/x", answer)
    with Larder(origin, routes=STANDARD) as larder:
        assert told(larder.get("/x", {"Cookie": "a=b"}))["detail"] == "private"  # from now on requests are not collapsed
        assert larder.get("/x", {"If-None-Match": '"1"'}).status == 304
        for _ in range(3):
            response = larder.get("/x")
            assert (response.status, response.body) == (200, b"whole")


def test_a_416_does_not_become_the_urls_response(origin):
    def answer(exchange):
        if "Range" in exchange.request:
            return reply(416, {**FRESH, "Content-Range": "bytes */5"}, b"")
        private = "Cookie" in exchange.request
        return reply(200, {"Cache-Control": "private" if private else "max-age=3600"}, b"whole")

    origin.on("/x", answer)
    with Larder(origin, routes=STANDARD) as larder:
        larder.get("/x", {"Cookie": "a=b"})
        assert larder.get("/x", {"Range": "bytes=90-99"}).status == 416
        for _ in range(3):
            assert (larder.get("/x").status, larder.get("/x").body) == (200, b"whole")


@pytest.mark.parametrize("status", [412, 416, 428, 429, 431, 511])
def test_errors_about_the_request_are_never_stored(origin, status):
    origin.on("/x", reply(status, {"Cache-Control": "public, max-age=3600"}, b"no"))
    with Larder(origin, routes=STANDARD) as larder:
        assert larder.get("/x").status == status
        assert not is_hit(larder.get("/x"))
    assert len(origin.seen("/x")) == 2


def test_other_errors_with_a_lifetime_are_stored_unless_store_errors_is_false(origin):
    origin.on("*", reply(404, FRESH, b"none"))
    routes = "  - {path: /no/**, cache: standard, store_errors: false}\n" + STANDARD
    with Larder(origin, routes=routes) as larder:
        larder.get("/x"), larder.get("/no/x")
        assert is_hit(larder.get("/x"))
        assert not is_hit(larder.get("/no/x"))


# ---- forwarded fields -----------------------------------------------------------------------------------------------

FORWARDED = ["X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "Forwarded", "X-Original-URL", "X-Rewrite-URL"]


@pytest.mark.parametrize("name", FORWARDED)
def test_forwarding_fields_of_a_trusted_peer_are_part_of_the_key(origin, name):
    origin.on("/x", echo(name))
    value = {"Forwarded": "host=evil.example;proto=https"}.get(name, "evil.example")
    with Larder(origin, routes=TTL) as larder:
        assert larder.get("/x", {name: value}).body == value.encode()
        plain = larder.get("/x")
        assert not is_hit(plain) and b"evil" not in plain.body
        assert is_hit(larder.get("/x"))
        again = larder.get("/x", {name: value})
        assert (again.body, is_hit(again)) == (value.encode(), True)


def test_clients_behind_a_trusted_proxy_share_whatever_their_addresses(origin):
    origin.on("/x", reply(200, {}, b"x"))
    with Larder(origin, routes=TTL) as larder:
        for i in range(4):
            fields = {"X-Forwarded-For": f"192.0.2.{i}", "X-Real-IP": f"192.0.2.{i}", "Forwarded": f"for=192.0.2.{i};proto=https"}
            assert is_hit(larder.get("/x", fields)) == (i > 0)
    assert origin.requests[0]["X-Forwarded-For"] == "192.0.2.0, 127.0.0.1"


def test_forwarding_fields_of_an_untrusted_peer_are_replaced_and_logged_once(origin):
    origin.on("*", reply(200, {}, b"x"))
    sent = {
        "X-Forwarded-For": "9.9.9.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example", "X-Forwarded-Port": "1",
        "X-Real-IP": "9.9.9.9", "X-Forwarded-Prefix": "/evil", "Forwarded": "host=evil", "X-Forwarded-Scheme": "https",
        "X-Forwarded-Ssl": "on", "X-Forwarded-Server": "evil", "X-Client-IP": "9.9.9.9", "True-Client-IP": "9.9.9.9",
        "Front-End-Https": "on", "X-Original-URL": "/evil", "X-Rewrite-URL": "/evil",
    }  # fmt: skip
    with Larder(origin, routes=TTL, settings="trusted_proxies: []") as larder:
        larder.get("/x", sent)
        assert is_hit(larder.get("/x"))  # the fields are ignored
        larder.get("/y", sent, method="POST", body=b"{}")
        port = str(larder.address[1])
        line = larder.wait_for_line("trusted_proxies: [127.0.0.1]")
        assert "X-Forwarded-For" in line
        assert sum("was replaced or removed" in line for line in larder.errors) == 1
    for request in origin.requests:
        assert request["X-Forwarded-For"] == request["X-Real-IP"] == "127.0.0.1"
        assert (request["X-Forwarded-Proto"], request["X-Forwarded-Port"]) == ("http", port)
        assert request["X-Forwarded-Host"] == request["Host"]
        assert [name for name in list(sent)[5:] if name in request] == []


def test_a_reload_changes_trust_on_an_open_connection(origin):
    origin.on("*", echo("X-Forwarded-Host"))
    with Larder(origin, routes="  - {path: /**, cache: off}") as larder, larder.client() as client:
        assert client.get("/x", {"X-Forwarded-Host": "a"}).body == b"a"
        larder.write(settings="trusted_proxies: []")
        larder.reload()
        assert client.get("/x", {"X-Forwarded-Host": "a"}).body != b"a"


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_get_that_overrides_its_method_bypasses_the_cache_and_counts_as_a_write(origin, name):
    origin.on("/x", reply(200, {}, b"x"))
    with Larder(origin, routes=TTL) as larder:
        larder.get("/x")
        assert is_hit(larder.get("/x"))
        override = larder.get("/x", {name: "DELETE"})
        assert told(override)["detail"] == "method-override"
        assert not is_hit(larder.get("/x"))
        larder.get("/y", {name: "PUT"}, method="POST", body=b"")
    assert origin.seen("/y")[0][name] == "PUT"


def test_a_vary_on_what_larder_writes_compares_what_the_api_received(origin):
    origin.on("/x", lambda at: reply(200, {"Vary": "X-Forwarded-For"}, at.request["X-Forwarded-For"]))
    with Larder(origin, routes=TTL) as larder:
        assert larder.get("/x", {"X-Forwarded-For": "192.0.2.1"}).body == b"192.0.2.1, 127.0.0.1"
        other = larder.get("/x", {"X-Forwarded-For": "192.0.2.2"})
        assert (other.body, is_hit(other)) == (b"192.0.2.2, 127.0.0.1", False)
        assert is_hit(larder.get("/x", {"X-Forwarded-For": "192.0.2.1"}))


# ---- credentials ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Authorization", "X-API-Key", "Api-Key", "X-Auth-Token"])
def test_a_credential_keeps_a_response_from_being_shared(origin, name):
    origin.on("/x", lambda at: reply(200 if name in at.request else 401, {}, b"secret"))
    with Larder(origin, routes=TTL) as larder:
        assert larder.get("/x", {name: "k"}).status == 200
        assert larder.get("/x").status == 401
        assert told(larder.get("/x", {name: "k"}))["detail"] == "request-authorization"
        larder.wait_for_line("route /**: requests with credentials are not answered from the cache")
        assert sum("requests with credentials" in line for line in larder.errors) == 1


def test_with_cache_standard_a_credential_counts_as_authorization(origin):
    origin.on("/private", reply(200, FRESH, b"x")).on("/public", reply(200, {"Cache-Control": "public, max-age=3600"}, b"x"))
    with Larder(origin, routes=STANDARD) as larder:
        for path, shared in (("/private", False), ("/public", True)):
            larder.get(path, {"X-API-Key": "k"})
            assert is_hit(larder.get(path)) == shared


def test_a_credential_in_the_routes_key_needs_no_despite(origin):
    origin.on("/x", echo("X-API-Key"))
    with Larder(origin, routes="  - {path: /**, ttl: 1h, key: {headers: [x-api-key]}}") as larder:
        for _ in range(2):
            assert [larder.get("/x", {"X-API-Key": key}).body for key in "ab"] == [b"a", b"b"]
        assert larder.get("/x").body == b"-"
    assert len(origin.requests) == 3


def test_despite_authorization_covers_every_credential(origin):
    origin.on("/x", reply(200, {}, b"x"))
    with Larder(origin, routes="  - {path: /**, ttl: 1h, despite: [authorization]}") as larder:
        larder.get("/x", {"X-API-Key": "a"})
        assert is_hit(larder.get("/x", {"Authorization": "b"}))


def test_credentials_are_configurable(origin):
    origin.on("/x", echo("X-Session-Token"))
    with Larder(origin, routes=TTL, settings="credentials: [x-session-token]") as larder:
        assert larder.get("/x", {"X-Session-Token": "a"}).body == b"a"
        assert larder.get("/x", {"X-Session-Token": "b"}).body == b"b"


def test_a_cookie_in_the_routes_key_separates_entries(origin):
    origin.on("/x", echo("Cookie"))
    with Larder(origin, routes="  - {path: /**, ttl: 1h, key: {cookies: [session]}}") as larder:
        assert larder.get("/x", {"Cookie": "session=1; theme=dark"}).body == b"session=1; theme=dark"
        assert is_hit(larder.get("/x", {"Cookie": "theme=light; session=1"}))
        assert not is_hit(larder.get("/x", {"Cookie": "session=2"}))
        assert not is_hit(larder.get("/x"))


@pytest.mark.parametrize("fields", [{"Cookie": "a=b; preview=1"}, {"X-Debug": "1"}], ids=["cookie", "field"])
def test_bypass_cookies_and_fields_bypass_the_cache(origin, fields):
    origin.on("/x", reply(200, {}, b"x"))
    with Larder(origin, routes="  - {path: /**, ttl: 1h, bypass: {cookies: [preview], headers: [x-debug]}}") as larder:
        larder.get("/x")
        assert told(larder.get("/x", fields))["detail"] == "route-bypass"
        assert is_hit(larder.get("/x"))


def test_credentials_and_cookies_are_not_persisted(origin, tmp_path):
    file = tmp_path / "cache.db"
    secret = "s3cr3t-in-a-key"
    origin.on("/x", reply(200, {"Vary": "Cookie"}, b"x"))
    routes = "  - {path: /**, ttl: 1h, key: {headers: [authorization], cookies: [session]}}"
    fields = {"Authorization": secret, "Cookie": f"session={secret}"}
    with Larder(origin, routes=routes, settings=f"cache: {{persist: {file}}}") as larder:
        larder.get("/x", fields)
        assert secret not in larder.ask_admin("/api/explain?url=/x")[1]
    assert all(secret.encode() not in path.read_bytes() for path in tmp_path.iterdir())
    with Larder(origin, routes=routes, settings=f"cache: {{persist: {file}}}") as larder:
        assert is_hit(larder.get("/x", fields))  # the secret of the hashes is persisted too
        assert not is_hit(larder.get("/x", {**fields, "Authorization": "another"}))


# ---- targets and hosts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "/static/../me", "/static/%2e%2e/me", "/static/.%2E/me", "/static/..%2fme", "/static/..%5cme", "/static/..\\me",
        "/static/..;/me", "/static/%252e%252e/me", "/static/..%252fme", "/static/..;x=1/me", "/me;.css", "/./me",
    ],
)  # fmt: skip
def test_an_ambiguous_path_bypasses_the_cache(origin, target):
    origin.on("*", reply(200, {}, b"me"))
    with Larder(origin, routes=TTL) as larder:
        for _ in range(2):
            assert told(larder.get(target))["detail"] == "ambiguous-path"
        larder.get("/me")
        assert is_hit(larder.get("/me"))
        larder.get(target, method="PUT", body=b"{}")
        assert not is_hit(larder.get("/me"))
    assert {request.target for request in origin.requests} == {target, "/me"}


def test_a_fill_sends_the_target_and_the_host_of_its_key(origin):
    origin.on("*", reply(200, {}, b"x"))
    with Larder(origin, routes=TTL) as larder:
        larder.get("/%61%2Db?q=%41", {"Host": "API.test:80"})
        assert is_hit(larder.get("/a-b?q=%41", {"Host": "api.test"}))
    assert (origin.requests[0].target, origin.requests[0]["Host"]) == ("/a-b?q=%41", "api.test")


def test_parameters_outside_the_key_are_removed_on_a_fill(origin):
    origin.on("*", lambda at: reply(200, {}, at.request.target))
    with Larder(origin, routes="  - {path: /none, ttl: 1h, key: {query: none}}\n  - {path: /**, ttl: 1h, key: {query: [a]}, refresh_param: refresh}") as larder:
        assert larder.get("/x?b=1;a=evil&a[]=evil&a=1&c=2").body == b"/x?a=1"
        assert is_hit(larder.get("/x?a=1"))
        assert larder.get("/none?x=1").body == b"/none"
        assert larder.get("/x?refresh=1&a=1&b=2").body == b"/x?a=1&refresh=1"  # the refresh parameter is forwarded
        assert larder.get("/x?refresh=0&b=2").body == b"/x"


@pytest.mark.parametrize("host", ["api.test", "API.TEST", "api.test:", "api.test:80", "api.test:0080"])
def test_a_write_invalidates_whatever_the_spelling_of_its_host(origin, host):
    origin.on("/x", reply(200, {}, b"x"))
    with Larder(origin, routes=TTL) as larder:
        larder.get("/x", {"Host": "api.test"})
        assert is_hit(larder.get("/x", {"Host": host}))
        larder.get("/x", {"Host": host}, method="POST", body=b"{}")
        assert not is_hit(larder.get("/x", {"Host": "api.test"}))


def test_a_request_without_host_gets_the_upstreams_host(origin):
    origin.on("/x", reply(200, {}, b"x"))
    upstream = origin.url.removeprefix("http://")
    with Larder(origin, routes=TTL) as larder:
        with larder.client() as client:
            client.send(b"GET /x HTTP/1.0\r\n\r\n")
            client.response()
        assert is_hit(larder.get("/x", {"Host": upstream}))
        with larder.client() as client:
            client.send(b"DELETE /x HTTP/1.0\r\n\r\n")
            client.response()
        assert not is_hit(larder.get("/x", {"Host": upstream}))


@pytest.mark.parametrize("method", ["QUERY", "PROPFIND", "REPORT", "SEARCH"])
def test_safe_methods_invalidate_nothing(origin, method):
    origin.on("/x", reply(200, {}, b"x"))
    with Larder(origin, routes=TTL) as larder:
        larder.get("/x")
        assert larder.get("/x", method=method, body=b"q").status == 200
        assert is_hit(larder.get("/x"))


def test_a_target_in_utf_8_is_percent_encoded_once(origin):
    origin.on("*", reply(200, {}, b"x"))
    with Larder(origin, routes="  - {path: /café/**, ttl: 1h}\n  - {path: /**, cache: off}") as larder, larder.client() as client:
        client.send("GET /café/人?q=é HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert told(client.response())["stored"]
        assert is_hit(client.get("/caf%C3%A9/%E4%BA%BA?q=%C3%A9", {"Host": "a"}))
        client.send(b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.response().status == 400
    assert origin.requests[0].target == "/caf%C3%A9/%E4%BA%BA?q=%C3%A9"


# ---- fields of one request ------------------------------------------------------------------------------------------


def test_identifiers_of_one_request_are_not_replayed(origin):
    origin.on("/x", lambda at: reply(200, {"X-Request-ID": at.request["X-Request-ID"], "traceresponse": "00-a-b-01"}, b"x"))
    with Larder(origin, routes=TTL, settings="request_id: begin") as larder:
        first, second = larder.get("/x"), larder.get("/x")
    assert first["X-Request-ID"] == origin.requests[0]["X-Request-ID"]
    assert second["X-Request-ID"] not in ("", first["X-Request-ID"])  # its own
    assert ("traceresponse" in second, is_hit(second)) == (False, True)


def test_fields_with_underscores_are_dropped_unless_they_are_to_pass(origin):
    origin.on("*", echo("X_Custom"))
    with Larder(origin, routes="  - {path: /**, cache: off}") as larder:
        assert larder.get("/x", {"X_Custom": "1"}).body == b"-"
        larder.wait_for_line("underscores: pass")
    with Larder(origin, routes="  - {path: /**, cache: off}", settings="underscores: pass") as larder:
        assert larder.get("/x", {"X_Custom": "1"}).body == b"1"


def test_a_forwarding_loop_gets_508(origin):
    origin.on("*", reply(200, {}, b"x"))
    with Larder(origin, routes="  - {path: /off, cache: off}\n" + TTL, settings="limits: {hops: 3}") as larder:
        for path in ("/x", "/off"):
            assert larder.get(path, {"Via": "1.1 larder, 1.1 larder, 1.1 larder, 1.1 larder"}).status == 508
            assert larder.get(path, {"Via": "1.1 larder, 1.1 larder, 1.1 larder"}).status == 200


# ---- sharing of errors ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", [TTL, STANDARD], ids=["ttl", "standard"])
def test_waiting_clients_share_a_5xx(origin, route):
    hold = origin.hold("/x")
    with Larder(origin, routes=route) as larder:
        join = in_parallel(10, lambda _: larder.get("/x"))
        larder.wait_for("larder_fill_waiters", lambda value: value == 10)
        hold.release(reply(500, {"Content-Type": "text/plain"}, b"oops"))
        responses = join()
        assert {(response.status, response.body) for response in responses} == {(500, b"oops")}
        assert sum("collapsed" in told(response) for response in responses) == 9
        assert hold.arrivals == 1
        origin.on("/x", reply(200, FRESH, b"fine"))
        assert larder.get("/x").body == b"fine"  # the error is not stored


def test_a_5xx_that_must_not_be_shared_is_not_shared(origin):
    hold = origin.hold("/x")
    with Larder(origin, routes=TTL) as larder:
        join = in_parallel(3, lambda _: larder.get("/x"))
        larder.wait_for("larder_fill_waiters", lambda value: value == 3)
        hold.release(reply(500, {"Set-Cookie": "a=b"}, b"oops"))
        assert {response.status for response in join()} == {500}
    assert hold.arrivals == 3
