"""Response times of the seven slow endpoints: directly, with additional indexes, and through larder. See table.sh."""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import math
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Iterator

from sqlalchemy import event

from common import LARDER, OUT, ROOT, Program, Progress, Spread, Table, bars, build_larder, finish, free_port, show_bytes, show_time, spread, version

UPSTREAM = ROOT / "bench" / "upstream"
sys.path.insert(0, str(UPSTREAM))

from cluster import Cluster, ClusterError  # noqa: E402
from statehub import database  # noqa: E402
from statehub.routes import domains, repos, sbom, state, tasks, topics  # noqa: E402

# Factors by which the data that makes each endpoint slow exceeds the sample API's defaults, so that direct times approach the original's.
MORE = "events=2.3,snapshots=3.7,steps=5.3,tasks=3.4"

# An additional index that fits the query of the task list: the older tasks of the same status.
FITTING = ("tasks", "tasks(status, created_at)")

progress = Progress("table")


@dataclass(frozen=True)
class Endpoint:
    name: str
    target: str
    original: float  # seconds, of the original API
    goal: float  # seconds, required
    on_a_hit: bool = False  # required of hits only
    refresh: str = ""
    queries: Callable | None = None  # the API's queries for it, given a session
    more_queries: dict[str, Callable] = field(default_factory=dict)  # with other parameters; only explained


def list_tasks(**more):
    return lambda session: tasks.list_tasks(**{"limit": 500, "status": None, "needs_human": None, **more}, session=session)


INDEX = "/workstreams/workplan-index"
ENDPOINTS = [
    Endpoint("workplan-index", INDEX, 4.2, 0.005, on_a_hit=True, refresh=INDEX + "?refresh=1"),
    Endpoint("topics", "/topics/", 2.4, 0.3, queries=topics.list_topics),
    Endpoint("domains", "/domains/", 2.3, 0.3, queries=domains.list_domains),
    Endpoint("repos", "/repos/", 2.2, 0.3, queries=repos.list_repos),
    Endpoint("tasks", "/tasks/?limit=500", 2.2, 0.05, queries=list_tasks(),
             more_queries={"tasks?status=blocked": list_tasks(status="blocked"), "tasks?needs_human=true": list_tasks(needs_human=True)}),
    Endpoint("sbom snapshots", "/sbom/snapshots/", 2.7, 0.1, queries=sbom.list_latest_snapshots),
    Endpoint("summary", "/state/summary", 0.6, 0.005, on_a_hit=True, queries=state.get_summary),
]

WAYS = {
    "direct": "direct",
    "indexes": "with indexes",
    "miss": "first request",
    "hit": "hit",
    "unchanged": "304",
    "refresh": "?refresh=1",
    "stale": "stale",
}
BY = {
    "direct": "the API alone",
    "indexes": "the indexes alone",
    "miss": "the first request through larder",
    "hit": "a hit",
    "unchanged": "a 304",
    "refresh": "?refresh=1",
    "stale": "a stale response served while it is refreshed",
}


# ---- requests -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    status: int
    fields: dict[str, str]
    seconds: float
    size: int  # of the whole response, including the head


