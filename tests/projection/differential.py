"""Holds the projector against a model of it that reads with Python's json.

    /usr/bin/python3 differential.py LEAN_PROJECT [--documents N] [--seed N]

The documents are made, the same ones for the same seed: lists, envelopes and anything else, in odd white space and odd spellings, half
of them damaged. LEAN_PROJECT answers for the projector; the answer must be the model's, byte for byte.
"""

import argparse
import json
import random
import re
import struct
import subprocess
import sys

DEPTH = 64
NOT_JSON = "it is not well-formed JSON"
WRONG_SHAPE = "it has no list of objects where the rule says"
TOO_DEEP = "it is nested too deeply"
NOTHING_KEPT = "no item has a member that `fields` names"

RULES = [
    (["id", "slug"], ""),
    (["id"], "data"),
    (["slug", "domain.slug", "tasks.id"], ""),
    (["domain", "domain.slug", "größe"], "data"),
    (["id", "tasks.id"], "data.*"),
    (["a.b.c", "a.d", "id"], "a.b"),
    (["tasks.id"], "a.b.*"),
    (["a/b", "tab\tbed", 'quo"te', "back\\slash", "😀"], ""),
]
NAMES = ["id", "slug", "domain", "tasks", "data", "a", "b", "c", "d", "größe", "x", "", "ID", "sluG", "slug_", "a/b",
         "tab\tbed", 'quo"te', "back\\slash", "😀", "\ud83d", "\u2028"]


# The model


class Invalid(Exception):
    pass


class Text(str):
    """A number with its spelling."""


def refuse(name):
    raise Invalid(name)  # NaN and Infinity, which Python would read


DECODER = json.JSONDecoder(parse_float=Text, parse_int=Text, parse_constant=refuse, object_pairs_hook=list)
SPACE = re.compile(r"[ \t\r\n]*")
BRACKET = re.compile(r"[\[\]{}]")
STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.S)


