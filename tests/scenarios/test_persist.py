"""cache.persist: what survives a restart, however the previous process ended."""

import json
import os
import random
import resource
import signal
import sqlite3

import pytest
from harness import Larder, cache_status, reply

HOUR = "  - {path: /**, ttl: 1h}"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "cache.db"


def settings(file, more=""):
    return f"cache: {{persist: {file}{more}}}"


def told(answer):
    return cache_status(answer)[1]


def written(larder, count=1):
    larder.wait_for("larder_persist_written_total", lambda value: value >= count)


def loaded(larder):
    """The number of restored responses, when all are restored."""
    larder.wait_for("larder_persist_restoring", lambda value: value == 0)
    return larder.metric("larder_persist_loaded_total")


def kill(larder):
    """Kills the process as in a crash."""
    larder.process.kill()
    larder.process.wait()
    larder.expected_exit = -signal.SIGKILL


def asides(file):
    return sorted(path.name for path in file.parent.iterdir() if ".aside-" in path.name)


@pytest.mark.parametrize("end", ["stopped", "killed"])
def test_after_a_restart_responses_are_back_with_their_true_age(origin, file, end):
    fields = {"ETag": '"v1"', "Content-Type": "application/json", "X-Own": "a", "Age": "100"}
    origin.on("/x?a=1", reply(200, fields, b'{"a": 1}'))
    with Larder(origin, routes=HOUR, settings=settings(file)) as larder:
        first = larder.get("/x?a=1")
        written(larder)
        if end == "killed":
            kill(larder)
    with Larder(origin, routes=HOUR, settings=settings(file)) as larder:
        again = larder.get("/x?a=1")
        assert "hit" in told(again)
        assert int(again["Age"]) >= 100
        own = [(name, value) for name, value in again.fields if name not in ("Age", "Cache-Status")]
        assert own == [(name, value) for name, value in first.fields if name not in ("Age", "Cache-Status")]
        assert again.body == first.body
        assert larder.get("/x?a=1", {"If-None-Match": '"v1"'}).status == 304
    assert len(origin.requests) == 1


def test_pending_changes_are_written_at_exit(origin, file):
    origin.on("*", reply(200, {}, b"x" * 1000))
    with Larder(origin, routes=HOUR, settings=settings(file)) as larder, larder.client() as client:
        for i in range(500):
            client.get(f"/{i}")
    with Larder(origin, routes=HOUR, settings=settings(file)) as larder:
        assert loaded(larder) == 500


def test_a_response_that_is_not_restored_yet_is_found_by_a_request(origin, file):
    origin.on("*", lambda at: reply(200, {}, at.request.target.encode() * 100))
    with Larder(origin, routes=HOUR, settings=settings(file)) as larder, larder.client() as client:
        for i in range(2000):
            client.get(f"/{i}")
    with Larder(origin, routes=HOUR, settings=settings(file)) as larder, larder.client() as client:
        for i in reversed(range(2000)):
            got = client.get(f"/{i}")
            assert "hit" in told(got)
            assert got.body == f"/{i}".encode() * 100
    assert len(origin.requests) == 2000


def test_a_write_while_responses_are_restored_is_not_undone(origin, file):
    origin.on("*", reply(200, {}, b"old"))
    with Larder(origin, routes=HOUR, settings=settings(file)) as larder, larder.client() as client:
        for i in range(500):
            client.get(f"/{i}")
    origin.on("*", reply(200, {}, b"new"))
    with Larder(origin, routes=HOUR, settings=settings(file)) as larder, larder.client() as client:
        for i in reversed(range(400, 500)):
            client.get(f"/{i}", method="DELETE")
        larder.wait_for("larder_persist_restoring", lambda value: value == 0)
        for i in range(400, 500):
            assert client.get(f"/{i}").body == b"new"


def test_variants_are_restored(origin, file):
    origin.on("*", lambda at: reply(200, {"Vary": "Accept-Language"}, at.request.get("Accept-Language", "none").encode()))
    with Larder(origin, routes=HOUR, settings=settings(file)) as larder:
        for language in ("de", "en"):
            larder.get("/x", {"Accept-Language": language})
        larder.get("/x")
        written(larder, 3)
    with Larder(origin, routes=HOUR, settings=settings(file)) as larder:
        for language in ("de", "en"):
            got = larder.get("/x", {"Accept-Language": language})
            assert (got.body.decode(), "hit" in told(got)) == (language, True)
        assert larder.get("/x").body == b"none"
        assert "fwd" in told(larder.get("/x", {"Accept-Language": "fr"}))


