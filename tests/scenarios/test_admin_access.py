"""Access control of the admin listener: pages of other sites, names that resolve to it, the token."""

import json
import re
import subprocess

import pytest
from harness import Client, Larder, Origin, binary, cache_status, reply

ROUTES = "  - {path: /**, ttl: 1h}"
TOKEN = "correct-horse-battery"
JSON = ("Content-Type", "application/json")
PURGE = b'{"all": true}'


def ask(larder, method, target, fields=(), body=None, host=None):
    """Sends one request to the admin listener, with exactly these fields and the Host that a browser would send there."""
    pairs = list(fields)
    if not any(name.lower() == "host" for name, _ in pairs):
        pairs.insert(0, ("Host", host or "{}:{}".format(*larder.admin)))
    with Client(larder.admin) as client:
        client.request(method, target, pairs, body)
        return client.response(method)


@pytest.fixture(scope="module")
def guarded():
    origin = Origin()
    origin.on("*", reply(200, {}, b"x"))
    with Larder(origin, routes=ROUTES) as larder:
        larder.write(routes="  - {path: /**, cache: off}")  # a reload would adopt it
        yield larder
    origin.close()


@pytest.fixture
def kept(guarded):
    """Runs the test with a stored entry and settings that must not change."""
    guarded.get("/x")
    yield guarded
    assert "hit" in cache_status(guarded.get("/x"))[1]
    assert "last_reload_ok" not in json.loads(ask(guarded, "GET", "/api/status").body)


CHANGES = [("/api/purge", PURGE), ("/api/reload", b"{}")]

# Requests that a page of another site, or a page under a rebound name, can make a browser send.
REFUSED = {
    "a foreign origin": ([JSON, ("Origin", "http://evil.test")], 403),
    "a foreign origin, https": ([JSON, ("Origin", "https://evil.test")], 403),
    "no origin to speak of": ([JSON, ("Origin", "null")], 403),
    "an empty origin": ([JSON, ("Origin", "")], 403),
    "another port of this host": ([JSON, ("Origin", "http://127.0.0.1:1")], 403),
    "this host without its port": ([JSON, ("Origin", "http://127.0.0.1")], 403),
    "this origin with more behind it": ([JSON, ("Origin", "http://{own}.evil.test")], 403),
    "this origin with more before it": ([JSON, ("Origin", "http://evil.test@{own}")], 403),
    "another scheme": ([JSON, ("Origin", "ftp://{own}")], 403),
    "two origins, the first its own": ([JSON, ("Origin", "http://{own}"), ("Origin", "http://evil.test")], 403),
    "two origins, the second its own": ([JSON, ("Origin", "http://evil.test"), ("Origin", "http://{own}")], 403),
    "two origins in a line": ([JSON, ("Origin", "http://{own} http://evil.test")], 403),
    "fetched across sites": ([JSON, ("Sec-Fetch-Site", "cross-site")], 403),
    "fetched across origins of a site": ([JSON, ("Sec-Fetch-Site", "same-site")], 403),
    "fetched across sites, its origin faked": ([JSON, ("Sec-Fetch-Site", "cross-site"), ("Origin", "http://{own}")], 403),
    "fetched from its own, its origin not": ([JSON, ("Sec-Fetch-Site", "same-origin"), ("Origin", "http://evil.test")], 403),
    "two words about the site": ([JSON, ("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")], 403),
    "an unknown word about the site": ([JSON, ("Sec-Fetch-Site", "Same-Origin")], 403),
    "no word about the site": ([JSON, ("Sec-Fetch-Site", "")], 403),
    "plain text": ([("Content-Type", "text/plain")], 415),
    "plain text that mentions JSON": ([("Content-Type", "text/plain; application/json")], 415),
    "a form": ([("Content-Type", "application/x-www-form-urlencoded")], 415),
    "a form with files": ([("Content-Type", "multipart/form-data; boundary=x")], 415),
    "JSON of another kind": ([("Content-Type", "application/json-seq")], 415),
    "no type": ([], 415),
    "an empty type": ([("Content-Type", "")], 415),
    "two types": ([JSON, ("Content-Type", "text/plain")], 415),
    "two types, the other way": ([("Content-Type", "text/plain"), JSON], 415),
    "a foreign name": ([JSON, ("Host", "evil.test")], 403),
    "a foreign name with the port": ([JSON, ("Host", "evil.test:{port}")], 403),
    "a foreign name that is its own origin": ([JSON, ("Host", "evil.test:{port}"), ("Origin", "http://evil.test:{port}")], 403),
    "a name below localhost of another": ([JSON, ("Host", "localhost.evil.test")], 403),
    "a name that ends like localhost": ([JSON, ("Host", "notlocalhost:{port}")], 403),
    "a name that begins like an address": ([JSON, ("Host", "127.0.0.1.evil.test")], 403),
    "the command line's name, with a port": ([JSON, ("Host", "larder:{port}")], 403),
    "an address with a dot behind it": ([JSON, ("Host", "127.0.0.1.")], 403),
    "an address as one number": ([JSON, ("Host", "2130706433")], 403),
    "an address in short": ([JSON, ("Host", "127.1")], 403),
    "an address in hexadecimal": ([JSON, ("Host", "0x7f.0.0.1")], 403),
    "a user before a foreign name": ([JSON, ("Host", "127.0.0.1@evil.test")], 400),
    "a password before a foreign name": ([JSON, ("Host", "127.0.0.1:80@evil.test")], 400),
    "half an IPv6 address": ([JSON, ("Host", "[::1")], 400),
    "an IPv6 address with more behind it": ([JSON, ("Host", "[::1].evil.test")], 400),
    "a name in brackets": ([JSON, ("Host", "[evil.test]")], 400),
    "two hosts": ([JSON, ("Host", "{own}"), ("Host", "evil.test")], 400),
    "two hosts, the other way": ([JSON, ("Host", "evil.test"), ("Host", "{own}")], 400),
    "a list of hosts": ([JSON, ("Host", "{own}, evil.test")], 400),
    "an empty host": ([JSON, ("Host", "")], 400),
}


