"""What operators see and rely on: logs at each level, refusals, listeners on every address, lowered lifetimes."""

import re
import socket
import subprocess

from harness import Larder, binary, cache_status, reply


def told(answer):
    return cache_status(answer)[1]


HOUR = "  - {path: /**, ttl: 1h}"


def test_debug_logs_a_line_for_each_request_and_trace_each_request_to_the_api(origin):
    origin.on("*", reply(200, {}, b"x"))
    with Larder(origin, routes=HOUR, settings="log_level: debug\naccess_log_redact: [token]") as larder:
        larder.get("/a?token=secret")
        larder.wait_for_line("debug request GET /a?token=*** from 127.0.0.1: status 200, 1 bytes")
        larder.wait_for_line("route /**; larder; fwd=uri-miss; stored")
        larder.get("/a?token=secret")
        larder.wait_for_line("route /**; larder; hit; ttl=")
        assert not any("API request" in line or "secret" in line for line in larder.errors)
        larder.reload(settings="log_level: trace")
        larder.get("/b")
        larder.wait_for_line("trace API request for /b on a")
        larder.wait_for_line("trace API response for /b: status 200")
        larder.reload(settings="log_level: info")
        count = len(larder.errors)
        larder.get("/c")
        assert not any("request GET /c" in line for line in larder.errors[count:])


