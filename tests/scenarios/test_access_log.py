"""The access log: one correct line per request, whatever the request contains; and the identifiers of a request on their way."""

import contextlib
import datetime
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import threading
import time

import pytest
from harness import PATIENCE, Larder, Origin, binary, in_parallel, reply

ROUTES = "\n".join(
    [
        "  - {path: /off/**, cache: off}",
        "  - {path: /short, ttl: 50ms, stale_while_revalidate: 1h}",
        "  - {path: /brief, ttl: 50ms}",
        "  - {path: /list, ttl: 1h, fields: [id]}",
        "  - {path: /**, ttl: 1h}",
    ]
)
LOGGED = "access_log: json\ncompression: {min_size: 1KiB}"
BIG = b"[" + b",".join(b'{"id": %d, "more": "%s"}' % (i, b"x" * 90) for i in range(200)) + b"]"
SECRET = "s3cr3t"


def logging(origin, settings=LOGGED):
    # Lines are flushed by the sweep, whose interval depends on the shortest timeout. The lines of several loops have no order.
    settings += "" if "loops:" in settings else "\nloops: 1"
    return Larder(origin, routes=ROUTES, settings=settings, upstream="  keep_alive: 200ms")


def lines_of(larder, count, is_wanted=lambda line: True):
    """The first `count` of those lines, parsed; each line that looks like one of the log must be JSON."""

    def found():
        parsed = [json.loads(line) for line in larder.output]
        return [line for line in parsed if is_wanted(line)]

    with larder.condition:
        assert larder.condition.wait_for(lambda: len(found()) >= count, PATIENCE), larder.output
        return found()[:count]


def only_line(larder, **wanted):
    (line,) = lines_of(larder, 1, lambda line: all(line.get(name) == value for name, value in wanted.items()))
    return line


def test_a_log_line_and_its_entry_have_the_same_key(origin):
    origin.on("*", reply(200, {}, b"x"))
    with logging(origin) as larder:
        larder.get("/a")
        (entry,) = json.loads(larder.ask_admin("/api/entries")[1])["shown"]
        assert only_line(larder, target="/a")["key"] == entry["hash"]


# ---- JSON -----------------------------------------------------------------------------------------------------------


def test_every_outcome_has_its_fields(origin):
    origin.on("/a?b=1", reply(200, {"ETag": '"1"'}, b"12345")).on("/off/a", reply(200, {}, b"123")).on("/broken", Origin.CLOSE)
    with logging(origin) as larder, larder.client() as client:
        agent = {"User-Agent": "tester/1"}
        before = datetime.datetime.now(datetime.timezone.utc)
        client.get("/a?b=1", agent)
        client.get("/a?b=1", agent)
        client.get("/a?b=1", {**agent, "If-None-Match": '"1"'})
        client.get("/a?b=1", agent, method="HEAD")
        client.get("/a?b=1", {**agent, "Cache-Control": "no-cache"})
        client.get("/a?b=1", agent, method="POST", body=b"{}")
        client.get("/off/a", agent)
        client.get("/other", {**agent, "Cache-Control": "only-if-cached"})
        got = lines_of(larder, 8)
        after = datetime.datetime.now(datetime.timezone.utc)

    expected = [
        # method, status, outcome, bytes, whether the API responded, whether there is a key
        ("GET", 200, "miss", 5, True, True),
        ("GET", 200, "hit", 5, False, True),
        ("GET", 304, "hit", 0, False, True),
        ("HEAD", 200, "hit", 0, False, True),
        ("GET", 200, "refresh", 5, True, True),
        ("POST", 200, "method", 5, True, False),
        ("GET", 200, "bypass", 3, True, False),
    ]
    for line, (method, status, outcome, size, upstream, keyed) in zip(got, expected):
        assert (line["method"], line["status"], line["outcome"], line["bytes"]) == (method, status, outcome, size), line
        assert ("upstream_ms" in line) == upstream, line
        assert ("key" in line) == keyed, line
        assert line["user_agent"] == "tester/1" and line["client"] == "127.0.0.1"
        assert line["target"] == ("/off/a" if outcome == "bypass" else "/a?b=1")
        assert line["route"] == ("/off/**" if outcome == "bypass" else "/**")
        assert line.get("original_bytes") == (5 if keyed else None)
        assert "request_id" not in line and "traceparent" not in line
        assert before - datetime.timedelta(seconds=1) <= datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00")) <= after
        assert 0 <= line.get("upstream_ms", 0) <= line["ms"] + 1
        assert line["cache_status"].startswith("larder; ")
    assert (got[7]["status"], got[7]["outcome"]) == (504, "refused")
    assert "upstream_ms" not in got[7]
    assert re.fullmatch("[0-9a-f]{16}", got[0]["key"])
    assert {line["key"] for line in got[:5]} == {got[0]["key"]}  # all requests for one entry have its key
    assert got[7]["key"] != got[0]["key"]


