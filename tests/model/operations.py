"""The operations of a run: a list of calls, each one line of a script that can be printed, parsed and replayed.

An operation is self-contained, so that any subset of a list is a valid list; the shrinker depends on that.
"""

import ast
from dataclasses import dataclass

# name: positional argument and options
NAMES = {
    "configure": (None, {"loops", "persist", "memory"}),
    "read": ("path", {"query", "method", "fields", "inm", "if_range", "host"}),
    "write": ("path", {"method", "result", "host"}),
    "change": ("path", set()),
    "state": ("path", {"to"}),
    "hold": ("path", set()),
    "release": ("path", {"index"}),
    "unhold": ("path", set()),
    "purge": ("what", {"text", "soft"}),
    "reload": (None, {"gzip_level", "fields", "ttl"}),
    "restart": ("signal", set()),
    "expire": ("path", {"query"}),
    "storm": ("path", {"count", "rounds"}),
}


@dataclass(frozen=True)
class Operation:
    name: str
    argument: str = ""
    options: tuple = ()

    def get(self, key, default=None):
        return dict(self.options).get(key, default)

    def __str__(self):
        parts = [repr(self.argument)] if NAMES[self.name][0] else []
        parts += [f"{key}={dict(value) if key == 'fields' and isinstance(value, tuple) else value!r}" for key, value in self.options]
        return f"{self.name}({', '.join(parts)})"


def op(name, argument="", **options):
    """An operation. Options that are None are omitted; a dict of fields becomes pairs, so that operations can be compared."""
    unknown = set(options) - NAMES[name][1]
    assert not unknown, f"{name} has no {unknown}"
    kept = {key: tuple(value.items()) if isinstance(value, dict) else value for key, value in options.items() if value is not None}
    return Operation(name, argument, tuple(kept.items()))


def parse(text):
    """Parses a script: one call per line, `#` begins a comment."""
    operations = []
    for statement in ast.parse(text).body:
        call = statement.value
        assert isinstance(call, ast.Call) and call.func.id in NAMES, ast.unparse(statement)
        arguments = [ast.literal_eval(argument) for argument in call.args]
        options = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
        operations.append(op(call.func.id, *arguments, **options))
    return operations


def script(operations):
    return "\n".join(str(operation) for operation in operations)
