"""`larder explain`: route, key, lifetime, what is stored, and why a response is not stored."""

import json
import subprocess

import pytest
from harness import Larder, binary, reply

ROUTES = """  - path: /topics/
    ttl: 30s
    refresh_param: refresh
    fields: [id, slug]
    stale_if_error: 1h
    invalidated_by: [/topics/**, /workstreams/**]
    key: {query: [limit], headers: [x-team]}
  - {path: /off, cache: off}
  - {path: /**, cache: standard}"""


def explain(*arguments):
    return subprocess.run([binary(), "explain", *arguments], capture_output=True, text=True, timeout=60)


def said(larder, *arguments):
    done = explain("-c", str(larder.config), "--admin", "%s:%d" % larder.admin, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_explain_without_a_running_larder(tmp_path):
    file = tmp_path / "larder.yaml"
    file.write_text(f"upstream: http://api.test:8000\nroutes:\n{ROUTES}\n")
    done = explain("-c", str(file), "http://API.test:80/topics/?refresh=1&x=2&limit=5")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "request   GET /topics/"
    assert lines[1] == "route     /topics/ (number 1 of 3), cache: ttl"
    assert lines[2] == "key       http://api.test/topics/?limit=5"
    for text in ("30s after it is received (status 200)", "?refresh=1 forces a fetch", "projected to id slug", "served stale for 1h while the API fails",
                 "invalidated by writes to /topics/**, /workstreams/**", "one variant per value of x-team", "no admin listener"):
        assert text in done.stdout
    assert "passed through" not in done.stdout
    assert "nothing is stored" in explain("-c", str(file), "/off").stdout
    assert "always forwarded to the API: method" in explain("-c", str(file), "POST", "/x").stdout


def test_explain_shows_what_a_write_invalidates(tmp_path):
    file = tmp_path / "larder.yaml"
    routes = """
  - {path: '/orders/{id}/summary', ttl: 30s, invalidated_by: ['/orders/{=id}/**']}
  - {path: /counts, ttl: 30s, invalidated_by: [/orders/**, /lists], invalidation: soft}
  - {path: /other, ttl: 30s, invalidated_by: [/lists]}
  - {path: /**, cache: standard}"""
    file.write_text(f"upstream: http://api.test:8000\nroutes:{routes}\n")
    shown = explain("-c", str(file), "POST http://api.test/orders/7/items").stdout.splitlines()
    assert shown[0] == "request   POST /orders/7/items"
    at = shown.index("writes    invalidates /orders/7/items")
    assert shown[at + 1 : at + 3] == ["          and /orders/7/summary", "          and /counts (marked stale)"]
    assert "/other" not in "\n".join(shown)
    assert "invalidates" not in explain("-c", str(file), "GET", "/orders/7/items").stdout
    assert explain("-c", str(file), "POST", "http://api.test/orders/7/items").stdout.splitlines() == shown


def test_explain_shows_what_a_bound_placeholder_is_for_a_url(tmp_path):
    file = tmp_path / "larder.yaml"
    routes = "  - {path: '/orders/{id}/summary', ttl: 30s, invalidated_by: ['/orders/{=id}/**', /lists]}"
    file.write_text(f"upstream: http://api.test:8000\nroutes:\n{routes}\n")
    assert "invalidated by writes to /orders/{=id}/** (here /orders/7/**), /lists" in explain("-c", str(file), "/orders/7/summary").stdout


def test_explain_shows_stored_responses(origin):
    origin.on("/kept", lambda exchange: reply(200, {"Cache-Control": "max-age=60", "Vary": "Accept-Language"}, b"data"))
    with Larder(origin, routes=ROUTES) as larder, larder.client() as client:
        assert "stored    nothing" in said(larder, "/kept")
        client.get("/kept", {"Host": "one.test"})
        client.get("/kept", {"Host": "one.test", "Accept-Language": "de", "Origin": "http://page.test"})
        text = said(larder, "http://one.test/kept")
        assert "stored    http://one.test/kept" in text
        assert text.count("200, 4 bytes, age ") == text.count("lifetime 1m (max-age), fresh for ") == 2
        for part in ("for origin: http://page.test", "for no origin", "for accept-language: de", "for no accept-language", "fresh for"):
            assert part in text
        assert "stored    http://one.test/kept" in said(larder, "/kept")  # any Host
        assert "stored    nothing" in said(larder, "http://two.test/kept")
        client.get("/kept", {"Host": "one.test"}, method="DELETE")
        assert "invalidated by a later write" in said(larder, "/kept")


@pytest.mark.parametrize(
    "fields, reason",
    [({"Cache-Control": "private"}, "private"), ({"Cache-Control": "no-store"}, "no-store"), ({"Vary": "*", "Cache-Control": "max-age=9"}, "vary-any"), ({}, "no-freshness")],
)
def test_explain_says_why_nothing_is_stored(origin, fields, reason):
    origin.on("/x", reply(200, fields, b"data"))
    with Larder(origin, routes=ROUTES) as larder:
        assert "not kept" not in said(larder, "/x")
        larder.get("/x")
        for target in ("/x", "http://api.test/x"):
            text = said(larder, target)
            assert "stored    nothing" in text
            assert f"ago: {reason} (" in text
            assert "\n          remedy: " in text
        origin.on("/x", reply(200, {"Cache-Control": "max-age=60"}, b"data"))
        larder.get_until("/x", lambda it: "stored" in it["Cache-Status"])
        assert "not kept" not in said(larder, "/x")


def test_explain_says_why_a_projection_is_not_stored(origin):
    origin.on("/topics/", reply(200, {"Content-Type": "application/json"}, b"{oops"))
    with Larder(origin, routes=ROUTES) as larder:
        larder.get("/topics/")
        assert "ago: not-json (the route projects" in said(larder, "/topics/")


def test_explain_as_json(origin):
    origin.on("*", reply(200, {"Cache-Control": "max-age=60"}, b"data"))
    with Larder(origin) as larder:
        larder.get("/x?a=%221%22")
        (status, body) = larder.ask_admin("/api/explain?url=%2Fx%3Fa%3D%2522")
        assert (status, json.loads(body)["stored"]) == (200, [])
        (status, body) = larder.ask_admin("/api/explain?url=%2Fx%3Fa%3D%25221%2522")
        assert [entry["variants"][0]["bytes"] for entry in json.loads(body)["stored"]] == [4]
        assert larder.ask_admin("/api/explain")[0] == 400
        assert larder.ask_admin("/api/explain?url=nonsense")[0] == 400


@pytest.mark.parametrize(
    "arguments, status, message",
    [
        (["x.test/a"], 2, "neither a URL"),
        (["http://bad host/"], 2, "bad host"),
        (["CONNECT", "/x"], 2, "CONNECT"),
        (["--admin", "127.0.0.1:1", "/x"], 1, "no response from 127.0.0.1:1"),
        (["--admin", "nonsense", "/x"], 2, "--admin"),
        ([], 2, "request"),
    ],
)
def test_invalid_arguments_are_reported(tmp_path, arguments, status, message):
    file = tmp_path / "larder.yaml"
    file.write_text("upstream: http://127.0.0.1:1\n")
    done = explain("-c", str(file), *arguments)
    assert done.returncode == status
    assert message in done.stderr