def test_every_refusal_has_a_cache_status(origin):
    with Larder(origin, routes=HOUR) as larder:
        for sent in (b"GET / HTTP/1.1\r\n\r\n", b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n"):
            with larder.client() as client:
                client.send(sent)
                answer = client.response()
                assert 400 <= answer.status < 600
                assert told(answer) == {"detail": "refused"}, sent
        with larder.client() as client:  # a request that passed too many proxies
            answer = client.get("/x", {"Via": ", ".join(["1.1 a"] * 20)})
            assert (answer.status, told(answer)) == (508, {"detail": "refused"})


def test_a_port_alone_listens_on_both_families(origin):
    origin.on("*", reply(200, {}, b"x"))
    with Larder(origin, routes=HOUR, listen=":0", settings="trusted_proxies: []") as larder:
        port = larder.address[1]
        for host, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
            with socket.socket(family) as sock:
                sock.settimeout(30)
                sock.connect((host, port))
                sock.sendall(b"GET /x HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n")
                assert sock.recv(100).startswith(b"HTTP/1.1 200 ")


def test_a_lowered_ttl_applies_to_what_is_stored(origin):
    origin.on("*", reply(200, {}, b"x"))
    with Larder(origin, routes="  - {path: /a, ttl: 1h}\n  - {path: /b, ttl: 1h}\n  - {path: /c, cache: standard}") as larder:
        for path in ("/a", "/b"):
            larder.get(path)
        assert 3000 < int(told(larder.get("/a"))["ttl"]) <= 3600
        larder.reload(routes="  - {path: /a, ttl: 10m}\n  - {path: /b, ttl: 2h}\n  - {path: /c, cache: standard}")
        answer = larder.get_until("/a", lambda it: "hit" in told(it) and int(told(it)["ttl"]) <= 600)
        assert int(told(answer)["ttl"]) > 300
        assert 3000 < int(told(larder.get("/b"))["ttl"]) <= 3600  # a higher one is for what is fetched from now on
        larder.reload(routes="  - {path: /a, ttl: 1ms}\n  - {path: /b, ttl: 1h}\n  - {path: /c, cache: standard}")
        larder.get_until("/a", lambda it: told(it).get("fwd") == "stale")
        assert len(origin.seen("/b")) == 1


def test_the_request_id_reaches_the_client(origin):
    origin.on("/own", reply(200, {"X-Request-ID": "of-the-api"}, b"x")).on("*", reply(200, {}, b"x"))
    with Larder(origin, routes="  - {path: /off, cache: off}\n" + HOUR, settings="request_id: begin") as larder, larder.client() as client:
        ids = [client.get(path)["X-Request-ID"] for path in ("/a", "/a", "/off", "/off")]  # a miss, a hit, forwarded
        assert all(re.fullmatch("[0-9a-f]{32}", one) for one in ids) and len(set(ids)) == 4
        assert origin.seen("/off")[0]["X-Request-ID"] == ids[2]
        for path in ("/a", "/off"):
            assert client.get(path, {"X-Request-ID": "mine"})["X-Request-ID"] == "mine"
        first = client.get("/own")
        assert [value for name, value in first.fields if name.lower() == "x-request-id"] == ["of-the-api"]
        assert re.fullmatch("[0-9a-f]{32}", client.get("/own")["X-Request-ID"])  # the API's is of another request
        assert re.fullmatch("[0-9a-f]{32}", client.get("/x", {"Cache-Control": "only-if-cached"})["X-Request-ID"])
    with Larder(origin, routes=HOUR) as larder:
        assert larder.get("/b", {"X-Request-ID": "mine"}).get("X-Request-ID") is None


def test_standard_output_is_the_access_log_alone(origin):
    origin.on("*", reply(200, {}, b"x"))
    with Larder(origin, routes=HOUR, settings="access_log: json") as larder:
        larder.get("/a")
        larder.wait_for_line('"target":"/a"', where="output")
        assert all(line.startswith("{") for line in larder.output)
        assert any(line.startswith("listening on http://127.0.0.1:") for line in larder.errors)


def test_what_cannot_be_purged_is_a_usage_error(tmp_path):
    file = tmp_path / "larder.yaml"
    file.write_text("admin: 127.0.0.1:1\n")
    for arguments in (["t/"], ["--prefix", "t/"]):
        done = subprocess.run([binary(), "purge", "-c", str(file), *arguments], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (2, "larder: purge: 't/' is not a path; write for example /topics/\n")


def test_dump_config_writes_a_literal_dollar_so_that_it_is_read_again(tmp_path):
    file = tmp_path / "larder.yaml"
    file.write_text('routes: [{path: /a, ttl: 30s, client_cache_control: "private, max-age=5, x=$${HOME}"}]\n')
    dump = [binary(), "dump-config", "-c"]
    first = subprocess.run([*dump, str(file)], capture_output=True, text=True, timeout=60, check=True).stdout
    assert 'client_cache_control: "private, max-age=5, x=$${HOME}"' in first
    file.write_text(first)
    assert subprocess.run([*dump, str(file)], capture_output=True, text=True, timeout=60, check=True).stdout == first


def test_a_late_head_gets_408_and_an_idle_connection_is_closed_silently(origin):
    origin.on("*", reply(200, {}, b"x"))
    with Larder(origin, routes=HOUR, settings="timeouts: {head: 300ms, idle: 300ms}\naccess_log: json") as larder:
        with larder.client() as client:
            client.send(b"GET /x HTTP/1.1\r\nHost: api.test\r\nX-Lo")
            answer = client.response()
            assert (answer.status, told(answer), answer["Connection"]) == (408, {"detail": "refused"}, "close")
            assert client.ended()
        larder.wait_for_line('"status":408', where="output")
        with larder.client() as client:
            assert client.get("/x").status == 200
            assert client.ended()


def test_the_end_of_draining_does_not_blame_the_api(origin):
    hold = origin.hold("/held")
    with Larder(origin, routes="  - {path: /**, cache: off}", settings="drain_timeout: 300ms", upstream="  connections: 1") as larder, larder.client() as one, larder.client() as two:
        one.request("GET", "/held")
        hold.wait(1)
        two.request("GET", "/waits")
        larder.wait_for("larder_upstream_queue", lambda value: value == 1)
        larder.process.send_signal(15)
        larder.process.wait(30)
        hold.release(reply(200, {}, b"x"))
    assert not any("upstream" in line and "warning" in line for line in larder.errors), larder.errors


def test_under_a_ttl_must_revalidate_limits_the_apis_windows_and_not_the_routes(origin):
    fields = {"Cache-Control": "must-revalidate, stale-while-revalidate=3600, stale-if-error=3600"}
    origin.on("*", reply(200, fields, b"x"))
    routes = "  - {path: /own, ttl: 1ms, stale_while_revalidate: 1h}\n  - {path: /**, ttl: 1ms}"
    with Larder(origin, routes=routes) as larder:
        larder.get("/own")
        larder.get("/api")
        larder.get_until("/own", lambda it: told(it).get("detail") == "stale-while-revalidate")
        assert all("hit" not in told(larder.get_until("/api", lambda it: told(it).get("fwd") == "stale")) for _ in range(3))
