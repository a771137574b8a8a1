"""The sample API behind larder, with the shipped configuration and longer lifetimes: every endpoint returns what the API returns."""

import http.client
import json
import re
import subprocess
import sys

import pytest
from harness import PATIENCE, ROOT, Larder, cache_status, tied

LEAN = {
    "/topics/": ["id", "slug", "title", "domain_slug", "status", "created_at", "updated_at"],
    "/domains/": ["id", "slug", "title", "status", "created_at", "updated_at"],
    "/repos/": ["id", "slug", "title", "domain_slug", "status", "local_path"],
}


class Api:
    def __init__(self, directory, scale=0.02):
        self.process = subprocess.Popen(
            tied([sys.executable, str(ROOT / "bench/upstream/run.py"), "--port", "0", "--scale", str(scale), "--data", str(directory)]),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), line
        self.url = line.split()[-1]
        host, port = self.url.removeprefix("http://").split(":")
        self.address = (host, int(port))

    def get(self, target, fields=None):
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE)
        connection.request("GET", target, headers=fields or {})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body

    def stats(self):
        return json.loads(self.get("/_stats")[1])["requests"]

    def close(self):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    it = Api(tmp_path_factory.mktemp("api"))
    yield it
    it.close()


@pytest.fixture
def larder(api, tmp_path):
    """The shipped configuration, with lifetimes so long that nothing expires during a test."""
    shipped, lifetimes = re.subn(r"(?m)^( +ttl): \d+s$", r"\1: 1h", (ROOT / "config" / "examples" / "statehub.yaml").read_text())
    assert lifetimes >= 7
    config = tmp_path / "larder.yaml"
    config.write_text(shipped)
    arguments = ["--listen", "127.0.0.1:0", "--upstream", api.url, "--admin", "127.0.0.1:0"]
    with Larder(api.url, config=config, arguments=arguments) as it:
        yield it


def first_id(api, target):
    return json.loads(api.get(target)[1])[0]["id"]


