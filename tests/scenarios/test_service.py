"""Running as a service: notifications to the service manager, inherited sockets, reloads."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading

import pytest
from harness import PATIENCE, ROOT, Client, Larder, binary, cache_status, reply, tied


class Manager:
    """The service manager's end of sd_notify(3)."""

    def __init__(self, directory):
        self.path = str(directory / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(PATIENCE)
        self.messages = []

    def wait_for(self, text):
        """Waits until a message has that line; earlier messages are kept as well."""
        while True:
            message = self.socket.recv(4096).decode().split("\n")
            self.messages.append(message)
            if any(line == text or line.startswith(text) and text.endswith("=") for line in message):
                return message

    def close(self):
        self.socket.close()


@pytest.fixture
def manager(tmp_path, monkeypatch):
    it = Manager(tmp_path)
    monkeypatch.setenv("NOTIFY_SOCKET", it.path)
    yield it
    it.close()


def test_start_reload_and_stop_are_notified(origin, manager):
    with Larder(origin) as larder:
        ready = manager.wait_for("READY=1")
        assert any(line.startswith("STATUS=0 requests") for line in ready)
        larder.process.send_signal(signal.SIGHUP)
        reloading = manager.wait_for("RELOADING=1")
        assert any(re.fullmatch(r"MONOTONIC_USEC=\d+", line) for line in reloading)
        manager.wait_for("READY=1")
        larder.process.send_signal(signal.SIGTERM)
        manager.wait_for("STOPPING=1")


@pytest.mark.parametrize("loops", [1, 2])
def test_the_watchdog_is_notified(origin, manager, monkeypatch, loops):
    monkeypatch.setenv("WATCHDOG_USEC", "1000000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    with Larder(origin, settings=f"loops: {loops}"):
        for _ in range(3):
            manager.wait_for("WATCHDOG=1")


def test_without_a_service_manager_nothing_is_sent(origin, monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    with Larder(origin) as larder:
        assert larder.get("/x").status == 404


# ---- socket activation ----------------------------------------------------------------------------------------------


class Activated:
    """larder on an inherited listener (socket activation)."""

    def __init__(self, listener, config):
        self.config = config
        # LISTEN_PID must be the program's own process: a shell sets it and then executes the program.
        command = f'LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=larder exec "{binary()}" serve -c "{config}" 3<&{listener.fileno()}'
        self.process = subprocess.Popen(
            tied(["bash", "-c", command]), pass_fds=[listener.fileno()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout.readline().startswith("listening on"), self.process.stderr.read()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        errors = self.process.communicate(timeout=PATIENCE)[1]
        assert self.process.returncode == 0, errors
        assert "Sanitizer" not in errors and "runtime error" not in errors, errors


def test_twenty_restarts_with_a_held_listener_refuse_and_fail_nothing(origin, tmp_path):
    origin.on("*", reply(200, {}, b"x"))
    config = tmp_path / "larder.yaml"
    config.write_text(f"listen: fd:larder\nupstream: {origin.url}\ndrain_timeout: 10s\nroutes:\n  - {{path: /**, ttl: 1h}}\n")
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    address = listener.getsockname()
    over = threading.Event()
    failures = []
    answered = threading.Semaphore(0)

    def load():
        while not over.is_set():
            try:
                with Client(address) as client:
                    assert client.get("/x", {"Connection": "close"}).body == b"x"
                answered.release()
            except Exception as failure:  # noqa: BLE001 - each one is a failure of the test
                failures.append(repr(failure))

    threads = [threading.Thread(target=load, daemon=True) for _ in range(4)]
    larder = Activated(listener, config)
    for thread in threads:
        thread.start()
    for _ in range(20):
        for _ in range(25):
            assert answered.acquire(timeout=PATIENCE), failures
        larder.stop()
        larder = Activated(listener, config)
    over.set()
    for thread in threads:
        thread.join(PATIENCE)
    larder.stop()
    listener.close()
    assert failures == []


# ---- new settings ---------------------------------------------------------------------------------------------------


def command(name, larder, *arguments):
    where = f"{larder.admin[0]}:{larder.admin[1]}"
    ran = subprocess.run([binary(), name, "-c", str(larder.config), "--admin", where, *arguments], capture_output=True, text=True)
    return ran.returncode, ran.stdout, ran.stderr


def test_two_hundred_reloads_under_load_drop_no_connection_and_lose_no_entry(origin):
    origin.on("*", reply(200, {}, b"x"))
    route = "  - {{path: /**, ttl: {}h}}"
    over = threading.Event()
    failures = []
    with Larder(origin, routes=route.format(1), listen="127.0.0.1:0") as larder:
        for i in range(20):
            larder.get(f"/{i}")

        def load():
            try:
                with larder.client() as client:
                    while not over.is_set():
                        for i in range(20):
                            got = client.get(f"/{i}")
                            assert (got.body, "hit" in cache_status(got)[1]) == (b"x", True)
            except Exception as failure:  # noqa: BLE001 - each one is a failure of the test
                failures.append(repr(failure))

        threads = [threading.Thread(target=load, daemon=True) for _ in range(4)]
        for thread in threads:
            thread.start()
        for i in range(200):
            larder.write(routes=route.format(1 + i % 3), settings=f"cache: {{variants: {8 + i % 5}}}\nlog_level: warning")
            assert larder.change("/api/reload", {})[0] == 200
        over.set()
        for thread in threads:
            thread.join(PATIENCE)
        assert failures == []
        assert larder.metric("larder_store_entries") == 20
    assert len(origin.requests) == 20


def test_a_reload_opens_and_closes_listeners_and_keeps_connections(origin, tmp_path):
    origin.on("*", reply(200, {}, b"x"))
    unix = str(tmp_path / "larder.sock")
    with Larder(origin) as larder, larder.client() as kept:
        assert kept.get("/x").status == 200
        larder.write(listen=f"[127.0.0.1:0, unix:{unix}]")
        assert command("reload", larder)[0] == 0
        with Client(unix) as client:
            assert client.get("/x").status == 200
        larder.write(listen=f"unix:{unix}")
        assert command("reload", larder)[0] == 0
        larder.wait_for("larder_connections", lambda value: value == 1)
        with pytest.raises(OSError):
            larder.client()
        assert kept.get("/x").status == 200  # accepted before the reload
        with Client(unix) as client:
            assert client.get("/x").status == 200
        larder.write(listen="127.0.0.1:0")
        assert command("reload", larder)[0] == 0
        assert not os.path.exists(unix)


def test_a_listener_that_cannot_be_bound_changes_nothing(origin):
    origin.on("*", reply(200, {}, b"x"))
    taken = socket.create_server(("127.0.0.1", 0))
    with Larder(origin, routes="  - {path: /**, ttl: 1h}") as larder:
        larder.write(listen=f"[127.0.0.1:0, 127.0.0.1:{taken.getsockname()[1]}]", routes="  - {path: /**, cache: off}")
        code, _, errors = command("reload", larder)
        assert code == 2
        assert "Address already in use" in errors
        assert "the previous settings stay in force" in errors
        larder.get("/x")
        assert "hit" in cache_status(larder.get("/x"))[1]
    taken.close()


def test_an_invalid_file_is_reported_by_reload_log_and_metric(origin):
    with Larder(origin) as larder:
        larder.write(routes="  - {path: /x, tll: 1s}")
        code, output, errors = command("reload", larder)
        assert (code, output) == (2, "")
        assert f"{larder.config}:" in errors and "unknown key 'tll'" in errors
        larder.wait_for_line("unknown key 'tll'")
        assert larder.metric("larder_config_last_reload_successful") == 0
        larder.write(routes="  - {path: /x, ttl: 1s}")
        assert command("reload", larder)[:2] == (0, "reloaded\n")
        assert larder.metric("larder_config_last_reload_successful") == 1


def test_settings_that_require_a_restart_are_reported(origin, tmp_path):
    with Larder(origin, settings="loops: 1") as larder:
        larder.write(settings=f"loops: 2\ncache: {{persist: {tmp_path}/c.db}}")
        code, _, errors = command("reload", larder)
        assert code == 0
        assert "changing loops requires a restart" in errors
        assert "changing cache.persist requires a restart" in errors


def test_status_shows_the_state(origin):
    origin.on("/a", reply(200, {"ETag": '"1"'}, b"x" * 2000))
    with Larder(origin, routes="  - {path: /a, ttl: 1h}\n  - {path: /**, cache: off}") as larder:
        for _ in range(4):
            larder.get("/a")
        larder.get("/a", {"If-None-Match": '"1"'})
        larder.get("/nothing")
        larder.wait_for('larder_requests_total{route="/a",outcome="hit"}', lambda value: value == 4)
        code, text, _ = command("status", larder)
        assert code == 0
        assert re.search(r"^avoided +4 of 6 API requests \(66\.7 %\)", text, re.MULTILINE), text
        assert re.search(r"^/a +5 +80\.0 % +1 +0 ", text, re.MULTILINE), text
        assert re.search(r"^API +http://\S+: fine", text, re.MULTILINE), text
        figures = json.loads(command("status", larder, "--json")[1])
        assert figures["entries"] == 1 and figures["total"]["requests"] == 6
        assert [route["saved_bytes_304"] for route in figures["routes"] if route["route"] == "/a"] == [2000]
        assert json.loads(larder.ask_admin("/api/status")[1])["upstream"] == origin.url


def test_entries_are_listed(origin):
    origin.on("*", reply(200, {}, b"x"))
    with Larder(origin, routes="  - {path: /**, ttl: 1h}") as larder:
        for i in range(5):
            larder.get(f"/a/{i}")
        larder.get('/b?q="x"')
        listed = json.loads(larder.ask_admin("/api/entries")[1])
        assert listed["entries"] == 6
        assert sorted(entry["key"] for entry in listed["shown"])[-1] == 'http://api.test/b?q="x"'
        assert {variant["status"] for entry in listed["shown"] for variant in entry["variants"]} == {200}
        assert len(json.loads(larder.ask_admin("/api/entries?prefix=/a/")[1])["shown"]) == 5
        assert len(json.loads(larder.ask_admin("/api/entries?limit=2")[1])["shown"]) == 2


def test_a_page_of_another_site_cannot_reload(origin):
    with Larder(origin) as larder:
        assert larder.change("/api/reload", {}, {"Origin": "http://evil.test"})[0] == 403
        assert larder.change("/api/reload", {}, {"Content-Type": "text/plain"})[0] == 415
        assert larder.ask_admin("/api/reload")[0] == 405


# ---- the file -------------------------------------------------------------------------------------------------------


def run(*arguments, **environment):
    ran = subprocess.run([binary(), *arguments], capture_output=True, text=True, env={**os.environ, **environment})
    return ran.returncode, ran.stdout, ran.stderr


def test_dump_config_prints_what_is_in_force_as_a_file(tmp_path):
    config = tmp_path / "larder.yaml"
    config.write_text("listen: ':81'\ncompression: off\nroutes:\n  - {path: '/a/{id}', ttl: 30s, key: {query: [b, a]}}\n  - {path: /**, cache: off}\n")
    code, first, errors = run("dump-config", "-c", str(config))
    assert (code, errors) == (0, "")
    assert "ttl: 30s" in first and "first_byte_timeout: 1m" in first
    config.write_text(first)
    assert run("dump-config", "-c", str(config)) == (0, first, "")


def test_environment_variables_are_expanded(origin, tmp_path):
    config = tmp_path / "larder.yaml"
    config.write_text('upstream: ${API}\nlisten: ["${HOST:-127.0.0.1}:${PORT:-0}"]\nlog_level: ${LEVEL:-warning}\n')
    code, text, _ = run("dump-config", "-c", str(config), API=origin.url, PORT="81")
    assert code == 0
    assert f"url: {origin.url}" in text and "listen: 127.0.0.1:81" in text and "log_level: warning" in text
    code, _, errors = run("check", "-c", str(config))
    assert code == 2
    assert f"{config}:1:11: upstream: ${{API}} is not set; set it, or write ${{API:-default}}" in errors


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_the_unit_is_hardened():
    units = ROOT / "config" / "systemd"
    ran = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=15", str(units / "larder.service")], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout[-600:] + ran.stderr
