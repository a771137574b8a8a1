"""TLS towards clients: handshakes, certificates, what depends on the scheme."""

import pathlib
import socket
import ssl
import subprocess

import pytest
from certificates import Authority, authority
from harness import Client, Larder, binary, cache_status, reply

HOUR = "  - {path: /**, ttl: 1h}"


def listener(tls=None, **more):
    fields = "".join(f", {name}: {value}" for name, value in more.items())
    return f'{{address: "127.0.0.1:0", tls: {{{tls or authority().files("server")}}}{fields}}}'


def connect(larder, context=None, server_name="localhost", index=0):
    return Client(larder.addresses[index], context or authority().client_context(), server_name)


def told(answer):
    return cache_status(answer)[1]


@pytest.mark.parametrize("loops", [1, 2])
def test_a_request_over_tls_is_served_and_cached(origin, loops):
    origin.on("/x", reply(200, {}, b"x" * 300_000))
    with Larder(origin, routes=HOUR, listen=listener(), settings=f"loops: {loops}\naccess_log: json") as larder:
        for _ in range(4):
            with connect(larder) as client:
                assert client.socket.version() == "TLSv1.3"
                assert client.socket.selected_alpn_protocol() == "http/1.1"
                assert client.get("/x").body == b"x" * 300_000
                assert "hit" in told(client.get("/x"))
        assert len(origin.requests) == 1
        assert origin.requests[0]["X-Forwarded-Proto"] == "https"
        larder.wait_for_line('"tls":"TLSv1.3"', where="output")
        assert larder.metric('larder_tls_handshakes_total{version="1.3"}') == 4


def test_both_versions_are_accepted_and_older_ones_are_not(origin):
    origin.on("*", reply(200, {}, b"x"))

    def context(version):
        made = authority().client_context()
        made.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        made.maximum_version = version
        made.set_ciphers("DEFAULT:@SECLEVEL=0")
        return made

    with Larder(origin, routes=HOUR, listen=listener()) as larder:
        with connect(larder, context(ssl.TLSVersion.TLSv1_2)) as client:
            assert client.socket.version() == "TLSv1.2"
            assert client.get("/x").status == 200
        with pytest.raises((ssl.SSLError, ConnectionError)):
            connect(larder, context(ssl.TLSVersion.TLSv1_1))
        larder.wait_for("larder_tls_handshake_failures_total", lambda value: value == 1)
        larder.reload(listen=listener(authority().files("server") + ', min_version: "1.3"'))
        with pytest.raises((ssl.SSLError, ConnectionError)):
            connect(larder, context(ssl.TLSVersion.TLSv1_2))


def test_the_scheme_is_in_the_key_and_a_write_invalidates_both(origin):
    origin.on("/x", lambda at: reply(200, {}, at.request["X-Forwarded-Proto"].encode()))
    with Larder(origin, routes=HOUR, listen=f"[127.0.0.1:0, {listener()}]") as larder:
        plain, encrypted = larder.client(0), connect(larder, index=1)
        with plain, encrypted:
            fields = {"Host": "api.test"}
            for _ in range(2):
                assert plain.get("/x", fields).body == b"http"
                assert encrypted.get("/x", fields).body == b"https"
            assert len(origin.seen("/x")) == 2
            for writer, host in ((plain, "api.test:80"), (encrypted, "api.test:443")):
                assert writer.get("/x", {"Host": host}, method="DELETE").status == 200
                assert [told(client.get("/x", fields)).get("fwd") for client in (plain, encrypted)] == ["uri-miss", "uri-miss"]


def test_an_absolute_target_of_another_scheme_is_refused(origin):
    origin.on("*", reply(200, {}, b"x"))
    with Larder(origin, routes=HOUR, listen=f"[127.0.0.1:0, {listener()}]") as larder:
        for index, right, wrong in ((0, "http", "https"), (1, "https", "http")):
            with connect(larder, index=1) if index else larder.client(0) as client:
                assert client.get(f"{right}://api.test/x").status == 200
                # A trusted proxy says what the client used.
                assert client.get(f"{wrong}://api.test/x", {"X-Forwarded-Proto": wrong}).status == 200
                assert client.get(f"{wrong}://api.test/x").status == 400


def test_a_plain_request_to_a_tls_port_gets_a_readable_answer(origin):
    with Larder(origin, listen=listener()) as larder, Client(larder.address) as client:
        answer = client.get("/x")
        assert answer.status == 400
        assert b"this port is for TLS; use https" in answer.body
        assert client.ended()


def test_redirect_and_hsts(origin):
    origin.on("*", reply(200, {}, b"x"))
    with Larder(origin, routes=HOUR, listen=f'[{{address: "127.0.0.1:0", redirect: https}}, {listener(hsts="8760h")}]') as larder:
        with larder.client(0) as client:
            answer = client.get("/a%20b?c=d", {"Host": "api.test:8081"}, method="POST", body=b"x")
            assert (answer.status, answer["Location"]) == (308, "https://api.test/a%20b?c=d")
            assert "Strict-Transport-Security" not in answer
        with larder.client(0) as client:
            assert client.get("/", {"Host": "[::1]:80"})["Location"] == "https://[::1]/"
        with connect(larder, index=1) as client:
            for target in ("/x", "/x", "/y"):  # a miss, a hit, a miss
                assert client.get(target)["Strict-Transport-Security"] == "max-age=31536000"
            assert client.get("/x", {"If-None-Match": "*"})["Strict-Transport-Security"] == "max-age=31536000"
            assert client.get("/z", {"Cache-Control": "only-if-cached"})["Strict-Transport-Security"] == "max-age=31536000"
        assert all(request.method == "GET" for request in origin.requests)


