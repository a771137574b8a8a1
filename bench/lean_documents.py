"""Documents for lean.sh: three shapes in three sizes, the same in every run.

lean_documents.py DIRECTORY SIZE ...: writes SHAPE-SIZE.json
"""

import json
import pathlib
import random
import sys

SIZES = {"10K": 10_000, "2M": 2_000_000, "50M": 50_000_000}


def strings(i, rng):
    return {"id": i, "slug": f"topic-{i}", "description": "lorem ipsum dolor " * 40, "log": "x" * rng.randint(500, 900), "status": "open"}


def members(i, rng):
    item = {"id": i, "slug": f"topic-{i}", "status": "open"}
    item.update({f"m{k}": rng.choice((k, True, None, 1.5, "s")) for k in range(20)})
    return item


def nested(i, rng):
    value = {"leaf": rng.randint(0, 9)}
    for depth in range(20):
        value = {"d": value, "n": [depth, {"k": depth}]}
    return {"id": i, "slug": f"topic-{i}", "tree": value, "status": "open"}


def write(file, shape, size):
    rng = random.Random(7)
    with file.open("w") as out:
        out.write("[")
        written = 1
        i = 0
        while written < size:
            text = ("," if i else "") + json.dumps(shape(i, rng), separators=(",", ":"))
            out.write(text)
            written += len(text)
            i += 1
        out.write("]")


directory = pathlib.Path(sys.argv[1])
for shape in (strings, members, nested):
    for name in sys.argv[2:]:
        file = directory / f"{shape.__name__}-{name}.json"
        if not file.exists():
            write(file, shape, SIZES[name])
