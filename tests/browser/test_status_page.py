"""The status page against a running larder under load, in Chromium. run.sh brings what this needs."""

import json
import os
import pathlib
import subprocess
import sys
import threading
import urllib.parse

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "scenarios"))

from harness import Larder, Origin, reply  # noqa: E402
from test_sample_api import Api  # noqa: E402

MODULES = ROOT / "build" / "browser" / "node_modules"
PICTURES = ROOT / "build" / "browser"
HOSTILE = "/<img/src=x/onerror=window.hacked=1>"
ROUTES = """
  - {path: /workstreams/workplan-index, ttl: 30s, refresh_param: refresh, stale_while_revalidate: 1m}
  - {path: /state/summary, ttl: 15s}
  - {path: /topics/, ttl: 30s, fields: [id, slug, title]}
  - {path: /domains/, ttl: 30s}
  - {path: /repos/, ttl: 2s}
  - {path: "/<img/src=x/onerror=window.hacked=1>/**", ttl: 1h}
  - {path: /events, ttl: 10s}
  - {path: /**, cache: standard}
"""


def page(scene, larder, **more):
    """What a scene saw. `tell` is called when the page is open."""
    given = {"admin": "http://%s:%d" % larder.admin, "pictures": str(PICTURES), **more}
    return ["node", str(pathlib.Path(__file__).with_name("status_page.mjs")), str(MODULES), scene, json.dumps(given)]


def see(scene, larder, **more):
    done = subprocess.run(page(scene, larder, **more), capture_output=True, text=True, timeout=700)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


class Load:
    """Readers that poll until the end of the block."""

    TARGETS = (
        ["/workstreams/workplan-index", "/state/summary", "/topics/", "/domains/", "/repos/", "/topics/7", "/tasks/?limit=500", "/events"]
        + [f"/repos/{i}" for i in range(8)]
        + [urllib.parse.quote(HOSTILE + "/1", safe="/=<>")]
        + ["/search?q=" + urllib.parse.quote("</script><script>window.hacked=2</script>", safe="<>/=")]
    )

    def __init__(self, larder):
        self.larder = larder
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        with self.larder.client() as client:
            while not self.ended.is_set():
                for target in self.TARGETS:
                    assert client.get(target).status in (200, 400), target

    def __enter__(self):
        for target in self.TARGETS:
            self.larder.get(target)
        self.thread.start()

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


@pytest.fixture(scope="module")
def busy():
    origin = Origin()
    rows = json.dumps([{"id": i, "slug": f"topic-{i}", "title": "t" * 20, "description": "d" * 200} for i in range(200)]).encode()
    lists = reply(200, {"Content-Type": "application/json", "Cache-Control": "max-age=60"}, rows)
    origin.on("*", lists)
    origin.on("/events", reply(200, {"Set-Cookie": "a=b"}, b"x"))
    with Larder(origin, routes=ROUTES) as larder, Load(larder):
        yield larder
    origin.close()


def test_figures_move_and_what_the_api_says_stays_text(busy):
    saw = see("figures", busy)
    assert saw["moved"][0] != saw["moved"][1]
    assert saw["state"] == "● serving"
    assert HOSTILE + "/**" in saw["routes"]
    assert any("window.hacked=2" in path for path in saw["paths"])
    assert saw["headings"] == ["Summary", "Routes", "Not stored, and why", "The API", "Stored"]
    assert (saw["entries"], saw["rates"]) == (10, True)
    assert saw["more"].startswith("Show all ")
    assert "set-cookie" in saw["reasons"]
    assert (saw["hacked"], saw["foreign"]) == (None, 0)
    assert saw["complaints"] == []
    assert saw["origins"] == ["http://%s:%d" % busy.admin]  # no external asset


def test_a_purge_by_keyboard_alone(busy):
    fetched = busy.metric('larder_route_upstream_requests_total{route="/domains/"}')
    saw = see("keyboard", busy, path="/domains/")
    assert saw["reached"] == saw["kept"] == saw["back"] == "Purge /domains/"
    assert (saw["inside"], saw["on"]) == ("sure-no", "sure-yes")  # the harmless one first
    assert saw["said"] == "Purged 1 entry."
    assert saw["complaints"] == []
    busy.wait_for('larder_route_upstream_requests_total{route="/domains/"}', lambda count: count > fetched)


def test_it_is_accessible(busy):
    saw = see("accessible", busy)
    assert saw == {"light": [], "dark": [], "phone": []}


class Dashboards:
    """Tabs of the sample API, each at its own pace: it answers as slowly as it does. One holds what it got, one writes."""

    LISTS = ["/workstreams/workplan-index", "/state/summary", "/topics/", "/domains/", "/repos/", "/tasks/?limit=500", "/sbom/snapshots/"]

    def __init__(self, larder, topics):
        self.larder = larder
        self.topics = topics
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self._poll, args=(number,)) for number in range(4)]

    def _poll(self, number):
        tags = {}
        pace = 0.03 * (number + 1)
        with self.larder.client() as client:
            while not self.ended.wait(pace):
                for target in self.LISTS:
                    held = {"If-None-Match": tags[target]} if number == 0 and target in tags else {}
                    answer = client.get(target, {"Host": "api.example", "Accept-Encoding": "gzip, br", **held})
                    assert answer.status in (200, 304), target
                    tags[target] = answer["ETag"] if "ETag" in answer else tags.get(target, "")
                topic = self.topics[number % len(self.topics)]
                client.get(f"/topics/{topic}", {"Host": "api.example"})
                if number == 3:
                    client.get("/workstreams/workplan-index?refresh=1", {"Host": "api.example"})

    def __enter__(self):
        for thread in self.threads:
            thread.start()

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join()


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    api = Api(tmp_path_factory.mktemp("api"), scale=0.2)
    topics = [topic["id"] for topic in json.loads(api.get("/topics/")[1])]
    arguments = ["--listen", "127.0.0.1:0", "--upstream", api.url, "--admin", "127.0.0.1:0"]
    with Larder(api.url, config=ROOT / "config" / "examples" / "statehub.yaml", arguments=arguments) as larder, Dashboards(larder, topics):
        yield larder
    api.close()


def test_pictures_of_light_dark_and_phone(real):
    saw = see("pictures", real, steps=int(os.environ.get("STEPS", "4")))
    assert saw["wide"] == {"light": 0, "dark": 0, "phone": 0, "narrow": 0}  # nothing to be scrolled sideways
    for name in ("light", "dark", "phone", "first-screen"):
        assert (PICTURES / f"status-{name}.png").stat().st_size > 10_000


def test_a_token_is_asked_for():
    origin = Origin()
    token = "0123456789abcdef0123"
    with Larder(origin, settings=f"admin_token: {token}") as larder:
        saw = see("login", larder, token=token)
    origin.close()
    assert saw == {"refused": "Wrong token.", "state": "● serving"}


def test_a_larder_that_has_gone_is_said():
    origin = Origin()
    larder = Larder(origin)
    with larder:
        browser = subprocess.Popen(page("gone", larder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert browser.stdout.readline() == "open\n"
    output, errors = browser.communicate(timeout=120)
    origin.close()
    assert browser.returncode == 0, errors
    saw = json.loads(output)
    assert saw["state"] == "▲ no response"
    assert "No response from larder" in saw["trouble"]
