"""Every row of KServe's data plane, asked of the real process by bytes on a socket and by curl."""

import re
from pathlib import Path

import pytest

from tests.serving.predictor.conformance import rows
from tests.serving.predictor.conformance.doors import Doors
from tests.serving.predictor.conformance.row import Row
from tests.serving.predictor.conformance.wire import Given, curl, fits, raw
from tests.serving.predictor.running import ROW, Predictor

pytestmark = pytest.mark.e2e


def named(row: Row) -> str:
    return f"{row.path.split('/')[1] or 'root'}: {row.what}"


def check(row: Row, given: Given) -> None:
    assert given.status == row.status, given.body
    assert fits(given.value, row.shape), given.value
    for name, pattern in row.headers.items():
        assert re.search(pattern, given.headers.get(name, "(absent)"))


@pytest.mark.parametrize("row", [*rows.HEALTH, *rows.V1, *rows.V2], ids=named)
def test_a_request_gets_the_status_and_the_shape_of_kserve(doors: Doors, row: Row) -> None:
    check(row, raw(doors.predictor.port, row.method, row.path, row.bytes, row.sent))


@pytest.mark.parametrize("row", [*rows.HEALTH, *rows.V1], ids=named)
def test_curl_gets_the_same(doors: Doors, row: Row) -> None:
    """`curl -d` calls every body a form; V1 takes it as what it is, JSON."""
    check(row, curl(doors.predictor.port, row.method, row.path, row.bytes, row.sent))


def test_no_row_leaves_a_traceback_in_the_log(doors: Doors) -> None:
    for row in (*rows.HEALTH, *rows.V1, *rows.V2):
        raw(doors.predictor.port, row.method, row.path, row.bytes, row.sent)
    assert "Traceback" not in doors.predictor.log.read_text()


def test_a_model_that_was_unloaded_is_gone_until_the_process_starts_anew(
    mixed_model_dir: Path, tmp_path: Path
) -> None:
    with Predictor(mixed_model_dir, "people", tmp_path / "log") as predictor:
        predictor.wait()
        unload = raw(predictor.port, "POST", "/v2/repository/models/people/unload", b"", {})
        assert (unload.status, unload.value) == (200, {"name": "people", "unload": True})
        gone = {"error": "Model with name people does not exist."}
        assert predictor.ask("GET", "/v2/models/people/ready") == (404, gone)
        assert predictor.v1({"instances": [ROW]}) == (404, gone)
        assert predictor.ask("GET", "/v2/models") == (200, {"models": []})
