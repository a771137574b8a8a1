"""The process: command line, signals, log."""

import json
import os
import pathlib
import signal
import socket
import subprocess

import pytest
from harness import Client, Larder, ROOT, binary, cache_status, in_parallel, is_sanitized, reply


def run(*arguments):
    return subprocess.run([binary(), *arguments], capture_output=True, text=True, timeout=30, check=False)


def test_version_is_printed():
    result = run("version")
    assert result.returncode == 0
    assert result.stdout.startswith("larder 0.")


@pytest.mark.parametrize("arguments", [(), ("bogus",), ("serve", "--nonsense"), ("check", "-c")])
def test_wrong_usage_exits_with_2(arguments):
    assert run(*arguments).returncode == 2


def test_help_exits_with_0():
    result = run("--help")
    assert result.returncode == 0
    assert "serve" in result.stdout


def test_check_accepts_the_shipped_file():
    result = run("check", "-c", str(ROOT / "config" / "larder.yaml"))
    assert (result.returncode, result.stderr) == (0, "")


BAD = [
    ("lisen: 127.0.0.1:1", "1:1: unknown key 'lisen'; did you mean 'listen'?"),
    ("routes:\n  - path: /a\n    ttl: 30", "3:10: ttl: '30' has no unit; write 30s"),
    ("routes:\n  - path: /a\n    tl: 30s", "3:5: unknown key 'tl' in a route; did you mean 'ttl'?"),
    ("routes:\n  - {path: /a/**, ttl: 1s}\n  - {path: /a/b, ttl: 1s}", "3:6: unreachable route: '/a/**' on line 2 already matches it"),
    ("cache: {memory: 5MB}", "1:17: cache.memory: '5MB' has an unknown unit"),
]


@pytest.mark.parametrize("text, message", BAD)
def test_check_names_the_place_and_the_remedy(tmp_path, text, message):
    path = tmp_path / "larder.yaml"
    path.write_text(text)
    result = run("check", "-c", str(path))
    assert result.returncode == 2
    assert f"{path}:{message}" in result.stderr
    assert run("serve", "-c", str(path)).returncode == 2


def test_a_missing_file_is_reported(tmp_path):
    result = run("check", "-c", str(tmp_path / "none.yaml"))
    assert result.returncode == 2
    assert "cannot be read" in result.stderr


