"""TLS towards the API: verification, resumption, what is said of failures."""

import json
import socket
import subprocess
import threading
import time

import pytest
from certificates import Authority, authority
from harness import Larder, Origin, binary, reply

PASS = "  - {path: /**, cache: off}"
HOUR = "  - {path: /**, ttl: 1h}"


@pytest.fixture
def secure():
    """An API with TLS, whose certificate is for this host."""
    it = Origin(tls=authority().server_context("server"))
    yield it
    it.close()


def trusting(extra=""):
    return f"  tls: {{ca: {authority().ca}{extra}}}"


@pytest.mark.parametrize("route", [PASS, HOUR])
@pytest.mark.parametrize("loops", [1, 2])
def test_an_https_api_is_verified_and_its_connections_are_pooled(secure, route, loops):
    body = b"b" * 200_000
    secure.on("/x", lambda at: reply(200, {}, at.request.body or body))
    with Larder(secure, routes=route, upstream=trusting(), settings=f"loops: {loops}") as larder, larder.client() as client:
        for _ in range(5):
            assert client.get("/x", {"Cache-Control": "no-cache"}).body == body
        assert client.get("/x", method="POST", body=b"p" * 300_000).body == b"p" * 300_000
        # Session tickets that come after a response do not make a connection unusable.
        assert secure.connections == 1
        assert secure.requests[0]["Host"] == "api.test"
        secure.drop_connections()
        assert client.get("/x", {"Cache-Control": "no-cache"}).status == 200
        assert secure.connections == 2


def test_a_second_connection_resumes_the_session(secure):
    reused = []
    secure.on("/x", lambda at: reused.append(at.connection.session_reused) or reply(200, {"Connection": "close"}, b"x"))
    with Larder(secure, routes=PASS, upstream=trusting()) as larder:
        for _ in range(3):
            assert larder.get("/x").status == 200
    assert reused == [False, True, True]


def failing(larder, text, status=502):
    answer = larder.get("/x")
    assert answer.status == status
    detail = json.loads(answer.body)["detail"]
    assert text in detail
    assert "127.0.0.1:" not in detail  # the API's address is not for clients
    larder.wait_for_line(text)


def test_failures_say_what_is_wrong():
    ours = Authority()
    ours.make("other", "DNS:other.test,DNS:www.other.test")
    ours.make("expired", days=0)
    ours.make("server")
    cases = [
        ("other", f"  tls: {{ca: {ours.ca}}}", "its certificate is for DNS:other.test, DNS:www.other.test, not for 127.0.0.1"),
        ("other", f"  tls: {{ca: {ours.ca}, server_name: api.test}}", "not for api.test"),
        ("expired", f"  tls: {{ca: {ours.ca}}}", "its certificate has expired"),
        ("server", "", "the issuer of its certificate is unknown (upstream.tls.ca)"),
    ]
    for name, upstream, text in cases:
        origin = Origin(tls=ours.server_context(name))
        try:
            with Larder(origin, routes=PASS, upstream=upstream) as larder:
                failing(larder, text)
                done = subprocess.run([binary(), "check", "-c", str(larder.config)], capture_output=True, text=True, timeout=60, check=False)
                assert text in done.stdout + done.stderr
        finally:
            origin.close()


def test_a_server_that_has_no_tls_or_is_silent():
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = "https://127.0.0.1:%d" % server.getsockname()[1]

        def answer_in_plain_text():
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                connection.recv(4096)

        threading.Thread(target=answer_in_plain_text, daemon=True).start()
        with Larder(url, routes=PASS, upstream=trusting()) as larder:
            failing(larder, "there is no TLS on that port")
        with Larder(url, routes=PASS, upstream=trusting() + "\n  connect_timeout: 300ms") as larder:
            failing(larder, "did not accept a connection within connect_timeout", 504)