def test_the_server_name_chooses_the_certificate_and_other_hosts_are_misdirected(origin):
    origin.on("*", reply(200, {}, b"x"))
    ours = Authority()
    ours.make("a", "DNS:a.test")
    ours.make("b", "DNS:b.test,DNS:*.b.test")
    context = ours.client_context()
    tls = f"{ours.files('a')}, certificates: [{{{ours.files('b')}}}]"
    with Larder(origin, routes=HOUR, listen=listener(tls)) as larder:
        for name, other in (("a.test", "b.test"), ("b.test", "a.test"), ("x.b.test", "a.test:443")):
            with connect(larder, context, name) as client:
                assert client.get("/x", {"Host": name}).status == 200
                answer = client.get("/x", {"Host": other})
                assert answer.status == 421
                assert b"another host" in answer.body
        with connect(larder, context, "b.test") as client:
            assert client.get("/x", {"Host": "other.b.test:8443"}).status == 200
    with Larder(origin, routes=HOUR, listen=listener()) as larder, connect(larder) as client:
        assert client.get("/x", {"Host": "whatever.test"}).status == 200  # one certificate: the host is free


def test_client_certificates_and_the_field_for_their_subject(origin):
    # A Vary that names the field changes nothing.
    origin.on("*", lambda at: reply(200, {"Vary": "X-Client"}, repr(at.request.all("X-Client")).encode()))
    ours = Authority()
    ours.make("server")
    ours.make("alice", None, subject="/O=Team, One/CN=alice")
    ours.make("bob", None)
    tls = f"{ours.files('server')}, client_ca: {ours.ca}, client_field: x-client"
    lying = {"X-Client": "CN=root", "X_Client": "CN=root"}
    for auth, trusted in (("require", "[]"), ("request", "127.0.0.1")):
        listen = f"[{listener(f'{tls}, client_auth: {auth}')}, 127.0.0.1:0]"
        with Larder(origin, routes=HOUR, listen=listen, settings=f"underscores: pass\ntrusted_proxies: {trusted}") as larder:
            bodies = {}
            for name in ("alice", "bob"):
                with connect(larder, ours.client_context(name)) as client:
                    bodies[name] = client.get("/x", lying).body
                    assert "hit" in told(client.get("/x"))  # the field of a client is ignored; a subject has entries of its own
            assert bodies == {"alice": rb"['CN=alice,O=Team\\, One']", "bob": b"['CN=bob']"}
            assert larder.client(1).get("/y", lying).body == b"[]"  # removed on every listener
            if auth == "request":
                with connect(larder, ours.client_context()) as client:
                    assert client.get("/x", lying).body == b"[]"
            else:
                with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
                    connect(larder, ours.client_context()).get("/x")
            stranger = ours.client_context()
            foreign = Authority()
            foreign.make("mallory", None)
            stranger.load_cert_chain(foreign.path("mallory.pem"), foreign.path("mallory.key"))
            with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
                connect(larder, stranger).get("/x")


def test_a_session_is_resumed_also_after_a_reload_and_on_another_loop(origin):
    origin.on("*", reply(200, {}, b"x"))
    with Larder(origin, routes=HOUR, listen=listener(), settings="loops: 2") as larder:
        context = authority().client_context()

        def visit(session):
            raw = socket.create_connection(larder.address)
            with context.wrap_socket(raw, server_hostname="localhost", session=session) as encrypted:
                encrypted.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                while encrypted.recv(4096):
                    pass
                return encrypted.session, encrypted.session_reused

        session, reused = visit(None)
        assert not reused
        for _ in range(6):
            session, reused = visit(session)
            assert reused
        larder.reload(settings="loops: 2\nlog_level: info")
        assert visit(session)[1]
        assert larder.metric("larder_tls_resumptions_total") == 7


def test_a_reload_takes_new_certificates_and_keeps_connections(origin):
    origin.on("*", reply(200, {}, b"x"))
    ours = Authority()
    ours.make("one", "DNS:localhost")
    ours.make("two", "DNS:localhost")

    def name_of(client):
        return dict(pair for part in client.socket.getpeercert()["subject"] for pair in part)["commonName"]

    with Larder(origin, routes=HOUR, listen=listener(ours.files("one"))) as larder, connect(larder, ours.client_context()) as old:
        assert old.get("/x").status == 200
        assert name_of(old) == "one"
        # The same files with new content, as a renewal has them.
        for suffix in (".pem", ".key"):
            ours.path("one" + suffix).write_bytes(ours.path("two" + suffix).read_bytes())
        larder.reload(routes=HOUR)
        with connect(larder, ours.client_context()) as new:
            assert name_of(new) == "two"
        assert old.get("/x").status == 200
        # A key that does not fit changes nothing, and the log says so.
        ours.make("three", "DNS:localhost")
        ours.path("one.key").write_bytes(ours.path("three.key").read_bytes())
        larder.process.send_signal(1)
        larder.wait_for_line(f"the key {ours.path('one.key')} is not that of the certificate {ours.path('one.pem')}")
        with connect(larder, ours.client_context()) as new:
            assert name_of(new) == "two"


