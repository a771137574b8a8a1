"""The admin listener: health, and consistent metrics."""

import json
import re
import subprocess

import pytest
from certificates import authority
from harness import ROOT, Client, Larder, Origin, binary, in_parallel, reply

ROUTES = "  - {path: /ttl/**, ttl: 60s, refresh_param: refresh}\n  - {path: /off/**, cache: off}\n  - {path: /short, ttl: 100ms}"

SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? ([0-9.e+-]+|\+Inf|NaN)')


def exposition(text):
    """Families by name: (type, help, {labels: value}). Parses the Prometheus text format strictly."""
    families = {}
    current = None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            _, _, name, sentence = line.split(" ", 3)
            assert name not in families, f"{name} stands there twice"
            current = families[name] = {"help": sentence, "type": None, "samples": {}}
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert families[name] is current
            current["type"] = kind
        elif line:
            match = SAMPLE.fullmatch(line)
            assert match, line
            name, labels, value = match.groups()
            if current["type"] == "histogram":
                name, _, part = name.rpartition("_")
                assert part in ("bucket", "sum", "count"), line
                labels = f"{part} {labels}"
            assert families[name] is current, line
            assert labels not in current["samples"], line
            current["samples"][labels] = float(value)
    return families


EXPECTED = {
    "larder_requests_total": "counter",
    "larder_refused_total": "counter",
    "larder_not_stored_total": "counter",
    "larder_upstream_requests_total": "counter",
    "larder_store_evictions_total": "counter",
    "larder_fill_waiters": "gauge",
    "larder_fills_running": "gauge",
    "larder_connections": "gauge",
    "larder_store_entries": "gauge",
    "larder_store_bytes": "gauge",
    "larder_upstream_queue": "gauge",
    "larder_upstream_connections": "gauge",
}


def test_the_metrics_are_in_prometheus_format(origin):
    origin.on("*", reply(200, {}, b"ok"))
    with Larder(origin, routes=ROUTES) as larder:
        with larder.client() as client:
            for target in ("/ttl/a", "/off/a", "/elsewhere", "/ttl/a"):
                client.get(target)
        families = exposition(larder.ask_admin("/metrics")[1])
    for name, kind in EXPECTED.items():
        assert families[name]["type"] == kind, name
    for name, family in families.items():
        assert name.startswith("larder_") and family["help"]
        assert name.endswith("_total") == (family["type"] == "counter"), name
        assert all(value >= 0 for value in family["samples"].values())


def by_outcome(larder, route):
    found = {}
    for name, value in larder.metrics().items():
        match = re.fullmatch(r'larder_requests_total\{route="(.*)",outcome="(.*)"\}', name)
        if match and match[1] == route:
            found[match[2]] = value
    return found


def wait_for_outcomes(larder, route, expected):
    """A client may receive the response shortly before it is counted."""
    for outcome, count in expected.items():
        larder.wait_for(f'larder_requests_total{{route="{route}",outcome="{outcome}"}}', lambda value, count=count: value >= count)
    assert by_outcome(larder, route) == expected


def test_each_request_is_counted_once_under_its_route_and_outcome(origin):
    origin.on("*", reply(200, {}, b"ok"))
    with Larder(origin, routes=ROUTES) as larder, larder.client() as client:
        client.get("/ttl/a")
        for _ in range(3):
            client.get("/ttl/a")
        client.get("/ttl/a", {"If-None-Match": "*"})
        client.get("/ttl/a?refresh=1")
        client.get("/ttl/a", method="POST", body=b"")
        client.get("/ttl/a", {"Authorization": "x"})
        client.get("/off/a")
        client.get("/off/a", method="POST", body=b"")
        wait_for_outcomes(larder, "/ttl/**", {"miss": 1, "hit": 4, "refresh": 1, "method": 1, "bypass": 1})
        wait_for_outcomes(larder, "/off/**", {"bypass": 2})
        assert larder.metric('larder_not_modified_total{route="/ttl/**"}') == 1


@pytest.mark.parametrize("loops", [1, 2])
def test_collapsed_requests_are_counted(origin, loops):
    hold = origin.hold("/ttl/a")
    with Larder(origin, routes=ROUTES, settings=f"loops: {loops}") as larder:
        join = in_parallel(20, lambda _: larder.get("/ttl/a"))
        larder.wait_for("larder_fill_waiters", lambda value: value == 20)
        assert larder.metric("larder_fills_running") == 1
        assert larder.metric("larder_connections") == 20
        hold.release(reply(200, {}, b"ok"))
        join()
        wait_for_outcomes(larder, "/ttl/**", {"miss": 1, "collapsed": 19})
        assert larder.metric("larder_upstream_requests_total") == 1
        for name in ("larder_fill_waiters", "larder_fills_running", "larder_connections"):
            larder.wait_for(name, lambda value: value == 0)


