"""One response for each request: surplus bytes on a connection, unsolicited responses, and bytes that only one side takes for a
request must never reach another client.
"""

import threading

import pytest
from harness import PATIENCE, Larder, Origin, cache_status, reply
from test_hostile import ANSWERS, is_problem

ROUTES = {"off": "  - {path: /**, cache: off}", "ttl": "  - {path: /**, ttl: 60s}", "standard": "  - {path: /**, cache: standard}"}
EVIL = reply(200, {"Cache-Control": "max-age=60"}, b"somebody else's")


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    "answer",
    [
        reply(200, {}, b"ok"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        reply(404, {}, b"ok"),
    ],
    ids=["length", "chunked", "not found"],
)
def test_bytes_after_a_response_are_discarded(origin, answer, route):
    origin.on("/x", answer + EVIL).on("/y", reply(200, {}, b"mine"))
    with Larder(origin, routes=ROUTES[route]) as larder, larder.client() as client:
        assert client.get("/x").body == b"ok"
        assert client.get("/y").body == b"mine"
        assert client.get("/y", method="POST", body=b"").body == b"mine"


@pytest.mark.parametrize("route", ROUTES)
def test_bytes_on_an_idle_connection_are_discarded(origin, route):
    connections = []

    def script(exchange):
        connections.append(exchange.connection)
        return reply(200, {}, b"ok")

    origin.on("/x", script).on("/y", reply(200, {}, b"mine"))
    with Larder(origin, routes=ROUTES[route]) as larder, larder.client() as client:
        assert client.get("/x").body == b"ok"
        connections[0].sendall(EVIL)
        assert client.get("/y").body == b"mine"
        assert client.get("/y", method="POST", body=b"").body == b"mine"