class Connection:
    """Opened before the first request is timed, and kept open; the client's own time is small compared with a hit's."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.host = f"127.0.0.1:{port}"
        self.buffer = bytearray(1 << 20)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()

    def get(self, target: str, **more: str) -> Answer:
        lines = [f"GET {target} HTTP/1.1", f"Host: {self.host}", *(f"{name.replace('_', '-')}: {value}" for name, value in more.items())]
        request = "\r\n".join(lines).encode() + b"\r\n\r\n"
        view = memoryview(self.buffer)
        began = time.perf_counter()
        self.socket.sendall(request)
        size, head_end = 0, -1
        while head_end < 0:
            size += self.receive(view[size:], target)
            head_end = self.buffer.find(b"\r\n\r\n", 0, size)
        status, fields = self.read_head(bytes(view[:head_end]))
        if status == 304:
            wanted = head_end + 4
        elif "content-length" in fields:
            wanted = head_end + 4 + int(fields["content-length"])
        else:
            raise SystemExit(f"table: {target}: an answer without a Content-Length, which this client does not read: {fields}")
        while size < wanted:
            size += self.receive(view, target)
        ended = time.perf_counter()
        return Answer(status, fields, ended - began, size)

    def receive(self, room: memoryview, target: str) -> int:
        count = self.socket.recv_into(room)
        if count == 0:
            raise SystemExit(f"table: {target}: the connection ended in the middle of an answer")
        return count

    @staticmethod
    def read_head(head: bytes) -> tuple[int, dict[str, str]]:
        first, *lines = head.decode("latin-1").split("\r\n")
        return int(first.split(" ")[1]), {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def said(answer: Answer) -> str:
    return answer.fields.get("cache-status", "")


def lifetime_left(answer: Answer) -> int | None:
    found = re.search(r"; ttl=(-?\d+)", said(answer))
    return int(found.group(1)) if found else None


def expect(condition: bool, wanted: str, endpoint: Endpoint, answer: Answer) -> None:
    if not condition:
        raise SystemExit(f"table: {endpoint.target}: {wanted} was expected, not {answer.status} with Cache-Status: {said(answer) or '(none)'}")


# ---- programs -------------------------------------------------------------------------------------------------------


def start_api(cluster: Cluster, scale: float, work: Path) -> tuple[Program, int]:
    log = work / "api.log"
    log.unlink(missing_ok=True)
    api = Program([sys.executable, UPSTREAM / "run.py", "--port", "0", "--scale", f"{scale:g}", "--more", MORE, "--database", cluster.url], log)
    found: list[int] = []

    def listens() -> bool:
        found.extend(map(int, re.findall(r"^listening on http://127\.0\.0\.1:(\d+)$", log.read_text(), re.M)))
        return bool(found)

    api.wait_for(listens, patience=600)
    return api, found[0]


def write_settings(path: Path) -> None:
    """The shipped settings, without keep_warm and with ttls of an hour, so that no background fetch disturbs a measurement."""
    shipped = (ROOT / "config" / "examples" / "statehub.yaml").read_text()
    settings = re.sub(r"(?m)^ +keep_warm:.*\n", "", re.sub(r"(?m)^( +ttl:) .*$", r"\1 1h", shipped))
    path.write_text("# config/examples/statehub.yaml with ttls of an hour, and without keep_warm.\n" + settings)


@contextmanager
def larder_before(api_port: int, work: Path) -> Iterator[tuple[int, int]]:
    port, admin = free_port(), free_port()
    with Program([LARDER, "serve", "-c", work / "larder.yaml", "--listen", f"127.0.0.1:{port}", "--upstream", f"http://127.0.0.1:{api_port}",
                  "--admin", f"127.0.0.1:{admin}"], work / "larder.log", port=port):
        yield port, admin


def mark_stale(admin: int, target: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", admin, timeout=30)
    connection.request("POST", "/api/purge", json.dumps({"path": target, "soft": True}), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != 200 or json.loads(body).get("purged") != 1:
        raise SystemExit(f"table: {target} could not be marked stale: {answer.status} {body.decode(errors='replace')}")


def migrate(cluster: Cluster, *words: str) -> None:
    command = [sys.executable, "-m", "alembic", "-c", UPSTREAM / "migrations" / "alembic.ini", "-x", f"database={cluster.url}", *words]
    ran = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if ran.returncode != 0:
        raise SystemExit(f"table: alembic {' '.join(words)} failed:\n{ran.stdout}{ran.stderr}")


@contextmanager
def indexes_in(cluster: Cluster) -> Iterator[None]:
    migrate(cluster, "upgrade", "head")
    try:
        yield
    finally:
        migrate(cluster, "downgrade", "base")


# ---- query plans ----------------------------------------------------------------------------------------------------


@dataclass
class Statement:
    text: str
    parameters: tuple
    times: int  # per response of the endpoint
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)

    @staticmethod
    def shape(plan: list[str]) -> list[str]:
        """The plan's nodes and conditions, without costs and times."""
        nodes = []
        for line in plan:
            if re.match(r"\s*(Planning|JIT|Execution)", line):
                break
            if not re.match(r"\s*(Buffers|Sort Method|Rows Removed|Heap Fetches|Heap Blocks|Buckets|Worker|Batches|I/O)", line):
                nodes.append(re.sub(r"\s*\(cost=.*", "", line))
        return nodes

    @property
    def changed(self) -> bool:
        return self.shape(self.before) != self.shape(self.after)

    @staticmethod
    def seconds(plan: list[str]) -> float:
        return next((float(line.split()[2]) / 1000 for line in plan if line.startswith("Execution Time:")), math.nan)