def test_an_address_in_use_is_named_and_exits_with_1(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        path = tmp_path / "larder.yaml"
        path.write_text(f"listen: {address}")
        result = run("serve", "-c", str(path))
    assert result.returncode == 1
    assert address in result.stderr


def test_a_socket_file_left_by_a_killed_run_is_taken_over(origin, tmp_path):
    origin.on("/x", reply(200, {}, b"ok"))
    path = tmp_path / "larder.sock"
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    with Larder(origin, listen=f"unix:{path}") as larder:
        with Client(str(path)) as client:
            assert client.get("/x").body == b"ok"
        # A socket in use is not replaced.
        other = tmp_path / "other.yaml"
        other.write_text(f"listen: unix:{path}")
        assert run("serve", "-c", str(other)).returncode == 1
        assert larder.process.poll() is None


def test_sigterm_lets_requests_finish(origin):
    hold = origin.hold("/slow")
    origin.on("/x", reply(200, {}, b"ok"))
    with Larder(origin, routes="  - {path: /**, cache: off}") as larder:
        idle = larder.client()
        idle.get("/x")
        busy = larder.client()
        busy.request("GET", "/slow")
        hold.wait()
        larder.process.send_signal(signal.SIGTERM)
        assert idle.ended()
        larder.wait_for_line("draining")
        # Connections in the backlog of a listener are reset when it is closed; each loop has a listener.
        with pytest.raises((ConnectionRefusedError, ConnectionResetError)):
            while True:
                Client(larder.address).close()
        assert larder.process.poll() is None
        assert larder.ask_admin("/readyz")[0] == 503
        assert larder.ask_admin("/healthz")[0] == 200
        hold.release(reply(200, {}, b"late"))
        answer = busy.response()
        assert answer.body == b"late"
        assert answer["Connection"] == "close"
        assert busy.ended()
        assert larder.process.wait(30) == 0


def test_a_second_sigterm_ends_at_once(origin):
    hold = origin.hold("/slow")
    with Larder(origin) as larder:
        join = in_parallel(1, lambda _: pytest.raises((AssertionError, ConnectionError), larder.get, "/slow"))
        hold.wait()
        larder.process.send_signal(signal.SIGTERM)
        larder.wait_for_line("draining")
        larder.process.send_signal(signal.SIGTERM)
        assert larder.process.wait(30) == 0
        join()
        hold.release(reply())


def test_drain_timeout_closes_remaining_connections(origin):
    hold = origin.hold("/slow")
    with Larder(origin, settings="drain_timeout: 100ms") as larder:
        join = in_parallel(1, lambda _: pytest.raises((AssertionError, ConnectionError), larder.get, "/slow"))
        hold.wait()
        larder.process.send_signal(signal.SIGTERM)
        assert larder.process.wait(30) == 0
        join()
        hold.release(reply())


def test_sighup_takes_new_routes_without_losing_a_connection(origin):
    origin.on("/x", reply(200, {}, b"ok"))
    with Larder(origin, routes="  - {path: /**, cache: off}") as larder, larder.client() as client:
        assert cache_status(client.get("/x"))[1]["fwd"] == "bypass"
        larder.write(routes="  - {path: /**, ttl: 60s}")
        larder.process.send_signal(signal.SIGHUP)
        larder.wait_for_line("reloaded")
        client.get("/x")
        assert cache_status(client.get("/x"))[1].get("hit")


def test_a_bad_file_keeps_the_old_settings_and_says_why(origin):
    origin.on("/x", reply(200, {}, b"ok"))
    with Larder(origin, routes="  - {path: /**, ttl: 60s}") as larder, larder.client() as client:
        client.get("/x")
        larder.write(routes="  - {path: /**, tl: 60s}")
        larder.process.send_signal(signal.SIGHUP)
        larder.wait_for_line("did you mean 'ttl'?")
        larder.wait_for_line("the previous settings stay in force")
        assert cache_status(client.get("/x"))[1].get("hit")


def test_entries_are_kept_over_a_reload_but_not_under_another_shape(origin):
    origin.on("/x", reply(200, {"Content-Type": "application/json"}, b'[{"id": 1, "slug": 2}]'))
    with Larder(origin, routes="  - {path: /**, ttl: 60s, fields: [id]}") as larder, larder.client() as client:
        assert client.get("/x").body == b'[{"id":1}]'
        larder.write(routes="  - {path: /y, ttl: 1s}\n  - {path: /**, ttl: 60s, fields: [id]}")
        larder.process.send_signal(signal.SIGHUP)
        larder.wait_for_line("reloaded")
        assert cache_status(client.get("/x"))[1].get("hit")
        larder.write(routes="  - {path: /**, ttl: 60s, fields: [slug]}")
        larder.process.send_signal(signal.SIGHUP)
        larder.get_until("/x", lambda answer: answer.body == b'[{"slug":2}]')


def test_the_access_log_has_a_json_line_a_request(origin):
    origin.on("/x?a=%22b", reply(200, {}, b"ok"))
    with Larder(origin, routes="  - {path: /**, ttl: 60s}", settings="access_log: json") as larder:
        with larder.client() as client:
            client.get("/x?a=%22b", {"User-Agent": 'a "quoted" agent'})
            client.get("/x?a=%22b")
            client.send("GET / HTTP/1.1\r\n\r\n")
            client.response()
        larder.wait_for_line('"status":400', "output")
        lines = [json.loads(line) for line in larder.output if line.startswith("{")]
    assert [line["outcome"] for line in lines] == ["miss", "hit", "refused"]
    first = lines[0]
    assert (first["method"], first["target"], first["status"], first["bytes"]) == ("GET", "/x?a=%22b", 200, 2)
    assert first["user_agent"] == 'a "quoted" agent'
    assert first["route"] == "/**"
    assert first["client"] == "127.0.0.1"


def test_the_combined_format_ends_with_the_outcome(origin):
    origin.on("/x", reply(200, {}, b"ok"))
    with Larder(origin, settings="access_log: combined") as larder:
        larder.get("/x")
        line = larder.wait_for_line('"GET /x HTTP/1.1" 200 2', "output")
    assert line.endswith(" miss")


@pytest.mark.parametrize("setting, sent", [("head: 100ms", "GET / HTT"), ("idle: 100ms", "")])
def test_a_silent_client_is_disconnected(origin, setting, sent):
    with Larder(origin, settings=f"timeouts: {{{setting}}}") as larder, larder.client() as client:
        client.send(sent)
        if sent:
            assert client.response().status == 408
        assert client.ended()


def test_a_body_that_stops_is_a_408(origin):
    with Larder(origin, settings="timeouts: {body: 100ms}") as larder, larder.client() as client:
        client.request("POST", "/x", {"Content-Length": "100"}, b"half")
        assert client.response().status == 408
        assert client.ended()


def test_admin_resources_are_served_by_the_admin_listener_only(origin):
    with Larder(origin) as larder:
        assert larder.ask_admin("/healthz")[0] == 200
        assert larder.ask_admin("/readyz")[0] == 200
        assert larder.ask_admin("/nothing")[0] == 404
        assert "# HELP larder_requests_total" in larder.ask_admin("/metrics")[1]
        # Not on the client listener.
        assert larder.get("/metrics").body == b"not scripted"


def test_keys_that_are_remembered_take_no_memory_for_their_length(origin):
    if is_sanitized():
        pytest.skip("a sanitizer keeps memory that has been freed")
    origin.on("*", reply(200, {"Cache-Control": "no-store"}, b"x"))
    with Larder(origin, routes="  - {path: /**, ttl: 60s}") as larder, larder.client() as client:

        def resident():
            return int(pathlib.Path(f"/proc/{larder.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

        def ask(numbers):
            for number in numbers:
                assert client.get(f"/x?{number}={'y' * 7000}").status == 200

        ask(range(100))
        before = resident()
        ask(range(100, 3100))
        assert resident() - before < 6 << 20  # the keys alone have 21 MB


def test_an_idle_connection_holds_no_buffer(origin):
    origin.on("/x", reply(200, {}, b"ok"))
    with Larder(origin, routes="  - {path: /**, ttl: 60s}", settings="limits: {connections: 2000}") as larder:

        def resident():
            return int(pathlib.Path(f"/proc/{larder.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

        larder.get("/x")
        clients = [larder.client() for _ in range(100)]
        for client in clients:
            client.get("/x")
        before = resident()
        more = [larder.client() for _ in range(800)]
        for client in more:
            client.get("/x")
        grown = resident() - before
        for client in clients + more:
            client.close()
    # A buffer alone would be 64 KiB.
    assert grown / 800 < 16 * 1024


def test_clients_are_served_while_new_settings_are_read(origin):
    origin.on("/x", reply(200, {}, b"x"))
    with Larder(origin) as larder:
        text = larder.config.read_text()
        # Opening a pipe for reading blocks until there is a writer.
        larder.config.unlink()
        os.mkfifo(larder.config)
        larder.process.send_signal(signal.SIGHUP)
        with larder.config.open("w") as pipe:  # larder is opening it for reading
            assert larder.get("/x").status == 200
            assert larder.ask_admin("/healthz")[0] == 200
            pipe.write(text)
        larder.wait_for_line("reloaded")
