"""The data plane of an image model: large files are decoded before anything else happens."""

from __future__ import annotations

import asyncio

from serving.predictor.dataplane import DataPlane
from serving.predictor.images import Files
from serving.predictor.requests import Checked
from serving.predictor.served import Answer, ServedModel


class ImagePlane(DataPlane):
    """A served model of images; what the reader left as `Files` is decoded in a thread."""

    def now(self, cells: Checked) -> Answer | None:
        """Return the answer; None where there are large files, or many images."""
        return None if isinstance(cells, Files) else super().now(cells)

    async def answer(self, cells: Checked) -> Answer:
        """Return the answer to what `now` leaves; raise `BadRequest` for a file that is wrong."""
        if not isinstance(cells, Files):
            return await super().answer(cells)
        images = await asyncio.to_thread(cells.decoded)
        return super().now(images) or await super().answer(images)


def plane_type(served: ServedModel) -> type[DataPlane]:
    """Return which data plane a model is for."""
    return ImagePlane if served.images else DataPlane
