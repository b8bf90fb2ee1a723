"""Whatever the language of whoever starts Kanarya, i is the small letter of I, and all is UTF-8."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ASKED = """
from serving import letters
letters.settle()
import os, subprocess, sys
from google.protobuf.descriptor_pb2 import FieldDescriptorProto
print(*(field.json_name for field in FieldDescriptorProto.DESCRIPTOR.fields), sys.argv[1], "→")
sys.stdout.flush()
subprocess.run([sys.executable, "-c", r"print('\\u2192')"], check=True)
"""
TURKISH = {"tr_TR.UTF-8": "UTF-8", "tr_TR.ISO-8859-9": "ISO-8859-9"}


@pytest.fixture(scope="module")
def locales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the locales of Turkey, for LOCPATH: few machines have them."""
    folder = tmp_path_factory.mktemp("locales")
    for name, letters in TURKISH.items():
        command = ["localedef", "-i", "tr_TR", "-f", letters, str(folder / name)]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("there are no sources of locales here: apt-get install locales")
    return folder


def said(script: Path, environment: dict[str, str]) -> str:
    here = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PYTHON"))}
    done = subprocess.run(
        [sys.executable, str(script), "ağaç"],
        env={**here, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


SURROUNDINGS: list[dict[str, str]] = [
    {},
    {"LANG": "C.UTF-8"},
    {"LC_ALL": "C"},
    {"LC_ALL": "C", "PYTHONUTF8": "0"},
    {"LC_ALL": "not_THERE"},
    {"LANG": "tr_TR.UTF-8"},
    {"LC_ALL": "tr_TR.UTF-8"},
    {"LC_CTYPE": "tr_TR.UTF-8"},
    {"LC_ALL": "tr_TR.ISO-8859-9"},
    {"LANG": "tr_TR.ISO-8859-9"},
]


@pytest.mark.thorough
def test_fields_have_their_names_and_all_letters_can_be_said(locales: Path, tmp_path: Path) -> None:
    script = tmp_path / "asked.py"
    script.write_text(ASKED, encoding="utf-8")
    for environment in SURROUNDINGS:
        there = {"LOCPATH": f"{locales}:/usr/lib/locale"} if "tr_TR" in str(environment) else {}
        told = said(script, {**environment, **there})
        assert " oneofIndex " in told, environment
        assert told.endswith(" ağaç →\n→\n"), environment
