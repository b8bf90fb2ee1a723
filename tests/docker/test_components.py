"""The steps' images: all that a step imports is there, nothing else is, and nobody has rights."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
import yaml

from components import image as names
from components import provenance
from pipelines import compile as compiled
from scripts import images
from tests.docker.engine import UNCOMPILED, docker, image, inspected, printed

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1800)]

BUILT = ("components-python", "images-python")


def steps(built: str) -> dict[str, str]:
    """The source of every step that the compiled pipelines run in an image, by the step's name."""
    found = {}
    for name in compiled.PIPELINES:
        document = next(yaml.safe_load_all(compiled.path(name).read_text()))
        for key, executor in document["deploymentSpec"]["executors"].items():
            container = executor.get("container", {})
            if container.get("image", "").rpartition(":")[0] == f"kanarya/{built}":
                found[f"{name}: {key}"] = container["command"][-1]
    return found


FOLLOW = '''
import ast, importlib, importlib.util, json, os, sys
from pathlib import Path
os.environ["_KFP_RUNTIME"] = "true"
OURS = ("components", "serving")
seen, wrong, functions = {}, [], 0

def named(tree):
    """Every module that a piece of code must import, also inside functions, and from which."""
    for node in ast.walk(tree):
        if for_types(node) or may_be_missing(node):
            for inner in ast.walk(node):
                inner.skipped = True
    for node in ast.walk(tree):
        if getattr(node, "skipped", False):
            continue
        if isinstance(node, ast.Import):
            yield from ((each.name, "") for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module, each.name) for each in node.names if each.name != "*")

def for_types(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"

def may_be_missing(node):
    """Whether this is an import of a library that the code does without."""
    imports = isinstance(node, ast.Try) and isinstance(node.body[0], (ast.Import, ast.ImportFrom))
    return imports and any(ast.unparse(each.type) == "ImportError" for each in node.handlers)

def load(wanted, place):
    """Import a module once, and follow what it imports where it is ours."""
    if wanted in seen:
        return
    seen[wanted] = place
    try:
        loaded = importlib.import_module(wanted)
    except Exception as error:
        wrong.append(f"{place}: {wanted}: {error!r}")
        return
    if wanted.split(".")[0] in OURS and loaded.__file__:
        follow(ast.parse(Path(loaded.__file__).read_text()), wanted)

def follow(tree, place):
    for module, name in named(tree):
        load(module, place)
        found = sys.modules.get(module)
        a_module = isinstance(getattr(found, name, None), type(sys)) or not hasattr(found, name)
        if name and found and a_module:
            load(f"{module}.{name}", place)

for step, source in json.load(sys.stdin).items():
    space = {}
    exec(source, space)
    tree = ast.parse(source)
    functions += sum(callable(space[node.name]) for node in tree.body if hasattr(node, "args"))
    follow(tree, step)
print(json.dumps({"functions": functions, "wrong": wrong, "modules": sorted(seen)}))
'''
"""Define each step as KFP's launcher does, then follow its imports through all of our code."""


@pytest.mark.parametrize("built", BUILT)
def test_whatever_a_step_may_import_is_in_its_image(built: str) -> None:
    wanted = steps(built)
    assert len(wanted) >= 6
    found = printed(image(built), FOLLOW, json.dumps(wanted))
    assert found["wrong"] == []
    assert found["functions"] == len(wanted)
    assert {"mlflow", "serving.onnx_model", "components.telling"} <= set(found["modules"])


@pytest.mark.parametrize("built", BUILT)
def test_the_compiled_pipelines_name_what_make_images_tags(built: str) -> None:
    found = next(each for each in images.IMAGES if each.name == built)
    of_pipelines = {"components-python": names.IMAGE, "images-python": names.IMAGES}[built]
    called = images.release({})
    assert of_pipelines in called.tags(found)
    assert "latest" not in of_pipelines
    tags = inspected(image(built))["RepoTags"]
    assert set(called.tags(found)) <= set(tags)


@pytest.mark.parametrize("built", BUILT)
def test_it_holds_the_code_of_this_checkout(built: str) -> None:
    program = "import json; from components import provenance; print(json.dumps(provenance.tags()))"
    found = printed(image(built), program)
    assert found["kanarya.code.sha256"] == provenance.tags()["kanarya.code.sha256"]


@pytest.mark.parametrize("built", BUILT)
def test_it_says_what_it_was_built_from_and_runs_as_nobody(
    built: str, record_property: Any
) -> None:
    found = inspected(image(built))
    labels = found["Config"]["Labels"]
    assert labels["org.opencontainers.image.revision"] == images.release(os.environ).commit
    assert labels["org.opencontainers.image.version"] == "0.1.0"
    assert found["Config"]["User"] == "50000:50000"
    record_property("megabytes", found["Size"] // 10**6)
    written = (
        "find / -xdev ( -user 50000 -o -perm -o+w ) ! -type l ! -path '/proc/*' ! -path '/tmp'"
    )
    words = ("run", "--rm", "--user", "0", "--entrypoint", "sh", image(built), "-c")
    listed = docker(*words, written.replace("(", r"\(").replace(")", r"\)")).stdout.split()
    assert [path for path in listed if path.startswith("/opt")] == []


ABSENT = {
    "components-python": ("tensorflow", "keras", "tf2onnx", "h5py"),
    "images-python": (),
}
NOWHERE = ("scripts", "console", "tests", "setuptools", "grpc_tools", "pip", "pytest", "nicegui")


@pytest.mark.parametrize("built", BUILT)
def test_it_holds_nothing_that_no_step_uses(built: str) -> None:
    wanted = (*ABSENT[built], *NOWHERE)
    program = (
        "import json; from importlib.util import find_spec; "
        f"print(json.dumps([n for n in {wanted!r} if find_spec(n)]))"
    )
    assert printed(image(built), program) == []


@pytest.mark.parametrize("built", BUILT)
def test_every_module_is_compiled(built: str) -> None:
    missing = printed(image(built), UNCOMPILED)
    ours = ("/components/", "/serving/", "/pipelines/")
    assert [path for path in missing if any(each in path for each in ours)] == []
    assert len(missing) < 20, "what cannot be compiled is written for another Python"


def test_the_image_with_tensorflow_shares_the_layers_of_the_other() -> None:
    tables, pictures = (inspected(image(built))["RootFS"]["Layers"] for built in BUILT)
    shared = [one for one, other in zip(tables, pictures, strict=False) if one == other]
    assert len(shared) >= len(tables) - 1  # all but the code, which comes last in both
