"""What suite.mjs found: tables, and a verdict.

report.py ROWS                   tables; what did not pass; exits 1 if anything is required or optimal and not among the known
report.py ROWS --settle [MORE]   in place: takes over what passed in MORE, the second run, and marks the tests that build on
                                 one that did not pass
report.py ROWS --again           the ids of the tests for a second run
report.py ROWS --plain           one line a test
report.py ROWS --line NAME       the totals in one line, --head its heading
report.py ROWS --write-checks    brings the informative tests' answers in README.md up to date, and names those that changed

--known FILE holds, a line each, the tests that are known not to pass: id, kind, reason.
"""

import argparse
import collections
import json
import pathlib
import re
import sys

SHOWN = 30
KINDS = ("required", "optimal", "check")
AGAIN = "when run again; at first: "


def read_known(file):
    """Test id to reason."""
    lines = (line.strip() for line in file.read_text().splitlines()) if file else ()
    return {fields[0]: fields[2] for fields in (line.split(None, 2) for line in lines if line and not line.startswith("#"))}


def is_unexpected(row, known):
    return row["kind"] != "check" and row["result"] != "pass" and row["id"] not in known


def settle(rows, more):
    """A test that passes when it is run again has passed; one that builds on another is judged by that first."""
    better = {row["id"] for row in more if row["result"] == "pass"}
    for row in rows:
        if row["id"] in better:
            row.update(result="pass", why=AGAIN + row["why"])
    by_id = {row["id"]: row for row in rows}

    def missing(row):
        """The first of what it needs that did not pass, or whose own needs did not."""
        for needed in row["needs"]:
            if by_id[needed]["result"] != "pass" or missing(by_id[needed]):
                return needed
        return None

    for (row, needed) in [(row, missing(row)) for row in rows]:
        if needed:
            row.update(result="dependency", why=f"it builds on {needed}, which did not pass")


def again(rows, known):
    """The unexpected, and what those build on: that may be the one which stumbled."""
    by_id = {row["id"]: row for row in rows}
    wanted = {}

    def want(row):
        for needed in row["needs"]:
            want(by_id[needed])
        if row["result"] != "pass":
            wanted[row["id"]] = None

    for row in rows:
        if row["kind"] != "check" and row["id"] not in known:
            want(row)
    return list(wanted)


def print_table(rows):
    groups = list(dict.fromkeys(row["group"] for row in rows))
    counts = collections.Counter((row["group"], row["kind"], row["result"] == "pass") for row in rows)

    def cell(of, kind):
        passed = sum(counts[group, kind, True] for group in of)
        total = passed + sum(counts[group, kind, False] for group in of)
        return f"{passed} of {total}" if total else "-"

    lines = [("", "required", "optimal", "check: yes")]
    lines += [(group, *(cell([group], kind) for kind in KINDS)) for group in groups]
    lines.append(("all", *(cell(groups, kind) for kind in KINDS)))
    width = max(len(line[0]) for line in lines)
    for line in lines:
        print(f"{line[0]:<{width}}" + "".join(f"{text:>14}" for text in line[1:]))


HEAD = f"{'':<22}{'required':>11}{'failed':>8}{'open':>6}{'optimal':>13}{'failed':>8}{'open':>6}{'yes':>7}"


def line(rows, name):
    text = f"{name:<22}"
    for (kind, width) in (("required", 11), ("optimal", 13)):
        results = collections.Counter(row["result"] for row in rows if row["kind"] == kind)
        (total, passed, failed) = (sum(results.values()), results["pass"], results["fail"])
        text += f"{f'{passed} ({100 * passed / total:.0f} %)':>{width}}{failed:>8}{total - passed - failed:>6}"
    return text + f"{sum(row['kind'] == 'check' and row['result'] == 'pass' for row in rows):>7}"


def write_checks(rows, file):
    text = file.read_text()
    (begin, end) = ("<!-- checks -->\n", "<!-- end of checks -->")
    (before, rest) = text.split(begin)
    (listed, after) = rest.split(end)
    written = {id: (answer, reason) for (id, answer, reason)
               in re.findall(r"^\| `([^`]+)` \|[^|]*\| ?([^|]*?) ?\| ?(.*?) ?\|$", listed, re.MULTILINE)}
    lines = []
    group = None
    for row in rows:
        if row["kind"] != "check":
            continue
        if row["group"] != group:
            group = row["group"]
            lines += ["", f"### {group}", "", "| test | asks | larder | because |", "|---|---|---|---|"]
        answer = {"pass": "yes", "fail": "no"}.get(row["result"], "does not apply")
        (before_now, reason) = written.get(row["id"], ("", ""))
        if answer != before_now or not reason:
            print(f"README.md: {row['id']}: {before_now or 'new'} -> {answer}; does the reason hold? {reason}")
        lines.append(f"| `{row['id']}` | {row['name'].replace('|', '/')} | {answer} | {reason} |")
    file.write_text(before + begin + "\n".join(lines[1:]) + "\n" + end + after)


def report(rows, known):
    print_table(rows)
    print()
    for row in rows:
        if row["id"] in known and row["result"] == "pass":
            print(f"passes, though it is among the known: {row['id']}")
        elif row["why"].startswith(AGAIN):
            print(f"passed {row['kind']} {row['id']} {row['why']}")
        elif row["kind"] != "check" and row["result"] != "pass" and row["id"] in known:
            print(f"not passed, as known: {row['kind']} {row['id']}: {known[row['id']]}")
    for name in known.keys() - {row["id"] for row in rows}:
        print(f"among the known, but not in the suite: {name}")
    unexpected = [row for row in rows if is_unexpected(row, known)]
    for row in unexpected[:SHOWN]:
        print(f"FAILED: {row['kind']} {row['id']} ({row['result']}): {row['name']}: {row['why']}")
    if len(unexpected) > SHOWN:
        print(f"... and {len(unexpected) - SHOWN} more")
    print(f"\n{'failed' if unexpected else 'passed'}: {len(unexpected)} unexpected of {len(rows)} tests")
    return 1 if unexpected else 0


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("rows", type=pathlib.Path)
    parser.add_argument("--known", type=pathlib.Path)
    parser.add_argument("--settle", nargs="?", const=False, type=pathlib.Path)
    parser.add_argument("--line")
    for flag in ("--again", "--plain", "--head", "--write-checks"):
        parser.add_argument(flag, action="store_true")
    arguments = parser.parse_args()
    rows = json.loads(arguments.rows.read_text() or "[]")
    known = read_known(arguments.known)

    if arguments.settle is not None:
        settle(rows, json.loads(arguments.settle.read_text()) if arguments.settle else [])
        arguments.rows.write_text(json.dumps(rows, indent=1) + "\n")
    elif arguments.again:
        print("\n".join(again(rows, known)))
    elif arguments.plain:
        for row in rows:
            print(f"{row['kind']} {row['id']}: {row['result']}" + (f" ({row['why']})" if row["why"] else ""))
    elif arguments.line:
        print(line(rows, arguments.line))
    elif arguments.head:
        print(HEAD)
    elif arguments.write_checks:
        write_checks(rows, pathlib.Path(__file__).resolve().parent / "README.md")
    else:
        return report(rows, known)
    return 0


if __name__ == "__main__":
    sys.exit(main())
