"""Writes RESULTS.md from the results of the measurements: `all.py DIRECTORY SECONDS COMMAND NAME ...`.

DIRECTORY is bench, which gets results/ with the plots and the raw figures beside it, or build/bench, where they lie already.
"""

import datetime
import shutil
import subprocess
import sys
from pathlib import Path

from common import OUT, ROOT, machine

directory, seconds, command, *names = sys.argv[1:]
target = ROOT / directory
parts = [(OUT / f"{name}.md").read_text() for name in names]
results = target / "results"
shutil.rmtree(results, ignore_errors=True)
results.mkdir()
for name in names:
    for file in sorted([*OUT.glob(f"{name}*.svg"), OUT / f"{name}.json", *OUT.glob(f"{name}-*.txt")]):
        shutil.copy(file, results / file.name)
ran = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
version = ran.stdout.strip() or "no commit"
head = f"""# Results

What `{command}` printed on {datetime.date.today():%d %B %Y} in {int(seconds) // 60} min {int(seconds) % 60} s, at {version}; [README.md](README.md)
explains how to read it. Raw figures are in [results/](results). Machine: {machine()}.

Absolute times on a shared machine vary; compare figures that were measured in the same rounds, and their ratios.
"""
(target / "RESULTS.md").write_text("\n".join([head, *parts]))
print(f"\nwritten: {directory}/RESULTS.md, {directory}/results/")
