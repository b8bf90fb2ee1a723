"""Whether the data of a run is there at all, before anything is started for it."""

from __future__ import annotations

from components.errors import DataError
from components.ingest import keras_datasets, picture_sources, sources
from serving import storage


def refuse_missing(uri: str, *, pictures: bool) -> None:
    """Raise the DataError of ingest where a local path stands for nothing; URIs are not asked."""
    path = None if keras_datasets.is_named(uri) else storage.local_path(uri)
    if path is None:
        return
    try:
        if pictures:
            picture_sources.refuse_missing(path)
        else:
            sources.files(path)
    except DataError as error:
        raise type(error)(f"{uri}: {error}") from error
    except OSError:  # no right to look there, say: the step that reads it names the remedy
        return
