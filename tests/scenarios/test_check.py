"""`larder check`: the file, the additional files in conf.d, and the reasons why the API's responses would not be stored."""

import gzip
import json
import resource
import subprocess

import pytest
from harness import Larder, binary, reply


def check(path, *arguments):
    return subprocess.run([binary(), "check", "-c", str(path), *arguments], capture_output=True, text=True, timeout=60, check=False)


def lines_of(done):
    return [line for line in done.stderr.splitlines() if line]


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("fields", "more", "said"),
    [
        (JSON, "", None),
        ({**JSON, "Set-Cookie": "a=b"}, "", "sets a cookie and is not stored; if the cookie does not identify a client, despite: [set-cookie] stores the response without it"),
        ({**JSON, "Set-Cookie": "a=b"}, ", despite: [set-cookie]", None),
        ({**JSON, "Cache-Control": "no-store"}, "", "has Cache-Control: no-store and is not stored; despite: [no-store] stores it anyway"),
        ({**JSON, "Cache-Control": "private"}, "", "has Cache-Control: private and is not stored; if all clients get the same response, despite: [private] stores it anyway"),
        ({**JSON, "Cache-Control": "no-cache"}, "", "has Cache-Control: no-cache and is not stored; despite: [no-cache] stores it anyway"),
        ({**JSON, "Vary": "*"}, "", "has Vary: * and is never stored; write cache: off"),
        ({"Content-Type": "text/html"}, ", fields: [id]", "is not JSON by its Content-Type and is not projected; remove fields, or correct the Content-Type"),
        ({"Content-Type": "text/html"}, "", None),
    ],
)
def test_responses_that_the_api_marks_unstorable_give_a_warning(origin, tmp_path, fields, more, said):
    origin.on("/list/", reply(200, fields, b"[]"))
    path = tmp_path / "larder.yaml"
    path.write_text(f"upstream: {origin.url}\nroutes:\n  - {{path: /list/, ttl: 1m{more}}}\n  - {{path: '/list/{{id}}', ttl: 1m}}\n  - {{path: /**, cache: standard}}\n")
    done = check(path)
    assert done.returncode == 0
    assert lines_of(done) == ([f"{path}:3:5: warning: /list/: the API's response {said}"] if said else [])
    assert done.stdout == f"{path}: configuration OK\n(not checked, as their paths are patterns: /list/{{id}}; name a path of each with --sample)\n"
    assert [request.target for request in origin.requests] == ["/list/"]  # only exact paths of ttl routes


ITEMS = b'[{"id": 1, "slug": "a", "domain": {"name": "d"}}, {"id": 2, "title": "b"}]'


@pytest.mark.parametrize(
    ("body", "rule", "said"),
    [
        (ITEMS, "fields: [id, title, domain.name]", []),
        (b"[]", "fields: [nope]", []),
        (b'{"items": []}', "items: items, fields: [nope]", []),
        (ITEMS, "fields: [id, titel]", ["has no item with 'titel' (fields: titel); did you mean 'title'? the names are id, slug, domain, title"]),
        (ITEMS, "fields: [id, domain.slug]", ["has no item with 'slug' (fields: domain.slug); the names are name"]),
        (b'{"items": ' + ITEMS + b', "total": 2}', "fields: [id, slug]", ["has its items in 'items'; write items: items"]),
        (b'{"page": {"rows": ' + ITEMS + b"}}", "fields: [id]", ["has its items in 'page.rows'; write items: page.rows"]),
        (b'{"items": ' + ITEMS + b"}", "items: data, fields: [id]", ["has its items in 'items'; write items: items"]),
        (b'{"total": 0}', "items: data, fields: [id]", ["has no 'data' (items) and is stored whole; the names are total"]),
        (b"{oops", "fields: [id]", ["is not well-formed JSON; it is neither projected nor stored"]),
    ],
)
def test_names_that_a_response_does_not_have_give_a_warning(origin, tmp_path, body, rule, said):
    origin.on("/list/", reply(200, JSON, body))
    path = tmp_path / "larder.yaml"
    path.write_text(f"upstream: {origin.url}\nroutes:\n  - {{path: /list/, ttl: 1m, {rule}}}\n")
    done = check(path)
    assert (done.returncode, lines_of(done)) == (0, [f"{path}:3:5: warning: /list/: the API's response {one}" for one in said])


