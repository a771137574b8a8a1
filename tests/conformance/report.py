"""What suite.mjs found: tables, and a verdict.

report.py ROWS                 prints them; exits 1 where something does not pass that known.txt does not name
report.py ROWS --plain         one line a test
report.py ROWS --unexpected    the ids of those
report.py ROWS --merge MORE    takes what passed in MORE over, in place
report.py ROWS --line NAME     its totals in one line
report.py ROWS --write-checks  brings the informative tests' answers in README.md up to date
"""

import collections
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
SHOWN = 30
KINDS = ("required", "optimal", "check")


def known():
    """Test id to reason."""
    lines = (line.strip() for line in (HERE / "known.txt").read_text().splitlines())
    return {fields[0]: fields[2] for fields in (line.split(None, 2) for line in lines if line and not line.startswith("#"))}


def is_unexpected(row, reasons):
    return row["kind"] != "check" and row["result"] != "pass" and row["id"] not in reasons


def table(rows):
    groups = list(dict.fromkeys(row["group"] for row in rows))
    counts = collections.Counter((row["group"], row["kind"], row["result"] == "pass") for row in rows)

    def cell(of, kind):
        passed = sum(counts[group, kind, True] for group in of)
        total = passed + sum(counts[group, kind, False] for group in of)
        return f"{passed} of {total}" if total else "-"

    lines = [("", "required", "optimal", "yes")]
    lines += [(group, *(cell([group], kind) for kind in KINDS)) for group in groups]
    lines.append(("all", *(cell(groups, kind) for kind in KINDS)))
    width = max(len(line[0]) for line in lines)
    for line in lines:
        print(f"{line[0]:<{width}}" + "".join(f"{text:>14}" for text in line[1:]))


def answer(row):
    return {"pass": "yes", "fail": "no"}.get(row["result"], "does not apply")


def write_checks(rows):
    file = HERE / "README.md"
    text = file.read_text()
    (begin, end) = ("<!-- checks -->\n", "<!-- end of checks -->")
    (before, rest) = text.split(begin)
    (listed, after) = rest.split(end)
    reasons = dict(re.findall(r"^\| `([^`]+)` \|[^|]*\|[^|]*\| ?(.*?) ?\|$", listed, re.MULTILINE))
    lines = ["| test | asks | larder | because |", "|---|---|---|---|"]
    for row in rows:
        if row["kind"] == "check":
            lines.append(f"| `{row['id']}` | {row['name'].replace('|', '/')} | {answer(row)} | {reasons.get(row['id'], '')} |")
    file.write_text(before + begin + "\n".join(lines) + "\n" + end + after)


def main():
    (file, *mode) = sys.argv[1:]
    rows = json.loads(pathlib.Path(file).read_text())
    reasons = known()
    unexpected = [row for row in rows if is_unexpected(row, reasons)]
    if mode[:1] == ["--unexpected"]:
        for row in unexpected:
            print(row["id"])
        return 0
    if mode[:1] == ["--merge"]:
        passed = {row["id"] for row in json.loads(pathlib.Path(mode[1]).read_text()) if row["result"] == "pass"}
        for row in rows:
            if row["id"] in passed:
                row.update(result="pass", why="when run again")
        pathlib.Path(file).write_text(json.dumps(rows, indent=1))
        return 0
    if mode[:1] == ["--write-checks"]:
        write_checks(rows)
        return 0
    if mode[:1] == ["--line"]:
        cells = []
        for kind in KINDS:
            of = [row["result"] == "pass" for row in rows if row["kind"] == kind]
            cells.append(f"{sum(of)} ({100 * sum(of) / len(of):.0f} %)" if kind != "check" else str(sum(of)))
        print(f"{mode[1]:<24}{cells[0]:>16}{cells[1]:>16}{cells[2]:>10}")
        return 0
    if mode[:1] == ["--plain"]:
        for row in rows:
            print(f"{row['kind']} {row['id']}: {row['result']}" + (f" ({row['why']})" if row["why"] else ""))
        return 0

    table(rows)
    print()
    for row in rows:
        if row["why"] == "when run again":
            print(f"passed when run again: {row['id']}")
        elif row["kind"] != "check" and row["result"] != "pass" and row["id"] in reasons:
            print(f"not passed, as known: {row['kind']} {row['id']}: {reasons[row['id']]}")
        elif row["id"] in reasons and row["result"] == "pass":
            print(f"passes, though known.txt names it: {row['id']}")
    for row in unexpected[:SHOWN]:
        print(f"FAILED: {row['kind']} {row['id']} ({row['result']}): {row['name']}: {row['why']}")
    if len(unexpected) > SHOWN:
        print(f"... and {len(unexpected) - SHOWN} more")
    print(f"\n{'failed' if unexpected else 'passed'}: {len(unexpected)} unexpected of {len(rows)} tests")
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main())
