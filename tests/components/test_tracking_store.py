"""A store that cannot be kept where it would be: the variable that says where is named."""

import sys
from pathlib import Path

import pytest

from components import tracking_store
from components.errors import TrackingError

CLOSED = Path("/sys/kanarya/mlflow.db")
"""Nobody may make a folder there, root included."""


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's /sys, where nobody may write")
@pytest.mark.parametrize(
    ("asked", "begins"),
    [
        ("", "MLFLOW_TRACKING_URI is not set, so MLflow's database would be /sys/kanarya/mlflow"),
        (f"sqlite:///{CLOSED}", "MLFLOW_TRACKING_URI names /sys/kanarya/mlflow.db, which cannot"),
    ],
    ids=["nobody chose it, as in a pod", "somebody chose it"],
)
def test_a_place_that_is_closed_is_told_with_the_variable_that_names_it(
    monkeypatch: pytest.MonkeyPatch, asked: str, begins: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", asked)
    monkeypatch.delenv("KANARYA_TRACKING_URI", raising=False)
    with pytest.raises(TrackingError) as told, tracking_store.alone(f"sqlite:///{CLOSED}"):
        pass
    assert str(told.value).startswith(begins)
    assert str(told.value).endswith(
        "set it to the address of an MLflow server, or KANARYA_HOME to a folder that can be "
        "written, and run it again"
    )
