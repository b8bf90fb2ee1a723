"""What a user asks for: one YAML file, checked before anything runs.

A spec becomes the typed parameters of the compiled pipeline (`pipeline_arguments`), so the same run
can be started from the form of the Kubeflow Pipelines UI.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic.json_schema import models_json_schema

from components import nulls
from components.image_models import HYPERPARAMETERS as IMAGE_HYPERPARAMETERS
from components.models import parse as parse_hyperparameters
from components.models import schemas
from components.nearest import instead
from components.tune.asked import Tune
from pipelines import yaml_text
from pipelines.gate_spec import ImageGate, TableGate, gate_arguments, measurable, slice_arguments
from pipelines.image_spec import ImageData, ImageModel, image_arguments
from pipelines.pods_spec import ImagePods, Pods, pods_arguments
from pipelines.retrain_spec import Retrain, fitting
from pipelines.rollout_spec import Rollout, rollout_arguments
from pipelines.serving_spec import Serving
from pipelines.spec_faults import sentences
from pipelines.spec_parts import Data, Model, Part, ServiceName, Split
from pipelines.tune_spec import tunable, tune_arguments
from serving.errors import UsageError

RETRAIN = "when it is trained again by itself; default: never"


class Spec(Part):
    """One model of a table: its data, training, gate and rollout."""

    name: ServiceName
    task: Literal["tabular", "tabular-regression"] = Field(
        "tabular", description="tell the class of a row, or (regression) estimate a number"
    )
    data: Data
    split: Split = Split()
    model: Model = Model()
    tune: Tune | None = Field(None, description="which hyperparameters are tried; default: none")
    gate: TableGate = TableGate()
    serving: Serving = Serving()
    rollout: Rollout = Rollout()
    retrain: Retrain | None = Field(None, description=RETRAIN)
    pods: Pods = Field(Pods(), description="what a cluster gives the steps")

    @field_validator("tune")
    @classmethod
    def _tune_of_the_model(cls, tune: Tune | None, info: ValidationInfo) -> Tune | None:
        if tune is None or not {"task", "model"} <= set(info.data):
            return tune
        return tunable(tune, info.data["task"], info.data["model"].kind)

    @field_validator("model")
    @classmethod
    def _model_of_the_task(cls, model: Model, info: ValidationInfo) -> Model:
        if "task" in info.data:
            try:
                parse_hyperparameters(model.kind, model.hyperparameters, info.data["task"])
            except UsageError as error:
                raise ValueError(str(error)) from error
        return model

    @field_validator("gate")
    @classmethod
    def _metrics_of_the_task(cls, gate: TableGate, info: ValidationInfo) -> TableGate:
        return measurable(gate, info.data.get("task", "tabular"))

    @field_validator("retrain")
    @classmethod
    def _retrain_of_the_task(cls, retrain: Retrain | None, info: ValidationInfo) -> Retrain | None:
        return fitting(retrain, info.data.get("task", "tabular"))


class ImageSpec(Part):
    """One model of images: its data, training, gate and rollout."""

    name: ServiceName
    task: Literal["image"]
    data: ImageData
    split: Split = Split()
    model: ImageModel = ImageModel()
    gate: ImageGate = ImageGate()
    serving: Serving = Serving()
    rollout: Rollout = Rollout()
    retrain: Retrain | None = Field(None, description=RETRAIN)
    pods: ImagePods = Field(ImagePods(), description="what a cluster gives the steps")

    @field_validator("gate")
    @classmethod
    def _metrics_of_the_task(cls, gate: ImageGate) -> ImageGate:
        return measurable(gate, "image")

    @field_validator("retrain")
    @classmethod
    def _retrain_of_the_task(cls, retrain: Retrain | None) -> Retrain | None:
        return fitting(retrain, "image")


AnySpec = Spec | ImageSpec
TASKS: dict[str, type[AnySpec]] = {
    "tabular": Spec,
    "tabular-regression": Spec,
    "image": ImageSpec,
}


def load(path: Path, changes: Sequence[str] = ()) -> AnySpec:
    """Return the spec in a YAML file, with `key.path=value` changes applied.

    Raises:
        UsageError: the file cannot be read, is not YAML, or says something that is not allowed.
    """
    document = change(_read(path), changes)
    return with_paths(parse(document, str(path)), path.parent)


def with_paths(spec: AnySpec, folder: Path) -> AnySpec:
    """Return the spec with the paths in it relative to a folder."""
    data = spec.data.model_copy(update={"uri": located(spec.data.uri, folder)})
    if not isinstance(spec, ImageSpec) or not spec.model.network:
        return spec.model_copy(update={"data": data})
    network = located(spec.model.network, folder)
    model = spec.model.model_copy(update={"network": network})
    return spec.model_copy(update={"data": data, "model": model})


def parse(document: object, source: str) -> AnySpec:
    """Return the spec in a parsed document; every fault is named with its path and value."""
    if not isinstance(document, dict):
        raise UsageError(f"{source}: a spec is a mapping with the keys name, data, model, …")
    task = str(document.get("task", "tabular"))
    if task not in TASKS:
        raise UsageError(f"{source}: there is no task {task!r:.120}; {instead(task, TASKS)}")
    try:
        return TASKS[task].model_validate(document)
    except ValidationError as error:
        raise UsageError(f"{source}: {sentences(TASKS[task], error)}") from error


def change(document: object, changes: Sequence[str]) -> object:
    """Return the document with `a.b=value` assignments applied; values are read as YAML."""
    for assignment in changes:
        path, equals, text = assignment.partition("=")
        if not equals or not path:
            raise UsageError(f"--set {assignment!r}: write it as key.path=value")
        document = _assigned(document, path.split("."), _value(assignment, text))
    return document


def _value(assignment: str, text: str) -> object:
    try:
        return yaml_text.value_of(text)
    except UsageError as error:
        raise UsageError(f"--set {assignment!r:.80}: not valid YAML: {error}") from error


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a spec, with the hyperparameters of each model kind."""
    document = models_json_schema([(of, "validation") for of in (Spec, ImageSpec)])[1]
    known = document["$defs"]
    known |= {kind: of.model_json_schema() for kind, of in IMAGE_HYPERPARAMETERS.items()}
    known["ImageModel"]["allOf"] = [schemas.chosen({kind: kind for kind in IMAGE_HYPERPARAMETERS})]
    known |= schemas.definitions()
    known["Spec"]["allOf"] = schemas.models_of_tasks()
    is_image = {"properties": {"task": {"const": "image"}}, "required": ["task"]}
    image, table = ({"$ref": f"#/$defs/{of.__name__}"} for of in (ImageSpec, Spec))
    return {**document, "title": "Spec", "if": is_image, "then": image, "else": table}


