"""What is served answers as the native model does, on the test rows of five data sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pytest

from serving.signature import Column
from tests.serving.predictor.conformance.doors import Doors, both
from tests.serving.predictor.conformance.encodings import ENCODINGS, Row, Said
from tests.serving.predictor.conformance.native import SETS, Native, trained_on

pytestmark = pytest.mark.e2e

TOLERANCE = 1e-5
CLOSE = 1e-4
"""Where the two best classes are nearer to each other, either may be named."""


class Served(NamedTuple):
    """A native model and the predictor that serves its directory."""

    native: Native
    doors: Doors

    @property
    def known(self) -> np.ndarray:
        """The places of the test rows whose cells training had seen."""
        inputs = self.native.signature.inputs
        return np.flatnonzero([all(takes(c, row) for c in inputs) for row in self.native.cells])


def takes(column: Column, row: Row) -> bool:
    """Say whether training saw the like of a cell: a text that is listed, a missing one."""
    cell = row[column.name]
    if cell is None:
        return column.nullable
    return not column.categories or cell in column.categories


@pytest.fixture(scope="module", params=SETS)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    home = tmp_path_factory.mktemp(request.param)
    native = trained_on(request.param, home)
    with both(native.directory, request.param, home / "log") as doors:
        yield Served(native, doors)


@pytest.mark.parametrize("ask", ENCODINGS.values(), ids=ENCODINGS)
def test_every_test_row_gets_the_native_label_and_probabilities(
    served: Served, ask: Callable[..., Said]
) -> None:
    places = served.known
    if ask is ENCODINGS["gRPC"]:
        places = np.array([i for i in places if sendable(served, served.native.cells[i])])
    rows = [served.native.cells[i] for i in places]
    assert len(rows) > 0.1 * len(served.native.cells)
    said, native = ask(served.doors, served.native.signature, rows), served.native
    assert np.abs(said.probabilities - native.probabilities[places]).max() < TOLERANCE
    classes = np.array(native.signature.labels)
    expected = classes[native.probabilities[places].argmax(axis=1)]
    clear = native.width[places] > CLOSE
    assert (np.array(said.labels)[clear] == expected[clear]).all()


def sendable(served: Served, row: Row) -> bool:
    """Say whether gRPC can carry a row: it has no way to say that a text is missing."""
    texts = [c.name for c in served.native.signature.inputs if c.kind == "text"]
    return all(row[name] is not None for name in texts)


def test_a_row_with_a_cell_that_only_the_test_part_has_is_answered_too(served: Served) -> None:
    strange = {*range(len(served.native.cells))} - {*served.known.tolist()}
    assert len(strange) == SETS[served.doors.predictor.name].strange
    for place in strange:
        row, native = served.native.cells[place], served.native.probabilities[place]
        status, answer = served.doors.predictor.v1({"instances": [row]})
        assert (status, np.abs(answer["probabilities"][0] - native).max() < TOLERANCE) == (
            200,
            True,
        )