@dataclass(frozen=True)
class Index:
    name: str
    table: str
    columns: str
    size: int


def uses(plan: list[str], index: str) -> bool:
    return any(re.search(rf"(using|Index Scan on) {index}\b", line) for line in plan)


def scans_of(plan: list[str]) -> list[str]:
    scans = [re.sub(r"^\s*(->)?\s*|\s*\(cost=.*", "", line) for line in plan if re.search(r"Scan.* on \w+.*\(cost=", line)]
    return list(dict.fromkeys(scans))


def ways_to(plan: list[str], table: str) -> list[str]:
    """The access path of a plan for a table."""
    scans = [scan for scan in scans_of(plan) if re.search(rf" on {table}\b", scan)]
    return list(dict.fromkeys(re.sub(rf" on {table}\b.*", "", scan) for scan in scans))


async def statements_of(url: str) -> dict[str, list[Statement]]:
    """The statements that the API sends for each response, recorded while its functions run."""
    engine = database.open_engine(url)
    sessions = database.session_factory(engine)
    seen: dict[str, Statement] = {}

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def note(_connection, _cursor, text, parameters, _context, _many) -> None:
        seen.setdefault(text, Statement(text, parameters, 0)).times += 1

    found = {}
    for endpoint in ENDPOINTS:
        for name, queries in {endpoint.name: endpoint.queries, **endpoint.more_queries}.items():
            if queries is None:
                continue
            progress(f"noting the API's statements for {name}")
            seen.clear()
            async with sessions() as session:
                await queries(session=session)
            found[name] = list(seen.values())
    await engine.dispose()
    return found


def shorter(text: str) -> str:
    """Of a long list of parameters only the first is shown."""
    return re.sub(r"'\{([^,}]*),[^}]{100,}\}'", r"'{\1, ...}'", re.sub(r"(%s, ){3,}%s", "%s, ...", text))


async def explain(url: str, statements: dict[str, list[Statement]], plan_of: Callable[[Statement], list[str]], when: str) -> None:
    engine = database.open_engine(url)
    async with engine.connect() as connection:
        for name, of_endpoint in statements.items():
            progress(f"EXPLAIN {when}: {name}")
            for statement in of_endpoint:
                rows = await connection.exec_driver_sql("EXPLAIN (ANALYZE, BUFFERS) " + statement.text, statement.parameters)
                plan_of(statement)[:] = [shorter(row[0]) for row in rows]
    await engine.dispose()


async def explain_fitting(url: str, statements: dict[str, list[Statement]]) -> tuple[float, float, list[str]]:
    """The time of the slowest statement with FITTING, created and dropped in a transaction: seconds without it, seconds with it, and the plan."""
    name, what = FITTING
    statement = max(statements[name], key=lambda statement: Statement.seconds(statement.before))
    progress(f"EXPLAIN with {what}: {name}")
    engine = database.open_engine(url)
    async with engine.connect() as connection:
        await connection.exec_driver_sql(f"CREATE INDEX fitting ON {what}")
        rows = await connection.exec_driver_sql("EXPLAIN (ANALYZE, BUFFERS) " + statement.text, statement.parameters)
        plan = [shorter(row[0]) for row in rows]
        await connection.rollback()
    await engine.dispose()
    return Statement.seconds(statement.before), Statement.seconds(plan), plan


def fitting_sentence(fitting: tuple[float, float, list[str]]) -> str:
    before, after, plan = fitting
    name, what = FITTING
    goal = next(endpoint.goal for endpoint in ENDPOINTS if endpoint.name == name)
    if not uses(plan, "fitting"):
        return f"An additional index, {what}, would fit the slowest statement of {name}, but the planner does not use it."
    return (f"An additional index, {what}, would fit the slowest statement of {name}: that statement then takes {show_time(after)} instead of {show_time(before)} "
            f"(EXPLAIN){', which still exceeds the wanted ' + show_time(goal) + ', because it counts all older tasks for each task' if after > goal else ''}.")


def indexes_of(cluster: Cluster) -> dict[str, Index]:
    rows = cluster.sql("select indexname, tablename, regexp_replace(indexdef, '^.*USING btree ', ''), "
                       "pg_relation_size(quote_ident(indexname)::regclass) from pg_indexes where schemaname = 'public' and tablename <> 'alembic_version'")
    return {name: Index(name, table, columns, int(size)) for name, table, columns, size in (row.split("|") for row in rows.splitlines())}


