"""What `make images` asks of docker, and what it calls the images."""

import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest

from components import image as names
from components import provenance
from scripts import images
from serving.errors import KanaryaError, UsageError

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
CALLED = images.Release("registry.example/team", "0.1.0", COMMIT)
TABLES, PICTURES, PREDICTOR, MLFLOW, CONSOLE = images.IMAGES


def test_the_first_tag_is_the_commit_and_none_is_latest() -> None:
    assert CALLED.tags(TABLES) == [
        f"registry.example/team/components-python:{COMMIT}",
        "registry.example/team/components-python:0.1.0",
    ]


def test_a_pipeline_names_what_is_built() -> None:
    try:
        called = images.release({"KANARYA_REGISTRY": ""})
    except KanaryaError as error:
        pytest.skip(f"this is no checkout of git, or git is not here: {error}")
    assert names.IMAGE in called.tags(TABLES)
    assert names.IMAGES in called.tags(PICTURES)
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?", called.commit)


WORDS = {
    "a stage of a file": (TABLES, {}, ["--target", "tabular"]),
    "the commit": (PREDICTOR, {}, ["--build-arg", f"GIT_COMMIT={COMMIT}"]),
    "another base": (
        MLFLOW,
        {"KANARYA_PYTHON_IMAGE": "mirror.example/python:{python}-slim"},
        ["--build-arg", "PYTHON_IMAGE=mirror.example/python:3.12-slim"],
    ),
    "a file of its own": (CONSOLE, {}, ["--file", "console/Dockerfile"]),
    "pip's configuration as a secret": (
        MLFLOW,
        {"KANARYA_PIP_CONF": "/home/me/pip.conf"},
        ["--secret", "id=pip_conf,src=/home/me/pip.conf"],
    ),
}


@pytest.mark.parametrize(("image", "env", "wanted"), WORDS.values(), ids=WORDS)
def test_docker_is_asked_for(image: images.Image, env: dict[str, str], wanted: list[str]) -> None:
    words = images.build_words(image, CALLED, env)
    assert words[:2] == ["docker", "build"]
    assert (wanted[0], wanted[1]) in itertools.pairwise(words)


@pytest.mark.parametrize("image", images.IMAGES, ids=lambda image: image.name)
def test_each_dockerfile_is_pinned_labelled_and_runs_as_nobody(image: images.Image) -> None:
    text = (ROOT / image.dockerfile).read_text(encoding="utf-8")
    assert re.search(rf"^ARG PYTHON_IMAGE=python:{image.python}\.\d+-slim-\w+$", text, re.M)
    assert text.count("image.revision=") == text.count("image.base.name=") >= 1
    assert re.search(r"^USER 50000:50000$", text, re.M)
    assert not image.target or f" AS {image.target}\n" in text
    assert (ROOT / f"{image.dockerfile}.dockerignore").read_text().startswith("*\n")
    assert ("HEALTHCHECK" in text) is ("EXPOSE" in text)


@pytest.mark.parametrize("image", [TABLES, PICTURES, CONSOLE], ids=lambda image: image.name)
def test_all_the_code_that_decides_what_a_run_makes_goes_into_an_image(
    image: images.Image,
) -> None:
    taken = (ROOT / f"{image.dockerfile}.dockerignore").read_text(encoding="utf-8").split()
    assert {f"!{package}" for package in provenance.PACKAGES} <= set(taken)


def test_a_name_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError, match="'consle' is no image; there are components-python"):
        images.chosen({"KANARYA_BUILD": "mlflow consle"})


def test_without_docker_it_says_so_in_one_line(tmp_path: Path) -> None:
    for tool in ["git"]:
        (tmp_path / tool).write_text(f"#!/bin/sh\necho {COMMIT}\n")
        (tmp_path / tool).chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-m", "scripts.images", "sizes"],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == "kanarya: docker is not installed, and the images need it\n"


def versions(lock: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.M))


def test_the_image_with_tensorflow_only_adds_to_the_other() -> None:
    tables, pictures = versions("components"), versions("images")
    assert {name: pictures[name] for name in tables if name in pictures} == {
        name: version for name, version in tables.items() if name in pictures
    }
    assert versions("laptop")["kfp"] == "2.17.0"