DATA = (".csv", ".tsv", ".parquet", ".gz", ".zip")
"""How a file of data ends that is taken for a spec."""
_LATIN = str.maketrans({"ı": "i", "ß": "ss", "ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe"})
"""Letters that are no letter with an accent, so that Unicode takes them apart no further."""


def name_from(path: str) -> str:
    """Return a valid model name made from a file's name."""
    letters = unicodedata.normalize("NFKD", Path(path).stem.lower().translate(_LATIN))
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return (stem if stem[:1].isalpha() else f"m-{stem}")[:53].strip("-")


def pipeline_arguments(spec: AnySpec) -> dict[str, Any]:
    """Return the compiled pipeline's parameters for this spec."""
    data = (
        image_arguments(spec.data, spec.model)
        if isinstance(spec, ImageSpec)
        else _table_arguments(spec)
    )
    return {
        "name": spec.name,
        **data,
        "test_size": spec.split.test_size,
        "random_state": spec.split.random_state,
        "stratify": spec.split.stratify,
        "model_kind": spec.model.kind,
        "hyperparameters": nulls.sent(spec.model.hyperparameters),
        **gate_arguments(spec.gate, spec.task),
        "serving_guards": spec.serving.guards.model_dump(exclude_none=True),
        "feedback": spec.serving.feedback,
        **pods_arguments(spec.pods),
        **rollout_arguments(spec.rollout),
    }


def _table_arguments(spec: Spec) -> dict[str, Any]:
    data = spec.data
    columns = {"target": data.target, "drop_columns": list(data.drop)}
    guarded = {"gate_slices": slice_arguments(spec.gate)}
    given = {"task": spec.task, "data_uri": data.uri, **columns, **guarded}
    return {**given, **tune_arguments(spec.tune)}


def _read(path: Path) -> object:
    if path.suffix.lower() in DATA:
        raise UsageError(
            f"{path} is data, and a spec is wanted: say --data {path} --target COLUMN in its place"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot read the spec {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: a spec is UTF-8 text, byte {error.start} is not") from error
    try:
        return yaml_text.value_of(text)
    except UsageError as error:
        raise UsageError(f"{path}: not valid YAML: {error}") from error


def located(uri: str, folder: Path) -> str:
    """Return a URI as it is, and a path (`~`, or relative to the folder) as an absolute one."""
    if "://" in uri:
        return uri
    try:
        return str((folder / Path(uri).expanduser()).resolve())
    except RuntimeError:  # an unknown user's home, or links in a circle: reading it will say so
        return str((folder / uri).absolute())


def _assigned(document: object, path: list[str], value: object) -> dict[str, Any]:
    if not isinstance(document, Mapping):
        raise UsageError(f"--set: {path[0]!r} lies below a value that has no keys")
    below = value if len(path) == 1 else _assigned(document.get(path[0], {}), path[1:], value)
    return {**document, path[0]: below}
