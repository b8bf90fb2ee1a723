"""Two files of one pipeline have the same bytes once they are settled, and load as before."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

from serving import skops_bytes, skops_model

MODELS = [LogisticRegression(), RandomForestClassifier(5, random_state=0)]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_two_settled_files_of_the_same_training_are_the_same(model: object, tmp_path: Path) -> None:
    frame, target = load_iris(return_X_y=True, as_frame=True)
    frame["word"] = np.where(frame.iloc[:, 0] > 5, "long", "short").astype(object)
    numbers = list(frame.columns[:4])
    prepare = ColumnTransformer(
        [("numbers", StandardScaler(), numbers), ("words", OrdinalEncoder(), ["word"])]
    )
    files = [tmp_path / "a.skops", tmp_path / "b.skops"]
    kept = []
    for path in files:
        pipeline = Pipeline([("prepare", prepare), ("model", model)]).fit(frame, target)
        skops_model.save(pipeline, path)
        kept.append(pipeline.predict_proba(frame))
    before = shutil.copyfile(files[0], tmp_path / "before.skops")
    for path in files:
        skops_bytes.settle(path)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].read_bytes() != before.read_bytes()
    assert np.array_equal(skops_model.load(files[0]).predict_proba(frame), kept[0])
