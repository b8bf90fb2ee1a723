"""The kubeconfig."""

import stat
from pathlib import Path

import pytest
import yaml

from serving.errors import PlatformError
from serving.local.kubeconfig import write


def test_it_is_private_and_whole_and_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "home" / "kubeconfig"
    for port in (1, 2):
        write(path, f"http://127.0.0.1:{port}", "ml")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = yaml.safe_load(path.read_text())
    assert found["clusters"][0]["cluster"]["server"] == "http://127.0.0.1:2"
    assert found["contexts"][0]["context"]["namespace"] == "ml"
    assert found["current-context"] == "kanarya"
    assert list(path.parent.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_named_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").mkdir()
    (tmp_path / "kubeconfig" / "file").touch()
    with pytest.raises(PlatformError, match="kubeconfig cannot be written"):
        write(tmp_path / "kubeconfig", "http://127.0.0.1:1", "ml")
    assert [entry.name for entry in tmp_path.iterdir()] == ["kubeconfig"]