def plans_text(statements: dict[str, list[Statement]], indexes: list[Index]) -> str:
    lines = ["The statements that the API sends to PostgreSQL for one answer, each explained once, with its parameters: EXPLAIN (ANALYZE, BUFFERS),",
             "before and after the migration. A plan that is the same but for its figures is shown once.", ""]
    for name, of_endpoint in statements.items():
        lines += ["=" * 120, name, "=" * 120, ""]
        for statement in of_endpoint:
            lines += [shorter(statement.text), f"-- {statement.times} time{'s' * (statement.times > 1)} an answer", "", "before:", *(f"    {line}" for line in statement.before), ""]
            if statement.changed:
                lines += ["after:", *(f"    {line}" for line in statement.after), ""]
            else:
                lines += [f"after: the same plan ({show_time(Statement.seconds(statement.after))})", ""]
            used = [index.name for index in indexes if uses(statement.after, index.name)]
            lines += [f"new indexes in use: {', '.join(used) or 'none'}", ""]
    return "\n".join(lines)


# ---- measurements ---------------------------------------------------------------------------------------------------


@dataclass
class Figures:
    seconds: dict[str, dict[str, list[float]]] = field(default_factory=lambda: {way: {} for way in WAYS})
    sizes: dict[str, dict[str, list[int]]] = field(default_factory=lambda: {way: {} for way in WAYS})
    processor: dict[str, dict[str, list[float]]] = field(default_factory=lambda: {way: {} for way in WAYS})  # of the API without its database

    def add(self, way: str, endpoint: Endpoint, answer: Answer) -> None:
        self.seconds[way].setdefault(endpoint.name, []).append(answer.seconds)
        self.sizes[way].setdefault(endpoint.name, []).append(answer.size)

    def time(self, way: str, endpoint: Endpoint) -> Spread:
        return spread(self.seconds[way].get(endpoint.name, []))

    def size(self, way: str, endpoint: Endpoint) -> float:
        return spread(self.sizes[way].get(endpoint.name, [])).median


def measure_api(figures: Figures, way: str, api: Program, api_port: int, label: str) -> None:
    for endpoint in ENDPOINTS:
        progress(f"{label}, {WAYS[way]}: {endpoint.name}")
        with Connection(api_port) as connection:
            before = api.cpu_seconds()
            answer = connection.get(endpoint.target)
            figures.processor[way].setdefault(endpoint.name, []).append(api.cpu_seconds() - before)
        expect(answer.status == 200, "200", endpoint, answer)
        figures.add(way, endpoint, answer)


def measure_larder(figures: Figures, api_port: int, work: Path, fast: int, label: str) -> None:
    with larder_before(api_port, work) as (port, admin), Connection(port) as connection:
        for endpoint in ENDPOINTS:
            progress(f"{label}, through larder: {endpoint.name}")
            answer = connection.get(endpoint.target)
            expect(answer.status == 200 and "fwd=uri-miss" in said(answer) and "stored" in said(answer), "a miss that is stored", endpoint, answer)
            figures.add("miss", endpoint, answer)

            for _ in range(fast):
                answer = connection.get(endpoint.target)
                expect(answer.status == 200 and "; hit" in said(answer), "a hit", endpoint, answer)
                figures.add("hit", endpoint, answer)
            tag = answer.fields["etag"]
            for _ in range(fast):
                answer = connection.get(endpoint.target, If_None_Match=tag)
                expect(answer.status == 304 and "; hit" in said(answer), "304 from the store", endpoint, answer)
                figures.add("unchanged", endpoint, answer)

            if endpoint.refresh:
                answer = connection.get(endpoint.refresh)
                expect(answer.status == 200 and "fwd=request" in said(answer), "an answer fetched anew", endpoint, answer)
                figures.add("refresh", endpoint, answer)

            measure_stale(figures, endpoint, connection, admin, fast)


def measure_stale(figures: Figures, endpoint: Endpoint, connection: Connection, admin: int, most: int) -> None:
    """Stale hits: the first request begins the refresh, and the next ones are sent while it is under way."""
    mark_stale(admin, endpoint.target)
    served = 0
    while True:
        answer = connection.get(endpoint.target)
        is_fresh = "; hit" in said(answer) and not is_stale(answer)
        if served == 0:
            expect(answer.status == 200 and is_stale(answer), "a stale answer", endpoint, answer)
        if is_fresh:
            return  # the fetch has ended
        expect(answer.status == 200 and is_stale(answer), "a stale answer, or the new one", endpoint, answer)
        served += 1
        if served <= most:
            figures.add("stale", endpoint, answer)
        else:
            time.sleep(0.01)  # polls for the end of the fetch