def test_expired_and_revalidated_are_counted_separately(origin):
    origin.on("/short", reply(200, {}, b"ok"))
    with Larder(origin, routes=ROUTES) as larder:
        larder.get("/short")
        larder.get_until("/short", lambda answer: "fwd=stale" in answer["Cache-Status"])
        larder.wait_for('larder_requests_total{route="/short",outcome="expired"}', lambda value: value >= 1)
        origin.on(
            "/short",
            lambda exchange: reply(304, {"ETag": '"v"'}, length=False)
            if "If-None-Match" in exchange.request
            else reply(200, {"ETag": '"v"'}, b"ok"),
        )
        larder.get_until("/short", lambda answer: "fwd-status=304" in answer["Cache-Status"])
        larder.wait_for('larder_requests_total{route="/short",outcome="revalidated"}', lambda value: value >= 1)


def test_stored_bytes_are_counted_and_released(origin):
    origin.on("*", reply(200, {}, b"x" * 10_000))
    with Larder(origin, routes="  - {path: /**, ttl: 60s}") as larder, larder.client() as client:
        assert larder.metric("larder_store_bytes") == larder.metric("larder_store_entries") == 0
        sizes = []
        for i in range(10):
            client.get(f"/x{i}")
            sizes.append(larder.metric("larder_store_bytes"))
        assert sizes == sorted(sizes) and sizes[0] > 10_000 and 100_000 < sizes[-1] < 200_000
        assert larder.metric("larder_store_entries") == 10
        client.get("/x0", {"Cache-Control": "no-cache"})  # replacing an entry takes no more
        assert larder.metric("larder_store_entries") == 10
        assert larder.metric("larder_store_bytes") == pytest.approx(sizes[-1], rel=0.01)


def test_failures_upstream_are_counted(origin):
    origin.on("*", Origin.CLOSE)
    with Larder(origin, routes=ROUTES) as larder, larder.client() as client:
        for target in ("/ttl/a", "/off/a"):
            assert client.get(target).status == 502
        larder.wait_for("larder_upstream_errors_total", lambda value: value == 2)


def test_liveness_and_readiness_differ(origin):
    with Larder(origin) as larder:
        for path in ("/healthz", "/readyz"):
            status, _ = larder.ask_admin(path)
            assert status == 200