BODILESS = [
    ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
    ("HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    ("GET", b"HTTP/1.1 204 No Content\r\n\r\nhello"),
    ("GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello"),
    ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello"),
]


@pytest.mark.parametrize("method, answer", BODILESS)
@pytest.mark.parametrize("route", ["off", "standard"])
def test_an_answer_that_can_have_no_body_has_none(origin, method, answer, route):
    origin.on("/x", answer).on("/y", reply(200, {}, b"mine"))
    with Larder(origin, routes=ROUTES[route]) as larder, larder.client() as client:
        first = client.get("/x", {"If-None-Match": '"v1"'}, method=method)
        assert first.status == int(answer[9:12])
        if first.status == 204:
            assert "Content-Length" not in first and "Transfer-Encoding" not in first
        assert client.get("/y").body == b"mine"


@pytest.mark.parametrize("route", ROUTES)
def test_an_unsolicited_101_is_refused(origin, route):
    origin.on("/x", b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n" + EVIL)
    origin.on("/y", reply(200, {}, b"mine"))
    with Larder(origin, routes=ROUTES[route]) as larder, larder.client() as client:
        assert is_problem(client.get("/x"), 502)
        assert client.get("/y").body == b"mine"


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("answer", [row[1] for row in ANSWERS if "at once" not in row[0] and "trailers" not in row[0]])
def test_an_answer_with_an_ill_formed_head_is_a_502_on_every_route(origin, answer, route):
    def script(exchange):
        exchange.send(answer.encode("latin-1"))
        return Origin.CLOSE

    origin.on("/x", script)
    with Larder(origin, routes=ROUTES[route]) as larder, larder.client() as client:
        for method in ("GET", "POST"):
            assert is_problem(client.get("/x", method=method), 502)
        assert larder.metric("larder_store_entries") == 0


@pytest.mark.parametrize("route", ROUTES)
def test_the_body_of_a_get_is_not_read_as_a_request(origin, route):
    origin.on("/x", lambda exchange: reply(200, {"Cache-Control": "max-age=60"}, b"answer to " + exchange.request.body))
    origin.on("/y", reply(200, {}, b"mine"))
    hidden = b"GET /hidden HTTP/1.1\r\nHost: api.test\r\n\r\n"
    with Larder(origin, routes=ROUTES[route]) as larder, larder.client() as client:
        assert client.get("/x").body == b"answer to "
        # Neither served from the store nor stored: the body is not part of the key.
        assert client.get("/x", body=hidden).body == b"answer to " + hidden
        assert client.get("/x").body == b"answer to "
        client.send(b"GET /x HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(hidden), hidden))
        assert client.response().body == b"answer to " + hidden
        assert client.get("/y").body == b"mine"
    assert origin.seen("/hidden") == []


FRAMING = ["Host", "Content-Length", "Transfer-Encoding", "X-Forwarded-For", "Via", "Connection"]


@pytest.mark.parametrize("name", FRAMING)
def test_connection_cannot_remove_larders_own_fields(origin, name):
    origin.on("/x", lambda exchange: reply(200, {}, exchange.request.body))
    with Larder(origin) as larder, larder.client() as client:
        assert client.get("/x", {"Connection": name}, method="POST", body=b"hello").body == b"hello"
        assert client.get("/x", method="POST", body=b"again").body == b"again"
    for request in origin.seen("/x"):
        assert request["Host"] == "api.test"
        assert request["Content-Length"] == "5"
        assert request["X-Forwarded-For"] == "127.0.0.1"


@pytest.mark.parametrize("fields", [{"Origin": "http://one.test"}, {"Accept-Language": "de"}, {"X-Key": "1"}], ids=lambda it: next(iter(it)))
def test_a_field_that_does_not_reach_the_api_does_not_choose_an_entry(origin, fields):
    """Otherwise a client that lists a field in Connection could cause the response without that field to be stored for clients
    that send it.
    """
    (name, value) = next(iter(fields.items()))
    origin.on("/x", lambda exchange: reply(200, {"Vary": "Accept-Language"}, exchange.request.get(name, "without")))
    with Larder(origin, routes="  - {path: /**, ttl: 60s, key: {headers: [x-key]}}") as larder:
        larder.get("/x", {**fields, "Connection": name})
        assert larder.get("/x", fields).body == value.encode()
        assert larder.get("/x").body == b"without"


def test_an_absolute_target_is_the_same_resource(origin):
    origin.on("/x", lambda exchange: reply(200, {}, exchange.request["Host"]))
    with Larder(origin, routes=ROUTES["ttl"]) as larder, larder.client() as client:
        assert client.get("/x", {"Host": "a.test"}).body == b"a.test"
        assert cache_status(client.get("http://a.test/x", {"Host": "a.test"}))[1].get("hit")
        assert client.get("http://b.test/x", {"Host": "b.test"}).body == b"b.test"
    assert [request.target for request in origin.seen()] == ["/x", "/x"]


@pytest.mark.parametrize("target", ["//x", "/x/", "/X", "/x?", "/x%3Fa=1", "/.x", "/x."])
def test_different_paths_have_different_entries(origin, target):
    origin.on("/x", reply(200, {}, b"data")).on(target, reply(200, {}, b"other"))
    with Larder(origin, routes=ROUTES["ttl"]) as larder, larder.client() as client:
        assert client.get(target).body == b"other"
        assert client.get("/x").body == b"data"
        assert client.get(target).body == b"other"
    assert [request.target for request in origin.seen()] == [target, "/x"]


def test_requests_in_a_long_pipeline_are_answered_each_in_turn_and_in_bounded_memory(origin):
    size, count = 20_000, 3000
    for name in ("a", "b"):
        origin.on(f"/{name}", reply(200, {}, name * size))
    with Larder(origin, routes=ROUTES["ttl"]) as larder, larder.client() as client:
        for name in ("a", "b"):
            client.get(f"/{name}")
        before = larder.peak_memory()
        pair = "".join(f"GET /{name} HTTP/1.1\r\nHost: api.test\r\n\r\n" for name in ("a", "b"))
        sender = threading.Thread(target=client.send, args=(pair * (count // 2),), daemon=True)
        sender.start()
        for i in range(count):
            answer = client.response()
            assert answer.body == (b"a", b"b")[i % 2] * size
        sender.join(PATIENCE)
        assert larder.peak_memory() - before < 20 << 20


def test_many_interim_answers_come_in_order_before_the_final_one(origin):
    interim = b"".join(b"HTTP/1.1 103 Early Hints\r\nLink: </%d>\r\n\r\n" % i for i in range(200))
    origin.on("/x", interim + reply(200, {}, b"ok"))
    with Larder(origin, routes=ROUTES["off"]) as larder, larder.client() as client:
        for _ in range(2):
            seen = []
            client.request("GET", "/x")
            assert client.response(interim=seen).body == b"ok"
            assert [message["Link"] for message in seen] == [f"</{i}>" for i in range(200)]