def is_stale(answer: Answer) -> bool:
    left = lifetime_left(answer)
    return "fwd=stale" in said(answer) or (left is not None and left < 0)


# ---- conclusions ----------------------------------------------------------------------------------------------------


def cell(figure: float, show: Callable[[float], str]) -> str:
    return "" if math.isnan(figure) else show(figure)


def times_table(figures: Figures) -> Table:
    rows = [[endpoint.name, *(cell(figures.time(way, endpoint).median, show_time) for way in WAYS), show_time(endpoint.original), wanted(endpoint)]
            for endpoint in ENDPOINTS]
    return Table(["endpoint", *WAYS.values(), "originally", "wanted"], rows, "Time (median):")


def spread_table(figures: Figures) -> Table:
    def text(way: str, endpoint: Endpoint) -> str:
        of = figures.time(way, endpoint)
        return f"{show_time(of.lowest)} - {show_time(of.highest)} ({of.count})" if of.count else ""

    return Table(["endpoint", *WAYS.values()], [[endpoint.name, *(text(way, endpoint) for way in WAYS)] for endpoint in ENDPOINTS],
                 "Time (lowest - highest, and number of measurements):")


def bytes_table(figures: Figures) -> Table:
    rows = [[endpoint.name, *(cell(figures.size(way, endpoint), show_bytes) for way in WAYS)] for endpoint in ENDPOINTS]
    return Table(["endpoint", *WAYS.values()], rows, "Bytes received, heads included (without Accept-Encoding):")


def wanted(endpoint: Endpoint) -> str:
    return show_time(endpoint.goal) + (" on a hit" if endpoint.on_a_hit else "")


def judged(endpoint: Endpoint, figures: Figures) -> list[str]:
    """The ways to which the goal applies: for a goal of hits, not the first request, a refresh or the API itself."""
    ways = ["hit", "unchanged", "stale"] if endpoint.on_a_hit else list(WAYS)
    return [way for way in ways if figures.time(way, endpoint).count]


def verdicts(figures: Figures) -> list[tuple[Endpoint, list[str], list[str]]]:
    """For each endpoint, the ways that meet the goal and those that do not, by the median."""
    found = []
    for endpoint in ENDPOINTS:
        ways = judged(endpoint, figures)
        met = [way for way in ways if figures.time(way, endpoint).median <= endpoint.goal]
        found.append((endpoint, met, [way for way in ways if way not in met]))
    return found


def listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def verdict_sentence(endpoint: Endpoint, met: list[str], unmet: list[str], figures: Figures) -> str:
    def of(ways: list[str]) -> str:
        return listed([f"{BY[way]} ({show_time(figures.time(way, endpoint).median)})" for way in ways])

    sentence = f"{endpoint.name} (wanted: {wanted(endpoint)}): " + (f"met by {of(met)}" if met else "met by nothing")
    return sentence + (f"; not met by {of(unmet)}." if unmet else ".")


def index_table(indexes: list[Index], statements: dict[str, list[Statement]]) -> Table:
    rows = []
    for index in indexes:
        users = {name: sum(uses(statement.after, index.name) for statement in of) for name, of in statements.items()}
        used = [f"{name} ({count} of {len(statements[name])})" for name, count in users.items() if count]
        rows.append([f"{index.table}{index.columns}", show_bytes(index.size), ", ".join(used) or "nothing"])
    return Table(["index", "size", "used by (statements)"], rows, "The indexes:")