def without_clock(value):
    """Removes the members that contain the time of the response."""
    if isinstance(value, dict):
        return {key: without_clock(inner) for key, inner in value.items() if key != "generated_at"}
    return [without_clock(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "target",
    ["/workstreams/workplan-index", "/state/summary", "/tasks/?limit=500", "/tasks/?limit=5&status=open", "/tasks/?needs_human=true",
     "/sbom/snapshots/", "/health"],
)
def test_a_response_equals_the_apis(api, larder, target):
    status, direct = api.get(target)
    for _ in range(2):
        answer = larder.get(target)
        assert answer.status == status
        assert without_clock(json.loads(answer.body)) == without_clock(json.loads(direct))


@pytest.mark.parametrize("target", LEAN)
def test_a_list_equals_the_apis_projected_to_its_fields(api, larder, target):
    _, direct = api.get(target)
    expected = [{name: item[name] for name in item if name in LEAN[target]} for item in json.loads(direct)]
    assert all(set(item) == set(LEAN[target]) for item in expected)
    for _ in range(2):
        answer = larder.get(target)
        assert json.loads(answer.body) == expected
        assert len(answer.body) < len(direct) / 2


@pytest.mark.parametrize("target", LEAN)
def test_a_detail_is_not_projected(api, larder, target):
    detail = f"{target}{first_id(api, target)}"
    assert json.loads(larder.get(detail).body) == json.loads(api.get(detail)[1])
    assert larder.get(f"{target}no-such-thing").status in (404, 422)


@pytest.mark.parametrize(
    "target", ["/workstreams/workplan-index", "/state/summary", "/topics/", "/domains/", "/repos/", "/tasks/?limit=500", "/sbom/snapshots/"]
)
def test_each_slow_endpoint_is_asked_once_and_polls_get_a_304(api, larder, target):
    path = target.split("?")[0]
    before = api.stats().get(f"GET {path}", 0)
    first = larder.get(target)
    for _ in range(3):
        assert cache_status(larder.get(target))[1].get("hit")
        assert larder.get(target, {"If-None-Match": first["ETag"]}).status == 304
    assert api.stats()[f"GET {path}"] == before + 1


def test_a_forced_refresh_refills_the_index(api, larder):
    larder.get("/workstreams/workplan-index")
    before = api.stats()["GET /workstreams/workplan-index"]
    refreshed = larder.get("/workstreams/workplan-index?refresh=1")
    assert cache_status(refreshed)[1]["fwd"] == "request"
    assert larder.get("/workstreams/workplan-index").body == refreshed.body
    assert api.stats()["GET /workstreams/workplan-index"] == before + 1


def test_a_write_is_seen_by_the_next_reader_of_everything_it_touches(api, larder):
    for target in ("/topics/", "/state/summary", "/domains/"):
        larder.get(target)
    topic = first_id(api, "/topics/")
    body = json.dumps({"title": "renamed through larder"}).encode()
    answer = larder.get(f"/topics/{topic}", {"Content-Type": "application/json"}, method="PATCH", body=body)
    assert answer.status == 200
    listed = {item["id"]: item["title"] for item in json.loads(larder.get("/topics/").body)}
    assert listed[topic] == "renamed through larder"
    for target in ("/state/summary", "/domains/"):
        assert not cache_status(larder.get(target))[1].get("hit")


def test_cors_answers_are_kept_apart(larder):
    page = "http://localhost:3000"
    assert "Access-Control-Allow-Origin" not in larder.get("/repos/")
    for _ in range(2):
        assert larder.get("/repos/", {"Origin": page})["Access-Control-Allow-Origin"] == page
        assert "Access-Control-Allow-Origin" not in larder.get("/repos/", {"Origin": "http://elsewhere.test"})
    assert "Access-Control-Allow-Origin" not in larder.get("/repos/")
    preflight = {"Origin": page, "Access-Control-Request-Method": "PATCH"}
    assert larder.get("/topics/", preflight, method="OPTIONS").status == 200


def sent(larder, method, target, fields):
    answer = larder.get(target, {"Content-Type": "application/json"}, method=method, body=json.dumps(fields).encode())
    assert answer.status in (200, 201), answer.body
    return json.loads(answer.body)


def test_a_new_topic_is_in_the_next_list(api, larder):
    domain = json.loads(larder.get("/domains/").body)[0]["slug"]
    larder.get("/topics/")
    made = sent(larder, "POST", "/topics/", {"slug": "made-through-larder", "title": "made", "domain_slug": domain})
    assert made["id"] in {item["id"] for item in json.loads(larder.get("/topics/").body)}


def test_a_task_that_changes_is_changed_in_every_list_of_tasks(api, larder):
    task = first_id(api, "/tasks/?limit=5")
    lists = ("/tasks/?limit=5", "/tasks/?limit=500")
    for target in lists:
        larder.get(target)
    sent(larder, "PATCH", f"/tasks/{task}", {"title": "changed through larder"})
    for target in lists:
        assert {item["id"]: item["title"] for item in json.loads(larder.get(target).body)}[task] == "changed through larder"


def test_a_new_workstream_invalidates_the_lists_that_count_it(api, larder):
    for target in ("/topics/", "/state/summary", "/domains/"):
        larder.get(target)
    topic = first_id(api, "/topics/")
    sent(larder, "POST", "/workstreams/", {"slug": "made-through-larder", "topic_id": topic, "title": "made", "due_at": "2030-01-01T00:00:00Z"})
    for target in ("/topics/", "/state/summary", "/domains/"):
        assert "hit" not in cache_status(larder.get(target))[1]


def next_event(client):
    """The next chunk of a stream: the API sends one event per chunk."""
    size = int(client.file.readline(), 16)
    piece = client.file.read(size)
    assert client.file.readline() == b"\r\n"
    return piece


def test_events_stream_through_as_they_happen(api, larder):
    with larder.client() as client:
        client.request("GET", "/events")
        head = client.read_head()
        assert head["Content-Type"].startswith("text/event-stream")
        assert b"event: hello" in next_event(client)
        topic = first_id(api, "/topics/")
        sent(larder, "PATCH", f"/topics/{topic}", {"owner": "somebody else"})
        while b"event: write" not in (event := next_event(client)):
            pass
        assert topic.encode() in event


def test_a_websocket_echoes_through(larder):
    with larder.client() as client:
        client.request(
            "GET",
            "/ws",
            {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="},
        )
        assert client.response().status == 101
        mask, text = b"\1\2\3\4", b"hello"
        client.send(b"\x81" + bytes([0x80 | len(text)]) + mask + bytes(c ^ mask[i % 4] for i, c in enumerate(text)))
        assert client.file.read(2 + len(text)) == b"\x81\x05hello"

