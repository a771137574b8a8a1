"""Cache-Status on every path, parsed strictly by RFC 8941, with only the combinations that RFC 9211 permits; and tests of the
parser itself.
"""

import pytest
from harness import Larder, Origin, cache_status, in_parallel, reply
from structured import Malformed, Token, parse_list

FORWARDS = {"bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale", "partial"}


def members(message):
    """The members of the field; the parameters of each are checked against RFC 9211."""
    found = parse_list(message["Cache-Status"])
    for _, parameters in found:
        assert set(parameters) <= {"hit", "fwd", "fwd-status", "ttl", "stored", "collapsed", "key", "detail"}
        assert not ("hit" in parameters and "fwd" in parameters)  # RFC 9211 2.2
        for name in ("hit", "stored", "collapsed"):
            assert parameters.get(name, True) is True
        if "fwd" in parameters:
            assert isinstance(parameters["fwd"], Token) and parameters["fwd"] in FORWARDS
        else:
            assert not {"stored", "collapsed", "fwd-status"} & set(parameters)  # RFC 9211 2.3, 2.5, 2.6: only for forwarded requests
        for name in ("ttl", "fwd-status"):
            assert type(parameters.get(name, 0)) is int
        assert isinstance(parameters.get("detail", ""), str)
    return found


def larders(message):
    name, parameters = members(message)[-1]
    assert name == "larder" and isinstance(name, Token)
    assert len(message.all("Cache-Status")) >= 1
    return parameters


KEPT = {"Cache-Control": "max-age=60"}
PATHS = [
    # (target, method, fields, number of earlier requests, parameters)
    ("/ttl", "GET", {}, 0, {"fwd": "uri-miss", "stored": True}),
    ("/standard", "GET", {}, 0, {"fwd": "uri-miss", "stored": True}),
    ("/off", "GET", {}, 0, {"fwd": "bypass", "detail": "route-off"}),
    ("/none", "GET", {}, 0, {"fwd": "bypass", "detail": "route-off"}),
    ("/ttl", "POST", {}, 0, {"fwd": "method"}),
    ("/ttl", "BREW", {}, 0, {"fwd": "method"}),
    ("/ttl", "OPTIONS", {}, 0, {"fwd": "method"}),
    ("/ttl", "GET", {"Authorization": "x"}, 1, {"fwd": "bypass", "detail": "request-authorization"}),
    ("/ttl", "GET", {"Cache-Control": "no-cache"}, 1, {"fwd": "request", "stored": True}),
    ("/ttl?refresh=1", "GET", {}, 0, {"fwd": "request", "stored": True}),
    ("/ttl", "GET", {"Origin": "http://a.test"}, 1, {"fwd": "vary-miss", "stored": True}),
    ("/ttl", "GET", {"If-Match": '"v1"'}, 0, {"fwd": "request"}),
    pytest.param("/ttl", "GET", {"Connection": "upgrade", "Upgrade": "websocket"}, 0, {"fwd": "bypass", "detail": "request-upgrade"}, marks=pytest.mark.http_1),
    ("/standard", "HEAD", {}, 0, {"fwd": "uri-miss", "detail": "head-miss"}),
    ("/standard", "GET", {"Cache-Control": "min-fresh=3600"}, 1, {"fwd": "request", "stored": True}),
    ("/standard", "GET", {"Cache-Control": "only-if-cached"}, 0, {"detail": "only-if-cached"}),
    ("/no-store", "GET", {}, 0, {"fwd": "uri-miss", "detail": "no-store"}),
    ("/broken", "GET", {}, 0, {"fwd": "uri-miss", "detail": "upstream-failed"}),
    ("/off/broken", "GET", {}, 0, {"fwd": "bypass", "detail": "upstream-failed"}),
]


@pytest.mark.parametrize("target, method, fields, asked, expected", PATHS)
def test_every_outcome_has_its_cache_status(origin, target, method, fields, asked, expected):
    origin.on("*", reply(200, KEPT, b"" if method == "HEAD" else b"data", length=method != "HEAD"))
    if method == "HEAD":
        origin.on("*", reply(200, {**KEPT, "Content-Length": "4"}))
    origin.on("/no-store", reply(200, {"Cache-Control": "no-store"}, b"data"))
    origin.on("/broken", Origin.CLOSE).on("/off/broken", Origin.CLOSE)
    routes = (
        "  - {path: /ttl, ttl: 60s, refresh_param: refresh}\n  - {path: /off, cache: off}\n  - {path: /off/**, cache: off}\n"
        "  - {path: /standard, cache: standard}\n  - {path: /no-store, ttl: 60s}\n  - {path: /broken, ttl: 60s}"
    )
    with Larder(origin, routes=routes) as larder:
        for _ in range(asked):
            larder.get(target)
        assert larders(larder.get(target, fields, method=method)) == expected


