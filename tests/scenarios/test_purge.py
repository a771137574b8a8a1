"""Purging by the admin listener and by the command line."""

import json
import subprocess

import pytest
from harness import Larder, binary, cache_status, in_parallel, reply

ROUTES = "  - {path: /g/**, ttl: 1h, groups: [lists]}\n  - {path: /**, ttl: 1h}"


def told(answer):
    return cache_status(answer)[1]


def hits(larder, *targets):
    return ["hit" in told(larder.get(target)) for target in targets]


def purge(larder, *arguments):
    where = f"{larder.admin[0]}:{larder.admin[1]}"
    ran = subprocess.run([binary(), "purge", "--admin", where, *arguments], capture_output=True, text=True)
    return ran.returncode, ran.stdout, ran.stderr


@pytest.fixture
def stored(origin):
    origin.on("*", reply(200, {}, b"x"))
    with Larder(origin, routes=ROUTES) as larder:
        larder.targets = ["/a", "/a?q=1", "/a/b", "/g/1", "/c"]
        for target in larder.targets:
            larder.get(target)
        larder.get("/a", {"Host": "other.test"})
        yield larder


@pytest.mark.parametrize(
    "what, left, count",
    [
        ({"path": "/a"}, [False, False, True, True, True], 3),
        ({"path": "/a?q=1"}, [True, False, True, True, True], 1),
        ({"path": "/%61"}, [False, False, True, True, True], 3),
        ({"prefix": "/a"}, [False, False, False, True, True], 4),
        ({"group": "lists"}, [True, True, True, False, True], 1),
        ({"group": "none"}, [True, True, True, True, True], 0),
        ({"all": True}, [False, False, False, False, False], 6),
        ({"path": "/nothing"}, [True, True, True, True, True], 0),
    ],
    ids=str,
)
def test_a_purge_erases_what_it_names_and_nothing_else(stored, what, left, count):
    status, text = stored.change("/api/purge", what)
    assert (status, json.loads(text)) == (200, {"purged": count, "soft": False})
    assert hits(stored, *stored.targets) == left
    assert ("hit" in told(stored.get("/a", {"Host": "other.test"}))) == (what not in ({"path": "/a"}, {"path": "/%61"}, {"prefix": "/a"}, {"all": True}))


@pytest.mark.parametrize("what", [{"path": "/a"}, {"prefix": "/a"}, {"all": True}], ids=str)
def test_after_a_soft_purge_the_response_is_served_once_while_it_is_fetched(stored, origin, what):
    hold = origin.hold("/a")
    assert stored.change("/api/purge", {**what, "soft": True})[0] == 200
    got = stored.get("/a")
    assert (got.body, told(got)["detail"]) == (b"x", "soft-invalidation")
    hold.wait(1)
    hold.release(reply(200, {}, b"new"))
    stored.get_until("/a", lambda answer: answer.body == b"new")


def test_a_soft_purge_of_a_group(stored, origin):
    hold = origin.hold("/g/1")
    assert stored.change("/api/purge", {"group": "lists", "soft": True})[0] == 200
    assert told(stored.get("/g/1"))["detail"] == "soft-invalidation"
    hold.wait(1)
    hold.release(reply(200, {}, b"new"))
    stored.get_until("/g/1", lambda answer: answer.body == b"new")
    assert hits(stored, "/a") == [True]


@pytest.mark.parametrize("loops", [1, 2])
@pytest.mark.parametrize("what", [{"path": "/x"}, {"prefix": "/"}, {"group": "lists"}, {"all": True}], ids=str)
def test_a_purge_during_a_fill_keeps_its_response_from_being_stored(origin, what, loops):
    """A response requested before the purge is not stored, but is sent to the clients that wait for it."""
    hold = origin.hold("/x")
    with Larder(origin, routes="  - {path: /**, ttl: 1h, groups: [lists]}", settings=f"loops: {loops}") as larder:
        join = in_parallel(1, lambda _: larder.get("/x"))
        hold.wait(1)
        assert larder.change("/api/purge", what)[0] == 200
        hold.release(reply(200, {}, b"before"))
        assert {answer.body for answer in join()} == {b"before"}
        hold.release(reply(200, {}, b"after"))
        got = larder.get("/x")
        assert (got.body, "fwd" in told(got)) == (b"after", True)
        assert hits(larder, "/x") == [True]


@pytest.mark.parametrize(
    "body, status, words",
    [
        ("", 400, "the body is not a JSON object"),
        ("[]", 400, "the body is not a JSON object"),
        ("{}", 400, "write {"),
        ('{"soft": true}', 400, "write {"),
        ('{"path": "/a", "all": true}', 400, "more than one of path, prefix, group and all"),
        ('{"path": "a"}', 400, "unknown or invalid member: path"),
        ('{"path": 1}', 400, "unknown or invalid member: path"),
        ('{"all": false}', 400, "unknown or invalid member: all"),
        ('{"everything": true}', 400, "unknown or invalid member: everything"),
        ('{"path": "/a", "soft": "yes"}', 400, "unknown or invalid member: soft"),
        ('{"path": "/' + "a" * 70_000 + '"}', 413, "64 KiB"),
    ],
)
def test_an_invalid_purge_erases_nothing(stored, body, status, words):
    got, text = stored.change("/api/purge", body)
    assert got == status
    assert words in text
    assert hits(stored, *stored.targets) == [True] * 5


@pytest.mark.parametrize(
    "fields, status",
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Origin": "http://evil.test"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Host": "evil.test"}, 403),
        ({"Host": "localhost.evil.test:9901"}, 403),
        ({"Content-Type": "application/json; charset=utf-8", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Host": "localhost:9901", "Origin": "http://localhost:9901"}, 200),
    ],
    ids=str,
)
def test_a_page_of_another_site_purges_nothing(stored, fields, status):
    assert stored.change("/api/purge", {"all": True}, fields)[0] == status
    assert hits(stored, "/a") == [status != 200]


def test_only_post_purges(stored):
    assert stored.ask_admin("/api/purge")[0] == 405
    assert stored.ask_admin("/api/purge?all=true")[0] == 405
    assert hits(stored, "/a") == [True]


def test_purging_is_not_reachable_through_the_client_listener(stored, origin):
    origin.on("/api/purge", reply(200, {}, b"the API's own"))
    assert stored.get("/api/purge", {"Content-Type": "application/json"}, method="POST", body=b'{"all": true}').body == b"the API's own"
    assert hits(stored, "/c") == [True]


def test_the_command_line_purges(stored):
    assert purge(stored, "/a") == (0, "3 entries purged\n", "")
    assert purge(stored, "--prefix", "/a/") == (0, "1 entry purged\n", "")
    assert purge(stored, "--group", "lists", "--soft") == (0, "1 entry marked stale\n", "")
    assert purge(stored, "--all") == (0, "2 entries purged\n", "")
    code, _, errors = purge(stored, "topics")
    assert code == 2
    assert "is not a path" in errors


@pytest.mark.parametrize("arguments", [[], ["/a", "--all"], ["--prefix", "/a", "--group", "b"], [""]], ids=str)
def test_a_purge_without_a_target_is_a_usage_error(stored, arguments):
    assert purge(stored, *arguments)[0] == 2
    assert hits(stored, "/a") == [True]


def test_without_an_admin_listener_the_command_reports_it(origin, tmp_path):
    config = tmp_path / "larder.yaml"
    config.write_text("admin: 127.0.0.1:1\nroutes: []\n")
    ran = subprocess.run([binary(), "purge", "-c", str(config), "--all"], capture_output=True, text=True)
    assert ran.returncode in (1, 2)
    assert ran.stderr
