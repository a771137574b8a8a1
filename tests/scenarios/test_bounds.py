"""Every wait, buffer and table has a limit, and reaching it does not affect other clients: slow peers on either side, tunnels,
file descriptors.
"""

import contextlib
import pathlib
import resource
import select
import signal
import socket
import threading

import pytest
from harness import Client, Larder, Origin, PATIENCE, binary, cache_status, in_parallel, is_sanitized, reply

PASS = "  - {path: /**, cache: off}"
TTL = "  - {path: /**, ttl: 60s}"
BUSY = 'larder_upstream_connections{state="busy"}'
IDLE = 'larder_upstream_connections{state="idle"}'
MEGABYTE = 1 << 20


@pytest.mark.parametrize("route", [PASS, TTL], ids=["passed", "stored"])
def test_a_client_that_does_not_read_is_disconnected(origin, route):
    origin.on("/x", reply(200, {}, b"x" * (12 * MEGABYTE)))
    with Larder(origin, routes=route, settings="timeouts: {write: 200ms}") as larder:
        client = larder.client()
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.request("GET", "/x")
        client.read_head()
        larder.wait_for("larder_connections", lambda value: value == 0)
        larder.wait_for(BUSY, lambda value: value == 0)
        with contextlib.suppress(ConnectionError):
            assert len(client.file.read(12 * MEGABYTE)) < 12 * MEGABYTE
        client.close()
        larder.reload(settings="timeouts: {write: 1h}")
        assert larder.get("/x").complete


def test_an_origin_that_does_not_read_stops_the_upload(origin):
    hold = origin.hold("/x")

    def deaf(exchange):
        exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return hold(exchange)

    origin.on("/x", deaf)
    with Larder(origin, routes=PASS) as larder, larder.client() as client:
        before = larder.peak_memory()
        client.request("POST", "/x", {"Content-Length": str(400 * MEGABYTE), "Expect": "100-continue"})
        assert client.read_head().status == 100
        client.socket.setblocking(False)
        sent = 0
        block = b"x" * 65536
        while sent < 400 * MEGABYTE and select.select([], [client.socket], [], 0.5)[1]:
            with contextlib.suppress(BlockingIOError):
                sent += client.socket.send(block)
        assert sent < 100 * MEGABYTE  # the buffers of larder and of the sockets are full
        assert larder.peak_memory() - before < 20 * MEGABYTE
        hold.release(Origin.CLOSE)
        larder.wait_for(BUSY, lambda value: value == 0)


def test_an_upload_that_the_origin_does_not_read_times_out(origin):
    hold = origin.hold("/x")

    def deaf(exchange):
        exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return hold(exchange)

    origin.on("/x", deaf)
    with Larder(origin, routes=PASS, upstream="  idle_timeout: 300ms") as larder, larder.client() as client:
        client.request("POST", "/x", {"Content-Length": str(100 * MEGABYTE), "Expect": "100-continue"})
        assert client.read_head().status == 100
        answers = in_parallel(1, lambda _: client.response("POST"))
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                client.send(b"x" * MEGABYTE)
        with contextlib.suppress(ConnectionError):  # the response may be lost when the connection is reset
            assert answers()[0].status == 504
        larder.wait_for(BUSY, lambda value: value == 0)
        hold.release(Origin.CLOSE)


def test_an_unused_connection_to_the_api_is_closed_after_a_while(origin):
    origin.on("/x", reply(200, {}, b"ok"))
    with Larder(origin, routes=PASS, upstream="  keep_alive: 200ms") as larder:
        larder.get("/x")
        origin.wait_for(lambda it: not it.open)
        larder.wait_for(IDLE, lambda value: value == 0)
        assert larder.get("/x").body == b"ok"
    assert origin.connections == 2


def test_an_api_that_does_not_accept_connections_is_a_504():
    with socket.socket() as listener, contextlib.ExitStack() as fillers:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        # Fills the backlog of the listener: further connection attempts get no response.
        while True:
            filler = fillers.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            if not select.select([], [filler], [], 0.5)[1]:
                break
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with Larder(url, routes=PASS, upstream="  connect_timeout: 200ms") as larder:
            answer = larder.get("/x")
            assert answer.status == 504
            assert b"connect_timeout" in answer.body


