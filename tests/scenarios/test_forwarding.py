"""Forwarding: all methods, bodies in both directions, connections kept and closed as HTTP/1.1 requires."""

import os
import select
import socket
import threading

import pytest
from harness import Client, Larder, Origin, cache_status, in_parallel, read_body_into, reply


def echo(exchange):
    return reply(200, {"X-Method": exchange.request.method}, exchange.request.body)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "BREW"])
def test_every_method_is_forwarded(origin, method):
    origin.on("/x", echo)
    with Larder(origin) as larder:
        answer = larder.get("/x", method=method)
    assert answer.status == 200
    assert answer["X-Method"] == method


def test_a_head_is_answered_without_a_body_and_with_the_length_of_one(origin):
    origin.on("/x", lambda exchange: reply(200, {"Content-Length": "5"}, b"" if exchange.request.method == "HEAD" else b"hello"))
    with Larder(origin) as larder, larder.client() as client:
        head = client.get("/x", method="HEAD")
        assert head["Content-Length"] == "5"
        assert client.get("/x").body == b"hello"


@pytest.mark.parametrize("route", ["cache: off", "cache: standard"])
def test_a_content_length_is_forwarded_without_leading_zeros(origin, route):
    def script(exchange):
        if exchange.request.get("If-None-Match"):
            return reply(304, {"Content-Length": "0005"})
        return reply(200, {"Content-Length": "0005"}, b"" if exchange.request.method == "HEAD" else b"hello")

    origin.on("/x", script)
    with Larder(origin, routes=f"  - {{path: /**, {route}}}") as larder, larder.client() as client:
        assert client.get("/x", method="HEAD")["Content-Length"] == "5"
        got = client.get("/x")
        assert (got["Content-Length"], got.body) == ("5", b"hello")
        posted = client.get("/x", {"Content-Length": "0003"}, method="POST", body=b"abc")
        assert posted["Content-Length"] == "5"
        if route == "cache: off":
            assert client.get("/x", {"If-None-Match": '"a"'})["Content-Length"] == "5"
    assert origin.seen("/x", "POST")[0]["Content-Length"] == "3"


@pytest.mark.parametrize("size", [0, 1, 1000, 300_000])
def test_a_request_body_with_a_length_arrives_whole(origin, size):
    origin.on("/x", echo)
    body = os.urandom(size)
    with Larder(origin) as larder:
        assert larder.get("/x", method="POST", body=body).body == body
    assert origin.seen("/x")[0]["Content-Length"] == str(size)


def test_a_chunked_request_body_arrives_whole_without_extensions_and_trailers(origin):
    origin.on("/x", echo)
    with Larder(origin) as larder, larder.client() as client:
        client.request("POST", "/x", {"Transfer-Encoding": "chunked"})
        for piece in (b"5;name=value\r\nhel", b"lo\r\n", b"6\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n"):
            client.send(piece)
        assert client.response("POST").body == b"hello world"
        assert client.get("/x", method="POST", body=b"again").body == b"again"
    assert origin.seen("/x")[0]["Transfer-Encoding"] == "chunked"


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-T: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
    ],
)
def test_a_response_body_comes_whole_and_the_connection_stays(origin, raw):
    origin.on("/x", raw)
    with Larder(origin) as larder, larder.client() as client:
        for _ in range(2):
            answer = client.get("/x")
            assert answer.body == b"hello world"
            assert "X-T" not in answer