def index_sentences(indexes: list[Index], statements: dict[str, list[Statement]]) -> list[str]:
    """For each index, the plans that use it; if none does, the access paths used instead."""
    sentences = []
    for index in indexes:
        what = f"{index.table}{index.columns}"
        lines = []
        for name, of in statements.items():
            for statement in (statement for statement in of if uses(statement.after, index.name)):
                lines.append((name, Statement.seconds(statement.before), Statement.seconds(statement.after)))
        if lines:
            slowest = {name: max((line for line in lines if line[0] == name), key=lambda line: line[1]) for name, _, _ in lines}
            effect = listed([f"{name} (slowest such statement: {show_time(before)} before, {show_time(after)} after)" for name, before, after in slowest.values()])
            sentences.append(f"{what}: used by {effect}.")
            continue
        instead: dict[str, list[str]] = {}
        for name, of in statements.items():
            for statement in of:
                for way in ways_to(statement.after, index.table):
                    if name not in instead.setdefault(way, []):
                        instead[way].append(name)
        others = "; ".join(f"{way} ({', '.join(names)})" for way, names in instead.items())
        sentences.append(f"{what}: used by no statement of the API. Access to {index.table} instead: {others or 'none'}.")
    return sentences


def plan_sentences(figures: Figures, statements: dict[str, list[Statement]]) -> list[str]:
    """The endpoints whose plans change; and the reason for those that do not meet the goal with the indexes."""
    changed = {name: sum(statement.changed for statement in of) for name, of in statements.items()}
    same = [name for name, count in changed.items() if not count]
    others = [f"{name} ({count} of {len(statements[name])})" for name, count in changed.items() if count]
    sentences = [f"The indexes change {'the plans of ' + listed(others) if others else 'no plan'}." + (f" They change no plan of {listed(same)}." if same and others else "")]
    for endpoint in ENDPOINTS:
        total = figures.time("indexes", endpoint).median
        if endpoint.on_a_hit or endpoint.name not in statements or total <= endpoint.goal:
            continue
        of = statements[endpoint.name]
        cost = lambda statement: Statement.seconds(statement.after) * statement.times  # noqa: E731
        slowest, together = max(of, key=cost), sum(map(cost, of))
        own = spread(figures.processor["indexes"][endpoint.name]).median
        sentence = (f"{endpoint.name} with the indexes, {show_time(total)}: the API itself uses {show_time(own)} of CPU time, its statements take "
                    f"{show_time(together)} (EXPLAIN); the slowest, {show_time(cost(slowest))}, has "
                    f"{'a changed plan' if slowest.changed else 'an unchanged plan'} ({'; '.join(scans_of(slowest.after))}).")
        if own > 1.5 * endpoint.goal:  # with a margin, because CPU time grows on a busy machine
            sentence += f" The API's own CPU time exceeds {show_time(endpoint.goal)}, so no index can meet it."
        sentences.append(sentence)
    return sentences


def plot(figures: Figures, caption: str) -> str:
    ways = ["direct", "indexes", "miss", "hit", "unchanged"]
    groups = {f"{endpoint.name} ({wanted(endpoint)} wanted)": {WAYS[way]: figures.time(way, endpoint).median for way in ways} for endpoint in ENDPOINTS}
    return bars("Slow endpoints: response time (logarithmic)", groups, caption=caption, log=True, show=show_time)


# ---- the run --------------------------------------------------------------------------------------------------------


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="table.sh", description="See the head of table.sh.")
    parser.add_argument("--scale", type=positive(float))
    parser.add_argument("--rounds", type=positive(int))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    given = parser.parse_args()
    given.scale = given.scale or (0.02 if given.smoke else 0.2 if given.quick else 1.0)
    given.rounds = given.rounds or (1 if given.smoke else 2 if given.quick else 3)
    given.fast = 5 if given.smoke else 100 if given.quick else 200
    return given