def test_an_expired_response_is_served_stale_and_refreshed(origin, file):
    origin.on("/x", reply(200, {}, b"old"))
    routes = "  - {path: /**, ttl: 1ms}"
    with Larder(origin, routes=routes, settings=settings(file)) as larder:
        larder.get("/x")
        written(larder)
    hold = origin.hold("/x")
    with Larder(origin, routes=routes, settings=settings(file)) as larder:
        got = larder.get("/x")
        assert (got.body, told(got)["detail"]) == (b"old", "stale-while-revalidate")
        hold.wait(1)
        hold.release(reply(200, {}, b"new"))
        larder.get_until("/x", lambda answer: answer.body == b"new")
    with Larder(origin, routes=routes, settings=settings(file, ", persist_stale: 0ms")) as larder:
        assert "fwd" in told(larder.get("/x"))


def test_stale_responses_found_while_restoring_are_refreshed(origin, file):
    origin.on("*", reply(200, {}, b"x" * 1000))
    routes = "  - {path: /**, ttl: 1ms}"
    with Larder(origin, routes=routes, settings=settings(file)) as larder, larder.client() as client:
        for i in range(2000):
            client.get(f"/{i}")
    with Larder(origin, routes=routes, settings=settings(file)) as larder, larder.client() as client:
        stale = 0
        for i in reversed(range(1000, 2000)):
            got = told(client.get(f"/{i}"))
            stale += got.get("detail") == "stale-while-revalidate"
            origin.wait_for(lambda at, n=2001 + (1999 - i): len(at.requests) >= n)
        assert stale == 1000


def test_changed_fields_never_bring_back_old_bytes(origin, file):
    body = json.dumps([{"id": 1, "slug": "a", "title": "T", "more": "x"}]).encode()
    origin.on("/x", reply(200, {"Content-Type": "application/json"}, body))
    route = "  - {path: /**, ttl: 1h, fields: [id, slug]}"
    with Larder(origin, routes=route, settings=settings(file)) as larder:
        assert json.loads(larder.get("/x").body) == [{"id": 1, "slug": "a"}]
        written(larder)
    wider = "  - {path: /**, ttl: 1h, fields: [id, slug, title]}"
    with Larder(origin, routes=wider, settings=settings(file)) as larder:
        got = larder.get("/x")
        assert "fwd" in told(got)
        assert json.loads(got.body) == [{"id": 1, "slug": "a", "title": "T"}]
        written(larder)
    with Larder(origin, routes=wider, settings=settings(file)) as larder:
        assert "hit" in told(larder.get("/x"))


@pytest.mark.parametrize(
    "changed",
    [
        "  - {path: /**, ttl: 1h, client_cache_control: no-cache}",
        "  - {path: /**, cache: standard}",
        "  - {path: /**, cache: off}",
        "  - {path: /**, ttl: 1ms, stale_while_revalidate: 0ms}",
    ],
)
def test_a_changed_route_applies_its_new_settings(origin, file, changed):
    origin.on("/x", reply(200, {}, b"x"))
    with Larder(origin, routes=HOUR, settings=settings(file)) as larder:
        larder.get("/x")
        written(larder)
    with Larder(origin, routes=changed, settings=settings(file, ", persist_stale: 0ms")) as larder:
        assert "fwd" in told(larder.get("/x"))


def test_an_invalidated_response_is_not_restored(origin, file):
    origin.on("*", reply(200, {}, b"old"))
    routes = "  - {path: /list, ttl: 1h, invalidated_by: [/items/**]}\n"
    routes += "  - {path: '/of/{id}', ttl: 1h, invalidated_by: ['/items/{=id}']}\n" + HOUR
    paths = ("/x", "/list", "/z", "/of/1", "/of/2")
    with Larder(origin, routes=routes, settings=settings(file)) as larder:
        for path in paths:
            larder.get(path)
        written(larder, len(paths))
        assert larder.get("/x", method="PATCH", body=b"{}").status == 200
        assert larder.get("/items/1", method="POST", body=b"{}").status == 200
        kill(larder)  # at once: nothing has been synchronised to the disk
    origin.on("*", reply(200, {}, b"new"))
    with Larder(origin, routes=routes, settings=settings(file)) as larder:
        assert [larder.get(path).body for path in paths] == [b"new", b"new", b"old", b"new", b"old"]


def test_a_purged_response_is_not_restored_after_a_crash(origin, file):
    origin.on("*", reply(200, {}, b"old"))
    with Larder(origin, routes=HOUR, settings=settings(file)) as larder:
        larder.get("/x")
        written(larder)
        assert larder.change("/api/purge", {"path": "/x"})[0] == 200
        kill(larder)
    origin.on("*", reply(200, {}, b"new"))
    with Larder(origin, routes=HOUR, settings=settings(file)) as larder:
        assert larder.get("/x").body == b"new"