def test_an_api_that_comes_back_is_used_again(origin):
    origin.on("/x", reply(200, {}, b"ok"))
    with Larder(origin, routes=PASS) as larder:
        assert larder.get("/x").body == b"ok"
        origin.listener.shutdown(socket.SHUT_RDWR)
        origin.listener.close()
        origin.drop_connections()
        origin.wait_for(lambda it: not it.open)
        assert larder.get("/x").status == 502
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", origin.port))
        listener.listen(16)
        origin.listener = listener
        threading.Thread(target=origin._accept, daemon=True).start()
        assert larder.get("/x").body == b"ok"


def test_a_connection_ends_after_so_many_requests(origin):
    origin.on("/x", reply(200, {}, b"ok"))
    with Larder(origin, routes=TTL, settings="limits: {requests_per_connection: 3}") as larder, larder.client() as client:
        answers = [client.get("/x") for _ in range(3)]
        assert ["Connection" in answer for answer in answers] == [False, False, True]
        assert client.ended()


def upgrade(then):
    def script(exchange):
        exchange.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        return then(exchange)

    return script


def tunnel(client):
    client.request("GET", "/ws", {"Connection": "Upgrade", "Upgrade": "websocket"})
    assert client.response().status == 101


def test_a_tunnel_without_traffic_ends(origin):
    origin.on("/ws", upgrade(lambda exchange: exchange.connection.recv(1) and None or Origin.CLOSE))
    with Larder(origin, settings="timeouts: {tunnel: 200ms}") as larder, larder.client() as client:
        tunnel(client)
        assert client.ended()
        origin.wait_for(lambda it: not it.open)
        larder.wait_for("larder_connections", lambda value: value == 0)


def test_the_api_may_end_its_half_of_a_tunnel_first(origin):
    heard = []

    def script(exchange):
        exchange.send(b"bye")
        exchange.connection.shutdown(socket.SHUT_WR)
        while data := exchange.connection.recv(1000):
            heard.append(data)
        return Origin.CLOSE

    origin.on("/ws", upgrade(script))
    with Larder(origin) as larder, larder.client() as client:
        tunnel(client)
        assert client.file.read() == b"bye"
        client.send(b"still talking")
        client.socket.shutdown(socket.SHUT_WR)
        origin.wait_for(lambda it: not it.open)
        assert b"".join(heard) == b"still talking"


def test_what_is_sent_behind_an_upgrade_request_reaches_the_other_side(origin):
    def script(exchange):
        assert exchange.file.read(5) == b"early"
        exchange.send(b"heard")
        return Origin.CLOSE

    origin.on("/ws", upgrade(script))
    with Larder(origin) as larder, larder.client() as client:
        client.send("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly")
        assert client.response().status == 101
        assert client.file.read() == b"heard"