def test_a_coded_or_chunked_response_is_looked_at_too(origin, tmp_path):
    origin.on("/coded", reply(200, {**JSON, "Content-Encoding": "gzip"}, gzip.compress(ITEMS)))
    origin.on("/chunked", reply(200, {**JSON, "Transfer-Encoding": "chunked"}, b"%x\r\n%s\r\n0\r\n\r\n" % (len(ITEMS), ITEMS)))
    path = tmp_path / "larder.yaml"
    path.write_text(f"upstream: {origin.url}\nroutes:\n  - {{path: /coded, ttl: 1m, fields: [x]}}\n  - {{path: /chunked, ttl: 1m, fields: [x]}}\n")
    assert [line.split(": ", 3)[2:] for line in lines_of(check(path))] == [
        [target, "the API's response has no item with 'x' (fields: x); the names are id, slug, domain, title"] for target in ("/coded", "/chunked")
    ]


def test_samples_are_asked_for_routes_with_patterns(origin, tmp_path):
    origin.on("/list/7?full=1", reply(200, JSON, b'{"id": 7}')).on("/list/8", reply(200, {**JSON, "Set-Cookie": "a=b"}, b"{}"))
    path = tmp_path / "larder.yaml"
    path.write_text(f"upstream: {origin.url}\nroutes:\n  - {{path: '/list/{{id}}', ttl: 1m, fields: [name]}}\n  - {{path: '/other/{{id}}', ttl: 1m}}\n")
    done = check(path, "--sample", "/list/7?full=1", "--sample", "/list/8", "--sample", "/none")
    assert [request.target for request in origin.requests] == ["/list/7?full=1", "/list/8"]
    first, second = lines_of(done)
    assert first == f"{path}:3:5: warning: /list/7?full=1: the API's response has no item with 'name' (fields: name); the names are id"
    assert second.startswith(f"{path}:3:5: warning: /list/8: the API's response sets a cookie")
    assert done.stdout.splitlines() == [
        f"{path}: configuration OK",
        "(/none: no route caches it; it was not requested)",
        "(not checked, as their paths are patterns: /other/{id}; name a path of each with --sample)",
    ]
    assert check(path, "--sample", "list").returncode == 2
    assert check(path, "--sample", "/list", "--offline").returncode == 2


def test_a_status_that_is_not_stored_gives_a_warning(origin, tmp_path):
    origin.on("/gone", reply(404, {}, b""))
    path = tmp_path / "larder.yaml"
    path.write_text(f"upstream: {origin.url}\nroutes:\n  - {{path: /gone, ttl: 1m}}\n")
    assert lines_of(check(path)) == [f"{path}:3:5: warning: /gone: the API's response has status 404; a ttl route stores 200, and with negative_ttl 404 and 410"]


def test_offline_and_with_errors_nothing_is_requested(origin, tmp_path):
    path = tmp_path / "larder.yaml"
    path.write_text(f"upstream: {origin.url}\nroutes:\n  - {{path: /list/, ttl: 1m}}\n")
    assert check(path, "--offline").stdout == f"{path}: configuration OK\n"
    path.write_text(f"upstream: {origin.url}\nlissen: 1\nroutes:\n  - {{path: /list/, ttl: 1m}}\n")
    assert check(path).returncode == 2
    assert origin.requests == []