def test_a_hundred_crashes_at_random_points(origin, file):
    """Reads and writes, with a kill at a random moment: each start succeeds, and each response has the current state."""
    chance = random.Random(4)
    state = {f"/{i}": 0 for i in range(20)}

    def answer(exchange):
        path = exchange.request.target
        if exchange.request.method == "PATCH":
            state[path] += 1
            return reply(200, {}, b"done")
        return reply(200, {}, f"{path} {state[path]} ".encode() * chance.choice([1, 100, 5000]))

    origin.on("*", answer)
    hits = restored = 0
    for _ in range(100):
        with Larder(origin, routes=HOUR, settings=settings(file)) as larder:
            restored += loaded(larder)
            missed = 0
            with larder.client() as client:
                for _ in range(chance.randrange(1, 60)):
                    if missed and chance.random() < 0.1:
                        written(larder)  # the archive is writing or has written
                    path = chance.choice(list(state))
                    if chance.random() < 0.2:
                        assert client.get(path, method="PATCH", body=b"{}").status == 200
                        continue
                    got = client.get(path)
                    hits += "hit" in told(got)
                    missed += "stored" in told(got)
                    words = got.body.decode().split()
                    assert set(zip(words[::2], words[1::2])) == {(path, str(state[path]))}
            kill(larder)
        assert not any("persist" in line and "were restored" not in line for line in larder.errors), larder.errors
    assert hits > 100
    assert restored > 100
    assert asides(file) == []


# ---- damaged and foreign files --------------------------------------------------------------------------------------


def fill(origin, file, count=50):
    origin.on("*", lambda at: reply(200, {}, at.request.target.encode() * 400))
    with Larder(origin, routes=HOUR, settings=settings(file)) as larder, larder.client() as client:
        for i in range(count):
            client.get(f"/{i}")


def still_right(origin, file, count=50):
    """Starts, sends correct responses whatever the file contains, and persists again."""
    origin.on("*", lambda at: reply(200, {}, at.request.target.encode() * 400))
    with Larder(origin, routes=HOUR, settings=settings(file)) as larder, larder.client() as client:
        for i in range(count):
            assert client.get(f"/{i}").body == f"/{i}".encode() * 400
        client.get("/new")
        written(larder)
        return larder.errors