def test_a_tunnel_carries_much_in_both_directions_at_once_in_bounded_memory(origin):
    size = 20 * MEGABYTE
    block = bytes(range(256)) * 256

    def script(exchange):
        sender = threading.Thread(target=lambda: [exchange.send(block) for _ in range(size // len(block))], daemon=True)
        sender.start()
        assert exchange.file.read(size) == block * (size // len(block))
        sender.join(PATIENCE)
        return Origin.CLOSE

    origin.on("/ws", upgrade(script))
    with Larder(origin) as larder, larder.client() as client:
        before = larder.peak_memory()
        tunnel(client)
        sender = threading.Thread(target=lambda: [client.send(block) for _ in range(size // len(block))], daemon=True)
        sender.start()
        assert client.file.read(size) == block * (size // len(block))
        sender.join(PATIENCE)
        assert client.ended()
        assert larder.peak_memory() - before < 20 * MEGABYTE


def test_a_tunnel_ends_when_the_drain_time_is_over(origin):
    origin.on("/ws", upgrade(lambda exchange: exchange.connection.recv(1) and None or Origin.CLOSE))
    with Larder(origin, settings="drain_timeout: 200ms") as larder, larder.client() as client:
        tunnel(client)
        larder.process.terminate()
        assert client.ended()
        assert larder.process.wait(PATIENCE) == 0


def test_more_clients_than_descriptors_are_all_served_in_the_end(origin):
    # UBSan needs a descriptor of its own to check whether memory is readable.
    if b"__ubsan_handle" in pathlib.Path(binary()).read_bytes():
        pytest.skip("a sanitizer in the binary does not work without descriptors")
    origin.on("/x", reply(200, {}, b"ok"))
    with Larder(origin, routes=TTL, settings="loops: 1") as larder:
        larder.get("/x")
        larder.wait_for("larder_connections", lambda value: value == 0)
        limits = resource.prlimit(larder.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(larder.process.pid, resource.RLIMIT_NOFILE, (64, limits[1]))
        clients = [larder.client() for _ in range(200)]
        for client in clients:
            client.request("GET", "/x")
        # Each connection that ends frees a descriptor for another; failed accepts do not end the listener.
        for client in clients:
            assert client.response().body == b"ok"
            client.close()
        resource.prlimit(larder.process.pid, resource.RLIMIT_NOFILE, limits)
        larder.wait_for("larder_connections", lambda value: value == 0)
        assert larder.get("/x").body == b"ok"


def test_a_thousand_unshareable_keys_leave_no_entries(origin):
    origin.on("*", reply(200, {"Cache-Control": "no-store"}, b"mine"))
    with Larder(origin, routes=TTL) as larder:

        def ask(i):
            with larder.client() as client:
                return {client.get(f"/x{i}/{j}").body for j in range(250)}

        assert in_parallel(4, ask)() == [{b"mine"}] * 4
        figures = larder.metrics()
        assert figures["larder_store_entries"] == 0
        assert figures["larder_fills_running"] == figures["larder_fill_waiters"] == 0
        assert figures['larder_not_stored_total{reason="no-store"}'] == 1000


def test_variants_of_one_url_are_bounded(origin):
    origin.on("/x", lambda exchange: reply(200, {"Vary": "X-Who"}, exchange.request["X-Who"]))
    with Larder(origin, routes=TTL, settings="cache: {variants: 4}") as larder, larder.client() as client:
        for i in range(20):
            assert client.get("/x", {"X-Who": str(i)}).body == str(i).encode()
        one = larder.metric("larder_store_bytes")
        for i in range(20, 200):
            assert client.get("/x", {"X-Who": str(i)}).body == str(i).encode()
        assert larder.metric("larder_store_bytes") < 2 * one
        assert client.get("/x", {"X-Who": "199"})["Cache-Status"].startswith("larder; hit")


def test_half_open_clients_do_not_block_other_clients(origin):
    origin.on("/x", reply(200, {}, b"ok"))
    with Larder(origin, settings="timeouts: {head: 300ms, idle: 300ms}\nlimits: {connections: 20}") as larder:
        stuck = [Client(larder.address) for _ in range(20)]
        for client in stuck[:10]:
            client.send("GET / HTTP/1.1\r\nHos")
        larder.wait_for("larder_connections_accepted_total", lambda value: value >= 20)
        larder.wait_for("larder_connections", lambda value: value == 0)
        larder.reload(settings="timeouts: {head: 1h, idle: 1h}\nlimits: {connections: 20}")
        assert larder.get("/x").body == b"ok"
        for number, client in enumerate(stuck):
            if number < 10:
                assert client.response().status == 408
            assert client.ended()
            client.close()


def test_a_client_that_leaves_before_the_answer_frees_its_connection_to_the_api(origin):
    hold = origin.hold("/slow")
    origin.on("/x", reply(200, {}, b"ok"))
    with Larder(origin, routes=PASS, upstream="  connections: 1\n  queue_timeout: 1h\n  fill_timeout: 100ms", settings="loops: 1") as larder:
        client = larder.client()
        client.request("GET", "/slow")
        hold.wait()
        client.close()
        answer = larder.get("/x")
        hold.release(Origin.CLOSE)
        assert answer.body == b"ok"


def test_unread_interim_responses_are_bounded(origin):
    interim = memoryview(b"HTTP/1.1 103 Early Hints\r\nLink: <%s>\r\n\r\n" % (b"x" * 1000) * 60_000)

    def flood(exchange):
        exchange.connection.setblocking(False)
        sent = 0
        while sent < len(interim) and select.select([], [exchange.connection], [], 0.5)[1]:
            with contextlib.suppress(BlockingIOError):
                sent += exchange.connection.send(interim[sent : sent + MEGABYTE])
        if sent < len(interim):
            return Origin.CLOSE  # the send blocked, as expected
        exchange.connection.setblocking(True)
        return reply(200, {}, b"ok")

    origin.on("/x", flood)
    with Larder(origin, routes=TTL) as larder, larder.client() as client:
        before = larder.peak_memory()
        client.request("GET", "/x")
        origin.wait_for(lambda it: it.seen("/x"))
        larder.wait_for("larder_fills_running", lambda value: value == 0)
        assert larder.peak_memory() - before < 20 * MEGABYTE


def test_a_client_that_pipelines_many_requests_does_not_starve_others(origin):
    origin.on("/x", reply(200, {}, b"x"))
    with Larder(origin, routes=TTL) as larder:
        larder.get("/x")
        with larder.client() as client:
            # The process is stopped meanwhile, so that it reads all of it at once.
            larder.process.send_signal(signal.SIGSTOP)
            client.send(b"GET /x HTTP/1.1\r\nHost: larder.test\r\n\r\n" * 600)
            larder.process.send_signal(signal.SIGCONT)
            for _ in range(600):
                assert client.response().status == 200
        assert larder.metric("larder_connection_yields_total") > 0


def test_at_the_limit_the_longest_idle_connection_makes_room(origin):
    origin.on("/x", reply(200, {}, b"x"))
    with Larder(origin, routes="  - {path: /**, ttl: 1h}", settings="loops: 1\nlimits: {connections: 3}") as larder:
        clients = [larder.client() for _ in range(3)]
        for client in clients:
            assert client.get("/x").body == b"x"
        assert clients[0].get("/x").body == b"x"  # now the second is idle for the longest
        with larder.client() as new:
            assert new.get("/x").body == b"x"
            assert clients[1].ended()
            assert clients[0].get("/x").body == b"x"
            assert clients[2].get("/x").body == b"x"
        assert larder.metric("larder_idle_connections_closed_total") == 1
        larder.wait_for_line("the maximum (limits.connections")
        for client in clients:
            client.close()


def test_a_connection_that_is_busy_is_not_closed_for_a_new_one(origin):
    hold = origin.hold("/x")
    with Larder(origin, routes="  - {path: /**, cache: off}", settings="loops: 1\nlimits: {connections: 2}") as larder:
        clients = [larder.client() for _ in range(2)]
        for client in clients:
            client.request("GET", "/x")
        hold.wait(2)
        with larder.client() as new:
            new.request("GET", "/y")
            assert new.response().status == 503
        hold.release(reply(200, {}, b"x"))
        for client in clients:
            assert client.response().body == b"x"
            client.close()
        assert larder.metric("larder_connections_refused_total") == 1


def test_half_sent_heads_take_little_memory(origin):
    if is_sanitized():
        pytest.skip("a sanitizer takes memory of its own")
    count = 500
    with Larder(origin, routes="  - {path: /**, ttl: 1h}", settings="loops: 1") as larder:
        larder.get("/x")
        before = larder.peak_memory()
        clients = [larder.client() for _ in range(count)]
        for client in clients:
            client.send(b"GET /x HTTP/1.1\r\nHost: a\r\nX-Half")
        larder.wait_for("larder_connections", lambda value: value == count)
        larder.get("/x")  # what was sent has been read
        assert larder.peak_memory() - before < count * 16384
        for client in clients:
            client.send(b": sent\r\n\r\n")
            assert client.response().status == 404
            client.close()


def test_bodies_on_their_way_into_the_cache_have_a_budget(origin):
    size, count = 900_000, 6
    parts = [threading.Event() for _ in range(count)]

    def slow(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"a" * (size - 10))
        assert parts[0].wait(30)
        return b"b" * 10

    origin.on("*", slow)
    settings = "limits: {bodies_in_flight: 2MiB}"
    with Larder(origin, routes="  - {path: /**, ttl: 1h}", settings=settings) as larder:
        clients = [larder.client() for _ in range(count)]
        for i, client in enumerate(clients):
            client.request("GET", f"/{i}")
        heads = {}
        larder.wait_for("larder_fills_running", lambda value: value == 2)  # the others have been handed over
        assert 1_800_000 <= larder.metric("larder_bodies_in_flight_bytes") <= 2 * 1024 * 1024
        parts[0].set()
        for i, client in enumerate(clients):
            answer = client.response()
            assert answer.body == b"a" * (size - 10) + b"b" * 10
            heads[i] = cache_status(answer)[1].get("detail")
            client.close()
        assert list(heads.values()).count("no-room") == count - 2
        larder.wait_for("larder_bodies_in_flight_bytes", lambda value: value == 0)
