"""What `make setup` says on a machine that lacks something, before it installs anything."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def shim(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A fresh checkout as far as setting up is concerned, and a PATH of its own in `bin`."""
    for name in ("requirements", "scripts"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "bin").mkdir()
    for tool in ("sh", "dirname", "basename", "cat", "cksum", "tr", "awk", "rm", "chmod"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or tool)
    shim(tmp_path / "bin", "python3", "exit 0")
    shim(tmp_path / "bin", "df", "echo h; echo /dev/x 9999999 1 9999999 1% /")
    return tmp_path


def setup(checkout: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(checkout / "bin"), "HOME": os.environ.get("HOME", "/")}
    command = [str(checkout / "scripts" / "setup.sh"), "laptop"]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=60, check=False
    )


LACKS = {
    "a python that suits": (
        "python3",
        'if [ "$1" = --version ]; then echo Python 3.8.18; else exit 1; fi',
        "no Python 3.11 to 3.13 with venv was found (Python 3.8.18)",
    ),
    "room on the disk": (
        "df",
        "echo h; echo /dev/x 9999999 1 1024000 1% /",
        "the disk has 1000 MB free here and the environment needs 2500 MB",
    ),
    "a package index": ("python3", 'case "$2" in venv) exit 1;; esac', "could not be installed"),
}


@pytest.mark.parametrize(("tool", "script", "said"), LACKS.values(), ids=LACKS.keys())
def test_what_is_missing_is_said_in_one_sentence(
    checkout: Path, tool: str, script: str, said: str
) -> None:
    shim(checkout / "bin", tool, script)
    done = setup(checkout)
    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines() if line.startswith("kanarya: ")]
    assert len(told) == 1
    assert said in told[0]
    assert not list((checkout / ".venv").glob(".kanarya-*")), "it is not taken for set up"


def test_what_was_set_up_is_not_set_up_again(checkout: Path) -> None:
    locks = [(checkout / name).read_bytes() for name in ("requirements/dev.txt", "pyproject.toml")]
    stamp = subprocess.run(["cksum"], input=b"".join(locks), capture_output=True, check=True).stdout
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / ".kanarya-dev").write_text(stamp.decode().strip().replace(" ", "-"))
    shim(checkout / "bin", "python3", "exit 1")
    assert setup(checkout).returncode == 0


SITE = ".venv/lib/python3.11/site-packages"
MAKES_AN_ENVIRONMENT = f"""
[ "$2" = venv ] || exit 0
mkdir -p .venv/bin {SITE}
printf '#!/bin/sh\\ncase "$2" in *purelib*) echo "$PWD/{SITE}" ;; esac\\n' > .venv/bin/python
chmod +x .venv/bin/python
"""


@pytest.fixture
def made(tmp_path: Path, checkout: Path) -> Path:
    """A checkout that has been set up, in a folder with other letters than ASCII's."""
    there = checkout.rename(tmp_path.parent / f"{tmp_path.name} ağaç")
    (there / "bin" / "mkdir").symlink_to(shutil.which("mkdir") or "mkdir")
    shim(there / "bin", "python3", MAKES_AN_ENVIRONMENT)
    done = setup(there)
    assert done.returncode == 0, done.stderr
    return there


def test_the_environment_finds_its_checkout_whatever_letters_are_in_its_path(made: Path) -> None:
    """Python reads path files in the encoding of the locale, which has no ş where it is C."""
    (named,) = (made / SITE).glob("*.pth")
    assert (named.parent / named.read_text("ascii").strip()).resolve() == made


@pytest.mark.parametrize(("set_to", "more"), [(None, ""), ("", ""), ("/mine:.", ":/mine:.")])
def test_the_command_is_ours_whatever_pythonpath_names(
    made: Path, set_to: str | None, more: str
) -> None:
    shim(made / ".venv" / "bin", "python", 'echo "$PYTHONPATH $*"')
    around = {} if set_to is None else {"PYTHONPATH": set_to}
    command = [made / ".venv" / "bin" / "kanarya", "status", "a b"]
    said = subprocess.run(command, env=around, capture_output=True, check=True).stdout.decode()
    assert said == f"{made}{more} -P -m scripts status a b\n"
