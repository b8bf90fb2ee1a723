"""What goes to a cluster: the pipeline's YAML, with a spec's values as defaults; data of here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from pipelines import compile as compiled
from pipelines.images import TENSORFLOW, Images
from pipelines.spec import AnySpec, ImageSpec, pipeline_arguments
from serving import storage
from serving.errors import UsageError

# libyaml's reader and writer are ten times as quick; PyYAML may be built without them.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
NOT_ASKED = frozenset({"run_key", "git_commit", "why"})
"""Parameters that no form should fill in: they belong to one run."""


def text_of(task: str) -> str:
    """Return the YAML of the pipeline for a spec's task, with the images of the environment.

    Raises UsageError where an image of its steps is named neither by digest nor by git commit.
    """
    return compiled.for_cluster(compiled.OF_TASK[task], Images.from_env())


def with_defaults(text: str, arguments: Mapping[str, Any]) -> str:
    """Return the YAML with these values as the defaults of its parameters.

    Raises UsageError for a value that is no parameter of this pipeline.
    """
    documents = list(yaml.load_all(text, _LOADER))
    parameters = documents[0]["root"]["inputDefinitions"]["parameters"]
    for name, value in arguments.items():
        if name not in parameters:
            raise UsageError(f"the pipeline has no parameter {name!r}; compile it anew")
        if name not in NOT_ASKED:
            parameters[name] |= {"defaultValue": value, "isOptional": True}
    return str(yaml.dump_all(documents, Dumper=_DUMPER, sort_keys=False, allow_unicode=True))


def package_of(spec: Mapping[str, Any]) -> str:
    """Return the YAML of a pipeline as the API has it: with what it asks of Kubernetes, if any."""
    inner, platform = spec.get("pipeline_spec") or spec, spec.get("platform_spec")
    documents = [inner, *([platform] if platform else [])]
    return str(yaml.dump_all(documents, Dumper=_DUMPER, sort_keys=False, allow_unicode=True))


def plain() -> list[tuple[str, str]]:
    """Return (name in the UI, YAML) of each pipeline whose images the environment names."""
    names = compiled.PIPELINES if os.environ.get(TENSORFLOW) else ("tabular",)
    images = Images.from_env()
    return [(f"kanarya-{name}", compiled.for_cluster(name, images)) for name in names]


def form_of(spec: AnySpec) -> str:
    """Return the YAML whose form in the UI is filled in with a spec's values."""
    return with_defaults(text_of(spec.task), pipeline_arguments(spec))


def refuse_local(uri: str) -> None:
    """Refuse data on this machine, which no pod can read."""
    if storage.local_path(uri) is not None:
        raise UsageError(
            f"data.uri: {uri} is on this machine, where no pod of a cluster can read it: put it "
            "into a bucket and name it with gs:// or s3://, or let --upload-data do that with the "
            "bucket of KANARYA_MODEL_STORE"
        )


def refuse_local_network(spec: AnySpec) -> None:
    """Refuse a trained network on this machine, which no pod can read."""
    network = spec.model.network if isinstance(spec, ImageSpec) else ""
    if network and storage.local_path(network) is not None:
        raise UsageError(
            f"model.network: {network} is on this machine, where no pod of a cluster can read it: "
            "put it into a bucket and name it with gs:// or s3://"
        )


def uploaded(uri: str, store: str, key: str) -> str:
    """Copy data of this machine below the model store and return where it is there.

    `key` is a name of its own, so that what an older run reads is not written over. Data that is
    elsewhere already is left there. Raises UsageError where there is no bucket, or no data.
    """
    path = to_upload(uri, store)
    if path is None:
        return uri
    target = storage.join(store, ".data", key)
    if path.is_dir():
        storage.upload(path, storage.join(target, path.name))
    else:
        _upload_file(path, target)
    return storage.join(target, path.name)


def to_upload(uri: str, store: str) -> Path | None:
    """Return what would be copied, None of data that is elsewhere already. Raises UsageError."""
    path = storage.local_path(uri)
    if path is None:
        return None
    if storage.local_path(store) is not None:
        raise UsageError(
            f"--upload-data needs a bucket, and KANARYA_MODEL_STORE is {store}: set it to gs://… "
            "or s3://…"
        )
    if not path.exists():
        raise UsageError(f"data.uri: {path} does not exist: give the path of a file that does.")
    return path


def _upload_file(path: Path, target: str) -> None:
    """Upload one file; the storage module takes folders, so it gets one with a link in it."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="kanarya-") as folder:
        (Path(folder) / path.name).symlink_to(path.resolve())
        storage.upload(Path(folder), target)