def test_a_response_that_had_to_be_fetched_again_because_of_a_write_says_so(origin):
    origin.on("*", reply(200, {}, b"data"))
    with Larder(origin, routes="  - {path: /**, ttl: 60s}") as larder:
        larder.get("/x")
        larder.get("/y")
        larder.get("/x", method="PUT", body=b"{}")
        assert larders(larder.get("/x")) == {"fwd": "uri-miss", "stored": True, "detail": "invalidated"}
        assert larders(larder.get("/x")).keys() == {"hit", "ttl"}
        assert larders(larder.get("/y")).keys() == {"hit", "ttl"}


@pytest.mark.parametrize("fields, status", [({}, 200), ({"If-None-Match": "*"}, 304)])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_hit_has_the_remaining_ttl(origin, method, fields, status):
    origin.on("/x", reply(200, {}, b"data"))
    with Larder(origin, routes="  - {path: /**, ttl: 60s}") as larder:
        larder.get("/x")
        answer = larder.get("/x", fields, method=method)
        assert answer.status == status
        told = larders(answer)
        assert set(told) == {"hit", "ttl"}
        assert 0 < told["ttl"] <= 60
        assert 0 <= int(answer["Age"]) <= 60


def test_collapsed_requests_are_marked_and_one_is_stored(origin):
    hold = origin.hold("/x")
    with Larder(origin, routes="  - {path: /**, ttl: 60s}") as larder:
        join = in_parallel(4, lambda _: larder.get("/x"))
        larder.wait_for("larder_fill_waiters", lambda value: value == 4)
        hold.release(reply(200, {}, b"data"))
        told = sorted((larders(answer) for answer in join()), key=len)
    assert all(each["fwd"] == "uri-miss" for each in told)
    assert [("stored" in each, "collapsed" in each) for each in told].count((True, False)) == 1
    assert [("stored" in each, "collapsed" in each) for each in told].count((False, True)) == 3


UPSTREAMS = [
    ['inner; hit; detail="a, b; larder; hit"'],
    ["inner; fwd=miss", "outer; hit; ttl=3"],
    ['"quoted, name"; fwd=stale; fwd-status=304'],
]


@pytest.mark.parametrize("route", ["off", "standard"])
@pytest.mark.parametrize("lines", UPSTREAMS)
def test_members_of_caches_behind_larder_come_first(origin, lines, route):
    origin.on("/x", reply(200, [*KEPT.items(), *(("Cache-Status", line) for line in lines)], b"data"))
    behind = [member for line in lines for member in parse_list(line)]
    with Larder(origin, routes=f"  - {{path: /**, cache: {route}}}") as larder:
        for _ in range(2):
            found = members(larder.get("/x"))
            assert found[:-1] == behind
            assert found[-1][0] == "larder"


@pytest.mark.http_1
def test_the_response_to_a_refused_request_has_neither_hit_nor_fwd(origin):
    with Larder(origin) as larder, larder.client() as client:
        client.send("GET / HTTP/1.1\r\n\r\n")
        answer = client.response()
        assert answer.status == 400
        if "Cache-Status" in answer:
            assert "fwd" not in larders(answer) and "hit" not in larders(answer)


WELL_FORMED = [
    ("", []),
    ("a", [("a", {})]),
    ("a; hit", [("a", {"hit": True})]),
    ("a;hit=?0", [("a", {"hit": False})]),
    ('"a b"; ttl=-5 ,  c', [("a b", {"ttl": -5}), ("c", {})]),
    ('a; detail="x, \\"y\\"; z"', [("a", {"detail": 'x, "y"; z'})]),
    ("*a/b:c; fwd=uri-miss", [("*a/b:c", {"fwd": "uri-miss"})]),
]
MALFORMED = ["a,", ",a", "a b", "a; ", "a; Hit", "a;hit;hit", 'a;b="', "a;b=1.x", "a;b=", "é", "a ; b"]


@pytest.mark.parametrize("text, expected", WELL_FORMED)
def test_the_test_parser_accepts_well_formed_fields(text, expected):
    assert parse_list(text) == expected


@pytest.mark.parametrize("text", MALFORMED)
def test_the_test_parser_refuses_malformed_fields(text):
    with pytest.raises(Malformed):
        parse_list(text)


def test_the_helper_of_other_scenarios_is_strict(origin):
    origin.on("/x", reply(200, {}, b"data"))
    with Larder(origin, routes="  - {path: /**, ttl: 60s}") as larder:
        assert cache_status(larder.get("/x")) == ("larder", {"fwd": "uri-miss", "stored": True})
