"""A spec that is being written: the document behind the form, and what will come of it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from console.data.preview import Column
from pipelines.asked import Asked
from pipelines.spec import AnySpec, name_from, parse
from serving import storage

if TYPE_CHECKING:
    from collections.abc import Sequence

USUAL_TARGETS = ("target", "label", "class", "y", "hedef", "sınıf", "etiket")
MOST_CLASSES = 20
"""A whole number with more different values in the first rows is rather a quantity."""
_NOTHING = object()
SHORT = {"data.uri": "--data", "data.target": "--target", "name": "--name", "task": "--task"}


@dataclass(frozen=True)
class Draft:
    """What was filled in; keys that are left out take the spec's defaults.

    `made_from`, `data_sha256`: the runs that it was taken from, and which data the one had; they
    hold while `data_uri` is still asked for.
    """

    document: Mapping[str, Any] = field(default_factory=dict)
    made_from: Mapping[str, str] = field(default_factory=dict)
    data_sha256: str = ""
    data_uri: str = ""

    def value(self, path: str) -> Any:
        """Return what was filled in at `model.kind`; None where nothing was."""
        found: Any = self.document
        for key in path.split("."):
            found = found.get(key) if isinstance(found, Mapping) else None
        return found

    def with_value(self, path: str, value: Any) -> Draft:
        """Return the draft with a value, which may be None: null says more than nothing."""
        return self._with(_assigned(self.document, path.split("."), value))

    def with_default(self, path: str) -> Draft:
        """Return the draft where nothing is said of it, so that it has its default."""
        return self._with(_assigned(self.document, path.split("."), _NOTHING))

    def without(self, part: str) -> Draft:
        """Return the draft without a part of the spec."""
        return self._with({key: each for key, each in self.document.items() if key != part})

    def with_data(self, uri: str, columns: Sequence[Column] = ()) -> Draft:
        """Return the draft on other data; a target and a task that may be meant are filled in."""
        images = not columns
        kept = {"name": self._name_for(uri)}
        data: dict[str, Any] = {"uri": uri}
        if images:
            return self._with({**self._of_task("image"), **kept, "data": data})
        names = [column.name for column in columns]
        target = self.value("data.target")
        data["target"] = target if target in names else likely_target(columns)
        dropped = [name for name in self.value("data.drop") or () if name in names]
        data |= {"drop": dropped} if dropped else {}
        draft = self._with({**self.document, **kept, "data": data})
        return draft if target == data["target"] else draft.with_target(data["target"], columns)

    def _name_for(self, uri: str) -> str:
        """Return the name that somebody gave, else that of the file."""
        name, before = self.value("name"), self.value("data.uri")
        of_file = not name or (before is not None and name == name_from(str(before)))
        return name_from(uri) if of_file and not self.made_from else str(name)

    def with_target(self, target: str, columns: Sequence[Column]) -> Draft:
        """Return the draft with another target, and the task that fits it."""
        chosen = next((each for each in columns if each.name == target), None)
        draft = self.with_value("data.target", target)
        dropped = [name for name in self.value("data.drop") or () if name != target]
        draft = draft.with_dropped(dropped)
        return draft.with_task(likely_task(chosen) if chosen else self.task)

    def with_dropped(self, names: Sequence[str]) -> Draft:
        """Return the draft that leaves these columns out, and none where there are none."""
        path = "data.drop"
        return self.with_value(path, list(names)) if names else self.with_default(path)

    def with_task(self, task: str) -> Draft:
        """Return the draft of another task; what fits no other task goes: model, tuning, gate."""
        return self if task == self.task else self._with(self._of_task(task))

    def with_kind(self, kind: str) -> Draft:
        """Return the draft with another model kind, whose hyperparameters are its defaults."""
        draft = self.without("tune")
        return draft._with({**draft.document, "model": {"kind": kind}})

    @property
    def task(self) -> str:
        """The task; tabular where nothing is said."""
        return str(self.value("task") or "tabular")

    @property
    def kind(self) -> str:
        """The model kind, the task's usual one where nothing is said."""
        return str(self.value("model.kind") or ("cnn" if self.task == "image" else "random_forest"))

    def spec(self) -> AnySpec:
        """Return the spec. Raises UsageError with all that is wrong."""
        return parse(dict(self.document), "the form")

    def asked(self, *, same_data: bool = True) -> Asked:
        """Return what to queue; `same_data`: only on the data of the run that it was taken from."""
        kept = self.made_from if self.value("data.uri") == self.data_uri else {}
        return Asked(self.spec(), self.data_sha256 if kept and same_data else "", kept)

    def yaml(self) -> str:
        """Return the spec as a file has it."""
        return yaml.safe_dump(_plain(self.document), sort_keys=False, allow_unicode=True)

    @property
    def is_local(self) -> bool:
        """Say whether its data is on this machine, where no cluster can read it."""
        uri = str(self.value("data.uri") or "")
        return bool(uri) and storage.local_path(uri) is not None

    def command(self, *, on_cluster: bool = False, upload_data: bool = False) -> str:
        """Return the command that starts the same run in a terminal."""
        words = ["kanarya", "run"]
        values = dict(_leaves(_plain(self.document)))
        for path, option in SHORT.items():
            if path in values:
                words += [option, str(values.pop(path))]
        words += [word for name in values.pop("data.drop", ()) for word in ("--drop", str(name))]
        if "model.kind" in values:
            words += ["--model", str(values.pop("model.kind"))]
        for path, value in values.items():
            words += ["--set", f"{path}={json.dumps(value, ensure_ascii=False)}"]
        words += ["--on", "cluster"] if on_cluster else []
        words += ["--upload-data"] if on_cluster and upload_data else []
        return shlex.join(words)

    def _with(self, document: Mapping[str, Any]) -> Draft:
        return Draft(document, self.made_from, self.data_sha256, self.data_uri)

    def _of_task(self, task: str) -> dict[str, Any]:
        kept = {key: self.document[key] for key in ("name", "data") if key in self.document}
        also = {key: self.document[key] for key in ("split", "rollout") if key in self.document}
        return {**kept, **({} if task == "tabular" else {"task": task}), **also}


def of_spec(asked: Asked) -> Draft:
    """Return the draft of what a run was asked for: only what differs from the defaults."""
    document = asked.spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    uri = str(document["data"]["uri"])
    return Draft(document, asked.made_from, asked.data_sha256, uri)


def likely_target(columns: Sequence[Column]) -> str:
    """Return the column that is rather meant: one of a usual name, else the last."""
    named = [each.name for each in columns if each.name.casefold() in USUAL_TARGETS]
    return named[0] if named else columns[-1].name


def likely_task(column: Column) -> str:
    """Return regression for a column of quantities, else the task that tells classes."""
    whole = column.kind == "integer" and column.distinct > MOST_CLASSES
    return "tabular-regression" if column.kind == "number" or whole else "tabular"


def _assigned(document: Mapping[str, Any], path: list[str], value: Any) -> dict[str, Any]:
    """Return the document with a value; without one, what is empty then goes as well."""
    key, rest = path[0], path[1:]
    if rest:
        below = document.get(key)
        value = _assigned(below if isinstance(below, Mapping) else {}, rest, value) or _NOTHING
    if value is _NOTHING:
        return {name: each for name, each in document.items() if name != key}
    return {**document, key: value}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _leaves(value: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, below in value.items():
        if isinstance(below, Mapping) and below and "." not in "".join(map(str, below)):
            yield from _leaves(below, f"{path}{key}.")
        else:
            yield f"{path}{key}", below
