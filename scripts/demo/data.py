"""The demonstration's data: 569 tumours, 30 measurements each, as scikit-learn ships them."""

from __future__ import annotations

from pathlib import Path

TARGET = "diagnosis"


def write_csv(path: Path) -> None:
    """Write the data set to a CSV file, the diagnosis as a word."""
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer(as_frame=True)
    names = dict(enumerate(bunch.target_names))
    table = bunch.data.assign(**{TARGET: bunch.target.map(names)})
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False)
