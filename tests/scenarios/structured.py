"""Structured fields (RFC 8941), as far as Cache-Status needs them: a list of items with parameters. Strict: a malformed field
fails the test that parses it.
"""

import re

INTEGER = re.compile(r"-?[0-9]{1,15}(?![0-9.])")
TOKEN = re.compile(r"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*")
KEY = re.compile(r"[a-z*][a-z0-9_.*-]*")
STRING = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')


class Token(str):
    """A token; a quoted string is a plain str."""


class Malformed(AssertionError):
    pass


class _Reader:
    def __init__(self, text):
        self.text = text
        self.at = 0

    def take(self, pattern):
        match = pattern.match(self.text, self.at)
        if match:
            self.at = match.end()
        return match

    def take_literal(self, literal):
        found = self.text.startswith(literal, self.at)
        self.at += len(literal) if found else 0
        return found

    def skip(self, blanks):
        while self.at < len(self.text) and self.text[self.at] in blanks:
            self.at += 1

    def ended(self):
        return self.at == len(self.text)

    def fail(self, wanted):
        raise Malformed(f"{wanted} wanted at {self.at} of {self.text!r}")

    def bare_item(self):
        if match := self.take(INTEGER):
            return int(match[0])
        if match := self.take(STRING):
            return re.sub(r"\\(.)", r"\1", match[1])
        if match := self.take(TOKEN):
            return Token(match[0])
        if self.take_literal("?1"):
            return True
        if self.take_literal("?0"):
            return False
        self.fail("an item")

    def parameters(self):
        found = {}
        while self.take_literal(";"):
            self.skip(" ")
            key = self.take(KEY) or self.fail("a parameter's name")
            if key[0] in found:
                self.fail(f"one {key[0]}")
            found[key[0]] = self.bare_item() if self.take_literal("=") else True
        return found


def parse_list(text):
    """`a; x=1, "b"` as [(Token("a"), {"x": 1}), ("b", {})] (RFC 8941 4.2.1)."""
    reader = _Reader(text)
    members = []
    reader.skip(" ")
    while not reader.ended():
        members.append((reader.bare_item(), reader.parameters()))
        reader.skip(" \t")
        if reader.ended():
            return members
        if not reader.take_literal(","):
            reader.fail("a comma")
        reader.skip(" \t")
        if reader.ended():
            reader.fail("a member behind the comma")
    return members
