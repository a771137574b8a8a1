"""The package's life in a system that is thrown away: installed, started, reloaded, restarted under load, crashed, hung, upgraded,
removed, purged. Runs as root under a systemd of its own, beside larder.deb and next.deb (a later version whose configuration
file has changed); run.sh makes all that."""

import http.client
import http.server
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import threading
import traceback

HERE = pathlib.Path("/run/larder-test")
CONFIG = pathlib.Path("/etc/larder/larder.yaml")
PATIENCE = 60
DPKG = ("dpkg", "--no-triggers")  # man-db's takes seconds each time


def run(*command, status=0):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE)
    fine = done.returncode == status if isinstance(status, int) else done.returncode != 0
    assert fine, f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}"
    return done.stdout.strip()


FAILS = "fails"


def property_of(name, unit="larder.service"):
    return run("systemctl", "show", "--property", name, "--value", unit)


class Api(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = 0

    def do_GET(self):
        Api.asked += 1
        body = json.dumps([{"id": 1, "slug": "a", "secret": "b"}]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=3600")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self.path)


def get(path="/topics/", connection=None, headers=None):
    connection = connection or http.client.HTTPConnection("127.0.0.1", 8080, timeout=PATIENCE)
    connection.request("GET", path, headers={"Connection": "close", **(headers or {})})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.getheader("Cache-Status", ""), body


def is_hit():
    status, cache, _ = get()
    assert status == 200, status
    return "; hit" in cache


def write_config(text):
    CONFIG.write_text(text)


PERSISTENT = """\
listen: [{listen}, "unix:/run/larder/http.sock"]
upstream: http://127.0.0.1:8000
admin: unix:/run/larder/admin.sock
admin_token: ${{LARDER_ADMIN_TOKEN}}
access_log: json
access_log_file: /var/log/larder/access.log
cache: {{persist: /var/cache/larder/cache.db}}
routes:
  - {{path: /topics/, ttl: 1h}}
"""


class Load:
    """Connections without pause, each of which must be answered."""

    def __init__(self, threads=3):
        self.over = threading.Event()
        self.answered = threading.Semaphore(0)
        self.failures = []
        self.threads = [threading.Thread(target=self.ask, daemon=True) for _ in range(threads)]

    def ask(self):
        while not self.over.is_set():
            try:
                status, _, _ = get()
                assert status == 200, status
            except Exception as failure:  # noqa: BLE001 - each one is a failure of the test
                self.failures.append(repr(failure))
            self.answered.release()

    def wait_for(self, number):
        for _ in range(number):
            assert self.answered.acquire(timeout=PATIENCE), self.failures

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join(PATIENCE)


# ---- the steps, in order ----------------------------------------------------------------------------------------------


def installing_starts_nothing_and_makes_no_user():
    run(*DPKG, "--install", str(HERE / "larder.deb"))
    assert run("systemctl", "is-enabled", "larder.service", status=FAILS) == "disabled"
    assert property_of("ActiveState") == "inactive"
    assert "larder" not in pathlib.Path("/etc/passwd").read_text() + pathlib.Path("/etc/group").read_text()
    assert run("dpkg-query", "--show", "--showformat", "${Conffiles}", "larder").split()[0] == str(CONFIG)
    assert pathlib.Path("/etc/larder/conf.d").is_dir()
    assert run("dpkg", "--verify", "larder") == ""
    said = run("systemd-analyze", "verify", "--man=no", "larder.service", "larder.socket")
    assert "larder" not in said, said


def it_starts_with_the_configuration_that_it_brings():
    run("systemctl", "start", "larder")
    assert property_of("ActiveState") == "active" and property_of("Type") == "notify"
    assert re.match(r"\d+ requests", property_of("StatusText")), property_of("StatusText")
    status, _, body = get()
    assert status == 200 and json.loads(body) == [{"id": 1, "slug": "a", "secret": "b"}], body
    assert is_hit()
    assert "requests" in run("larder", "status")


def it_runs_as_nobody_that_can_do_anything():
    process = pathlib.Path("/proc") / property_of("MainPID")
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
    assert 61184 <= int(status["Uid"].split()[0]) <= 65519, status["Uid"]
    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    mounts = [line.split() for line in (process / "mounts").read_text().splitlines()]
    writable = {place for _, place, _, options, *_ in mounts if "rw" in options.split(",")}
    assert "/" not in writable and "/etc" not in writable
    for parent in ("/run", "/var/cache", "/var/log"):
        assert f"{parent}/larder" in writable or f"{parent}/private/larder" in writable, writable


def a_bad_file_fails_the_reload_and_changes_nothing():
    good = CONFIG.read_text()
    write_config(good + "nonsense: true\n")
    run("systemctl", "reload", "larder", status=FAILS)
    said = run("journalctl", "--boot", "--unit", "larder", "--output", "cat")
    assert re.search(r"larder\.yaml:\d+:\d+: .*nonsense", said), said
    assert property_of("ActiveState") == "active" and is_hit()
    write_config(good)
    run("systemctl", "reload", "larder")
    assert is_hit()


def a_bad_file_is_refused_at_start():
    good = CONFIG.read_text()
    run("systemctl", "stop", "larder")
    write_config(good + "nonsense: true\n")
    run("systemctl", "start", "larder", status=FAILS)
    run("systemctl", "stop", "larder")
    write_config(good)


def secrets_unix_sockets_logs_and_persistence_work_under_the_hardening():
    secret = pathlib.Path("/etc/default/larder")
    secret.touch(0o600)
    secret.write_text("LARDER_ADMIN_TOKEN=abcdefghijklmnopqrstuvwxyz\n")
    write_config(PERSISTENT.format(listen="127.0.0.1:8080"))
    run("systemctl", "start", "larder")
    assert not is_hit() and is_hit()
    assert "; hit" in get(connection=UnixConnection("/run/larder/http.sock"), headers={"Host": "127.0.0.1:8080"})[1]
    status, _, _ = get("/api/status", UnixConnection("/run/larder/admin.sock"))
    assert status == 401, status
    token = {"Authorization": "Bearer abcdefghijklmnopqrstuvwxyz"}
    status, _, body = get("/api/status", UnixConnection("/run/larder/admin.sock"), token)
    assert status == 200 and json.loads(body)
    run("systemctl", "reload", "larder")
    asked = Api.asked
    run("systemctl", "restart", "larder")
    assert is_hit() and Api.asked == asked
    log = pathlib.Path("/var/log/larder/access.log")
    assert len([json.loads(line) for line in log.read_text().splitlines()]) >= 3, "written out when the first one stopped"
    assert log.stat().st_mode & 0o077 == 0
    log.rename(log.with_suffix(".1"))
    run("systemctl", "kill", "--signal", "SIGUSR1", "--kill-who", "main", "larder")
    # The signal comes before the reload's request, on the same loop.
    run("systemctl", "reload", "larder")
    assert is_hit() and log.exists()


def files_in_conf_d_are_read():
    mine = pathlib.Path("/etc/larder/conf.d/50-mine.yaml")
    mine.write_text("routes:\n  - {path: /mine, ttl: 1h}\n")
    run("systemctl", "reload", "larder")
    assert "; hit" not in get("/mine")[1] and "; hit" in get("/mine")[1]
    mine.unlink()
    run("systemctl", "reload", "larder")
    assert "; hit" not in get("/mine")[1]


def restarts_on_a_held_socket_refuse_nobody():
    run("systemctl", "stop", "larder")
    write_config(PERSISTENT.format(listen="fd:larder"))
    run("systemctl", "enable", "--now", "larder.socket")
    run("systemctl", "enable", "larder.service")
    assert property_of("ActiveState") == "inactive"
    assert is_hit(), "the first connection starts larder, which has its store"
    with Load() as load:
        for _ in range(5):
            load.wait_for(10)
            run("systemctl", "restart", "larder")
        load.wait_for(10)
    assert not load.failures, load.failures[:3]


def it_comes_back_after_a_crash_and_when_it_hangs():
    before = property_of("MainPID")
    run("systemctl", "kill", "--signal", "SIGKILL", "--kill-who", "main", "larder")
    assert is_hit()
    after = property_of("MainPID")
    assert after != before and property_of("NRestarts") == "1"
    drop_in = pathlib.Path("/run/systemd/system/larder.service.d/soon.conf")
    drop_in.parent.mkdir()
    drop_in.write_text("[Service]\nWatchdogSec=500ms\nWatchdogSignal=SIGKILL\n")
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", "larder")
    assert is_hit()
    hung = property_of("MainPID")
    run("systemctl", "kill", "--signal", "SIGSTOP", "--kill-who", "main", "larder")
    assert is_hit(), "the watchdog has ended the one that hung, and the next one answers"
    assert property_of("MainPID") != hung
    said = run("journalctl", "--boot", "--unit", "larder", "--output", "cat")
    assert "Watchdog timeout" in said, said
    drop_in.unlink()
    drop_in.parent.rmdir()
    run("systemctl", "daemon-reload")


def an_upgrade_keeps_the_configuration_and_refuses_nobody():
    before, mine = property_of("MainPID"), CONFIG.read_text()
    with Load() as load:
        load.wait_for(10)
        run(*DPKG, "--force-confdef", "--force-confold", "--install", str(HERE / "next.deb"))
        load.wait_for(10)
    assert not load.failures, load.failures[:3]
    assert CONFIG.read_text() == mine
    assert "later version" in CONFIG.with_name("larder.yaml.dpkg-dist").read_text()
    assert property_of("ActiveState") == "active" and property_of("MainPID") != before
    assert run("systemctl", "is-enabled", "larder.service") == "enabled"


def removing_stops_it_and_keeps_what_is_the_operators():
    pathlib.Path("/etc/larder/conf.d/50-mine.yaml").write_text("# mine\n")
    run(*DPKG, "--remove", "larder")
    for unit in ("larder.service", "larder.socket"):
        assert property_of("ActiveState", unit) == "inactive", unit
    assert not pathlib.Path("/usr/bin/larder").exists() and not pathlib.Path("/run/larder").exists()
    assert CONFIG.exists() and pathlib.Path("/var/cache/larder/cache.db").exists()


def installed_again_it_is_as_it_was():
    run(*DPKG, "--force-confdef", "--force-confold", "--install", str(HERE / "next.deb"))
    assert run("systemctl", "is-enabled", "larder.service") == "enabled"
    run("systemctl", "start", "larder.socket", "larder.service")
    asked = Api.asked
    assert is_hit() and Api.asked == asked


def purging_leaves_nothing():
    run(*DPKG, "--purge", "larder")
    assert property_of("LoadState") == "not-found"
    for place in ("/etc/larder", "/etc/default/larder", "/var/cache/larder", "/var/cache/private/larder", "/var/log/larder", "/var/log/private/larder"):
        assert not os.path.lexists(place), place
    assert not list(pathlib.Path("/etc/systemd/system").glob("**/larder*"))
    assert not list(pathlib.Path("/var/lib/systemd").glob("**/*larder*"))


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 8000), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    steps = [it for it in globals().values() if callable(it) and getattr(it, "__module__", "") == "__main__" and "_" in it.__name__]
    helpers = {property_of, is_hit, write_config}
    for step in (it for it in steps if it not in helpers):
        try:
            step()
        except BaseException:
            print(f"FAILED: {step.__name__.replace('_', ' ')}")
            traceback.print_exc(file=sys.stdout)
            print(subprocess.run(["journalctl", "--boot", "--no-pager", "--lines=30"], capture_output=True, text=True).stdout)
            return
        print(f"  {step.__name__.replace('_', ' ')}", flush=True)
    (HERE / "passed").touch()


if __name__ == "__main__":
    main()