def test_handshakes_that_hang_have_a_deadline_and_a_bound_and_hold_nobody_up(origin):
    origin.on("*", reply(200, {}, b"x"))
    settings = "loops: 1\nlimits: {handshakes: 4}"
    with Larder(origin, routes=HOUR, listen=listener(), settings=settings) as larder:
        hanging = [Client(larder.address) for _ in range(8)]
        for client in hanging:
            client.send(b"\x16\x03\x01")
        for client in hanging[:4]:
            assert client.ended()  # the oldest ones make room
        with connect(larder) as client:
            assert client.get("/x").status == 200
        larder.reload(settings="loops: 1\ntimeouts: {handshake: 100ms}")
        late = Client(larder.address)
        late.send(b"\x16\x03\x01")
        assert late.ended()
        for client in [*hanging, late]:
            client.close()


def test_a_request_that_comes_with_the_handshake_and_a_half_closed_connection(origin):
    origin.on("*", reply(200, {}, b"x" * 100_000))
    with Larder(origin, routes=HOUR, listen=listener()) as larder, connect(larder) as client:
        client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % i for i in range(20)))  # pipelined
        assert [len(client.response().body) for _ in range(20)] == [100_000] * 20


def test_ktls_is_used_where_the_kernel_has_it_and_otherwise_makes_no_difference(origin):
    origin.on("*", reply(200, {}, b"x" * 50_000))
    with Larder(origin, routes=HOUR, listen=listener(authority().files("server") + ", ktls: true")) as larder:
        for _ in range(2):
            with connect(larder) as client:
                for target in ("/x", "/x", "/y"):
                    assert client.get(target).body == b"x" * 50_000
        kernel = pathlib.Path("/proc/net/tls_stat")
        if kernel.exists():  # the module is loaded
            sent = {line.split()[0]: int(line.split()[1]) for line in kernel.read_text().splitlines()}
            assert sent["TlsTxSw"] + sent["TlsTxDevice"] >= 2


def test_a_stapled_ocsp_response_is_sent(origin, tmp_path):
    response = tmp_path / "ocsp.der"
    response.write_bytes(b"0\x03\x0a\x01\x06")  # OCSPResponseStatus: unauthorized; clients get the bytes as they are
    with Larder(origin, listen=listener(f"{authority().files('server')}, ocsp: {response}")) as larder:
        done = subprocess.run(
            ["openssl", "s_client", "-connect", "%s:%d" % larder.address, "-status", "-CAfile", str(authority().ca)],
            input=b"", capture_output=True, timeout=60, check=False)
        assert b"OCSP Response Status: unauthorized" in done.stdout


def test_the_admin_listener_with_tls_and_the_commands_that_use_it(origin, tmp_path):
    file = tmp_path / "larder.yaml"
    ours = Authority()
    ours.make("admin", "DNS:elsewhere.test")  # the commands trust the certificate of the file, whatever its name

    def write(admin):
        file.write_text(f"listen: 127.0.0.1:0\nadmin: {admin}\nupstream: {origin.url}\nroutes:\n{HOUR}\n")

    write(f'{{address: "127.0.0.1:0", tls: {{{ours.files("admin")}}}}}')
    with Larder(origin, config=file) as larder:
        line = next(line for line in larder.output + larder.errors if line.startswith("admin on"))
        assert line == "admin on https://%s:%d" % larder.admin
        context = ours.client_context()
        context.check_hostname = False
        with Client(larder.admin, context) as client:
            assert client.get("/healthz", {"Host": "localhost"}).status == 200
            assert f'larder_tls_certificate_expiry_seconds{{file="{ours.path("admin.pem")}"}}' in client.get("/metrics", {"Host": "localhost"}).body.decode()
        with Client(larder.admin) as client:
            assert b"this port is for TLS" in client.get("/healthz").body
        write(f'{{address: "127.0.0.1:{larder.admin[1]}", tls: {{{ours.files("admin")}}}}}')
        done = subprocess.run([binary(), "status", "-c", str(file)], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        ours.make("other", "DNS:elsewhere.test")
        write(f'{{address: "127.0.0.1:{larder.admin[1]}", tls: {{{ours.files("other")}}}}}')
        done = subprocess.run([binary(), "status", "-c", str(file)], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1
        assert "no TLS connection" in done.stderr
        done = subprocess.run([binary(), "status", "-c", str(file), "--admin", "https://127.0.0.1:%d" % larder.admin[1]], capture_output=True, text=True, timeout=60, check=False)
        assert "the issuer of its certificate is unknown" in done.stderr  # not one of the system's