def filled_in(larder, fields):
    own = "{}:{}".format(*larder.admin)
    return [(name, value.replace("{own}", own).replace("{port}", str(larder.admin[1]))) for name, value in fields]


@pytest.mark.parametrize("target, body", CHANGES, ids=["purge", "reload"])
@pytest.mark.parametrize("case", REFUSED)
def test_a_change_is_refused_and_changes_nothing(kept, case, target, body):
    fields, status = REFUSED[case]
    answer = ask(kept, "POST", target, filled_in(kept, fields), body)
    assert answer.status == status, answer.body
    assert json.loads(answer.body)["status"] == status


@pytest.mark.parametrize("target, body", CHANGES, ids=["purge", "reload"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "PURGE", "post"])
def test_another_method_changes_nothing(kept, method, target, body):
    answer = ask(kept, method, target, [JSON], body)
    assert answer.status == 405
    assert answer["Allow"] == "POST"
    assert "Access-Control-Allow-Origin" not in answer  # no preflight succeeds


@pytest.mark.parametrize(
    "target",
    [
        "http://evil.test/api/purge",
        "http://evil.test@127.0.0.1/api/purge",
        "//evil.test/api/purge",
        "/api/purge/",
        "/API/PURGE",
        "/api/%70urge",
        "/./api/purge",
    ],
)
def test_another_target_changes_nothing(kept, target):
    assert ask(kept, "POST", target, [JSON], PURGE).status in (400, 404)


@pytest.mark.parametrize("start, status", [("/api/purge HTTP/1.1", 400), ("/api/purge HTTP/1.0", 403), ("http://evil.test/api/purge HTTP/1.0", 403)])
def test_without_a_host_nothing_is_changed(kept, start, status):
    with Client(kept.admin) as client:
        client.send(f"POST {start}\r\nContent-Type: application/json\r\nContent-Length: {len(PURGE)}\r\n\r\n".encode() + PURGE)
        assert client.response().status == status