def read(document):
    """The text of a document and its nesting depth."""
    try:
        text = document.decode("utf-8")
        DECODER.decode(text)
    except (ValueError, Invalid) as error:
        raise Invalid(str(error)) from None
    depth = deepest = 0
    for bracket in BRACKET.findall(STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return text, deepest


WHOLE = "whole"


def tree(fields):
    root = {}
    for field in sorted(fields, key=lambda field: field.count(".")):
        node = root
        *path, last = field.split(".")
        for name in path:
            node = node.setdefault(name, {})
            if node is WHOLE:
                break
        else:
            node[last] = WHOLE
    return root


class Model:
    def __init__(self, fields, items):
        self.fields, self.path = tree(fields), items.split(".") if items else []
        self.misshapen = self.has_members = self.has_kept = False

    def project(self, text):
        self.text = text
        at = self.space(0)
        return self.items(at, self.path)

    def space(self, at):
        return SPACE.match(self.text, at).end()

    def end(self, at):
        return DECODER.raw_decode(self.text, at)[1]

    def copy(self, at):
        return self.text[at:self.end(at)]

    def members(self, at):
        """Yields for each member the source of its name, the name, and the position of its value."""
        at = self.space(at + 1)
        while self.text[at] != "}":
            end = self.end(at)
            value = self.space(self.space(end) + 1)
            yield self.text[at:end], json.loads(self.text[at:end]), value
            at = self.space(self.end(value))
            at = self.space(at + 1) if self.text[at] == "," else at

    def elements(self, at):
        at = self.space(at + 1)
        while self.text[at] != "]":
            yield at
            at = self.space(self.end(at))
            at = self.space(at + 1) if self.text[at] == "," else at

    def items(self, at, path):
        kind = self.text[at]
        if not path:
            if kind == "[":
                return "[" + ",".join(self.item(element) for element in self.elements(at)) + "]"
            return self.item(at)
        if kind != "{":
            self.misshapen = True
            return ""
        out, found = [], path[0] == "*"
        for source, name, value in self.members(at):
            on_path = path[0] in ("*", name)
            found = found or on_path
            out.append(source + ":" + (self.items(value, path[1:]) if on_path else self.copy(value)))
        self.misshapen = self.misshapen or not found
        return "{" + ",".join(out) + "}"

    def item(self, at):
        if self.text[at] != "{":
            self.misshapen = True
            return ""
        names = [name for _, name, _ in self.members(at)]
        self.has_members = self.has_members or bool(names)
        return self.inside(at, self.fields)

    def inside(self, at, node):
        kind = self.text[at]
        if node is WHOLE or kind not in "{[":
            self.has_kept = True
            return self.copy(at)
        if node is not self.fields and self.text[self.space(at + 1)] in "}]":
            self.has_kept = True
        if kind == "[":
            return "[" + ",".join(self.inside(element, node) for element in self.elements(at)) + "]"
        return "{" + ",".join(source + ":" + self.inside(value, node[name])
                              for source, name, value in self.members(at) if name in node) + "}"


def expected(document, fields, items):
    """The correct results; several only if the document has two defects."""
    try:
        text, deepest = read(document)
    except Invalid:
        brackets = document.count(b"[") + document.count(b"{")
        return [NOT_JSON + "\n"] + ([TOO_DEEP + "\n"] if brackets > DEPTH else [])
    if deepest > DEPTH:
        return [TOO_DEEP + "\n"]
    model = Model(fields, items)
    out = model.project(text)
    if model.misshapen:
        return [WRONG_SHAPE + "\n"]
    return [NOTHING_KEPT + "\n" if model.has_members and not model.has_kept else "ok\n" + out]


# The documents


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def space(self):
        return "".join(self.random.choice(" \t\r\n") for _ in range(self.random.randrange(1, 4))) \
            if self.random.random() < self.spaced else ""

    def character(self, character):
        choice = self.random.random()
        short = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
        if character in short and choice < 0.7:
            return short[character]
        if choice < self.escaped or ord(character) < 32 or character in '"\\' or "\ud800" <= character <= "\udfff":
            units = character.encode("utf-16-be", "surrogatepass")
            spelled = "".join("\\u%04x" % unit for unit, in struct.iter_unpack(">H", units))
            return spelled if self.random.random() < 0.5 else spelled.upper().replace("\\U", "\\u")
        return character

    def string(self, text):
        return '"' + "".join(map(self.character, text)) + '"'

    def number(self):
        pick = self.random.choice
        return pick(["", "-"]) + pick(["0", "7", "42", "9007199254740993", str(self.random.getrandbits(80))]) + \
            pick(["", "", ".0", ".10", "." + str(self.random.getrandbits(60))]) + \
            pick(["", "", "", "e5", "E+0", "e-12", "e999", "E-999"])

    def scalar(self):
        choice = self.random.randrange(6)
        if choice < 2:
            return self.number()
        if choice < 4:
            pool = self.random.choice(["abc", "},{\"[]:,", "\\/\b\f\n\r\t\"", "é€😀\u2028\ud800\udc00\ud83d", " \x7f\x00\x1f"])
            return self.string("".join(self.random.choice(pool) for _ in range(self.random.choice([0, 1, 3, 20, 70]))))
        return self.random.choice(["true", "false", "null"])

    def value(self, depth):
        choice = self.random.random()
        if depth == 0 or choice < 0.5:
            return self.scalar()
        return self.list(depth) if choice < 0.7 else self.object(depth)

    def joined(self, opening, parts, closing):
        return opening + self.space() + (self.space() + "," + self.space()).join(parts) + self.space() + closing

    def list(self, depth):
        return self.joined("[", [self.value(depth - 1) for _ in range(self.random.randrange(4))], "]")

    def object(self, depth, names=()):
        names = list(names) + self.random.choices(NAMES, k=self.random.randrange(6))
        self.random.shuffle(names)
        return self.joined("{", [self.member(name, self.value(depth - 1)) for name in names], "}")

    def member(self, name, value):
        return self.string(name) + self.space() + ":" + self.space() + value

    def items(self, count):
        one = self.random.random()
        if one < 0.1:
            return self.value(3)
        if one < 0.2:
            return self.object(3, ["id"])
        return self.joined("[", [self.object(4, ["id", "slug"][:self.random.randrange(3)]) for _ in range(count)], "]")

    def in_envelope(self, path, count):
        if not path:
            return self.items(count)
        names = [path[0]] if path[0] != "*" else ["k", "l"][:self.random.randrange(3)]
        members = [self.member(name, self.in_envelope(path[1:], count)) for name in names]
        members += [self.member(name, self.value(3)) for name in self.random.choices(NAMES, k=self.random.randrange(3))]
        self.random.shuffle(members)
        return self.joined("{", members, "}")

    def deep(self):
        depth = self.random.randrange(55, 75)
        opening = [self.random.choice(["[", '{"a":', '{"tasks":', '{"x":']) for _ in range(depth)]
        return "".join(opening) + "1" + "".join("]" if one == "[" else "}" for one in reversed(opening))

    def document(self, items):
        self.spaced = self.random.choice([0, 0, 0.1, 0.9])
        self.escaped = self.random.choice([0, 0, 0.05, 0.9])
        choice = self.random.random()
        if choice < 0.03:
            text = self.deep()
        elif choice < 0.06:
            text = self.scalar()
        else:
            count = self.random.choice([0, 1, 2, 3, 5]) if choice < 0.998 else self.random.randrange(300, 1500)
            text = self.in_envelope(items.split(".") if items else [], count)
        text = self.space() + text + self.space()
        return text.encode("utf-8")

    HOSTILE = [b"\x00", b"\x01", b"\x0b", b"\x0c", b"\x1a", b"\x1f", b"\x7f", b"\x80", b"\xc0\x80", b"\xc3", b"\xed\xa0\x80",
               b"\xef\xbb\xbf", b"\xf4\x90\x80\x80", b"\xff", b"NaN", b"Infinity", b"-Infinity", b"01", b"1.", b".5", b"+1",
               b"-", b"1e", b"1e+", b"0x1", b"tru", b"nul", b"True", b"\\", b"\\x", b"\\u12", b"\\ud800", b"\\u00g0", b'"', b'\\"',
               b"'", b"/**/", b"//", b",", b",,", b":", b"[", b"]", b"{", b"}", b"[]", b"{}", b" ", b"\n", b"\xc2\xa0", b"e", b"0",
               b"9", b"E+", b'"":', b'"id":1,', b"\xe2\x80\xa8"]

    def damaged(self, document):
        damaged = bytearray(document)
        for _ in range(self.random.choice([1, 1, 1, 2, 4])):
            at = self.random.randrange(len(damaged) + 1)
            size = self.random.choice([1, 1, 2, 8])
            choice = self.random.randrange(7)
            if choice < 3:
                damaged[at:at] = self.random.choice(self.HOSTILE)
            elif choice == 3:
                damaged[at:at + size] = self.random.choice(self.HOSTILE)
            elif choice == 4:
                del damaged[at:at + size]
            elif choice == 5:
                del damaged[at:]
            else:
                other = self.random.randrange(len(damaged) + 1)
                damaged[at:at] = damaged[other:other + size * 4]
        return bytes(damaged)

    def moved(self, document):
        """The document with white space around it, so that it crosses the end of a window."""
        return b" " * (65_536 - self.random.randrange(len(document) + 1)) + document + b"\n" * 40_000


# The comparison


class Projector:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, fields, items, document):
        for block in ("\n".join(fields).encode(), items.encode(), document):
            self.process.stdin.write(struct.pack("<I", len(block)) + block)
        self.process.stdin.flush()
        head = self.process.stdout.read(4)
        if len(head) < 4:
            raise SystemExit(f"{self.process.args[0]} stopped with {self.process.wait()} at {document[:2000]!r}")
        return self.process.stdout.read(struct.unpack("<I", head)[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    maker, projector = Maker(options.seed), Projector(options.program)
    outcomes, failures = {}, 0
    for number in range(options.documents):
        fields, items = RULES[number % len(RULES)]
        document = maker.document(items)
        if number // len(RULES) % 2:
            document = maker.damaged(document)
        wanted = expected(document, fields, items)
        forms = [document]
        if number % 5 == 0 and len(document) < 50_000:
            forms.append(maker.moved(document))
        for form in forms:
            answer = projector.ask(fields, items, form)
            if answer.decode("utf-8", "backslashreplace") not in wanted:
                failures += 1
                print(f"document {number}, {fields} in '{items}': {document[:2000]!r}\n"
                      f"  wanted {wanted!r:.2000}\n  got    {answer!r:.2000}", file=sys.stderr)
        outcome = wanted[0].partition("\n")[0]
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    for outcome, count in sorted(outcomes.items()):
        print(f"{count:8} {outcome}")
    print(f"{options.documents - failures} passed, {failures} failed")
    return 1 if failures or len(outcomes) < 4 else 0


if __name__ == "__main__":
    sys.exit(main())