def torn(data):
    return data[: len(data) // 3]


def scribbled(data):
    data = bytearray(data)
    chance = random.Random(1)
    for _ in range(2000):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def scribbled_bodies(data):
    return data.replace(b"/7/7/7/7", b"/8/8/8/8")


@pytest.mark.parametrize("harm", [torn, scribbled, scribbled_bodies], ids=["torn", "scribbled", "other bodies"])
def test_a_damaged_file_is_never_served_and_never_fatal(origin, file, harm):
    fill(origin, file)
    file.write_bytes(harm(file.read_bytes()))
    assert any("cache.persist" in line for line in still_right(origin, file))


@pytest.mark.parametrize("content", [b"not a database at all\n" * 1000, b"SQLite format 3\0" + b"\xff" * 8192], ids=["text", "head alone"])
def test_a_foreign_file_is_set_aside(origin, file, content):
    file.write_bytes(content)
    assert any("is no sound archive" in line and "aside-1" in line for line in still_right(origin, file))
    assert (file.parent / "cache.db.aside-1").read_bytes() == content
    assert asides(file) == ["cache.db.aside-1"]


def test_another_programs_database_is_set_aside_unchanged(origin, file):
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE precious(a)")
        database.execute("INSERT INTO precious VALUES(42)")
    database.close()
    before = file.read_bytes()
    assert any("is no archive of larder's" in line for line in still_right(origin, file))
    assert (file.parent / "cache.db.aside-1").read_bytes() == before


def test_a_file_of_a_later_version_is_set_aside(origin, file):
    fill(origin, file)
    database = sqlite3.connect(file)
    database.execute("PRAGMA user_version = 99")
    database.close()
    assert any("is of version 99" in line for line in still_right(origin, file))
    assert "cache.db.aside-1" in asides(file)


@pytest.mark.parametrize("harm", ["gone", "torn", "foreign", "header", "record"])
def test_without_its_invalidation_log_nothing_is_restored(origin, file, harm):
    fill(origin, file)
    log = file.parent / "cache.db.writes"
    if harm == "gone":
        log.unlink()
    elif harm in ("torn", "foreign"):
        log.write_bytes(log.read_bytes()[:10_000] if harm == "torn" else b"text\n" * 100_000)
    else:
        content = bytearray(log.read_bytes())
        content[40 if harm == "header" else 100_000] ^= 1
        log.write_bytes(content)
    origin.on("*", lambda at: reply(200, {}, b"new " + at.request.target.encode()))
    with Larder(origin, routes=HOUR, settings=settings(file)) as larder:
        assert larder.get("/7").body == b"new /7"


def test_a_file_in_use_by_another_process(origin, file):
    origin.on("*", reply(200, {}, b"x"))
    with Larder(origin, routes=HOUR, settings=settings(file)) as first:
        with Larder(origin, routes=HOUR, settings=settings(file)) as second:
            assert second.get("/x").body == b"x"
            second.wait_for_line("another process uses it")
        first.get("/x")
        written(first)
    assert asides(file) == []


@pytest.mark.parametrize("place", ["missing/cache.db", "."])
def test_a_file_that_cannot_be_created_is_a_warning(origin, tmp_path, place):
    origin.on("*", reply(200, {}, b"x"))
    path = (tmp_path / place).resolve() if place != "." else tmp_path
    if place == ".":
        (tmp_path / "cache.db").mkdir()
        path = tmp_path / "cache.db"
    with Larder(origin, routes=HOUR, settings=settings(path)) as larder:
        larder.wait_for_line("nothing is persisted until that succeeds, which is tried again")
        assert "hit" in told((larder.get("/x"), larder.get("/x"))[1])
        larder.wait_for("larder_persist_failures_total", lambda value: value >= 1)


def test_a_file_that_cannot_be_created_at_the_start_is_tried_again(origin, tmp_path):
    origin.on("*", lambda at: reply(200, {}, at.request.target.encode()))
    file = tmp_path / "later" / "cache.db"
    with Larder(origin, routes="  - {path: /**, ttl: 1h}", settings=settings(file)) as larder, larder.client() as client:
        for path in ("/before", "/purged", "/written"):
            client.get(path)
        larder.wait_for("larder_persist_failures_total", lambda value: value >= 1)
        client.get("/written", method="DELETE")
        assert larder.change("/api/purge", {"path": "/purged"})[0] == 200
        assert "hit" in told(client.get("/before"))
        file.parent.mkdir()
        larder.wait_for_line("responses are persisted from now on")
        client.get("/after")
        larder.wait_for("larder_persist_written_total", lambda value: value >= 2)
        larder.wait_for("larder_persist_waiting", lambda value: value == 0)
        assert "hit" in told(client.get("/before"))
    with Larder(origin, routes="  - {path: /**, ttl: 1h}", settings=settings(file)) as larder, larder.client() as client:
        loaded(larder)
        for path in ("/before", "/after"):
            assert "hit" in told(client.get(path))
        for path in ("/purged", "/written"):
            assert "hit" not in told(client.get(path))
        client.get("/before", method="DELETE")  # the file's log of writes continues
        assert "hit" not in told(client.get("/before"))


def test_a_full_disk_suspends_persistence_and_affects_no_request(origin, file):
    origin.on("*", reply(200, {}, os.urandom(50_000)))
    with Larder(origin, routes=HOUR, settings=settings(file)) as larder, larder.client() as client:
        client.get("/0")
        written(larder)
        limits = resource.prlimit(larder.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(larder.process.pid, resource.RLIMIT_FSIZE, (200_000, limits[1]))
        for i in range(100):
            assert client.get(f"/{i}").status == 200
        larder.wait_for("larder_persist_failures_total", lambda value: value >= 1)
        larder.wait_for_line("nothing is persisted meanwhile")
        assert "hit" in told(client.get("/99"))
        resource.prlimit(larder.process.pid, resource.RLIMIT_FSIZE, limits)
        larder.wait_for("larder_persist_waiting", lambda value: value == 0)  # the disk has space again
    with Larder(origin, routes=HOUR, settings=settings(file)) as larder:
        assert loaded(larder) == 100


def test_the_file_stays_within_persist_size(origin, file):
    origin.on("*", lambda _: reply(200, {}, os.urandom(100_000)))
    with Larder(origin, routes=HOUR, settings=settings(file, ", persist_size: 1MiB")) as larder, larder.client() as client:
        for i in range(60):
            client.get(f"/{i}")
            written(larder, i + 1)
        assert larder.metric("larder_persist_bytes") <= 1 << 20
    assert file.stat().st_size <= 3 << 20
    with Larder(origin, routes=HOUR, settings=settings(file)) as larder:
        assert 5 <= loaded(larder) <= 10
        assert "hit" in told(larder.get("/59"))  # the newest are kept


def test_an_unchanged_body_is_not_written_again(origin, file):
    body = os.urandom(500_000)
    origin.on("/x", lambda at: reply(304, {}, length=False) if "If-None-Match" in at.request else reply(200, {"ETag": '"1"'}, body))
    with Larder(origin, routes="  - {path: /**, ttl: 1ms}", settings=settings(file)) as larder:
        larder.get("/x")
        written(larder)
        for i in range(20):
            larder.get_until("/x", lambda answer: "fwd" in told(answer))
            written(larder, i + 2)
        grown = sum(path.stat().st_size for path in file.parent.iterdir() if path.name != "cache.db.writes")
        assert grown < 3 * len(body)