FOREIGN = ["evil.test", "evil.test:{port}", "localhost.evil.test", "larder:{port}", "127.0.0.1."]


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("path", ["/", "/api/status", "/api/history", "/api/entries", "/api/explain?url=/x"])
def test_a_page_under_a_rebound_name_cannot_read(kept, path, host):
    answer = ask(kept, "GET", path, host=host.replace("{port}", str(kept.admin[1])))
    assert answer.status == 403
    assert "api.test" not in answer.body.decode()


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_programs_may_use_any_host_name(kept, path):
    assert ask(kept, "GET", path, host="larder.monitoring.svc:9901").status == 200


ALLOWED = {
    "no browser": [],
    "its own page": [("Origin", "http://{own}"), ("Sec-Fetch-Site", "same-origin")],
    "its own page behind TLS": [("Origin", "https://{own}")],
    "typed by hand": [("Sec-Fetch-Site", "none")],
    "localhost": [("Host", "localhost:{port}"), ("Origin", "http://localhost:{port}")],
    "localhost in capitals": [("Host", "LOCALHOST")],
    "a name below localhost": [("Host", "larder.localhost:{port}")],
    "IPv6": [("Host", "[::1]:{port}"), ("Origin", "http://[::1]:{port}")],
    "an address without a port": [("Host", "127.0.0.1")],
    "the command line": [("Host", "larder")],
    "JSON in capitals": [("content-type", "Application/JSON; charset=utf-8")],
}


@pytest.mark.parametrize("case", ALLOWED)
def test_a_change_that_is_not_from_another_site_is_made(guarded, case):
    guarded.get("/x")
    fields = filled_in(guarded, ALLOWED[case])
    if not any(name.lower() == "content-type" for name, _ in fields):
        fields.append(JSON)
    answer = ask(guarded, "POST", "/api/purge", fields, PURGE)
    assert (answer.status, json.loads(answer.body)["purged"]) == (200, 1)
    assert "hit" not in cache_status(guarded.get("/x"))[1]


def test_a_target_may_name_this_host_in_full(guarded):
    own = "{}:{}".format(*guarded.admin)
    assert ask(guarded, "GET", f"http://{own}/api/status").status == 200


def test_the_host_is_checked_on_a_unix_socket_too(origin, tmp_path):
    path = str(tmp_path / "admin.sock")
    origin.on("*", reply(200, {}, b"x"))
    with Larder(origin, routes=ROUTES, arguments=("--admin", f"unix:{path}")) as larder:
        assert larder.admin == path
        larder.get("/x")
        for host, status in (("evil.test", 403), ("localhost", 200)):
            answer = ask(larder, "POST", "/api/purge", [("Host", host), JSON], PURGE)
            assert answer.status == status
            assert ("hit" in cache_status(larder.get("/x"))[1]) == (status != 200)
        ran = subprocess.run([binary(), "purge", "--admin", f"unix:{path}", "--all"], capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stdout) == (0, "1 entry purged\n")


# ---- the token ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def with_token():
    origin = Origin()
    origin.on("*", reply(200, {}, b"x"))
    with Larder(origin, routes=ROUTES, settings=f"admin_token: {TOKEN}") as larder:
        yield larder
    origin.close()


