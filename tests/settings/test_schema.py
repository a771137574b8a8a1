"""config/larder.schema.json and `larder check` agree, over the files of the unit tests."""

import json
import os
import pathlib
import re
import subprocess

import jsonschema
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = jsonschema.Draft7Validator(json.loads((ROOT / "config" / "larder.schema.json").read_text()))

# Errors that a schema can express. Others need the loader: addresses, the environment, other keys or routes.
EXPRESSIBLE = re.compile(
    r"unknown key|has no unit|is outside|is none of|is not a duration|is not a size|is not a whole number; write (it|digits)|has an unknown unit|must be a mapping"
    r"|must be a single value, not a (list|mapping)|is an empty list|a route has no path|a route must (be a mapping|set its caching mode)|a route has either ttl or cache"
    r"|has no effect with cache: off|requires a ttl|items requires fields|routes must be a list|must begin with '/'|is neither auto nor a number"
)


class Loader(yaml.SafeLoader):
    """YAML 1.2's core schema: `off` and `yes` are texts, as in larder. Numbers and true and false are what they look like."""


Loader.yaml_implicit_resolvers = {}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(true|false)$"), list("tf"))
Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[0-9]+$"), list("0123456789"))
Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(~|null|)$"), ["~", "n", ""])


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    directory = tmp_path_factory.mktemp("cases")
    program = pathlib.Path(os.environ["LARDER"]).parent / "tests" / "test_settings"
    environment = {**os.environ, "LARDER_WRITE_CASES": str(directory)}
    subprocess.run([program], env=environment, capture_output=True, timeout=120, check=True)
    found = []
    for file in sorted(directory.glob("*.yaml")):
        problems = [line for line in file.with_suffix(".txt").read_text().splitlines() if ": warning: " not in line]
        try:
            value = yaml.load(file.read_text(), Loader)
        except (yaml.YAMLError, UnicodeDecodeError):
            continue  # no YAML for the schema to judge
        found.append((file.read_text(), value if value is not None else {}, problems))
    assert len(found) > 300
    return found


def refusals(value):
    return [error.message for error in SCHEMA.iter_errors(value)]


def test_the_schema_accepts_what_check_accepts(cases):
    wrong = [(text, refusals(value)) for text, value, problems in cases if not problems and refusals(value)]
    assert wrong == []


def test_the_schema_refuses_what_it_can_tell_to_be_wrong(cases):
    expressible = [(text, value, problems) for text, value, problems in cases if any(EXPRESSIBLE.search(problem) for problem in problems)]
    assert len(expressible) > 100
    wrong = [(text, problems) for text, value, problems in expressible if not refusals(value)]
    assert wrong == []


def test_dump_config_of_the_examples_is_accepted():
    for name in ("larder.yaml", "examples/statehub.yaml"):
        dump = subprocess.run([os.environ["LARDER"], "dump-config", "-c", str(ROOT / "config" / name)], capture_output=True, text=True, timeout=60, check=True).stdout
        assert refusals(yaml.load(dump, Loader)) == []
