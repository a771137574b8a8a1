"""Reloads under load: no request is dropped, no valid response is fetched again, and an invalid file is reported everywhere."""

import json
import os
import re
import signal
import subprocess
import threading

import pytest
from harness import PATIENCE, Client, Larder, binary, cache_status, in_parallel, reply

KEPT = 20


def routes(turn):
    """A different file each time: the cached route has another ttl, position and neighbours; one route appears and disappears."""
    lines = [
        f"  - {{path: /kept/**, ttl: {1 + turn % 3}h, stale_while_revalidate: {1 + turn % 2}m}}",
        "  - {path: /moving/**, cache: off}" if turn % 2 else f"  - {{path: /moving/**, ttl: {1 + turn % 5}s}}",
    ]
    if turn % 3 == 0:
        lines.reverse()
    if turn % 4 == 0:
        lines.insert(0, f"  - {{path: /only/{turn % 8}/**, cache: standard}}")
    return "\n".join(lines)


def settings(turn):
    return (
        f"cache: {{variants: {8 + turn % 5}, memory: {64 + turn % 4}MiB}}\n"
        f"limits: {{connections: {1000 + turn}, buffer: {32 << (turn % 3)}KiB, head: {16 << (turn % 2)}KiB}}\n"
        f"timeouts: {{idle: {60 + turn % 7}s}}\n"
        f"access_log: {('off', 'json', 'combined')[turn % 3]}\nlog_level: {('info', 'warning')[turn % 2]}"
    )