def test_a_request_that_the_gate_refuses_is_logged(origin):
    with logging(origin) as larder, larder.client() as client:
        client.send(f"GET /x?token={SECRET} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        answer = client.response()
        assert answer.status == 400
        line = only_line(larder, status=400)
    assert line["bytes"] == len(answer.body)
    assert (line["outcome"], line["method"], line["target"], line["client"]) == ("refused", "-", "-", "127.0.0.1")
    assert "upstream_ms" not in line and "key" not in line


def test_clients_that_share_a_fetch_are_logged_as_collapsed(origin):
    hold = origin.hold("/a")
    with logging(origin) as larder:
        join = in_parallel(3, lambda i: larder.get("/a", {"X-Request-ID": f"r{i}"}))
        larder.wait_for("larder_fill_waiters", lambda value: value == 3)
        hold.release(reply(200, {}, b"ok"))
        join()
        got = lines_of(larder, 3)
    assert sorted(line["outcome"] for line in got) == ["collapsed", "collapsed", "miss"]
    assert len({line["key"] for line in got}) == 1
    assert sorted(line["request_id"] for line in got) == ["r0", "r1", "r2"]
    assert all("upstream_ms" in line for line in got)


def test_outcomes_of_expired_entries(origin):
    def answer(exchange):
        known = "If-None-Match" in exchange.request
        return reply(304, {"ETag": '"1"'}, length=False) if known else reply(200, {"ETag": '"1"'}, b"ok")

    origin.on("/short", reply(200, {}, b"ok")).on("/brief", answer)
    with logging(origin) as larder:
        larder.get("/short")
        larder.get_until("/short", lambda got: "ttl=-" in got["Cache-Status"])
        stale = only_line(larder, outcome="stale")
        assert "upstream_ms" not in stale  # the client did not wait for the API
        larder.get("/brief")
        larder.get_until("/brief", lambda got: "fwd=stale" in got["Cache-Status"])
        renewed = only_line(larder, outcome="revalidated")
        assert "upstream_ms" in renewed and renewed["status"] == 200


def test_outcomes_of_upstream_failures(origin):
    origin.on("*", Origin.CLOSE)
    with logging(origin) as larder:
        answers = [larder.get("/a"), larder.get("/off/a"), larder.get("/off/a", method="HEAD")]
        assert [answer.status for answer in answers] == [502] * 3
        got = lines_of(larder, 3, lambda line: line["status"] == 502)
    assert [(line["outcome"], line["target"]) for line in got] == [("miss", "/a"), ("bypass", "/off/a"), ("bypass", "/off/a")]
    assert [line["bytes"] for line in got] == [len(answer.body) for answer in answers]


def test_bytes_before_and_after(origin):
    origin.on("/list", reply(200, {"Content-Type": "application/json"}, BIG))
    with logging(origin) as larder:
        lean = larder.get("/list")
        coded = larder.get_until("/list", lambda answer: "Content-Encoding" in answer, {"Accept-Encoding": "gzip"})
        larder.get("/list", {"If-None-Match": lean["ETag"]})
        last = only_line(larder, status=304)
        first = lines_of(larder, 1)[0]
        coded_line = only_line(larder, bytes=len(coded.body))
    assert len(coded.body) < len(lean.body) < len(BIG)
    assert (first["bytes"], first["original_bytes"]) == (len(lean.body), len(BIG))
    assert (last["bytes"], last["original_bytes"]) == (0, len(BIG))
    assert coded_line["original_bytes"] == len(BIG)


# ---- contents of requests -------------------------------------------------------------------------------------------

HOSTILE = [
    'quotes " and \\ backslashes \\" \\\\',
    '","status":200,"outcome":"hit',
    '"} {"forged": true}',
    "tab\there",
    "\\n{\"forged\": true}",
    "\x80\xff\xfe",
    "é as Latin-1: \xe9",
    "\xc3\xa9 as UTF-8",
    "\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80",  # overlong, a surrogate, beyond Unicode
    "\xe2\x80\xa8 separates lines in JavaScript",
    "%0d%0a{}",
    "\x1b[31m"[1:],
]
COMBINED = re.compile(
    r'(?P<client>\S+) - - \[(?P<time>[^\]]+)\] "(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}) (?P<bytes>\d+) '
    r'"(?P<referer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)" (?P<outcome>[a-z]+)'
)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_request_cannot_break_its_json_line(origin, text):
    origin.on("*", reply(200, {}, b"x"))
    with logging(origin) as larder:
        larder.get("/a", {"User-Agent": text, "X-Request-ID": text})
        larder.get("/b")
        first, second = lines_of(larder, 2)
    seen = text.encode("latin-1").decode("utf-8", "replace")
    assert first["user_agent"].replace("�", "") == seen.replace("�", "")
    assert first["request_id"] == first["user_agent"]
    assert (first["status"], first["outcome"], first["target"], second["target"]) == (200, "miss", "/a", "/b")


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_request_cannot_break_its_combined_line(origin, text):
    origin.on("*", reply(200, {}, b"x"))
    with logging(origin, "access_log: combined") as larder:
        larder.get("/a", {"User-Agent": text, "Referer": text})
        larder.get("/b")
        larder.wait_for_line("GET /b ", "output")
        got = [COMBINED.fullmatch(line) for line in larder.output if " - - " in line or "forged" in line]
    assert len(got) == 2 and all(got)
    assert [line["request"] for line in got] == ["GET /a HTTP/1.1", "GET /b HTTP/1.1"]
    assert got[0]["agent"] == got[0]["referer"]
    assert (got[1]["agent"], got[1]["referer"]) == ("-", "-")


@pytest.mark.parametrize("target", ['/a"b', "/a'b", "/a%22%0a%00", "/a?q={}", "/a?\\", "/a?[]|^`", "/a?q=<script>", "/\xc3\xa9", "/a?q=\xff"])
@pytest.mark.parametrize("form", ["json", "combined"])
def test_a_hostile_target_cannot_break_its_field(origin, form, target):
    """If the gate accepts it at all."""
    origin.on("*", reply(200, {}, b"x"))
    with logging(origin, f"access_log: {form}") as larder:
        status = larder.get(target).status
        larder.get("/last")
        larder.wait_for_line("/last", "output")
        got = [line for line in larder.output if "listening" not in line and "admin" not in line]
    assert len(got) == 2
    if form == "json":
        assert json.loads(got[0])["status"] == status
        if status == 200:
            assert json.loads(got[0])["target"] == target.encode("latin-1").decode("utf-8", "replace")
    else:
        assert int(COMBINED.fullmatch(got[0])["status"]) == status


def test_the_combined_format_has_the_usual_fields(origin):
    origin.on("/a", reply(200, {}, b"12345"))
    with logging(origin, "access_log: combined") as larder:
        larder.get("/a", {"User-Agent": "tester/1", "Referer": "http://page.test/"})
        larder.get("/a", version="1.0", fields={"Host": "api.test"})
        larder.wait_for_line("HTTP/1.0", "output")
        miss, hit = (COMBINED.fullmatch(line).groupdict() for line in larder.output if " - - " in line)
    assert datetime.datetime.strptime(miss.pop("time"), "%d/%b/%Y:%H:%M:%S %z")
    assert list(miss.values()) == ["127.0.0.1", "GET /a HTTP/1.1", "200", "5", "http://page.test/", "tester/1", "miss"]
    assert (hit["request"], hit["outcome"]) == ("GET /a HTTP/1.0", "hit")


# ---- redaction ------------------------------------------------------------------------------------------------------

REDACTED = [
    ("none", f"/a?token={SECRET}", f"/a?token={SECRET}"),
    ("all", f"/a?token={SECRET}&b=1&c=&{SECRET}", "/a?token=***&b=***&c=***&***"),
    ("all", "/a", "/a"),
    ("all", "/a?", "/a?"),
    ("all", f"/a?token={SECRET}={SECRET}", "/a?token=***"),
    ("all", f"/a?={SECRET}", "/a?=***"),
    ("all", f"http://api.test/a?token={SECRET}", "http://api.test/a?token=***"),
    ("[token, key]", f"/a?b=1&token={SECRET}&c=2&token={SECRET}&key={SECRET}", "/a?b=1&token=***&c=2&token=***&key=***"),
    ("[token]", f"/a?to%6ben={SECRET}&tokens=1&Token=2&b", "/a?to%6ben=***&tokens=1&Token=2&b"),
    ("[api key]", f"/a?api+key={SECRET}&api%20key={SECRET}", "/a?api+key=***&api%20key=***"),
]


@pytest.mark.parametrize("rule, target, shown", REDACTED, ids=range(len(REDACTED)))
def test_query_values_are_redacted_as_configured(origin, rule, target, shown):
    origin.on("*", reply(200, {}, b"x"))
    settings = f"access_log: json\naccess_log_redact: {rule}\ncache: {{status_key: true}}"
    with logging(origin, settings) as larder:
        for _ in range(2):
            larder.get(target, {"Referer": target})
        got = lines_of(larder, 2)
        assert [line["target"] for line in got] == [shown] * 2
        assert [line["outcome"] for line in got] == ["miss", "hit"]
    if rule != "none":
        assert SECRET not in "\n".join(larder.output + larder.errors)


@pytest.mark.parametrize("rule, target, shown", REDACTED, ids=range(len(REDACTED)))
def test_a_referer_is_redacted_as_configured(origin, rule, target, shown):
    origin.on("*", reply(200, {}, b"x"))
    with logging(origin, f"access_log: combined\naccess_log_redact: {rule}") as larder:
        larder.get(target, {"Referer": target})
        line = COMBINED.fullmatch(larder.wait_for_line(" - - ", "output"))
    assert (line["request"], line["referer"]) == (f"GET {shown} HTTP/1.1", shown)


def test_the_programs_own_log_hides_what_the_access_log_hides(origin):
    origin.on("*", reply(200, {"Content-Type": "application/json"}, b"{nonsense"))
    with logging(origin, "access_log: json\naccess_log_redact: all") as larder:
        larder.get(f"/list?token={SECRET}")
        assert "/list?token=***" in larder.wait_for_line("is sent whole")
    assert SECRET not in "\n".join(larder.output + larder.errors)


def test_a_fragment_of_a_referer_is_not_shown_where_something_is_hidden(origin):
    origin.on("*", reply(200, {}, b"x"))
    with logging(origin, "access_log: combined\naccess_log_redact: all") as larder:
        larder.get("/a", {"Referer": f"http://page.test/?a=1#access_token={SECRET}"})
        larder.get("/b", {"Referer": f"http://page.test/#access_token={SECRET}"})
        larder.wait_for_line("GET /b ", "output")
    assert SECRET not in "\n".join(larder.output)


# ---- identifiers of a request ---------------------------------------------------------------------------------------

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
WELL_FORMED = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01")


def sent_up(origin, name):
    return [request.all(name) for request in origin.requests]


@pytest.mark.parametrize("target", ["/a", "/off/a"])
def test_a_request_id_is_passed_on(origin, target):
    origin.on("*", reply(200, {}, b"x"))
    with logging(origin) as larder:
        larder.get(target, {"X-Request-ID": "mine"})
        larder.get(target + "?2")
        got = lines_of(larder, 2)
    assert sent_up(origin, "X-Request-ID") == [["mine"], []]
    assert [line.get("request_id") for line in got] == ["mine", None]


@pytest.mark.parametrize("target", ["/a", "/off/a"])
@pytest.mark.parametrize("loops", [1, 2])
def test_a_request_id_is_generated_if_there_is_none(origin, target, loops):
    origin.on("*", reply(200, {}, b"x"))
    with logging(origin, f"{LOGGED}\nrequest_id: begin\nloops: {loops}") as larder:
        larder.get(target + "?mine", {"X-Request-ID": "mine"})
        larder.get(target + "?empty", {"X-Request-ID": ""})
        larder.get(target + "?long", {"X-Request-ID": "x" * 129})
        for i in range(20):
            larder.get(f"{target}?{i}")
        got = lines_of(larder, 23)
    up = {request.target: request.all("X-Request-ID") for request in origin.requests}
    assert up.pop(target + "?mine") == ["mine"]
    ids = [one for one, in up.values()]
    assert len(set(ids)) == 22 and all(re.fullmatch("[0-9a-f]{32}", one) for one in ids)
    for line in got:
        if line["request_id"] != "mine":
            assert [line["request_id"]] == up[line["target"]]


TRACES = [
    # the traceparent lines of a request, and whether they are exactly one valid value
    ([PARENT], True),
    (["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"], True),
    (["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff"], True),
    (["cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"], True),
    (["cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes-later"], True),
    ([], False),
    ([""], False),
    (["00"], False),
    (["00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"], False),
    (["00-00000000000000000000000000000000-00f067aa0ba902b7-01"], False),
    (["00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"], False),
    (["ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"], False),
    (["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"], False),
    (["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1"], False),
    (["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g"], False),
    (["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"], False),
    (["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x"], False),
    (["cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x"], False),
    (["00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01"], False),
    (["00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01"], False),
    (["0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"], False),
    ([f"{PARENT},{PARENT}"], False),
    ([PARENT, PARENT], False),
    ([PARENT, "00-11111111111111111111111111111111-1111111111111111-01"], False),
]


@pytest.mark.parametrize("target", ["/a", "/off/a"])
@pytest.mark.parametrize("parents, valid", TRACES, ids=range(len(TRACES)))
def test_a_trace_is_started_if_there_is_none(origin, parents, valid, target):
    origin.on("*", reply(200, {}, b"x"))
    with logging(origin, f"{LOGGED}\ntrace_context: begin") as larder:
        larder.get(target, [*(("traceparent", parent) for parent in parents), ("tracestate", "vendor=1")])
        (line,) = lines_of(larder, 1)
    ((sent,),) = sent_up(origin, "traceparent")
    assert line["traceparent"] == sent
    assert sent_up(origin, "tracestate") == [["vendor=1"] if valid else []]
    if valid:
        assert [sent] == parents
    else:
        assert WELL_FORMED.fullmatch(sent)
        assert sent not in parents


@pytest.mark.parametrize("target", ["/a", "/off/a"])
def test_a_trace_is_forwarded_unchanged(origin, target):
    origin.on("*", reply(200, {}, b"x"))
    with logging(origin) as larder:
        larder.get(target, [("Traceparent", PARENT), ("tracestate", "a=1"), ("tracestate", "b=2")])
        larder.get(target + "?2", {"traceparent": "nonsense", "tracestate": "a=1"})
        larder.get(target + "?3")
        got = lines_of(larder, 3)
    assert sent_up(origin, "traceparent") == [[PARENT], ["nonsense"], []]
    assert sent_up(origin, "tracestate") == [["a=1", "b=2"], ["a=1"], []]
    assert [line.get("traceparent") for line in got] == [PARENT, None, None]


@pytest.mark.parametrize("begin", [True, False])
def test_a_hit_is_logged_with_its_request_id_and_trace(origin, begin):
    origin.on("*", reply(200, {}, b"x"))
    settings = f"{LOGGED}\ntrace_context: begin\nrequest_id: begin" if begin else LOGGED
    with logging(origin, settings) as larder:
        larder.get("/a")
        larder.get("/a", {"X-Request-ID": "mine", "traceparent": PARENT})
        larder.get("/a", {"X-Request-ID": "x" * 129, "traceparent": "nonsense"})
        larder.get("/a")
        _, named, misnamed, unnamed = lines_of(larder, 4)
    assert (named["request_id"], named["traceparent"]) == ("mine", PARENT)
    for line in (misnamed, unnamed):
        if begin:
            assert re.fullmatch("[0-9a-f]{32}", line["request_id"]) and WELL_FORMED.fullmatch(line["traceparent"])
        else:
            assert "request_id" not in line and "traceparent" not in line


def test_each_started_trace_has_its_own_identifiers(origin):
    origin.on("*", reply(200, {}, b"x"))
    with logging(origin, "trace_context: begin") as larder:
        for i in range(50):
            larder.get(f"/a/{i}")
    assert len({sent[3:35] for sent, in sent_up(origin, "traceparent")}) == 50


@pytest.mark.parametrize("begin", [True, False])
def test_a_background_fetch_does_not_use_the_clients_identifiers(origin, begin):
    origin.on("/short", reply(200, {}, b"x"))
    settings = "trace_context: begin\nrequest_id: begin" if begin else ""
    mine = {"X-Request-ID": "mine", "traceparent": PARENT, "tracestate": "vendor=1"}
    with logging(origin, settings) as larder:
        larder.get("/short")
        larder.get_until("/short", lambda got: "ttl=-" in got["Cache-Status"], mine)
        origin.wait_for(lambda it: len(it.requests) >= 2)
    behind = origin.requests[1]
    assert "tracestate" not in behind
    if begin:
        assert WELL_FORMED.fullmatch(behind["traceparent"]) and behind["traceparent"] != PARENT
        assert re.fullmatch("[0-9a-f]{32}", behind["X-Request-ID"])
    else:
        assert "traceparent" not in behind and "X-Request-ID" not in behind


# ---- the file -------------------------------------------------------------------------------------------------------


def until(larder, predicate):
    """Polls, paced by requests to the admin listener."""
    end = time.monotonic() + PATIENCE
    while not predicate():
        assert time.monotonic() < end
        larder.ask_admin("/healthz")


def open_files(larder):
    found = set()
    for entry in pathlib.Path(f"/proc/{larder.process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.add(os.readlink(entry))
    return found


@pytest.mark.parametrize("loops", [1, 2])
def test_rotation_under_load_loses_no_line(origin, tmp_path, loops):
    origin.on("*", reply(200, {}, b"x"))
    path = tmp_path / "access.log"
    over = threading.Event()
    counts = [0] * 4
    with logging(origin, f"{LOGGED}\naccess_log_file: {path}\nloops: {loops}") as larder:

        def load(worker):
            with larder.client() as client:
                while not over.is_set():
                    assert client.get(f"/{worker}/{counts[worker]}").status == 200
                    counts[worker] += 1

        join = in_parallel(4, load)
        for turn in range(5):
            seen = sum(counts)
            until(larder, lambda seen=seen: sum(counts) > seen + 50 and path.stat().st_size > 0)
            moved = tmp_path / f"access.log.{turn}"
            path.rename(moved)
            larder.process.send_signal(signal.SIGUSR1)
            until(larder, path.exists)
            until(larder, lambda moved=moved: str(moved) not in open_files(larder))
        until(larder, lambda: path.stat().st_size > 0)
        over.set()
        join()
    got = [json.loads(line)["target"] for file in tmp_path.glob("access.log*") for line in file.read_text().splitlines()]
    assert sorted(got) == sorted(f"/{worker}/{i}" for worker in range(4) for i in range(counts[worker]))
    assert all(file.stat().st_size > 0 for file in tmp_path.glob("access.log*"))
    assert path.stat().st_mode & 0o777 == 0o640


def test_rotation_closes_the_old_file_without_traffic(origin, tmp_path):
    path = tmp_path / "access.log"
    with logging(origin, f"{LOGGED}\naccess_log_file: {path}") as larder:
        path.rename(tmp_path / "old")
        larder.process.send_signal(signal.SIGUSR1)
        until(larder, lambda: str(path) in open_files(larder) and str(tmp_path / "old") not in open_files(larder))


def test_if_reopening_fails_the_old_file_is_kept_and_a_warning_logged(origin, tmp_path):
    origin.on("*", reply(200, {}, b"x"))
    directory = tmp_path / "log"
    directory.mkdir()
    path = directory / "access.log"
    with logging(origin, f"{LOGGED}\naccess_log_file: {path}") as larder:
        larder.get("/a")
        directory.rename(tmp_path / "moved")
        larder.process.send_signal(signal.SIGUSR1)
        assert f"access_log_file: {path} cannot be opened: No such file or directory" in larder.wait_for_line("cannot be opened")
        larder.get("/b")
    got = [json.loads(line)["target"] for line in (tmp_path / "moved" / "access.log").read_text().splitlines()]
    assert got == ["/a", "/b"]


def test_without_a_file_sigusr1_does_nothing(origin):
    origin.on("*", reply(200, {}, b"x"))
    with logging(origin) as larder:
        larder.process.send_signal(signal.SIGUSR1)
        larder.get("/a")
        assert only_line(larder, target="/a")
    with Larder(origin) as larder:
        larder.process.send_signal(signal.SIGUSR1)
        assert larder.get("/a").status == 200


def test_a_log_that_cannot_be_written_does_not_affect_requests(origin):
    origin.on("*", reply(200, {}, b"x"))
    with logging(origin, f"{LOGGED}\naccess_log_file: /dev/full") as larder:
        with larder.client() as client:
            for i in range(50):
                assert client.get(f"/{i % 10}").status == 200
        larder.wait_for("larder_log_lines_dropped_total", lambda value: value == 50)
        larder.wait_for_line("the access log cannot be written, and its lines are lost: No space left on device")
        assert larder.get("/x").status == 200
        larder.wait_for("larder_log_lines_dropped_total", lambda value: value == 51)
    assert len([line for line in larder.errors if "cannot be written" in line]) == 1  # logged once


def test_a_log_that_cannot_be_written_at_exit_is_reported(origin):
    origin.on("*", reply(200, {}, b"x"))
    # The process ends before the next sweep.
    with Larder(origin, routes=ROUTES, settings=f"{LOGGED}\naccess_log_file: /dev/full") as larder:
        assert larder.get("/x").status == 200
    assert any("the access log cannot be written" in line for line in larder.errors)


def test_a_log_that_can_be_written_again_continues_with_a_complete_line(origin, tmp_path):
    origin.on("*", reply(200, {}, b"x"))
    path = tmp_path / "access.log"
    with logging(origin, f"{LOGGED}\naccess_log_file: {path}") as larder:
        larder.get("/before")
        until(larder, lambda: path.stat().st_size > 0)
        resource.prlimit(larder.process.pid, resource.RLIMIT_FSIZE, (path.stat().st_size + 20, resource.RLIM_INFINITY))
        for i in range(3):
            assert larder.get(f"/lost/{i}").status == 200
        larder.wait_for("larder_log_lines_dropped_total", lambda value: value == 3)
        larder.wait_for_line("the access log cannot be written, and its lines are lost: File too large")
        resource.prlimit(larder.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        larder.get("/after")
        larder.wait_for_line("the access log can be written again")
    first, torn, last = path.read_text().splitlines()
    assert json.loads(first)["target"] == "/before"
    assert len(torn) == 20
    assert json.loads(last)["target"] == "/after"


def test_a_blocked_reader_of_the_log_does_not_block_requests(origin, tmp_path):
    """The log is a pipe that is full: requests, reloads and SIGUSR1 must not block."""
    origin.on("*", reply(200, {}, b"x"))
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with logging(origin, f"{LOGGED}\naccess_log_file: {path}") as larder:
        with larder.client() as client:
            for i in range(100):
                assert client.get(f"/a?{i}={'x' * 4000}").status == 200
            larder.process.send_signal(signal.SIGUSR1)
            assert larder.change("/api/reload", {})[0] == 200
            assert client.get("/a?100").status == 200
            os.set_blocking(reader, True)
            got = []

            def drain():
                with open(reader, closefd=False) as lines:
                    got.extend(json.loads(line)["target"].split("=")[0] for line in lines)

            join = in_parallel(1, lambda _: drain())
            larder.process.send_signal(signal.SIGTERM)
            assert larder.process.wait(PATIENCE) == 0
            join()
    os.close(reader)
    assert got == [f"/a?{i}" for i in range(101)]


def serve(tmp_path, log_file):
    config = tmp_path / "larder.yaml"
    config.write_text(f"listen: 127.0.0.1:0\naccess_log: json\naccess_log_file: {log_file}\n")
    return subprocess.run([binary(), "serve", "-c", str(config)], capture_output=True, text=True, timeout=PATIENCE, check=False)


def test_larder_does_not_start_if_the_log_file_cannot_be_opened(tmp_path):
    for log_file, why in ((tmp_path / "none" / "log", "No such file or directory"), (tmp_path, "Is a directory")):
        ran = serve(tmp_path, log_file)
        assert ran.returncode == 1
        assert f"access_log_file: {log_file} cannot be opened: {why}" in ran.stderr
    os.mkfifo(tmp_path / "pipe")
    ran = serve(tmp_path, tmp_path / "pipe")  # without a reader
    assert ran.returncode == 1 and "cannot be opened" in ran.stderr


def test_a_reload_changes_file_format_and_redaction_together_or_not_at_all(origin, tmp_path):
    origin.on("*", reply(200, {}, b"x"))
    first, second = tmp_path / "first", tmp_path / "second"
    with logging(origin, f"access_log: json\naccess_log_file: {first}") as larder, larder.client() as client:
        client.get("/a?b=1")
        larder.write(settings=f"access_log: combined\naccess_log_file: {tmp_path}/none/log\naccess_log_redact: all")
        status, text = larder.change("/api/reload", {})
        assert status == 422 and f"{tmp_path}/none/log cannot be opened" in text
        client.get("/a?b=2")
        until(larder, lambda: first.read_text().count("\n") == 2)
        larder.write(settings=f"access_log: combined\naccess_log_file: {second}\naccess_log_redact: all")
        assert larder.change("/api/reload", {})[0] == 200
        client.get("/a?b=3")
        until(larder, lambda: second.exists() and second.read_text().count("\n") == 1)
        larder.write(settings="access_log: off")
        assert larder.change("/api/reload", {})[0] == 200
        client.get("/a?b=4")
    assert [json.loads(line)["target"] for line in first.read_text().splitlines()] == ["/a?b=1", "/a?b=2"]
    assert [COMBINED.fullmatch(line)["request"] for line in second.read_text().splitlines()] == ["GET /a?b=*** HTTP/1.1"]
