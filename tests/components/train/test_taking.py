"""A network that was trained elsewhere goes on as if it had been trained here, or is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components import image_dataset, image_models, trained
from components.image_dataset import ImageSchema
from components.train import __main__ as training
from components.train import image_step
from components.train.image_step import Request
from components.train.texts import TEXTS
from components.trained import Training
from serving import storage
from serving.errors import KanaryaError, UsageError
from serving.image_signature import Image
from serving.signature import Signature
from tests.serving.fake_gcs import gcs as gcs

ROWS = 12
LABELS = ("noise", "square")
HISTORY = {"train_loss": [0.9, 0.4], "validation_accuracy": [0.5, 0.75]}


@dataclass
class Tracker:
    """Obeys `components.train.image_step.Tracker`: runs in memory, and nothing is saved."""

    parameters: dict[str, object] = field(default_factory=dict)
    epochs: dict[int, Mapping[str, float]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    failed: str = ""

    def start_run(
        self, *, name: str, run_key: str, parameters: Mapping[str, object], dataset: ImageSchema
    ) -> str:
        self.parameters = dict(parameters)
        return "run-1"

    def log_epoch(self, run_id: str, epoch: int, metrics: Mapping[str, float]) -> None:
        self.epochs[epoch] = metrics

    def log_file(self, run_id: str, text: str, name: str) -> None:
        self.files[name] = text

    def fail_run(self, run_id: str, reason: str) -> None:
        self.failed = reason

    def save_keras(self, model: Any, directory: Path, signature: Signature) -> Path:
        raise AssertionError("nothing is trained here")


def part(folder: Path, seed: int = 0) -> Path:
    """Write a training part of noise."""
    folder.mkdir(parents=True)
    pixels = image_dataset.room(folder, ROWS, (8, 8, 3))
    pixels[:] = np.random.default_rng(seed).integers(0, 255, pixels.shape)
    schema = ImageSchema(LABELS, 8, 8, 3, ROWS, "0" * 64, "noise")
    names = [f"{n}.png" for n in range(ROWS)]
    image_dataset.finish(folder, schema, np.arange(ROWS) % 2, names)
    return folder


REQUEST = Request("squares", "cnn", {"epochs": 2}, 7, "squares-1", {"git_commit": ""})
TRAINED = Training("cnn", {}, 7, ROWS, 61.4, "0" * 64, "class", {}, task="image")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return part(tmp_path / "train")


@pytest.fixture
def network(tmp_path: Path, images: Path) -> Path:
    """What the pods of a TrainJob leave, with text where the network would be."""
    folder = tmp_path / "network"
    (folder / "native" / "data").mkdir(parents=True)
    for name in ("native/MLmodel", "native/data/model.keras", *TEXTS):
        (folder / name).write_text(f"what {name} holds\n")
    settings = image_models.parse("cnn", REQUEST.hyperparameters).model_dump()
    learned = image_dataset.digest(image_dataset.read(images))
    made = replace(TRAINED, hyperparameters=settings, learned_sha256=learned)
    trained.write(folder, Signature((), LABELS, Image(8, 8, 3)), made)
    trained.write_history(folder, HISTORY)
    return folder


def changed(network: Path, **values: object) -> None:
    record = json.loads((network / trained.TRAINING).read_text())
    (network / trained.TRAINING).write_text(json.dumps({**record, **values}))


def take(images: Path, network: object, model: Path, tracker: Tracker) -> str:
    return image_step.run(images, replace(REQUEST, network=str(network)), model, tracker)


def test_it_is_what_training_would_have_left(images: Path, network: Path, tmp_path: Path) -> None:
    (network / "notes.txt").write_text("somebody's own")
    tracker, model = Tracker(), tmp_path / "model"
    assert take(images, network, model, tracker) == "run-1"
    assert trained.read_training(model) == trained.read_training(network)
    assert trained.read_history(model) == HISTORY
    assert (model / "native" / "data" / "model.keras").is_file()
    assert not (model / "notes.txt").exists()
    assert tracker.parameters["network"] == str(network)
    assert tracker.parameters["hyperparameters.epochs"] == 2
    assert tracker.epochs == {
        1: {"train_loss": 0.9, "validation_accuracy": 0.5},
        2: {"train_loss": 0.4, "validation_accuracy": 0.75},
    }
    assert set(tracker.files) == {"class_names.txt", "model_summary.txt"}


OTHERS = {
    "another seed": ({"random_state": 8}, "random_state is 8 there and 7 here"),
    "other hyperparameters": ({"hyperparameters": {"epochs": 3}}, "epochs is 3 there and 2 here"),
    "other pictures": ({"learned_sha256": "f" * 64}, "other pictures (sha256 ffffffffffff)"),
    "an old record": ({"learned_sha256": ""}, "other pictures (sha256 unknown)"),
}


@pytest.mark.parametrize(("values", "said"), OTHERS.values(), ids=OTHERS)
def test_another_network_than_the_run_would_train_is_refused(
    values: dict[str, object], said: str, images: Path, network: Path, tmp_path: Path
) -> None:
    changed(network, **values)
    tracker = Tracker()
    with pytest.raises(UsageError, match="is not what this run would train: ") as refused:
        take(images, network, tmp_path / "model", tracker)
    assert said in str(refused.value)
    assert tracker == Tracker()
    assert not (tmp_path / "model").exists()


def test_one_that_has_seen_another_part_of_the_same_data_is_refused(
    network: Path, tmp_path: Path
) -> None:
    other = part(tmp_path / "other", seed=1)
    with pytest.raises(UsageError, match="other pictures"):
        take(other, network, tmp_path / "model", Tracker())


DAMAGED = {
    "nothing": (lambda network: network.rename(network.with_name("gone")), "does not exist"),
    "no record": (lambda network: (network / trained.TRAINING).unlink(), "train the model again"),
    "no names": (lambda network: (network / TEXTS[0]).unlink(), f"lacks {TEXTS[0]}"),
}


@pytest.mark.parametrize(("damage", "said"), DAMAGED.values(), ids=DAMAGED)
def test_what_is_missing_is_named(
    damage: Any, said: str, images: Path, network: Path, tmp_path: Path
) -> None:
    damage(network)
    with pytest.raises(KanaryaError, match=said):
        take(images, network, tmp_path / "model", Tracker())


def test_a_bucket_is_a_place_for_one(images: Path, network: Path, tmp_path: Path, gcs: Any) -> None:
    storage.upload(network, "gs://bucket/networks/squares")
    tracker = Tracker()
    take(images, "gs://bucket/networks/squares", tmp_path / "model", tracker)
    assert (tmp_path / "model" / "native" / "MLmodel").is_file()
    with pytest.raises(UsageError, match="something at gs://bucket/networks/squares already"):
        training._refuse_taken("gs://bucket/networks/squares")
    with pytest.raises(UsageError, match="is no bucket"):
        training._refuse_taken(str(tmp_path))
    training._refuse_taken("gs://bucket/networks/other")


def test_a_part_is_known_by_all_that_is_learned_from(tmp_path: Path) -> None:
    one = image_dataset.read(part(tmp_path / "one"))
    known = image_dataset.digest(one)
    assert known == image_dataset.digest(image_dataset.read(part(tmp_path / "same")))
    other = {
        image_dataset.digest(replace(one, classes=one.classes[::-1])),
        image_dataset.digest(replace(one, schema=replace(one.schema, labels=("a", "b")))),
        image_dataset.digest(image_dataset.read(part(tmp_path / "two", seed=1))),
    }
    assert len(other | {known}) == 4
