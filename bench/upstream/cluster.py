"""A temporary PostgreSQL server for a block: on a Unix socket in a temporary directory, which is removed at the end.

Debian's PostgreSQL as it comes, but: without fsync (it is thrown away), text sorted by C (as SQLite does), no TCP. Its server refuses to run
as root: it runs as the package's user then, and as oneself otherwise.
"""

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path


class ClusterError(Exception):
    pass


def programs() -> Path:
    """The directory of the newest version, which Debian installs outside PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(re.sub(r"[^\d.]", "", path.parts[-3]) or 0))
    if found:
        return found[-1].parent
    elsewhere = shutil.which("initdb")
    if elsewhere is None:
        raise ClusterError("PostgreSQL's server is not installed: bash config/setup.sh postgres")
    return Path(elsewhere).parent


class Cluster:
    USER = "bench"

    def __init__(self, database: str = "statehub") -> None:
        self.database = database
        self.server: subprocess.Popen | None = None

    def __enter__(self) -> "Cluster":
        self.bin = programs()
        self.as_user: list[str] = []
        self.home = Path(tempfile.mkdtemp(prefix="larder-postgres-"))
        try:
            if os.geteuid() == 0:
                try:
                    user = pwd.getpwnam("postgres")
                except KeyError:
                    raise ClusterError("root may not run PostgreSQL's server, and there is no user postgres: bash config/setup.sh postgres") from None
                os.chown(self.home, user.pw_uid, user.pw_gid)
                self.as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--"]
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def start(self) -> None:
        self.run("initdb", "--pgdata", "data", "--username", self.USER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync",
                 as_user=True)
        log = (self.home / "log").open("wb")
        with log:
            # In a session of its own, so that Ctrl-C reaches only the measurement, which stops this last.
            self.server = subprocess.Popen(
                [*self.as_user, str(self.bin / "postgres"), "-D", "data", "-k", str(self.home), "-c", "listen_addresses=", "-c", "fsync=off"],
                cwd=self.home, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        until = time.monotonic() + 60
        while subprocess.run([str(self.bin / "pg_isready"), "-q", "-h", str(self.home)]).returncode != 0:
            if self.server.poll() is not None or time.monotonic() > until:
                raise ClusterError("PostgreSQL did not start:\n" + (self.home / "log").read_text(errors="replace")[-2000:])
            time.sleep(0.05)
        self.run("createdb", "-h", str(self.home), "-U", self.USER, self.database)

    def run(self, program: str, *arguments: str, as_user: bool = False) -> str:
        ran = subprocess.run([*(self.as_user if as_user else []), str(self.bin / program), *arguments], cwd=self.home, capture_output=True, text=True)
        if ran.returncode != 0:
            raise ClusterError(f"{program} failed: {ran.stderr.strip() or ran.stdout.strip()}")
        return ran.stdout

    def sql(self, statement: str) -> str:
        return self.run("psql", "-h", str(self.home), "-U", self.USER, "-d", self.database, "-v", "ON_ERROR_STOP=1", "-qAtX", "-c", statement)

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://{self.USER}@/{self.database}?host={self.home}"

    def stop(self) -> None:
        if self.server is not None and self.server.poll() is None:
            self.server.send_signal(signal.SIGINT)  # a fast shutdown, which closes connections
            try:
                self.server.wait(15)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait()
        shutil.rmtree(self.home, ignore_errors=True)
