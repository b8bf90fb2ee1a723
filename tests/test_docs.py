"""The documents point at what is there."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from scripts.__main__ import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
OURS = ("README.md", "CONTRIBUTING.md", "SECURITY.md")
DOCUMENTS = [*(ROOT / name for name in OURS), *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text(encoding="utf-8"))
    missing = [link for link in links if not (document.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|^|\$ |\()kanarya ([a-z]+)", text, re.MULTILINE))
    assert named <= set(COMMANDS)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)) <= targets


def test_the_folder_map_shows_the_folders() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^\| `([a-z]+)/`", text, re.MULTILINE))
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages <= shown
    assert all((ROOT / folder).is_dir() for folder in shown)


def test_every_format_of_what_is_stored_is_in_the_document_on_upgrades() -> None:
    text = (ROOT / "docs" / "upgrading.md").read_text(encoding="utf-8")
    told = re.findall(r"\| (\d+) \| `([a-z_.]+)` \|$", text, re.MULTILINE)
    sources = [
        path
        for top in ("serving", "components", "pipelines")
        for path in (ROOT / top).rglob("*.py")
    ]
    having = [path for path in sources if re.search(r"^FORMAT = ", path.read_text("utf-8"), re.M)]
    modules = {
        path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for path in having
    }
    assert {module for _, module in told} == modules
    assert all(int(number) == import_module(module).FORMAT for number, module in told)