def test_a_response_that_ends_with_its_connection_is_framed_anew(origin):
    def until_close(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
        return Origin.CLOSE

    origin.on("/x", until_close)
    with Larder(origin) as larder, larder.client() as client:
        assert client.get("/x").body == b"hello"
        assert client.get("/x").body == b"hello"
        assert client.get("/x", version="1.0").body == b"hello"


def test_pipelined_requests_are_answered_in_order(origin):
    origin.on("/slow", lambda exchange: reply(200, {"Cache-Control": "max-age=60"}, b"slow"))
    origin.on("/post", echo)
    with Larder(origin) as larder, larder.client() as client:
        client.get("/slow")
        head = "Host: api.test\r\n"
        client.send(
            f"GET /slow HTTP/1.1\r\n{head}\r\n"
            f"POST /post HTTP/1.1\r\n{head}Content-Length: 3\r\n\r\none"
            f"GET /missing HTTP/1.1\r\n{head}\r\n"
            f"POST /post HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n"
            f"GET /slow HTTP/1.1\r\n{head}\r\n"
        )
        answers = [client.response() for _ in range(5)]
    assert [answer.body for answer in answers] == [b"slow", b"one", b"not scripted", b"two", b"slow"]


def test_a_request_may_come_a_byte_at_a_time(origin):
    origin.on("/x", echo)
    with Larder(origin) as larder, larder.client() as client:
        for byte in b"\r\nPOST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok":
            client.send(bytes([byte]))
        assert client.response().body == b"ok"


def test_an_http10_connection_is_closed_after_the_response(origin):
    origin.on("/x", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
    with Larder(origin) as larder, larder.client() as client:
        answer = client.get("/x", version="1.0")
        assert answer.body == b"hello"
        assert "Transfer-Encoding" not in answer
        assert client.ended()


def test_an_http10_client_may_keep_its_connection(origin):
    origin.on("/x", reply(200, {}, b"hello"))
    with Larder(origin) as larder, larder.client() as client:
        for _ in range(2):
            answer = client.get("/x", {"Connection": "keep-alive"}, version="1.0")
            assert answer["Connection"] == "keep-alive"


def test_connection_close_closes_the_connection(origin):
    origin.on("/x", reply(200, {}, b"hello"))
    with Larder(origin) as larder, larder.client() as client:
        assert client.get("/x", {"Connection": "close"})["Connection"] == "close"
        assert client.ended()


def test_a_client_that_expects_100_gets_it_before_it_sends(origin):
    def script(exchange):
        exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        read_body_into(exchange)
        return echo(exchange)

    origin.on("/x", script)
    with Larder(origin) as larder, larder.client() as client:
        client.request("POST", "/x", {"Expect": "100-continue", "Content-Length": "100000"})
        assert client.read_head().status == 100
        client.send(b"hello" * 20_000)
        assert client.response("POST").body == b"hello" * 20_000


@pytest.mark.parametrize("expect", [["100-continue", "100-Continue"], ["100-continue, 100-continue"]])
def test_a_repeated_expect_is_forwarded_once(origin, expect):
    def script(exchange):
        exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        read_body_into(exchange)
        return echo(exchange)

    origin.on("/x", script)
    with Larder(origin) as larder, larder.client() as client:
        client.request("POST", "/x", [*(("Expect", value) for value in expect), ("Content-Length", "100000")])
        assert client.read_head().status == 100
        client.send(b"hello" * 20_000)
        assert client.response("POST").body == b"hello" * 20_000
    assert origin.seen("/x")[0].all("Expect") == ["100-continue"]


def test_a_small_body_is_asked_for_before_a_connection_is_taken(origin):
    origin.on("/x", echo)
    with Larder(origin) as larder, larder.client() as client:
        client.request("POST", "/x", {"Expect": "100-continue", "Content-Length": "5"})
        assert client.read_head().status == 100
        assert larder.metric("larder_upstream_requests_total") == 0
        client.send(b"hello")
        assert client.response("POST").body == b"hello"
    assert "Expect" not in origin.seen("/x")[0]


@pytest.mark.parametrize("status", [401, 417])
def test_a_final_response_to_an_expectation_arrives_without_the_body(origin, status):
    origin.on("/x", reply(status, {}, b"no"))
    with Larder(origin) as larder, larder.client() as client:
        client.request("POST", "/x", {"Expect": "100-continue", "Content-Length": "100000"})
        assert client.response("POST").status == status
        assert client.ended()


def test_interim_answers_are_passed_on_but_not_to_http10(origin):
    origin.on("/x", b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + reply(200, {"Cache-Control": "max-age=60"}, b"ok"))
    with Larder(origin) as larder:
        with larder.client() as client:
            interim = []
            client.request("GET", "/x?1")
            client.request("GET", "/x")
            client.response(interim=interim)
            answer = client.response(interim=interim)
        assert [message.status for message in interim] == [103]
        assert interim[0]["Link"] == "</a.css>"
        assert "Link" not in answer
        with larder.client() as client:
            client.request("GET", "/x", [("Cache-Control", "no-cache")], version="1.0")
            assert client.read_head().status == 200


@pytest.mark.parametrize("route", ["cache: off", "cache: standard"])
def test_hop_by_hop_fields_of_interim_responses_are_removed(origin, route):
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nContent-Length: 5\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTrailer: a\r\n\r\n"
    origin.on("/x", hints + hints.replace(b"Content-Length: 5", b"Transfer-Encoding: chunked") + reply(200, {}, b"ok"))
    with Larder(origin, routes=f"  - {{path: /**, {route}}}") as larder, larder.client() as client:
        interim = []
        client.request("GET", "/x")
        assert client.response(interim=interim).body == b"ok"
    assert [message.fields for message in interim] == [[("Link", "</a.css>")]] * 2


# ---- Max-Forwards (RFC 9110 7.6.2) ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE"])
@pytest.mark.parametrize("target", ["/x", "/off/x"])
def test_at_zero_forwards_larder_is_the_final_recipient(origin, method, target):
    asked = {"Max-Forwards": "0", "X-A": "1", "Authorization": "Basic x", "Cookie": "a=b"}
    with Larder(origin, routes="  - {path: /off/**, cache: off}\n  - {path: /**, ttl: 60s}") as larder, larder.client() as client:
        for _ in range(2):  # the connection remains usable
            answer = client.get(target, asked, method=method)
            assert (answer.status, answer["Via"], answer["Cache-Status"]) == (200, "1.1 larder", "larder; detail=max-forwards")
            if method == "OPTIONS":
                assert (answer.body, answer["Content-Length"]) == (b"", "0")
            else:
                assert answer["Content-Type"] == "message/http"
                assert answer.body.decode() == f"TRACE {target} HTTP/1.1\r\nHost: api.test\r\nMax-Forwards: 0\r\nX-A: 1\r\n\r\n"
    assert origin.seen() == []


def test_the_body_of_a_request_with_max_forwards_0_is_discarded(origin):
    with Larder(origin) as larder, larder.client() as client:
        client.send("OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\nContent-Length: 30\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a")
        answer = client.response()
        assert (answer.status, answer["Connection"]) == (200, "close")
        assert client.ended()
    assert origin.seen() == []


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE"])
@pytest.mark.parametrize("sent, arrives", [("1", "0"), ("70", "69"), ("007", "6"), ("x", "x"), ("-1", "-1"), ("0, 0", "0, 0"), ("1.0", "1.0")])
def test_max_forwards_is_decremented(origin, method, sent, arrives):
    origin.on("/x", echo)
    with Larder(origin) as larder:
        assert larder.get("/x", {"Max-Forwards": sent}, method=method)["X-Method"] == method
    assert origin.seen("/x")[0].all("Max-Forwards") == [arrives]


@pytest.mark.parametrize("method", ["GET", "POST", "BREW"])
def test_max_forwards_applies_to_options_and_trace_only(origin, method):
    origin.on("/x", echo)
    with Larder(origin) as larder:
        assert larder.get("/x", {"Max-Forwards": "0"}, method=method)["X-Method"] == method
    assert origin.seen("/x")[0].all("Max-Forwards") == ["0"]


def test_server_sent_events_are_forwarded_at_once(origin):
    hold = origin.hold("/events")
    with Larder(origin, routes="  - {path: /events, cache: off}") as larder, larder.client() as client:
        client.request("GET", "/events")
        hold.wait()

        seen = []
        first_seen = threading.Event()

        def stream(exchange):
            exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
            # The second event is sent after the client has received the first.
            first_seen.wait(30)
            exchange.send(b"data: 2\n\n")
            return Origin.CLOSE

        hold.release(stream)
        head = client.read_head()
        assert head["Content-Type"] == "text/event-stream"
        size = int(client.file.readline(), 16)
        seen.append(client.file.read(size))
        client.file.readline()
        first_seen.set()
        size = int(client.file.readline(), 16)
        seen.append(client.file.read(size))
    assert seen == [b"data: 1\n\n", b"data: 2\n\n"]


def test_a_silent_stream_ends_upstream_when_its_client_leaves(origin):
    hold = origin.hold("/events")
    with Larder(origin, routes="  - {path: /events, cache: off}") as larder:
        client = larder.client()
        client.request("GET", "/events")
        hold.wait()

        def stream(exchange):
            exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
            assert exchange.connection.recv(1) == b""  # until larder closes the connection
            return Origin.CLOSE

        hold.release(stream)
        client.read_head()
        client.close()
        origin.wait_for(lambda it: not it.open)
        larder.wait_for('larder_upstream_connections{state="busy"}', lambda value: value == 0)


def test_an_upgrade_becomes_a_tunnel_and_half_closes_pass(origin):
    def upgrade(exchange):
        assert exchange.request["Upgrade"] == "websocket"
        assert exchange.request["Connection"].lower() == "upgrade"
        exchange.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nwelcome ")
        while data := exchange.connection.recv(1000):
            exchange.send(data.upper())
        exchange.send(b" goodbye")
        return Origin.CLOSE

    origin.on("/ws", upgrade)
    with Larder(origin) as larder, larder.client() as client:
        client.request("GET", "/ws", {"Connection": "Upgrade", "Upgrade": "websocket"})
        head = client.response()
        assert head.status == 101
        assert head["Upgrade"] == "websocket"
        client.send(b"hello")
        assert client.file.read(13) == b"welcome HELLO"
        client.socket.shutdown(socket.SHUT_WR)
        assert client.file.read() == b" goodbye"


def test_an_upgrade_that_is_declined_is_an_ordinary_answer(origin):
    origin.on("/ws", reply(200, {}, b"no websocket here"))
    with Larder(origin) as larder, larder.client() as client:
        assert client.get("/ws", {"Connection": "Upgrade", "Upgrade": "websocket"}).body == b"no websocket here"
        assert client.get("/ws").status == 200


def test_the_request_has_forwarding_fields_and_via(origin):
    origin.on("/x", echo)
    with Larder(origin) as larder:
        larder.get("/x")
        larder.get("/x", [("Host", "dash.test:9"), ("X-Forwarded-For", "10.1.1.1"), ("X-Forwarded-Proto", "https"), ("Via", "1.1 front")])
    plain, forwarded = origin.seen("/x")
    assert plain["Host"] == "api.test"
    assert plain["X-Forwarded-For"] == "127.0.0.1"
    assert plain["X-Forwarded-Proto"] == "http"
    assert plain["X-Forwarded-Host"] == "api.test"
    assert plain["Via"] == "1.1 larder"
    assert forwarded["Host"] == "dash.test:9"
    assert forwarded["X-Forwarded-For"] == "10.1.1.1, 127.0.0.1"
    assert forwarded["X-Forwarded-Proto"] == "https"
    assert forwarded["Via"] == "1.1 front, 1.1 larder"


def test_hop_by_hop_fields_are_not_forwarded(origin):
    origin.on("/x", reply(200, [("Connection", "X-Up"), ("X-Up", "1"), ("Keep-Alive", "timeout=5"), ("X-Kept", "1"), ("Via", "1.1 back")], b"ok"))
    with Larder(origin) as larder:
        answer = larder.get("/x", {"Connection": "X-Mine", "X-Mine": "1", "Keep-Alive": "5", "TE": "trailers", "X-Other": "2", "Proxy-Connection": "x"})
    request = origin.seen("/x")[0]
    for name in ("Connection", "X-Mine", "Keep-Alive", "TE", "Proxy-Connection"):
        assert name not in request
    assert request["X-Other"] == "2"
    for name in ("Connection", "X-Up", "Keep-Alive"):
        assert name not in answer
    assert answer["X-Kept"] == "1"
    assert answer["Via"] == "1.1 back, 1.1 larder"


def test_the_target_is_forwarded_unchanged(origin):
    target = "/a%2Fb//c/../d?x=%20y&z=%C3%A9&&q"
    origin.on(target, echo)
    with Larder(origin) as larder:
        assert larder.get(target).status == 200
        assert larder.get("http://api.test" + target).status == 200
    assert len(origin.seen(target)) == 2


def test_larder_listens_on_ipv6_and_on_a_unix_socket(origin, tmp_path):
    origin.on("/x", reply(200, {}, b"ok"))
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        six = "'[::1]:0', "
    except OSError:
        six = ""
    path = tmp_path / "larder.sock"
    with Larder(origin, listen=f"[127.0.0.1:0, {six}'unix:{path}']") as larder:
        for address in larder.addresses:
            with Client(address) as client:
                assert client.get("/x").body == b"ok"
        assert len(larder.addresses) == (3 if six else 2)
    assert not path.exists()
    assert "X-Forwarded-For" not in origin.seen("/x")[-1]


def test_the_api_may_be_on_a_unix_socket(tmp_path):
    origin = Origin(unix=str(tmp_path / "api.sock"))
    origin.on("/x", reply(200, {}, b"ok"))
    with Larder(origin) as larder:
        assert larder.get("/x").body == b"ok"
    origin.close()


MEGABYTE = 1 << 20


def test_a_hundred_megabytes_stream_down_in_bounded_memory(origin):
    block = os.urandom(MEGABYTE)

    def big(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (100 * MEGABYTE))
        for _ in range(100):
            exchange.send(block)

    origin.on("/x", big)
    with Larder(origin) as larder, larder.client() as client:
        before = larder.peak_memory()
        client.request("GET", "/x")
        client.read_head()
        for _ in range(100):
            assert client.file.read(MEGABYTE) == block
        assert larder.peak_memory() - before < 20 * MEGABYTE


def test_a_hundred_megabytes_stream_up_in_bounded_memory(origin):
    block = os.urandom(MEGABYTE)

    def sink(exchange):
        exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        same = all(exchange.file.read(MEGABYTE) == block for _ in range(100))
        return reply(200, {}, b"same" if same else b"different")

    origin.on("/x", sink)
    with Larder(origin) as larder, larder.client() as client:
        before = larder.peak_memory()
        client.request("POST", "/x", {"Content-Length": str(100 * MEGABYTE), "Expect": "100-continue"})
        client.read_head()
        for _ in range(100):
            client.send(block)
        assert client.response("POST").body == b"same"
        assert larder.peak_memory() - before < 20 * MEGABYTE


def test_a_client_that_does_not_read_stops_the_origin(origin):
    stuck = []

    def flood(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        exchange.connection.setblocking(False)
        sent = 0
        block = b"x" * 65536
        # Until no more bytes are accepted for a second: the buffers of larder and of the sockets are full.
        while sent < 400 * MEGABYTE:
            if not select.select([], [exchange.connection], [], 1.0)[1]:
                break
            try:
                sent += exchange.connection.send(block)
            except BlockingIOError:
                continue
        stuck.append(sent)
        return Origin.CLOSE

    origin.on("/x", flood)
    with Larder(origin, routes="  - {path: /**, cache: off}") as larder, larder.client() as client:
        before = larder.peak_memory()
        client.request("GET", "/x")
        origin.wait_for(lambda it: it.seen("/x") and not it.open)
        assert stuck[0] < 100 * MEGABYTE
        assert larder.peak_memory() - before < 20 * MEGABYTE


def test_an_origin_that_dies_in_mid_body_breaks_the_transfer(origin):
    def half(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        return Origin.CLOSE

    def half_chunked(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf")
        return Origin.CLOSE

    origin.on("/length", half).on("/chunked", half_chunked)
    with Larder(origin, routes="  - {path: /**, cache: off}") as larder:
        for target in ("/length", "/chunked"):
            answer = larder.get(target)
            assert answer.status == 200
            assert not answer.complete
        with larder.client() as client:
            client.request("GET", "/chunked", version="1.0")
            client.read_head()
            with pytest.raises(ConnectionResetError):
                while client.file.read(1):
                    pass


def test_concurrent_clients_get_their_own_responses(origin):
    origin.on("*", lambda exchange: reply(200, {}, exchange.request.target.encode()))
    with Larder(origin, settings="loops: 2") as larder:

        def one(i):
            with larder.client() as client:
                return [client.get(f"/c{i}/r{j}").body.decode() for j in range(10)]

        results = in_parallel(20, one)()
    assert results == [[f"/c{i}/r{j}" for j in range(10)] for i in range(20)]


def test_a_client_that_leaves_during_an_upload_ends_the_call(origin):
    with Larder(origin) as larder:
        client = larder.client()
        client.request("POST", "/x", {"Content-Length": "1000"})
        client.send(b"part")
        larder.wait_for('larder_upstream_connections{state="busy"}', lambda value: value == 1)
        client.abort()
        larder.wait_for('larder_upstream_connections{state="busy"}', lambda value: value == 0)
        larder.wait_for("larder_connections", lambda value: value == 0)
    assert origin.seen("/x") == []


def test_a_client_that_half_closes_gets_its_hit(origin):
    """The end of its input arrives together with the request and is not reported again."""
    origin.on("*", reply(200, {}, b"x"))
    with Larder(origin, routes="  - {path: /**, ttl: 1h}") as larder:
        larder.get("/hit")
        with larder.client() as client:
            client.request("GET", "/hit")
            client.socket.shutdown(socket.SHUT_WR)
            assert client.response().body == b"x"
            assert client.ended()


def test_pipelined_requests_before_a_half_close_are_answered_in_order(origin):
    """More than larder reads from one client before it handles others."""
    origin.on("*", reply(200, {}, b"x"))
    count = 20_000
    with Larder(origin, routes="  - {path: /**, ttl: 1h}", settings="limits: {buffer: 4KiB, head: 2KiB}") as larder:
        larder.get("/a")
        with larder.client() as client:
            many = b"".join(b"HEAD /a HTTP/1.1\r\nHost: api.test\r\nX-Request-Number: %d\r\n\r\n" % i for i in range(count))
            sender = threading.Thread(target=client.send, args=(many,), daemon=True)
            sender.start()
            for i in range(count):
                answer = client.response("HEAD")
                assert (answer.status, cache_status(answer)[1].get("hit")) == (200, True), i
            sender.join()
            assert client.get("/a").body == b"x"
