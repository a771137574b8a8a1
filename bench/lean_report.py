"""The table and the plot of lean.sh: `lean_report.py ROWS VERSION ...`, one row per line: shape, size, program, median in us."""

import sys
from pathlib import Path

from common import Table, bars, finish

rows = [line.split("\t") for line in Path(sys.argv[1]).read_text().splitlines()]
figures: dict[str, dict[str, float]] = {}
for shape, size, name, median, *_ in rows:
    figures.setdefault(f"{size}, {shape}", {})[name] = float(median)
names = list(dict.fromkeys(row[2] for row in rows))
tables = [
    Table(["us for one document", *names], [[document, *(f"{found[name]:.1f}" for name in names)] for document, found in figures.items()]),
    Table(["times larder", *names], [[document, *(f"{found[name] / found['larder']:.2f}" for name in names)] for document, found in figures.items()]),
]
dom = min(found["simdjson DOM"] / found["larder"] for found in figures.values())
lua = min(found["nginx with Lua"] / found["larder"] for found in figures.values())
words = [f"Worst case: {dom:.2f} times the speed of the DOM parser, which writes nothing (expected 0.8: {'met' if dom >= 0.8 else 'not met'}); "
         f"{lua:.1f} times nginx with Lua (expected 8: {'met' if lua >= 8 else 'not met'})."]
picture = bars("Projection of a list to three members of its items: time, as a multiple of larder's", {
    document: {name: found[name] / found["larder"] for name in names} for document, found in figures.items()}, log=True, show="{:.2f}x".format)
finish("lean", "Projection of a list", tables=tables, plots={"lean": picture}, raw=figures, versions=sys.argv[2:], words=words)