def test_an_unreachable_api_is_reported_and_no_error(tmp_path):
    path = tmp_path / "larder.yaml"
    path.write_text("upstream: http://127.0.0.1:1\nroutes:\n  - {path: /list/, ttl: 1m}\n")
    done = check(path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{path}: configuration OK\n(http://127.0.0.1:1: Connection refused; the API's responses were not checked)\n"


def test_json_has_the_place_of_each_problem(tmp_path):
    path = tmp_path / "larder.yaml"
    path.write_text('lissen: 1\nlisten: ["127.0.0.1:1", "127.0.0.1:1"]\n')
    done = check(path, "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout) == [
        {"severity": "error", "file": str(path), "line": 1, "column": 1, "message": "unknown key 'lissen'; did you mean 'listen'?"},
        {"severity": "error", "file": str(path), "line": 2, "column": 25, "message": "listen: '127.0.0.1:1' is listed twice; remove one"},
    ]
    path.write_text("routes: [{path: /**, cache: standard}]\n")
    done = check(path, "--json", "--offline")
    assert (done.returncode, json.loads(done.stdout)) == (0, [])


def test_conf_d_is_read_by_check_dump_config_serve_and_reload(origin):
    origin.on("*", reply(200, JSON, b"[1]"))
    with Larder(origin, routes="  - {path: /**, cache: off}") as larder:
        assert "route-off" in larder.get("/added")["Cache-Status"]
        added = larder.config.parent / "conf.d"
        added.mkdir()
        (added / "10-added.yaml").write_text("routes:\n  - {path: /added, ttl: 1m}\n")
        (added / "20-log.yaml").write_text("log_level: debug\n")
        (added / ".#30-open-in-an-editor.yaml").write_text("nonsense")
        (added / "README").write_text("nonsense")
        done = check(larder.config, "--offline")
        assert done.stdout.splitlines() == [f"{path}: configuration OK" for path in (larder.config, added / "10-added.yaml", added / "20-log.yaml")]
        dumped = subprocess.run([binary(), "dump-config", "-c", str(larder.config)], capture_output=True, text=True, check=True, timeout=30).stdout
        assert "log_level: debug" in dumped and "path: /added" in dumped
        assert subprocess.run([binary(), "reload", "-c", str(larder.config), "--admin", "%s:%d" % larder.admin], timeout=60, check=False).returncode == 0
        larder.get("/added")
        assert larder.get("/added")["Cache-Status"].startswith("larder; hit")

        (added / "30-wrong.yaml").write_text("routes:\n  - {path: /x, ttl: 1}\n")
        wrong = f"{added}/30-wrong.yaml:2:21: ttl: '1' has no unit; write 1s (the units are ms s m h)"
        assert lines_of(check(larder.config)) == [wrong]
        (added / "30-wrong.yaml").chmod(0)
        (added / "30-wrong.yaml").unlink()
        (added / "30-wrong.yaml").mkdir()
        done = check(larder.config)
        assert done.returncode == 2
        assert lines_of(done) == [f"{added}/30-wrong.yaml: cannot be read: Is a directory; correct this, or remove it from conf.d"]


def test_settings_beyond_what_the_machine_allows_give_a_warning(tmp_path):
    path = tmp_path / "larder.yaml"
    path.write_text("upstream: http://127.0.0.1:1\nlimits: {connections: 1000}\nroutes:\n  - {path: /**, cache: standard}\n")

    def limited(*values):
        return subprocess.run(
            [binary(), "check", "-c", str(path), "--offline"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, values),
        )

    done = limited(512, 512)
    assert done.returncode == 0
    assert lines_of(done) == [
        f"{path}: warning: limits.connections (1000) and upstream.connections (64) need 1192 open files, 128 of them for other purposes, and the limit is 512; "
        "raise it (LimitNOFILE of the service, or ulimit -n), or lower limits.connections"
    ]
    assert lines_of(limited(512, 1192)) == []


def test_the_start_raises_the_limit_of_open_files_and_warns_where_it_is_too_low(origin):
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, before[1]))  # inherited
    try:
        with Larder(origin, settings=f"limits: {{connections: {before[1]}}}") as larder:
            larder.wait_for_line("open files")
            assert resource.prlimit(larder.process.pid, resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_directories_that_do_not_exist_and_a_file_without_routes_give_warnings(tmp_path):
    path = tmp_path / "larder.yaml"
    path.write_text(f"access_log: json\naccess_log_file: {tmp_path}/logs/access.log\ncache: {{persist: {tmp_path}/cache/cache.db}}\n")
    done = check(path, "--offline")
    assert done.returncode == 0
    no_routes, persist, log = lines_of(done)
    assert no_routes == f"{path}: warning: there are no routes: every request is forwarded, and nothing is cached; add a route, such as - path: /** with cache: standard"
    remedy = "does not exist; create it, writable for the user that larder runs as, or correct the path"
    assert persist == f"{path}: warning: cache.persist: the directory {tmp_path}/cache {remedy}"
    assert log == f"{path}: warning: access_log_file: the directory {tmp_path}/logs {remedy}"
    (tmp_path / "cache").mkdir()
    (tmp_path / "logs").mkdir()
    assert lines_of(check(path, "--offline")) == [no_routes]
