"""The parts of a spec that only images have: which pictures, and which network."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from components.image_models import HYPERPARAMETERS, parse
from pipelines.spec_parts import Address
from serving.errors import UsageError


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ImageData(_Part):
    """Which pictures; a folder `test` (or `val`) among them is tested on, else a share is drawn."""

    uri: Address = Field(
        description="a zip or a folder with a folder for each class, CIFAR-10's tar.gz: a path "
        "(relative to the spec), file://, gs://, s3:// or http(s)://, secrets as ${NAME} of a "
        "variable; or keras://cifar10"
    )
    image_size: tuple[int, int] | None = Field(
        None, description="[height, width] that pictures are resized to; null: the one they have"
    )
    channels: Literal[1, 3] | None = Field(
        None, description="1 for grey, 3 for colours; null: as the pictures are"
    )

    @model_validator(mode="after")
    def _check(self) -> ImageData:
        if self.image_size and not all(1 <= side <= 4096 for side in self.image_size):
            raise ValueError(f"image_size {list(self.image_size)} must be from 1 to 4096 a side")
        return self


class ImageModel(_Part):
    """Which network, with which hyperparameters (those left out take their defaults)."""

    kind: str = Field("cnn", description=f"one of {', '.join(HYPERPARAMETERS)}")
    hyperparameters: dict[str, Any] = Field(default_factory=dict)
    workers: int = Field(
        1,
        ge=1,
        le=64,
        description="pods that train it together, each on its part of every batch, in the TrainJob "
        "that `kanarya spec trainjob` prints; a pipeline run trains in one",
    )
    network: str = Field(
        "",
        description="a network that was trained for this spec already, by a TrainJob say, to go on "
        "with: a path (relative to the spec), gs:// or s3://; empty: it is trained",
    )

    @model_validator(mode="after")
    def _check(self) -> ImageModel:
        try:
            parse(self.kind, self.hyperparameters)
        except UsageError as error:
            raise ValueError(str(error)) from error
        return self


def image_arguments(data: ImageData, model: ImageModel) -> dict[str, Any]:
    """Return the parameters that only the pipeline for images has."""
    size = list(data.image_size) if data.image_size else []
    given = {"data_uri": data.uri, "image_size": size, "channels": data.channels or 0}
    return {**given, "network": model.network}
