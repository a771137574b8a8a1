"""The sample API as clients see it: a separate process, over real sockets, with little data."""

import asyncio
import http.client
import json
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import websockets

RUN = Path(__file__).with_name("run.py")
SCALE = "0.02"
DASHBOARD = "http://localhost:3000"

LISTS = ["/topics/", "/domains/", "/repos/", "/tasks/?limit=500", "/sbom/snapshots/"]
LEAN_FIELDS = {
    "/topics/": "id slug title domain_slug status created_at updated_at",
    "/domains/": "id slug title status created_at updated_at",
    "/repos/": "id slug title domain_slug status local_path",
}


class Api:
    def __init__(self, process, port):
        self.process = process
        self.port = port

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def ask(self, method, path, body=None, headers=None):
        """Status, headers and the JSON of the body, if there is one."""
        connection = self.connect()
        connection.request(method, path, body=None if body is None else json.dumps(body), headers=headers or {})
        response = connection.getresponse()
        content = response.read()
        connection.close()
        is_json = response.getheader("content-type") == "application/json"
        return response.status, response.headers, json.loads(content) if is_json else content

    def get(self, path):
        status, _, content = self.ask("GET", path)
        assert status == 200
        return content

    def counts(self):
        return self.get("/_stats")["requests"]


@contextmanager
def serving(data, *options):
    command = [sys.executable, str(RUN), "--port", "0", "--data", str(data), "--scale", SCALE, *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:")
        yield Api(process, int(line.rpartition(":")[2]))
    finally:
        process.terminate()
        rest, _ = process.communicate(timeout=30)
    assert rest == "", "one line on standard output and no more"
    assert process.returncode == 0


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def api(data):
    with serving(data) as started:
        yield started


def files_below(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*.md"))}


def rows_in(database):
    with closing(sqlite3.connect(database)) as connection:
        return [line for line in connection.iterdump() if line.startswith("INSERT")]


def test_the_same_seed_makes_the_same_files_and_rows_and_another_seed_others(tmp_path):
    for name, seed in (("first", "7"), ("second", "7"), ("other", "8")):
        with serving(tmp_path / name, "--seed", seed) as started:
            started.get("/health")
    first, second, other = (next((tmp_path / name).iterdir()) for name in ("first", "second", "other"))
    assert files_below(first) and files_below(first) == files_below(second)
    assert rows_in(first / "statehub.db") == rows_in(second / "statehub.db")
    assert files_below(first) != files_below(other)
    assert rows_in(first / "statehub.db") != rows_in(other / "statehub.db")


def test_there_can_be_more_of_one_thing_than_the_scale_says(api, tmp_path):
    usual = api.get("/state/summary")["totals"]
    with serving(tmp_path, "--more", "tasks=3,events=0.5") as started:
        more = started.get("/state/summary")["totals"]
    assert sum(more["tasks"].values()) == 3 * sum(usual["tasks"].values())
    assert sum(more["progress_events"].values()) * 2 == sum(usual["progress_events"].values())
    assert more["repos"] == usual["repos"]


def test_more_of_what_there_is_not_is_refused():
    ran = subprocess.run([sys.executable, str(RUN), "--more", "task=3"], capture_output=True, text=True)
    assert ran.returncode == 2 and "no 'task'; there may be more of events, tasks" in ran.stderr


def test_the_migration_adds_the_missing_indexes_and_takes_them_away(tmp_path):
    pytest.importorskip("alembic")
    with serving(tmp_path):
        path = next(tmp_path.glob("*/statehub.db"))

    def indexes():
        with closing(sqlite3.connect(path)) as connection:
            return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'") if "alembic" not in name}

    def migrate(*words):
        settings = RUN.parent / "migrations" / "alembic.ini"
        command = [sys.executable, "-m", "alembic", "-c", str(settings), "-x", f"database=sqlite+aiosqlite:///{path}", *words]
        subprocess.run(command, check=True, capture_output=True)

    before = indexes()
    migrate("upgrade", "head")
    assert indexes() - before == {
        "ix_tasks_status", "ix_tasks_workstream_id_status", "ix_workstreams_status", "ix_sbom_snapshots_repo_id_snapshot_at"
    }
    migrate("downgrade", "base")
    assert indexes() == before


def test_data_is_made_once_and_kept(tmp_path):
    with serving(tmp_path) as started:
        topic = started.get("/topics/")[0]
        started.ask("PATCH", f"/topics/{topic['id']}", {"title": "Kept"})
    with serving(tmp_path) as started:
        assert started.get(f"/topics/{topic['id']}")["title"] == "Kept"


@pytest.mark.parametrize("path", LISTS)
def test_a_list_is_not_empty(api, path):
    assert len(api.get(path)) > 1


@pytest.mark.parametrize("path", LEAN_FIELDS)
def test_the_items_of_a_list_have_what_lean_readers_rely_on_and_more(api, path):
    for item in api.get(path):
        assert set(item) > set(LEAN_FIELDS[path].split())


@pytest.mark.parametrize("path", ["/topics/", "/domains/", "/repos/"])
def test_an_item_alone_is_the_item_of_the_list(api, path):
    for item in api.get(path):
        assert api.get(path + item["id"]) == item


def test_what_does_not_exist_is_404(api):
    for path, name in (("/topics/", "Topic"), ("/domains/", "Domain"), ("/repos/", "Repo")):
        status, _, content = api.ask("GET", path + "none")
        assert (status, content) == (404, {"detail": f"{name} not found"})


def test_the_workplan_index_is_read_from_the_tree_on_each_request(api, data):
    before = api.get("/workstreams/workplan-index")
    assert before["workstreams"] and before["problems"] == []
    slug, plan = next(iter(before["workstreams"].items()))
    path = next(data.iterdir()) / "repos" / plan["path"]
    original = path.read_text()
    try:
        path.write_text(original.replace("status: active", "status: paused", 1))
        after = api.get("/workstreams/workplan-index?refresh=1")
    finally:
        path.write_text(original)
    assert plan["status"] == "active"
    assert after["workstreams"][slug]["status"] == "paused"
    assert after["generated_at"] > before["generated_at"]


def test_tasks_are_filtered_and_limited(api):
    assert len(api.get("/tasks/?limit=3")) == 3
    blocked = api.get("/tasks/?limit=500&status=blocked")
    assert blocked and {task["status"] for task in blocked} == {"blocked"}
    assert all(task["needs_human"] for task in api.get("/tasks/?limit=500&needs_human=true"))
    newest_first = sorted(range(len(blocked)), reverse=True)
    assert [task["queue_position"] for task in blocked] == newest_first


def test_of_each_repo_only_the_latest_snapshot_is_listed(api):
    snapshots = api.get("/sbom/snapshots/")
    assert len({snapshot["repo_id"] for snapshot in snapshots}) == len(snapshots) == len(api.get("/repos/"))


def test_the_summary_counts_ten_tables(api):
    summary = api.get("/state/summary")
    assert len(summary["totals"]) == 10
    assert sum(summary["totals"]["topics"].values()) == len(api.get("/topics/"))
    in_domains = [sum(domain["counts"]["tasks"].values()) for domain in summary["domains"]]
    assert sum(in_domains) == sum(summary["totals"]["tasks"].values())


def test_a_write_shows_in_the_next_answer(api):
    domain = api.get("/domains/")[0]
    new = {"slug": "fresh", "domain_slug": domain["slug"], "title": "Fresh"}
    status, _, topic = api.ask("POST", "/topics/", new)
    assert status == 201 and topic in api.get("/topics/")
    assert api.ask("POST", "/topics/", new)[0] == 409
    assert api.ask("POST", "/topics/", {**new, "domain_slug": "none"})[0] == 404

    status, _, changed = api.ask("PATCH", f"/topics/{topic['id']}", {"status": "done"})
    assert status == 200 and changed == api.get(f"/topics/{topic['id']}")
    assert changed["status"] == "done" and changed["updated_at"] > topic["updated_at"]
    assert api.ask("PATCH", f"/topics/{topic['id']}", {"status": "lost"})[0] == 422

    new = {"slug": "fresh-work", "topic_id": topic["id"], "title": "Work", "due_at": "2025-06-01T00:00:00Z"}
    status, _, workstream = api.ask("POST", "/workstreams/", new)
    assert status == 201 and api.get(f"/topics/{topic['id']}")["workstreams"] == [workstream]

    task = api.get("/tasks/?limit=1")[0]
    status, _, changed = api.ask("PATCH", f"/tasks/{task['id']}", {"needs_human": not task["needs_human"]})
    assert status == 200 and changed["needs_human"] != task["needs_human"]


def test_cors_answers_the_listed_origins_alone(api):
    _, headers, _ = api.ask("GET", "/health", headers={"Origin": DASHBOARD})
    assert headers["access-control-allow-origin"] == DASHBOARD and headers["vary"] == "Origin"
    _, headers, _ = api.ask("GET", "/health", headers={"Origin": "http://elsewhere.example"})
    assert "access-control-allow-origin" not in headers
    _, headers, _ = api.ask("GET", "/health")
    assert "vary" not in headers

    asked = {"Origin": DASHBOARD, "Access-Control-Request-Method": "PATCH"}
    status, headers, _ = api.ask("OPTIONS", "/topics/", headers=asked)
    assert status == 200 and "PATCH" in headers["access-control-allow-methods"]


def test_an_origin_named_at_the_start_replaces_the_usual_ones(data):
    with serving(data, "--origins", "http://board.example") as started:
        _, headers, _ = started.ask("GET", "/health", headers={"Origin": "http://board.example"})
        assert headers["access-control-allow-origin"] == "http://board.example"
        _, headers, _ = started.ask("GET", "/health", headers={"Origin": DASHBOARD})
        assert "access-control-allow-origin" not in headers


def test_without_the_option_there_is_no_etag(api):
    assert "etag" not in api.ask("GET", "/domains/")[1]


def test_with_etags_an_unchanged_answer_is_304_without_a_body(data):
    with serving(data, "--etag") as started:
        _, headers, domains = started.ask("GET", "/domains/")
        tag = headers["etag"]
        assert tag == started.ask("GET", "/domains/")[1]["etag"] != started.ask("GET", "/repos/")[1]["etag"]
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            asked = {"If-None-Match": known, "Origin": DASHBOARD}
            status, headers, content = started.ask("GET", "/domains/", headers=asked)
            assert (status, content, headers["etag"]) == (304, b"", tag)
            assert headers["access-control-allow-origin"] == DASHBOARD
        status, _, content = started.ask("GET", "/domains/", headers={"If-None-Match": '"other"'})
        assert (status, content) == (200, domains)


def read_event(stream):
    lines = []
    while (line := stream.readline().decode().rstrip("\n")) != "":
        lines.append(line)
    fields = dict(line.split(": ", 1) for line in lines)
    return fields["event"], json.loads(fields["data"])


def test_the_event_stream_says_hello_at_once_tells_of_a_write_and_ends_with_the_server(data):
    with serving(data) as started:
        connection = started.connect()
        connection.request("GET", "/events")
        stream = connection.getresponse()
        assert stream.getheader("content-type").startswith("text/event-stream")
        assert read_event(stream) == ("hello", {"writes": 0})
        task = started.get("/tasks/?limit=1")[0]
        started.ask("PATCH", f"/tasks/{task['id']}", {"title": "Told"})
        assert read_event(stream) == ("write", {"number": 1, "kind": "task.updated", "id": task["id"]})
        started.process.send_signal(signal.SIGINT)
        assert stream.read() == b""
        assert started.process.wait(30) == 0
        connection.close()


def test_the_websocket_echoes_text_and_binary(api):
    async def talk():
        async with websockets.connect(f"ws://127.0.0.1:{api.port}/ws") as peer:
            for message in ("text", b"\x00binary", ""):
                await peer.send(message)
                assert await peer.recv() == message

    asyncio.run(talk())


def test_requests_are_counted_by_method_and_path(data):
    with serving(data) as started:
        assert started.counts() == {}
        started.get("/tasks/?limit=1")
        started.get("/tasks/?limit=2")
        started.ask("POST", "/topics/", {})
        assert started.counts() == {"GET /tasks/": 2, "POST /topics/": 1}


def test_it_listens_on_a_unix_socket(data, tmp_path):
    path = tmp_path / "api.sock"
    command = [sys.executable, str(RUN), "--unix", str(path), "--data", str(data), "--scale", SCALE]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == f"listening on unix:{path}\n"
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(path))
        peer.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        with peer.makefile("rb") as answer:
            assert answer.readline().startswith(b"HTTP/1.1 200")
    process.terminate()
    assert process.wait(30) == 0
    process.stdout.close()
    assert not path.exists()
