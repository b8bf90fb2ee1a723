"""The documents point at what is there."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from scripts.__main__ import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
SOURCES = ("components", "console", "manifests", "pipelines", "scripts", "serving")
WRITTEN = {".py", ".sh", ".yaml", "Dockerfile", "Makefile"}


def _prose(document: Path) -> str:
    """Return a document without what stands between fences."""
    return re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.M | re.S)


def _anchors(document: Path) -> set[str]:
    """Return what GitHub calls the headings of a document."""
    heads = re.findall(r"^#+ (.+)$", _prose(document), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def _leads_somewhere(document: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = document.parent / path if path else document
    return target.exists() and (not anchor or anchor in _anchors(target))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", _prose(document))
    assert [link for link in links if not _leads_somewhere(document, link)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_tables_have_a_head_and_full_rows(document: Path) -> None:
    for table in re.findall(r"(?:^\|.*\n)+", _prose(document), re.MULTILINE):
        rows = [re.sub(r"`[^`]*`", "", row).strip("|").split("|") for row in table.splitlines()]
        assert re.fullmatch(r"[|:-]+", table.splitlines()[1]), table
        assert {len(row) for row in rows} == {len(rows[0])}, table


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|^|\$ |\()kanarya ([a-z]+)", text, re.MULTILINE))
    assert named <= set(COMMANDS)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE)) <= targets


def test_every_command_is_in_a_document() -> None:
    text = "".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)
    assert [name for name in COMMANDS if not re.search(rf"\bkanarya {name}\b", text)] == []


def test_every_variable_that_is_read_is_in_the_table_of_settings() -> None:
    settings = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    told = _variables("".join(re.findall(r"^\| (`KANARYA_.*?) \|", settings, re.MULTILINE)))
    read = {name for top in SOURCES for path in (ROOT / top).rglob("*") for name in _read(path)}
    tested = {name for path in (ROOT / "tests").rglob("*.py") for name in _read(path)}
    assert read - told == set()
    assert told - read - tested == set()


def _variables(text: str) -> set[str]:
    return set(re.findall(r"\bKANARYA_[A-Z0-9_]*[A-Z0-9]\b", text))


def _read(path: Path) -> set[str]:
    is_source = path.suffix in WRITTEN or path.name in WRITTEN
    return _variables(path.read_text(encoding="utf-8")) if is_source else set()


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