HOSTILE = [
    "GET /healthz HTTP/1.1\r\n\r\n",
    "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "nonsense\r\n\r\n",
    "GET /" + "x" * 100_000,
    "POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_the_admin_listener_survives_what_it_does_not_understand(origin, text):
    with Larder(origin) as larder:
        with Client(larder.admin) as client:
            try:
                client.send(text)
                assert client.response().status >= 400
            except (AssertionError, ConnectionError):
                assert client.ended()
        assert larder.ask_admin("/healthz")[0] == 200


def test_saved_requests_and_durations_are_counted(origin):
    body = b'[' + b",".join(b'{"id": %d, "more": "%s"}' % (i, b"x" * 90) for i in range(100)) + b"]"
    origin.on("/ttl/list", reply(200, {"Content-Type": "application/json"}, body)).on("/off/a", reply(200, {}, b"12345"))
    routes = "  - {path: /ttl/list, ttl: 60s, fields: [id]}\n  - {path: /off/**, cache: off}"
    with Larder(origin, routes=routes) as larder, larder.client() as client:
        first = client.get("/ttl/list")
        lean = len(first.body)
        assert client.get("/ttl/list", {"If-None-Match": first["ETag"]}).status == 304
        client.get("/off/a")
        larder.wait_for('larder_body_bytes_total{route="/off/**"}', lambda value: value == 5)
        figures = larder.metrics()
        assert figures['larder_body_bytes_total{route="/ttl/list"}'] == lean
        assert figures['larder_saved_bytes_total{route="/ttl/list",by="projection"}'] == len(body) - lean
        assert figures['larder_saved_bytes_total{route="/ttl/list",by="304"}'] == lean
        for route in ("/ttl/list", "/off/**"):
            assert figures[f'larder_route_upstream_requests_total{{route="{route}"}}'] == 1
            assert figures[f'larder_upstream_duration_seconds_count{{route="{route}"}}'] == 1
            assert figures[f'larder_upstream_duration_seconds_bucket{{route="{route}",le="+Inf"}}'] == 1
        assert figures['larder_wait_duration_seconds_count{route="/ttl/list"}'] == 1
        origin.on("/off/a", Origin.CLOSE)
        assert client.get("/off/a").status == 502
        larder.wait_for('larder_route_upstream_errors_total{route="/off/**"}', lambda value: value == 1)
        # Once in a content coding, because the body is large enough.
        big = larder.get_until("/ttl/list", lambda answer: "Content-Encoding" in answer, {"Accept-Encoding": "gzip"}) if lean >= 1024 else None
        if big is not None:
            larder.wait_for('larder_saved_bytes_total{route="/ttl/list",by="coding"}', lambda value: value >= lean - len(big.body))


def names_and_labels(expression):
    """`larder_x{route="a"}` and `sum by (route) (...)`: the families that an expression of PromQL names, and labels with them."""
    for family, inside in re.findall(r"(larder_[a-z_]+)(?:\{([^}]*)\})?", expression):
        yield family, set(re.findall(r"([a-z_]+)(?:=~|!~|!=|=)", inside)) - {"job", "instance"}
    for labels in re.findall(r"by \(([^)]*)\)", expression):
        yield None, set(labels.replace(" ", "").split(",")) - {"instance"}


def test_the_dashboard_and_the_alerts_use_existing_metrics(origin, tmp_path):
    text = (ROOT / "config" / "grafana-dashboard.json").read_text()
    expressions = [target["expr"] for panel in json.loads(text)["panels"] for target in panel.get("targets", [])]
    expressions += re.findall(r"^\s*expr: (.*)$", (ROOT / "config" / "prometheus-alerts.yaml").read_text(), re.MULTILINE)
    assert len(expressions) > 20
    origin.on("*", reply(200, {"Set-Cookie": "a=b"}, b"ok"))
    listen = f'{{address: "127.0.0.1:0", tls: {{{authority().files("server")}}}}}'
    with Larder(origin, routes=ROUTES, settings=f"cache: {{persist: {tmp_path / 'cache.db'}}}", listen=listen) as larder:
        larder.get("/ttl/a")
        with larder.client() as client:
            client.send(b"GET / HTTP/1.1\r\n\r\n")
            client.read_head()
        assert larder.change("/api/reload", {})[0] == 200
        families = exposition(larder.ask_admin("/metrics")[1])
    known = {label for family in families.values() for labels in family["samples"] for label in re.findall(r'([a-z_]+)="', labels or "")}
    for expression in expressions:
        for name, labels in names_and_labels(expression):
            assert labels <= known, expression
            if name is None:
                continue
            family = families.get(name) or families.get(re.sub(r"_(bucket|sum|count)$", "", name))
            assert family, f"{name} in {expression}"
            assert all(all(f'{label}="' in (sample or "") for label in labels) for sample in family["samples"]), expression


def test_requests_to_the_api_are_counted_as_the_api_sees_them(origin):
    """By route and in total: hits, misses, errors, retries, refreshes, writes, and what the breaker refuses."""
    origin.on("/ok", reply(200, {}, b"x")).on("/moved", reply(301, {"Location": "/ok"}, b"")).on("/none", reply(404, {}, b"no")).on("/bad", reply(500, {}, b"no"))
    origin.on("/cut", Origin.CLOSE)
    routes = "  - {path: /off/**, cache: off}\n  - {path: /**, ttl: 1h, refresh_param: refresh}"
    with Larder(origin, routes=routes, upstream="  breaker_failures: 0") as larder, larder.client() as client:
        for path in ("/ok", "/ok", "/ok?refresh=1", "/moved", "/none", "/bad", "/bad", "/cut", "/off/ok", "/off/bad"):
            client.get(path)
        client.get("/ok", method="PUT", body=b"{}")
        client.get("/ok")
        metrics = larder.metrics()
        seen = len(origin.requests)
    by_route = {name: value for name, value in metrics.items() if name.startswith("larder_route_upstream_requests_total{")}
    assert metrics["larder_upstream_requests_total"] == sum(by_route.values()) == seen
    classes = {name: value for name, value in metrics.items() if name.startswith("larder_route_upstream_responses_total{")}
    failures = sum(value for name, value in metrics.items() if name.startswith("larder_upstream_failures_total{"))
    errors = sum(value for name, value in metrics.items() if name.startswith("larder_route_upstream_errors_total{"))
    assert failures == errors == metrics["larder_upstream_errors_total"] == 1
    assert metrics['larder_upstream_failures_total{kind="closed_early"}'] == 1
    assert sum(classes.values()) + errors + metrics["larder_upstream_retries_total"] == seen
    assert metrics['larder_route_upstream_responses_total{route="/**",class="5xx"}'] == 2
    assert metrics['larder_route_upstream_responses_total{route="/**",class="3xx"}'] == 1
    assert all(value == 0 for name, value in metrics.items() if name.startswith("larder_upstream_refusals_total{"))


def test_an_api_that_answers_500_is_not_fine_and_its_refused_requests_are_not_its_failures(origin):
    origin.on("*", reply(500, {}, b"no"))
    with Larder(origin, routes="  - {path: /**, ttl: 1h}") as larder:
        larder.get("/a")
        status = [binary(), "status", "-c", str(larder.config), "--admin", "%s:%d" % larder.admin]
        assert "1 of 1 requests to it failed or got 5xx" in subprocess.run(status, capture_output=True, text=True, timeout=60, check=True).stdout
    closed = Origin()
    url = closed.url
    closed.close()
    with Larder(url, routes="  - {path: /**, cache: off}", upstream="  breaker_failures: 1\n  breaker_wait: 1h\n  breaker_longest_wait: 1h") as larder:
        for _ in range(3):
            assert larder.get("/a").status in (502, 503)
        metrics = larder.metrics()
        assert metrics['larder_upstream_failures_total{kind="connect_failed"}'] == 1
        assert metrics['larder_upstream_refusals_total{reason="breaker_open"}'] == 2
        assert metrics["larder_upstream_errors_total"] == 1
        assert metrics["larder_upstream_requests_total"] == 0
