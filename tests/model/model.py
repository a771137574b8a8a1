"""Random operations on larder, checked by a reference model. See README.md."""

import argparse
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "scenarios"))

from generator import generate  # noqa: E402
from operations import parse, script  # noqa: E402
from runner import failure_of  # noqa: E402
from shrink import shrink  # noqa: E402

BASE_SEED = 20240229
AGAIN = 4  # runs to find out whether a failure is reproducible


def say(text):
    print(f"model: {text}", flush=True)


def comes_again(operations, rule, loops, attempts):
    for _ in range(attempts):
        failure = failure_of(operations, loops)
        if failure is not None and failure.rule == rule:
            return failure
    return None


# Paths share the slots of larder's invalidation log by a hash that is seeded in each process. If two paths share a slot, a
# write to one also invalidates the other. That is rare, permitted, and not reproducible.
BY_COLLISION = ("what-is-fresh-is-not-fetched", "a-reader-does-not-wait-for-nothing (hit)", "readers-share-a-fetch-under-way")


def report(seed, operations, failure, arguments):
    say(f"seed {seed}: {failure}")
    again = comes_again(operations, failure.rule, arguments.loops, AGAIN)
    if again is None and failure.rule in BY_COLLISION:
        say(f"seed {seed}: did not come again in {AGAIN} runs; paths may share a slot of the write log")
        return False
    if again is not None:
        say("shrinking")
        fails = lambda candidate: comes_again(candidate, failure.rule, arguments.loops, arguments.attempts) is not None  # noqa: E731
        operations = shrink(operations, fails, arguments.shrink, lambda text: print(f"  {text}", flush=True))
        failure = comes_again(operations, failure.rule, arguments.loops, AGAIN) or failure
    else:
        say(f"it did not come again in {AGAIN} runs: it depends on timing")
    print(f"\n{failure}\n\n# --- the operations, {len(operations)} of them\n{script(operations)}\n# ---\n")
    loops = f" --loops {arguments.loops}" if arguments.loops else ""
    say(f"replay the whole list: bash tests/model/run.sh --seed {seed} --count 1{loops}")
    say("replay the short one: put it into a file, bash tests/model/run.sh --script FILE")
    return True


def replay(arguments):
    operations = parse(pathlib.Path(arguments.script).read_text())
    for _ in range(arguments.count or AGAIN):
        failure = failure_of(operations, arguments.loops)
        if failure is not None:
            print(failure)
            return 1
    say("nothing is wrong with it")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=BASE_SEED, help="the first list's seed; the next ones have the next numbers")
    parser.add_argument("--seconds", type=float, default=60, help="how long to go on")
    parser.add_argument("--long", nargs="?", type=float, const=1e9, metavar="HOURS", help="random seeds, until interrupted or for so many hours")
    parser.add_argument("--loops", type=int, help="event loops in every run; else the seed chooses")
    parser.add_argument("--count", type=int, help="lists at the most")
    parser.add_argument("--script", help="run the operations of this file instead")
    parser.add_argument("--shrink", type=float, default=120, help="seconds for shrinking at the most")
    parser.add_argument("--attempts", type=int, default=1, help="runs of each candidate when shrinking, for what depends on timing")
    arguments = parser.parse_args()
    if arguments.script:
        return replay(arguments)
    seconds = arguments.long * 3600 if arguments.long else arguments.seconds
    begun, runs, total = time.monotonic(), 0, 0
    seed = arguments.seed
    while time.monotonic() - begun < seconds and (arguments.count is None or runs < arguments.count):
        if arguments.long:
            seed = random.SystemRandom().randrange(1 << 32)
        operations = generate(seed, arguments.loops)
        failure = failure_of(operations, arguments.loops)
        runs += 1
        total += len(operations)
        if failure is not None and report(seed, operations, failure, arguments):
            return 1
        seed += 1
    say(f"{runs} lists, {total} operations, seeds {arguments.seed}{'' if arguments.long else f' to {seed - 1}'}: nothing is wrong")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("interrupted; nothing was wrong until then")