def test_server_name_is_asked_for_and_verified():
    ours = Authority()
    ours.make("api", "DNS:api.internal")
    asked = []
    context = ours.server_context("api")
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    origin = Origin(tls=context).on("/x", reply(200, {}, b"x"))
    try:
        with Larder(origin, routes=PASS, upstream=f"  tls: {{ca: {ours.ca}, server_name: api.internal}}") as larder:
            assert larder.get("/x").status == 200
    finally:
        origin.close()
    assert asked == ["api.internal"]


def test_a_client_certificate_is_presented():
    ours = Authority()
    ours.make("server")
    ours.make("larder", None)
    context = ours.server_context("server")
    context.load_verify_locations(ours.ca)
    context.verify_mode = 2  # CERT_REQUIRED
    subjects = []
    origin = Origin(tls=context).on("/x", lambda at: subjects.append(at.connection.getpeercert()["subject"]) or reply(200, {}, b"x"))
    try:
        with Larder(origin, routes=PASS, upstream=f"  tls: {{ca: {ours.ca}, {ours.files('larder')}}}") as larder:
            assert larder.get("/x").status == 200
        assert subjects == [((("commonName", "larder"),),)]
    finally:
        origin.close()


def test_verify_false_accepts_any_certificate_and_warns_at_each_start(secure):
    secure.on("/x", reply(200, {}, b"x"))
    with Larder(secure, routes=PASS, upstream="  tls: {verify: false}") as larder:
        assert larder.get("/x").status == 200
        larder.wait_for_line("the API's certificate is not verified")


def test_a_response_that_is_cut_off_is_not_taken_for_a_whole_one(secure):
    def cut(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\n\r\nthe beginning")
        exchange.connection.shutdown(socket.SHUT_RDWR)  # without close_notify
        return Origin.CLOSE

    secure.on("/x", cut)
    with Larder(secure, routes=HOUR, upstream=trusting()) as larder:
        answer = larder.get("/x")
        assert answer.status == 502 or not answer.complete
        assert len(secure.requests) == 1
        larder.get("/x")
        assert len(secure.requests) == 2  # nothing was stored


def test_files_that_cannot_be_used_are_errors_of_check(tmp_path):
    file = tmp_path / "larder.yaml"

    def errors(upstream="http://127.0.0.1:1", listen="127.0.0.1:0"):
        file.write_text(f"listen: {listen}\nupstream: {upstream}\n")
        done = subprocess.run([binary(), "check", "--offline", "-c", str(file)], capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    ours = Authority()
    ours.make("server", days=10)
    assert errors("{url: https://a, tls: {ca: /nowhere}}") == (2, f"{file}: upstream.tls: cannot read the certificates of ca /nowhere: No such file or directory\n")
    code, text = errors(listen=f"{{address: '127.0.0.1:0', tls: {{certificate: {ours.path('server.pem')}, key: {ours.path('ca.key')}}}}}")
    assert code == 2 and f"the key {ours.path('ca.key')} is not that of the certificate {ours.path('server.pem')}" in text
    code, text = errors(listen=f"{{address: '127.0.0.1:0', tls: {{{ours.files('server')}}}}}")
    assert code == 0 and f"the certificate {ours.path('server.pem')} expires on 20" in text
    code, text = errors(upstream="{url: http://a, tls: {verify: false, ca: /nowhere}}")
    assert code == 0 and "upstream.tls.ca: has no effect without https" in text


def test_the_expiry_of_a_listeners_certificate_is_a_metric(origin):
    with Larder(origin, listen=f'{{address: "127.0.0.1:0", tls: {{{authority().files("server")}}}}}') as larder:
        name = f'larder_tls_certificate_expiry_seconds{{file="{authority().path("server.pem")}"}}'
        assert 364 * 86400 < larder.metric(name) - time.time() < 366 * 86400


def test_two_listeners_with_one_certificate_make_one_series(origin):
    listen = f'{{address: "127.0.0.1:0", tls: {{{authority().files("server")}}}}}'
    with Larder(origin, listen=f"[{listen}, {listen.replace('127.0.0.1', '127.0.0.2')}]") as larder:
        assert larder.ask_admin("/metrics")[1].count("larder_tls_certificate_expiry_seconds{") == 1
