"""Shared by the measurements: programs and their CPU time, rounds, the machine, tables, plots, and the results of a run.

A measurement prints its tables on standard output and its progress on standard error, and leaves three files in build/bench:
NAME.json (the raw figures), NAME.md (its part of RESULTS.md) and its plots, NAME*.svg.
"""

from __future__ import annotations

import json
import math
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterable, Sequence

ROOT = Path(__file__).resolve().parents[1]
OUT = Path(os.environ.get("LARDER_BENCH_OUT") or ROOT / "build" / "bench")
LARDER = Path(os.environ.get("LARDER") or ROOT / "build" / "release" / "larder")  # the binary that the tests name; otherwise the release build
ENVIRONMENT = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}
TICKS = os.sysconf("SC_CLK_TCK")


class Progress:
    """Progress on standard error: one line that is overwritten; separate lines if it is a file or a pipe."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.open = False

    def __call__(self, text: str) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{self.name}: {text}")
            self.open = True
        else:
            sys.stderr.write(f"{self.name}: {text}\n")
        sys.stderr.flush()

    def end(self) -> None:
        if self.open:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
            self.open = False


# ---- programs -------------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def open_directory(stack: ExitStack, parent: Path | None = None) -> Path:
    """A new directory for a server that drops root's privileges, as Varnish and nginx's workers do: that user may have no access to the
    repository, which may be below a home of mode 0700. Removed when the stack is left."""
    directory = Path(tempfile.mkdtemp(prefix="larder-bench-", dir=parent))
    stack.callback(shutil.rmtree, directory, ignore_errors=True)
    directory.chmod(0o755)
    return directory


def which(program: str) -> str | None:
    return shutil.which(program, path=ENVIRONMENT["PATH"])


class Program:
    """A process with its children; its output goes to a log. Ended at the end of the block. `core`: the CPU core that it runs on."""

    def __init__(self, command: Sequence[str | Path], log: Path, *, core: int | None = None, port: int | None = None,
                 patience: float = 60, **more) -> None:
        words = [str(word) for word in command]
        if core is not None and (os.cpu_count() or 1) > 1:
            words = ["taskset", "-c", str(core), *words]
        self.name = Path(words[3] if core is not None and len(words) > 3 and words[0] == "taskset" else words[0]).name
        self.log = log
        with log.open("ab") as out:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=ENVIRONMENT, start_new_session=True, **more)
        if port is not None:
            self.wait_for(lambda: accepts(port), patience)

    def wait_for(self, condition: Callable[[], bool], patience: float = 60) -> None:
        end = time.monotonic() + patience
        while not condition():
            if self.process.poll() is not None or time.monotonic() > end:
                tail = self.log.read_text(errors="replace")[-2000:]
                self.end()
                raise SystemExit(f"{self.name} did not start; the end of its log ({self.log}):\n{tail}")
            time.sleep(0.02)

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_) -> None:
        self.end()

    def pids(self) -> list[int]:
        """The process and its descendants."""
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            try:
                for task in Path(f"/proc/{pid}/task").iterdir():
                    todo += [int(child) for child in (task / "children").read_text().split()]
            except OSError:
                pass
        return found

    def cpu_seconds(self) -> float:
        """User and system time of the process and its descendants, as accounted by the operating system."""
        total = 0.0
        for pid in self.pids():
            try:
                # In nanoseconds if the scheduler provides them; otherwise in ticks (10 ms).
                for task in Path(f"/proc/{pid}/task").iterdir():
                    total += int((task / "schedstat").read_text().split()[0]) / 1e9
            except (OSError, IndexError):
                try:
                    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                    total += (int(after_name[11]) + int(after_name[12])) / TICKS
                except OSError:
                    pass
        return total

    def memory_bytes(self) -> int:
        """Resident and not shared with files (PSS of anonymous memory would need root on some systems): the sum of RssAnon."""
        total = 0
        for pid in self.pids():
            try:
                for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                    if line.startswith("RssAnon:"):
                        total += int(line.split()[1]) * 1024
            except OSError:
                pass
        return total

    def end(self, how: int = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


@dataclass(frozen=True)
class Wrk:
    requests: int
    seconds: float
    errors: int
    p99_ms: float
    bytes: int = 0  # of the responses, including heads

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


WRK_REPORT = """
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("REPORT %d %d %d %d %d\\n", summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(99), summary.bytes))
end
"""


def wrk(url: str, *, seconds: float, connections: int = 64, core: int | None = 1, headers: Iterable[str] = (), script: str = "") -> Wrk:
    """Generates load for that time. `script`: Lua code before the report; a status of 400 or more counts as an error."""
    work = OUT / "wrk"
    work.mkdir(parents=True, exist_ok=True)
    lua = work / f"{os.getpid()}.lua"
    lua.write_text(script + WRK_REPORT)
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{max(1, round(seconds))}s", "-s", str(lua)]
    for header in headers:
        command += ["-H", header]
    if core is not None and (os.cpu_count() or 1) > 1:
        command = ["taskset", "-c", str(core), *command]
    ran = subprocess.run([*command, url], capture_output=True, text=True, env=ENVIRONMENT)
    lua.unlink()
    report = next((line.split() for line in ran.stdout.splitlines() if line.startswith("REPORT ")), None)
    if report is None:
        raise SystemExit(f"wrk failed: {ran.stdout}{ran.stderr}")
    return Wrk(int(report[1]), int(report[2]) / 1e6, int(report[3]), int(report[4]) / 1000, int(report[5]))


# ---- statistics -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spread:
    median: float
    lowest: float
    highest: float
    count: int


def spread(values: Sequence[float]) -> Spread:
    if not values:
        return Spread(math.nan, math.nan, math.nan, 0)
    return Spread(statistics.median(values), min(values), max(values), len(values))


def percentile(values: Sequence[float], percent: float) -> float:
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(len(ordered) * percent / 100) - 1))]


def show_time(seconds: float) -> str:
    if math.isnan(seconds):
        return "-"
    if seconds < 1e-3:
        return f"{seconds * 1e6:.3g} us" if seconds < 1e-5 else f"{seconds * 1e3:.2f} ms"
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms" if seconds < 0.1 else f"{seconds * 1e3:.0f} ms"
    return f"{seconds:.2f} s"


def show_bytes(count: float) -> str:
    if math.isnan(count):
        return "-"
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"


# ---- the machine and versions ---------------------------------------------------------------------------------------


def machine() -> str:
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} cores of {model}, {platform.freedesktop_os_release().get('PRETTY_NAME', platform.system())}, Linux {platform.release().split('-')[0]}"


VERSION_COMMANDS = {
    "larder": [str(LARDER), "version"], "nginx": ["nginx", "-v"], "haproxy": ["haproxy", "-v"], "h2o": ["h2o", "--version"], "varnish": ["varnishd", "-V"],
    "squid": ["squid", "-v"], "trafficserver": ["traffic_server", "-V"], "postgres": ["psql", "--version"], "wrk": ["wrk", "-v"],
}


def version(name: str) -> str:
    """The first number with dots in the output of the program."""
    try:
        ran = subprocess.run(VERSION_COMMANDS[name], capture_output=True, text=True, env=ENVIRONMENT, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return f"{name} (no version)"
    for word in (ran.stdout + " " + ran.stderr).replace("/", " ").replace("-", " ").replace(",", " ").split():
        if word[0].isdigit() and "." in word:
            return f"{name} {word.strip('()')}"
    return name


def build_larder() -> None:
    """The release build, unless LARDER names another binary."""
    if os.environ.get("LARDER"):
        return
    for command in (["cmake", "--preset", "release"], ["cmake", "--build", "--preset", "release", "--target", "larder"]):
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if ran.returncode != 0:
            raise SystemExit(ran.stdout + ran.stderr)


# ---- tables ---------------------------------------------------------------------------------------------------------


@dataclass
class Table:
    """A table as text; the first column is aligned left, the others right."""

    columns: list[str]
    rows: list[list[str]]
    title: str = ""

    def text(self) -> str:
        widths = [max(len(row[i]) for row in [self.columns, *self.rows]) for i in range(len(self.columns))]
        lines = ["  ".join(cell.ljust(widths[i]) if i == 0 else cell.rjust(widths[i]) for i, cell in enumerate(row)).rstrip()
                 for row in [self.columns, *self.rows]]
        return "\n".join(([self.title] if self.title else []) + lines)

    def markdown(self) -> str:
        escape = lambda cell: cell.replace("|", "\\|")  # noqa: E731
        lines = ["| " + " | ".join(map(escape, row)) + " |" for row in [self.columns, *self.rows]]
        lines.insert(1, "|---|" + "---:|" * (len(self.columns) - 1))
        return "\n".join(([f"{self.title}\n"] if self.title else []) + lines)


# ---- plots ----------------------------------------------------------------------------------------------------------

COLOURS = ["#1f5fbf", "#b3261e", "#1b7f3b", "#8a5a00", "#6a3fa0", "#00707a", "#5a6270", "#a02060"]


def _text(x: float, y: float, words: str, more: str = "") -> str:
    safe = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{safe}</text>'


def _frame(width: int, height: int, title: str, caption: str) -> list[str]:
    return [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12" fill="#222">',
            f'<rect width="{width}" height="{height}" fill="#fff"/>', _text(16, 22, title, 'font-size="14" font-weight="bold"'),
            _text(16, height - 10, caption, 'font-size="10" fill="#666"')]


def bars(title: str, groups: dict[str, dict[str, float]], *, unit: str = "", caption: str = "", log: bool = False, show: Callable[[float], str] | None = None,
         colours: dict[str, str] | None = None) -> str:
    """Horizontal bars: a heading for each group, a bar for each name, with its value at the end. `log`: on a logarithmic scale."""
    show = show or (lambda value: f"{value:.3g}{' ' + unit if unit else ''}")
    names = list(dict.fromkeys(name for bars_of in groups.values() for name in bars_of))
    colours = colours or {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
    values = [value for bars_of in groups.values() for value in bars_of.values() if not math.isnan(value) and value > 0]
    most, least = max(values, default=1), min(values, default=1)
    left, right, line = 24 + 7 * max(map(len, names), default=0), 110, 18
    width = 760
    height = 60 + sum(26 + line * len(bars_of) for bars_of in groups.values())
    out = _frame(width, height, title, caption)
    y = 40.0
    for heading, bars_of in groups.items():
        y += 14
        out.append(_text(16, y, heading, 'font-weight="bold" fill="#444"'))
        y += 6
        for name, value in bars_of.items():
            out.append(_text(left - 8, y + 13, name, 'text-anchor="end"'))
            if math.isnan(value):
                out.append(_text(left, y + 13, "-"))
            else:
                room = width - left - right
                if log:
                    at = (math.log10(max(value, least)) - math.log10(least) + 0.3) / (math.log10(most) - math.log10(least) + 0.3)
                else:
                    at = value / most
                out.append(f'<rect x="{left}" y="{y + 2:.1f}" width="{max(room * at, 1):.1f}" height="{line - 5}" rx="2" fill="{colours[name]}"/>')
                out.append(_text(left + max(room * at, 1) + 6, y + 13, show(value)))
            y += line
        y += 6
    return "\n".join([*out, "</svg>"])


def lines(title: str, series: dict[str, list[tuple[float, float]]], *, x_label: str, y_label: str, caption: str = "", log_x: bool = True, log_y: bool = False,
          show_x: Callable[[float], str] = "{:g}".format, show_y: Callable[[float], str] = "{:g}".format) -> str:
    """Lines through points, with their names at the ends; the y axis begins at 0 unless it is logarithmic."""
    width, height, left, right, top, bottom = 760, 380, 80, 130, 44, 64
    points = [point for of in series.values() for point in of]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    low_y, high_y = (min(ys), max(ys)) if log_y else (0.0, max(ys) * 1.1)
    if high_y <= low_y:
        high_y = low_y * 10 if log_y else low_y + 1

    def place(value: float, low: float, high: float, log: bool) -> float:
        if high == low:
            return 0.5
        return (math.log(value / low) / math.log(high / low)) if log else (value - low) / (high - low)

    x_at = lambda value: left + (width - left - right) * place(value, min(xs), max(xs), log_x)  # noqa: E731
    y_at = lambda value: height - bottom - (height - top - bottom) * place(value, low_y, high_y, log_y)  # noqa: E731
    out = _frame(width, height, title, caption)
    for step in range(6):
        value = low_y * (high_y / low_y) ** (step / 5) if log_y else low_y + (high_y - low_y) * step / 5
        out.append(f'<line x1="{left}" y1="{y_at(value):.1f}" x2="{width - right}" y2="{y_at(value):.1f}" stroke="#ddd"/>')
        out.append(_text(left - 8, y_at(value) + 4, show_y(float(f"{value:.3g}")), 'text-anchor="end" fill="#444"'))
    for value in sorted(set(xs)):
        out.append(_text(x_at(value), height - bottom + 18, show_x(value), 'text-anchor="middle" fill="#444"'))
    out.append(_text((left + width - right) / 2, height - bottom + 36, x_label, 'text-anchor="middle" fill="#444"'))
    out.append(_text(16, top - 8, y_label, 'font-size="11" fill="#444"'))
    taken: list[float] = []
    for i, (name, of) in enumerate(series.items()):
        colour = COLOURS[i % len(COLOURS)]
        out.append(f'<polyline points="{" ".join(f"{x_at(x):.1f},{y_at(y):.1f}" for x, y in of)}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x_at(x):.1f}" cy="{y_at(y):.1f}" r="3" fill="{colour}"/>' for x, y in of]
        at = y_at(of[-1][1]) + 4
        while any(abs(at - other) < 14 for other in taken):
            at -= 14
        taken.append(at)
        out.append(_text(x_at(of[-1][0]) + 8, at, name, f'fill="{colour}" font-weight="bold"'))
    return "\n".join([*out, "</svg>"])


# ---- results of a run -----------------------------------------------------------------------------------------------


def finish(name: str, title: str, *, tables: Sequence[Table], plots: dict[str, str] | None = None, raw: object = None, versions: Sequence[str] = (),
           words: Sequence[str] = (), quiet: bool = False, out: Path = OUT) -> None:
    """Prints the tables, and writes NAME.json, NAME.md and the plots (file stems to SVG). `words`: sentences below the tables, computed from them."""
    out.mkdir(parents=True, exist_ok=True)
    on = "; ".join([machine(), *versions])
    markdown = [f"## {title}", "", f"*{on}*", ""]
    for table in tables:
        markdown += [table.markdown(), ""]
    for sentence in words:
        markdown += [sentence, ""]
    for stem, picture in (plots or {}).items():
        (out / f"{stem}.svg").write_text(picture)
        markdown += [f"![{title}](results/{stem}.svg)", ""]
    (out / f"{name}.md").write_text("\n".join(markdown))
    (out / f"{name}.json").write_text(json.dumps({"title": title, "machine": machine(), "versions": list(versions), "figures": raw}, indent=1))
    if not quiet:
        print(title, on, sep="\n", flush=True)
        for table in tables:
            print("\n" + table.text())
        for sentence in words:
            print("\n" + sentence)
        shown = out.relative_to(ROOT) if out.is_relative_to(ROOT) else out
        print(f"\n(raw figures: {shown}/{name}.json" + "".join(f", {shown}/{stem}.svg" for stem in plots or {}) + ")", flush=True)