PROTECTED = [
    ("GET", "/metrics", None),
    ("GET", "/api/status", None),
    ("HEAD", "/api/status", None),
    ("GET", "/api/history", None),
    ("GET", "/api/entries", None),
    ("GET", "/api/explain?url=/x", None),
    ("POST", "/api/purge", PURGE),
    ("POST", "/api/reload", b"{}"),
]
WRONG = {
    "none": [],
    "empty": [("Authorization", "")],
    "a scheme alone": [("Authorization", "Bearer")],
    "an empty one": [("Authorization", "Bearer ")],
    "another": [("Authorization", f"Bearer {TOKEN[:-1]}x")],
    "its beginning": [("Authorization", f"Bearer {TOKEN[:-1]}")],
    "more than it": [("Authorization", f"Bearer {TOKEN}x")],
    "it twice": [("Authorization", f"Bearer {TOKEN}{TOKEN}")],
    "another case": [("Authorization", f"Bearer {TOKEN.upper()}")],
    "another scheme": [("Authorization", f"Basic {TOKEN}")],
    "no scheme": [("Authorization", TOKEN)],
    "two": [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer x")],
    "elsewhere": [("Cookie", f"token={TOKEN}")],
}


@pytest.mark.parametrize("method, target, body", PROTECTED, ids=str)
@pytest.mark.parametrize("case", WRONG)
def test_without_the_token_every_request_is_refused(with_token, case, method, target, body):
    with_token.get("/x")
    answer = ask(with_token, method, target, [*WRONG[case], JSON], body)
    assert answer.status == 401
    assert answer["WWW-Authenticate"].startswith("Bearer ")  # RFC 9110 11.6.1
    assert TOKEN.encode() not in answer.body
    assert "hit" in cache_status(with_token.get("/x"))[1]


@pytest.mark.parametrize("method, target, body", PROTECTED, ids=str)
def test_with_the_token_every_request_is_served(with_token, method, target, body):
    for scheme in ("Bearer", "bearer"):
        assert ask(with_token, method, target, [("Authorization", f"{scheme} {TOKEN}"), JSON], body).status == 200


def test_the_token_works_under_any_host_name_but_not_from_another_site(with_token):
    right = ("Authorization", f"Bearer {TOKEN}")
    assert ask(with_token, "GET", "/api/status", [right], host="larder.example:9901").status == 200
    with_token.get("/x")
    assert ask(with_token, "POST", "/api/purge", [right, JSON, ("Origin", "http://evil.test")], PURGE).status == 403
    assert ask(with_token, "POST", "/api/purge", [right, ("Content-Type", "text/plain")], PURGE).status == 415
    assert "hit" in cache_status(with_token.get("/x"))[1]


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz"])
def test_health_checks_and_the_page_without_data_need_no_token(with_token, path):
    answer = ask(with_token, "GET", path, host="larder.example:9901")
    assert answer.status == 200
    assert TOKEN.encode() not in answer.body


def test_the_token_is_never_shown(with_token):
    right = ("Authorization", f"Bearer {TOKEN}")
    for path in ("/api/status", "/metrics", "/api/entries"):
        assert TOKEN.encode() not in ask(with_token, "GET", path, [right]).body
    assert not any(TOKEN in line for line in with_token.errors + with_token.output)


# ---- the proxy's listener -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/metrics", "/api/status", "/api/history", "/api/entries", "/api/explain?url=/x"])
@pytest.mark.parametrize("host", ["api.test", "larder", "localhost", "{admin}"])
def test_admin_paths_on_the_client_listener_go_to_the_api(origin, path, host):
    origin.on(path, reply(200, {}, b"the API's own"))
    with Larder(origin, routes="  - {path: /**, cache: off}") as larder:
        host = host.replace("{admin}", "{}:{}".format(*larder.admin))
        assert larder.get(path, {"Host": host}).body == b"the API's own"
        for target in (f"http://{host}{path}",):
            assert larder.get(target, {"Host": host}).body == b"the API's own"
    assert [request.target for request in origin.requests] == [path] * 2


@pytest.mark.parametrize("target, body", CHANGES, ids=["purge", "reload"])
def test_admin_changes_on_the_client_listener_go_to_the_api(origin, target, body):
    origin.on("*", reply(200, {}, b"x")).on(target, reply(200, {}, b"the API's own"))
    with Larder(origin, routes=ROUTES) as larder:
        larder.get("/x")
        assert larder.get(target, [JSON, ("Host", "larder")], method="POST", body=body).body == b"the API's own"
        assert "hit" in cache_status(larder.get("/x"))[1]
    assert origin.seen(target, "POST")[0].body == body


# ---- the page -------------------------------------------------------------------------------------------------------


def directives(answer):
    found = {}
    for directive in answer["Content-Security-Policy"].split(";"):
        name, *values = directive.split()
        assert name not in found
        found[name] = values
    return found


def test_the_content_security_policy_allows_only_what_the_page_needs(guarded):
    first, second = (ask(guarded, "GET", "/") for _ in range(2))
    rules = directives(first)
    nonce = rules["script-src"][0]
    assert re.fullmatch(r"'nonce-[0-9a-f]{32}'", nonce)
    assert rules == {
        "default-src": ["'none'"],
        "script-src": [nonce],
        "style-src": [nonce],
        "connect-src": ["'self'"],
        "img-src": ["data:"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
    assert directives(second)["script-src"] != [nonce]  # different in each response
    assert first["X-Frame-Options"] == "DENY"
    page = first.body.decode()
    # Each script and style has the nonce; nothing is loaded from other origins.
    marks = re.findall(r"<(?:script|style)\b([^>]*)>", page)
    assert marks and all(f'nonce="{nonce[7:-1]}"' in mark for mark in marks)
    assert "@nonce@" not in page
    assert not re.search(r"\son[a-z]+\s*=|\sstyle\s*=|javascript:|<(?:iframe|object|embed|base)\b", page, re.IGNORECASE)
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", page, re.IGNORECASE)


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("GET", "/", 200),
        ("GET", "/api/status", 200),
        ("GET", "/metrics", 200),
        ("GET", "/nothing", 404),
        ("POST", "/healthz", 405),
        ("POST", "/api/purge", 415),
    ],
)
def test_every_response_has_the_security_fields_for_browsers(guarded, method, path, status):
    answer = ask(guarded, method, path)
    assert answer.status == status
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "no-store"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert not any(name.lower().startswith("access-control-") for name, _ in answer.fields)


def test_head_is_a_get_without_its_body_and_the_connection_goes_on(guarded):
    with Client(guarded.admin) as client:
        asked = [("HEAD", "/healthz", 200), ("GET", "/healthz", 200), ("HEAD", "/nothing", 404), ("HEAD", "/api/purge", 405)]
        for method, path, status in [*asked, ("GET", "/healthz", 200)]:
            answer = client.get(path, {"Host": "localhost"}, method=method)
            assert answer.status == status
            assert int(answer["Content-Length"]) > 0
            assert answer.body == (b"alive\n" if method == "GET" else b"")


def test_a_client_that_expects_100_continue(guarded):
    guarded.get("/x")
    fields = [("Host", "localhost"), JSON, ("Expect", "100-continue")]
    with Client(guarded.admin) as client:
        client.request("POST", "/api/purge", [*fields, ("Content-Length", str(len(PURGE)))])
        assert client.read_head().status == 100
        client.send(PURGE)
        assert client.response().status == 200
    assert "hit" not in cache_status(guarded.get("/x"))[1]
    with Client(guarded.admin) as client:
        client.request("POST", "/api/purge", [*fields, ("Content-Length", str(1 << 20))])
        assert client.response().status == 413  # at once, without the body
        assert client.ended()


def test_an_http_1_0_client_is_told_how_the_connection_goes_on(guarded):
    with Client(guarded.admin) as client:
        answer = client.get("/healthz", {"Connection": "keep-alive"}, version="1.0")
        assert answer["Connection"] == "keep-alive"
        assert "Connection" not in client.get("/healthz", {"Host": "localhost"})


def test_a_hostile_path_comes_back_as_text(guarded):
    answer = ask(guarded, "GET", "/<script>alert(1)</script>\"'")
    assert answer.status in (400, 404)
    assert answer["Content-Type"] == "application/problem+json"
    json.loads(answer.body)