def positive(kind: Callable) -> Callable:
    def read(text: str):
        value = kind(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError("must be more than 0")
        return value

    read.__name__ = kind.__name__  # the name in argparse's message for an invalid value
    return read


def run(given: argparse.Namespace) -> None:
    work = OUT / "table"
    work.mkdir(parents=True, exist_ok=True)
    write_settings(work / "larder.yaml")
    (work / "larder.log").unlink(missing_ok=True)
    figures = Figures()
    progress("larder, if it is not up to date")
    build_larder()
    with Cluster() as cluster:
        progress("data")
        api, api_port = start_api(cluster, given.scale, work)
        with api:
            # Otherwise autovacuum would do it during a round.
            cluster.sql("VACUUM (ANALYZE)")
            jit = cluster.sql("SHOW jit").strip()
            statements = asyncio.run(statements_of(cluster.url))
            asyncio.run(explain(cluster.url, statements, lambda statement: statement.before, "before the migration"))
            fitting = asyncio.run(explain_fitting(cluster.url, statements))
            usual = indexes_of(cluster)
            with indexes_in(cluster):
                indexes = [index for name, index in indexes_of(cluster).items() if name not in usual]
                asyncio.run(explain(cluster.url, statements, lambda statement: statement.after, "after it"))
            # Not counted: the API compiles its queries for the first responses.
            measure_api(Figures(), "direct", api, api_port, "warming up")
            for number in range(given.rounds):
                label = f"round {number + 1} of {given.rounds}"
                for way in turn(["direct", "indexes", "larder"], number):
                    if way == "larder":
                        measure_larder(figures, api_port, work, given.fast, label)
                    elif way == "indexes":
                        with indexes_in(cluster):
                            measure_api(figures, way, api, api_port, label)
                    else:
                        measure_api(figures, way, api, api_port, label)
    progress.end()
    report(given, figures, statements, indexes, fitting, jit)


def turn(ways: list[str], number: int) -> list[str]:
    """Each round begins with a different way."""
    number %= len(ways)
    return ways[number:] + ways[:number]


def report(given: argparse.Namespace, figures: Figures, statements: dict[str, list[Statement]], indexes: list[Index],
           fitting: tuple[float, float, list[str]], jit: str) -> None:
    found = verdicts(figures)
    plans = OUT / "table-plans.txt"
    plans.write_text(plans_text(statements, indexes) + "\n".join(["", f"The slowest of {FITTING[0]} with {FITTING[1]}, which is not in the migration:", "",
                                                                  *(f"    {line}" for line in fitting[2]), ""]))
    words = [] if given.smoke else [verdict_sentence(*verdict, figures) for verdict in found] + plan_sentences(figures, statements)
    words += index_sentences(indexes, statements)
    if not given.smoke:
        words.append(fitting_sentence(fitting))
    words.append(f"Scale {given.scale:g} ({MORE}), {given.rounds} round{'s' * (given.rounds > 1)}. PostgreSQL with default settings (jit {jit}), except fsync (off) and the C collation. "
                 f"The plans, before and after: build/bench/{plans.name}.")
    if given.smoke:
        words.append("--smoke only checks that the script works; its figures are not meaningful.")
    elif given.scale != 1:
        words.append("Only scale 1 is close to the original's times; results at another scale do not apply to it.")
    raw = {
        "scale": given.scale, "more": MORE, "rounds": given.rounds, "jit": jit,
        "endpoints": {
            endpoint.name: {
                "target": endpoint.target, "original_seconds": endpoint.original, "goal_seconds": endpoint.goal, "goal_is_for_hits": endpoint.on_a_hit,
                "met_by": met, "not_met_by": unmet,
                "ways": {way: {"seconds": figures.seconds[way][endpoint.name], "bytes": figures.size(way, endpoint),
                               **({"api_processor_seconds": figures.processor[way][endpoint.name]} if figures.processor[way] else {})}
                         for way in WAYS if endpoint.name in figures.seconds[way]},
            } for endpoint, met, unmet in found
        },
        "indexes": [{"name": index.name, "on": f"{index.table}{index.columns}", "bytes": index.size,
                     "used_by": [name for name, of in statements.items() if any(uses(statement.after, index.name) for statement in of)]} for index in indexes],
        "not_asked_for": {"index": FITTING[1], "endpoint": FITTING[0], "seconds_before": fitting[0], "seconds_with": fitting[1], "plan": fitting[2]},
        "statements": {name: [{"statement": shorter(statement.text), "times": statement.times, "plan_changed": statement.changed,
                               "before": statement.before, "after": statement.after} for statement in of] for name, of in statements.items()},
    }
    tables = [times_table(figures), spread_table(figures), bytes_table(figures), index_table(indexes, statements)]
    caption = f"medians of {given.rounds} round{'s' * (given.rounds > 1)} at scale {given.scale:g}; {version('larder')}, {version('postgres')}"
    finish("table", "Slow endpoints", tables=tables, plots={"table": plot(figures, caption)}, raw=raw,
           versions=[version("larder"), version("postgres"), f"Python {sys.version.split()[0]}"], words=words)


def stop(number: int, _frame: object) -> None:
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, signal.SIG_IGN)  # programs are being ended already
    raise SystemExit(128 + number)


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        run(arguments())
    except (ClusterError, OSError) as error:
        raise SystemExit(f"table: {error}") from None
    finally:
        progress.end()
