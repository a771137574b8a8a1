"""Effects of settings that no other scenario is about, and a check that each row of the reference has its scenario."""

import pathlib
import re
import shutil
import subprocess

import pytest
from harness import Larder, reply

PASS = "  - {path: /**, cache: off}"
HOUR = "  - {path: /**, ttl: 1h}"
SCENARIOS = pathlib.Path(__file__).parent
# What no scenario can bring about without waiting, and the unit test that covers it.
BY_UNIT_TESTS = {"upstream.resolve_interval": "upstream/resolver.cpp"}


def test_each_row_of_the_reference_has_a_scenario():
    reference = (SCENARIOS.parents[1] / "config" / "reference.md").read_text()
    rows = re.findall(r"^\| `([a-z_.]+)`", reference, re.MULTILINE)
    assert len(rows) > 90
    scenarios = "".join(path.read_text() for path in SCENARIOS.glob("test_*.py"))
    missing = [row for row in rows if row not in BY_UNIT_TESTS and not re.search(rf"(\b|\\n){row.split('.')[-1]}\b", scenarios)]
    assert missing == []
    for row, path in BY_UNIT_TESTS.items():
        assert row.split(".")[-1] in (SCENARIOS.parent / path).read_text()


def test_kept_warm_bounds_what_keep_warm_refreshes(origin):
    origin.on("*", reply(200, {}, b"x"))
    with Larder(origin, routes="  - {path: /**, ttl: 1h, keep_warm: 2h}", settings="cache: {kept_warm: 2}") as larder:
        for i in range(4):
            larder.get(f"/{i}")
        assert larder.metric("larder_kept_warm") == 2


@pytest.mark.parametrize("redact, target", [("none", "/x?a=1&token=s&b=2"), ("[token]", "/x?a=1&token=***&b=2"), ("all", "/x?a=***&token=***&b=***")])
def test_access_log_redact_hides_values_of_query_parameters(origin, redact, target):
    origin.on("*", reply(200, {}, b"x"))
    with Larder(origin, routes=HOUR, settings=f"access_log: json\naccess_log_redact: {redact}") as larder:
        assert larder.get("/x?a=1&token=s&b=2").status == 200
        larder.wait_for_line(f'"target":"{target}"', where="output")


@pytest.mark.parametrize("extension, status", [(64, 200), (70, 400)])
def test_chunk_extension_bounds_the_extensions_of_a_chunk(origin, extension, status):
    origin.on("/x", lambda exchange: reply(200, {}, exchange.request.body))
    with Larder(origin, routes=PASS, settings="limits: {chunk_extension: 64B}") as larder, larder.client() as client:
        client.request("POST", "/x", {"Transfer-Encoding": "chunked"})
        client.send(b"2;" + b"e" * extension + b"\r\nhi\r\n0\r\n\r\n")
        response = client.response("POST")
        assert response.status == status
        assert status != 200 or response.body == b"hi"


def test_request_buffer_decides_who_answers_expect(origin):
    fields = {"Expect": "100-continue", "Content-Length": "2048"}
    with Larder(origin, routes=PASS, settings="limits: {request_buffer: 2KiB}") as larder, larder.client() as client:
        client.request("POST", "/x", fields)
        assert client.read_head().status == 100
        assert origin.connections == 0  # of larder's own
    with Larder(origin, routes=PASS, settings="limits: {request_buffer: 1KiB}") as larder, larder.client() as client:
        client.request("POST", "/x", fields)
        origin.wait_for(lambda at: len(at.requests) == 1)
        assert origin.requests[0]["Expect"] == "100-continue"


@pytest.mark.parametrize("coding, setting, least, most", [("br", "br_level", 0, 11), ("zstd", "zstd_level", 1, 19), ("gzip", "gzip_level", 1, 12)])
def test_the_level_of_compression_is_used(origin, coding, setting, least, most):
    body = b"".join(b'{"id": %d, "title": "number %d of the list", "even": %s}, ' % (i, i * 7919, b"true" if i % 2 else b"false") for i in range(2000))
    origin.on("/x", reply(200, {"Content-Type": "application/json"}, body))
    sizes = []
    for level in (least, most):
        with Larder(origin, routes=HOUR, settings=f"compression: {{codings: [{coding}], {setting}: {level}}}") as larder:
            coded = larder.get_until("/x", lambda response: response.get("Content-Encoding") == coding, {"Accept-Encoding": coding})
            sizes.append(len(coded.body))
    assert sizes[0] != sizes[1] and max(sizes) < len(body)
    if coding == "zstd" and shutil.which("zstd"):
        assert subprocess.run(["zstd", "-dc"], input=coded.body, stdout=subprocess.PIPE, check=True).stdout == body
