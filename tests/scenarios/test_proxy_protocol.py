"""Behind a balancer: the PROXY protocol."""

import signal
import socket
import struct
import subprocess

import pytest
from certificates import authority
from harness import PATIENCE, Larder, binary, reply

HOUR = "  - {path: /**, ttl: 1h}"
V1 = b"PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\n"
V2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([192, 0, 2, 7, 10, 0, 0, 1]) + struct.pack(">HH", 56324, 443)
LOCAL = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"
REQUEST = b"GET /x HTTP/1.1\r\nHost: api.test\r\nX-Forwarded-For: 198.51.100.1\r\n\r\n"


def listener(value="true", more=""):
    return f'{{address: "127.0.0.1:0", proxy_protocol: {value}{more}}}'


def ask(connection, data):
    connection.settimeout(PATIENCE)
    connection.sendall(data)
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = connection.recv(65536)
        if not piece:
            return answer
        answer += piece
    return answer


@pytest.mark.parametrize("header, client", [(V1, "192.0.2.7"), (V2, "192.0.2.7"), (LOCAL, "198.51.100.1, 127.0.0.1"), (b"PROXY UNKNOWN\r\n", "198.51.100.1, 127.0.0.1")])
def test_the_header_says_who_the_client_is(origin, header, client):
    origin.on("/x", reply(200, {}, b"x"))
    with Larder(origin, routes=HOUR, listen=listener(), settings="access_log: json") as larder:
        with socket.create_connection(larder.address) as connection:
            assert ask(connection, header + REQUEST).startswith(b"HTTP/1.1 200 ")
            assert b"hit" in ask(connection, REQUEST)
        larder.wait_for_line('"client":"%s"' % client.rsplit(", ", 1)[-1], where="output")
    # An address that is not in trusted_proxies is not believed what it says about others.
    assert origin.requests[0]["X-Forwarded-For"] == client


def test_a_header_that_comes_byte_by_byte_before_tls_and_http_2(origin):
    origin.on("/x", reply(200, {}, b"x"))
    listen = listener(more=f", tls: {{{authority().files('server')}}}")
    with Larder(origin, routes=HOUR, listen=listen) as larder, socket.create_connection(larder.address) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in V2:
            plain.sendall(bytes([byte]))
        with authority().client_context().wrap_socket(plain, server_hostname="localhost") as connection:
            assert ask(connection, REQUEST).startswith(b"HTTP/1.1 200 ")
    assert origin.requests[0]["X-Forwarded-For"] == "192.0.2.7"
    assert origin.requests[0]["X-Forwarded-Proto"] == "https"  # that of the connection, whatever the header has


@pytest.mark.parametrize("data", [REQUEST, b"PROXY TCP4 a b 1 2\r\n" + REQUEST, V2[:-1].replace(b"\x21", b"\x11") + REQUEST], ids=["none", "version 1", "version 2"])
def test_a_connection_without_the_header_is_closed(origin, data):
    with Larder(origin, routes=HOUR, listen=listener()) as larder:
        with socket.create_connection(larder.address) as connection:
            try:
                assert ask(connection, data) == b""
            except ConnectionResetError:
                pass
        larder.wait_for_line("proxy_protocol: a connection of 127.0.0.1 was closed: it did not begin with a header")
        larder.wait_for("larder_proxy_protocol_refused_total", lambda value: value == 1)
        larder.wait_for("larder_connections", lambda value: value == 0)
    assert origin.requests == []


def test_only_balancers_may_connect(origin):
    origin.on("/x", reply(200, {}, b"x"))
    with Larder(origin, routes=HOUR, listen=listener("{from: [127.0.0.9]}")) as larder:
        with socket.create_connection(larder.address) as connection:
            try:
                assert ask(connection, V1 + REQUEST) == b""
            except ConnectionResetError:
                pass
        with socket.create_connection(larder.address, source_address=("127.0.0.9", 0)) as connection:
            assert ask(connection, V1 + REQUEST).startswith(b"HTTP/1.1 200 ")
        larder.wait_for_line("proxy_protocol: a connection of 127.0.0.1 was closed: the peer is not one of the balancers")
        larder.wait_for("larder_proxy_protocol_refused_total", lambda value: value == 1)


def test_a_connection_that_is_silent_does_not_outlive_the_process(origin):
    with Larder(origin, routes=HOUR, listen=listener(), settings="drain_timeout: 100ms") as larder:
        with socket.create_connection(larder.address) as connection:
            connection.sendall(V1[:10])
            larder.wait_for("larder_connections_accepted_total", lambda value: value == 1)
            larder.process.send_signal(signal.SIGTERM)
            assert larder.process.wait(PATIENCE) in (0, 1)
        larder.expected_exit = larder.process.returncode


def test_a_listener_that_others_can_reach_needs_the_balancers_addresses(tmp_path):
    file = tmp_path / "larder.yaml"
    file.write_text('listen: {address: "0.0.0.0:8080", proxy_protocol: true}\nupstream: http://127.0.0.1:1\nroutes:\n' + HOUR)
    done = subprocess.run([binary(), "check", "-c", str(file), "--offline"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and "proxy_protocol: true is for balancers on this host" in done.stdout + done.stderr