def command(larder):
    where = f"{larder.admin[0]}:{larder.admin[1]}"
    ran = subprocess.run([binary(), "reload", "-c", str(larder.config), "--admin", where], capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout, ran.stderr


class Load:
    """Clients that send requests continuously, over one connection or a new one each time, and accept only correct responses."""

    def __init__(self, larder):
        self.larder = larder
        self.over = threading.Event()
        self.condition = threading.Condition()
        self.answers = 0
        self.failures = []
        self.join = in_parallel(4, lambda i: self._one_after_another(i % 2 == 0))

    def _one_after_another(self, keeps_its_connection):
        try:
            while not self.over.is_set():
                with self.larder.client() as client:
                    while not self.over.is_set():
                        self._ask(client)
                        if not keeps_its_connection:
                            break
        except BaseException as failure:
            with self.condition:
                self.failures.append(failure)
                self.condition.notify_all()
            raise

    def _ask(self, client):
        for i in range(KEPT):
            got = client.get(f"/kept/{i}")
            assert (got.status, got.body) == (200, b"x" * 100)
            assert "hit" in cache_status(got)[1], got.fields
            assert "Connection" not in got
        got = client.get("/moving/a")
        assert (got.status, got.body) == (200, b"x" * 100)
        with self.condition:
            self.answers += KEPT + 1
            self.condition.notify_all()

    def goes_on(self):
        """Waits until a request that was sent after this call has been answered."""
        with self.condition:
            wanted = self.answers + 5 * (KEPT + 1)
            assert self.condition.wait_for(lambda: self.answers >= wanted or self.failures, PATIENCE)
            assert not self.failures, self.failures

    def end(self):
        self.over.set()
        self.join()


@pytest.mark.parametrize("loops", [1, 2])
def test_two_hundred_reloads_of_all_kinds(origin, tmp_path, loops):
    origin.on("*", reply(200, {}, b"x" * 100))
    unix = str(tmp_path / "larder.sock")
    with Larder(origin, routes=routes(0), settings=f"{settings(0)}\nloops: {loops}") as larder:
        for i in range(KEPT):
            larder.get(f"/kept/{i}")
        load = Load(larder)
        kept_open = []  # accepted by a listener that has been closed since
        for turn in range(1, 201):
            with_unix = turn % 10 < 5
            larder.write(
                routes=routes(turn),
                settings=f"{settings(turn)}\nloops: {loops}",
                listen=f"[127.0.0.1:0, 'unix:{unix}']" if with_unix else "127.0.0.1:0",
            )
            if turn % 20 == 7:
                assert command(larder) == (0, "reloaded\n", "")
            else:
                status, text = larder.change("/api/reload", {})
                assert status == 200, text
            assert os.path.exists(unix) == with_unix
            if turn % 10 == 0:
                kept_open.append(Client(unix))
            for client in kept_open:
                assert client.get("/kept/0").body == b"x" * 100
            if turn % 10 == 5:
                with pytest.raises(OSError):
                    Client(unix)
            if turn % 5 == 0:
                load.goes_on()
        load.end()
        for client in kept_open:
            client.close()
        assert larder.metric("larder_config_last_reload_successful") == 1
        assert larder.metric("larder_store_evictions_total") == 0
    assert len(kept_open) == 20
    assert [len(origin.seen(f"/kept/{i}")) for i in range(KEPT)] == [1] * KEPT


BAD = [
    ("  - {path: /kept/**, ttl: 1h}\n  - {path: /moving/**, tll: 1s}", "", "unknown key 'tll' in a route; did you mean 'ttl'?"),
    ("  - {path: /kept/**, ttl: 30}", "", "'30' has no unit"),
    ("  - {path: /**, ttl: 1h}\n  - {path: /kept/**, cache: off}", "", "unreachable route: "),
    ("  - {path: /kept/**, cache: off", "", "flow"),
    ("  - {path: /kept/**, cache: off}", "access_log: json\naccess_log_file: /nowhere/at/all", "/nowhere/at/all cannot be opened"),
    ("  - {path: /kept/**, cache: off}", "upstreem: x", "unknown key 'upstreem'"),
]


@pytest.mark.parametrize("how", ["command", "request", "signal"])
def test_an_invalid_file_changes_nothing_under_load_and_is_reported(origin, how):
    origin.on("*", reply(200, {}, b"x" * 100))
    with Larder(origin, routes=routes(0)) as larder:
        for i in range(KEPT):
            larder.get(f"/kept/{i}")
        load = Load(larder)
        for turn, (bad_routes, bad_settings, what) in enumerate(BAD):
            larder.write(routes=bad_routes, settings=bad_settings)
            if how == "command":
                code, output, errors = command(larder)
                assert (code, output) == (2, "")
                assert what in errors and "the previous settings stay in force" in errors
            elif how == "request":
                status, text = larder.change("/api/reload", {})
                assert status == 422 and any(what in message for message in json.loads(text)["messages"])
            else:
                larder.process.send_signal(signal.SIGHUP)
            line = larder.wait_for_line(what)
            assert " error reload: " in line
            larder.wait_for("larder_config_last_reload_successful", lambda value: value == 0)
            status = json.loads(larder.ask_admin("/api/status")[1])
            assert status["last_reload_ok"] is False
            (message,) = (message for message in status["last_reload_messages"] if what in message)
            assert line.endswith(message)
            if "cannot be opened" not in what:
                assert re.match(rf"{re.escape(str(larder.config))}:\d+:\d+: ", message)  # FILE:LINE:COL
            load.goes_on()
            larder.write(routes=routes(turn + 1), settings="")
            assert larder.change("/api/reload", {})[0] == 200
            status = json.loads(larder.ask_admin("/api/status")[1])
            assert status["last_reload_ok"] is True and status["last_reload_messages"] == []
        load.end()
    assert [len(origin.seen(f"/kept/{i}")) for i in range(KEPT)] == [1] * KEPT


def test_requests_under_way_keep_the_settings_that_they_began_with(origin):
    """A fill, a streamed upload and a request to a route that is removed, each interrupted by a reload."""
    fill, passed = origin.hold("/kept/a"), origin.hold("/moving/a")
    with Larder(origin, routes="  - {path: /kept/**, ttl: 1h}\n  - {path: /moving/**, cache: off}") as larder:
        join = in_parallel(4, lambda i: larder.get("/kept/a" if i < 2 else "/moving/a"))
        uploading = larder.client()
        uploading.request("POST", "/moving/b", {"Content-Length": "10"})
        uploading.send(b"12345")
        fill.wait(1)
        passed.wait(2)
        larder.wait_for("larder_fill_waiters", lambda value: value == 2)
        for turn in range(10):
            larder.write(routes=f"  - {{path: /kept/**, ttl: {1 + turn}h}}")
            assert larder.change("/api/reload", {})[0] == 200
        fill.release(reply(200, {}, b"filled"))
        passed.release(reply(200, {}, b"passed"))
        assert [answer.body for answer in join()] == [b"filled"] * 2 + [b"passed"] * 2
        origin.on("/moving/b", reply(200, {}, b"uploaded"))
        uploading.send(b"67890")
        assert uploading.response().body == b"uploaded"
        uploading.close()
        assert "hit" in cache_status(larder.get("/kept/a"))[1]
    assert origin.seen("/moving/b")[0].body == b"1234567890"
    assert len(origin.seen("/kept/a")) == 1
