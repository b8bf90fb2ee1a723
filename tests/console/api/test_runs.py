"""`/api/runs`, asked as programs ask it: with a token, over the whole console."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from console.access import logins
from console.access.guard import Guard
from console.access.roles import Role
from console.api import compare, runs
from console.api.answers import translate_errors
from console.data.runs import Runs
from console.settings import ConsoleSettings
from console.world import World
from pipelines.journal import RunFolder
from pipelines.run_table import Query, RunTable
from scripts.bench import synthetic_runs

OPERATOR, OPERATORS = logins.with_token("build", Role.OPERATOR)
VIEWER, VIEWERS = logins.with_token("look", Role.VIEWER)
NUMBERS = range(1, 8)


@pytest.fixture
def world(tmp_path: Path) -> World:
    for number in NUMBERS:
        synthetic_runs.ended(tmp_path / "runs", number)
    lines = "\n".join(login.line() for login in (OPERATOR, VIEWER))
    env = {"KANARYA_HOME": str(tmp_path), "KANARYA_CONSOLE_LOGINS": lines}
    return World.of(ConsoleSettings.from_env(env=env))


@pytest.fixture
def asked(world: World) -> Iterator[TestClient]:
    from fastapi import FastAPI

    app = FastAPI()
    translate_errors(app)
    app.include_router(runs.router(world))
    app.include_router(compare.router(world))
    client = TestClient(Guard(app, world.door), base_url="http://localhost")
    client.headers["Authorization"] = f"Bearer {OPERATORS}"
    with client:
        yield client


def packaged(folder: RunFolder) -> Path:
    path = folder.pipeline_root / "tabular-1" / "package" / "packaged"
    (path / "native").mkdir(parents=True)
    (path / "model.onnx").write_bytes(b"onnx")
    (path / "native" / "model.skops").write_bytes(b"skops")
    (path / "native" / "passwd").symlink_to("/etc/passwd")
    return path


def first(asked: TestClient) -> str:
    return str(asked.get("/api/runs").json()["runs"][0]["run_id"])


def test_a_program_is_told_of_all_runs_however_long_they_are_read(tmp_path: Path) -> None:
    class OneAtATime(RunTable):
        """A disk on which each look has time for one run."""

        def refresh(self, limit_s: float = 0) -> bool:
            return super().refresh(-1)

    for number in NUMBERS:
        synthetic_runs.ended(tmp_path / "runs", number)
    known = Runs(OneAtATime(tmp_path / "runs"))
    assert known.page(Query()).total == 1, "a page shows what there is, and looks again"
    known.read_whole()
    assert known.page(Query()).total == len(NUMBERS)


@pytest.mark.parametrize(
    ("query", "total", "shown"),
    [
        ("", 7, 7),
        ("?status=failed", 1, 1),
        ("?status=failed&status=rejected", 3, 3),
        ("?model=model-1&kind=mlp", 1, 1),
        ("?text=model-1%20FINE", 1, 1),
        ("?text=no4x", 1, 1),
        ("?size=25&page=2", 7, 0),
        ("?sort=nothing_like_it", 7, 7),
    ],
)
def test_runs_are_filtered_as_on_the_page(
    asked: TestClient, query: str, total: int, shown: int
) -> None:
    found = asked.get(f"/api/runs{query}").json()
    assert (found["total"], len(found["runs"])) == (total, shown)


@pytest.mark.parametrize(
    ("sort", "order"), [("accuracy", "asc"), ("accuracy", "desc"), ("seconds", "asc")]
)
def test_runs_are_sorted_by_any_metric(asked: TestClient, sort: str, order: str) -> None:
    rows = asked.get(f"/api/runs?sort={sort}&order={order}").json()["runs"]
    values = [row["metrics"].get(sort, row.get(sort)) for row in rows]
    told = [value for value in values if value is not None]
    assert told == sorted(told, reverse=order == "desc")
    assert values[: len(told)] == told


def test_choices_are_counted(asked: TestClient) -> None:
    choices = asked.get("/api/run-choices").json()
    assert choices["statuses"] == {"failed": 1, "promoted": 3, "rejected": 2, "rolled_back": 1}


def test_a_model_is_downloaded_as_it_was_packaged_and_links_stay_behind(
    asked: TestClient, world: World
) -> None:
    run_id = first(asked)
    path = packaged(RunFolder(world.settings.base.home / "runs" / run_id))
    assert asked.get(f"/api/runs/{run_id}/files").json() == {"files": ["model", "onnx", "native"]}
    onnx = asked.get(f"/api/runs/{run_id}/files/onnx")
    assert onnx.content == (path / "model.onnx").read_bytes()
    assert f'filename="{run_id}.onnx"' in onnx.headers["content-disposition"]
    whole = zipfile.ZipFile(io.BytesIO(asked.get(f"/api/runs/{run_id}/files/model").content))
    assert whole.namelist() == ["model.onnx", "native/model.skops"]
    native = zipfile.ZipFile(io.BytesIO(asked.get(f"/api/runs/{run_id}/files/native").content))
    assert native.read("model.skops") == b"skops"


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "/api/runs/nobody/files", 404, "no run 'nobody'"),
        ("GET", "/api/runs/{run}/files/report", 404, "no 'report' to download; it has nothing"),
        ("GET", "/api/runs/{run}/files/..%2f..%2fresult.json", 404, ""),
        ("GET", "/api/runs/..%2f..%2fmlflow.db/files/model", 404, ""),
        ("GET", "/api/runs/../files/model", 404, ""),
        ("GET", "/api/compare?runs={run}", 422, "compare 2 to 8 runs"),
        ("GET", "/api/compare?runs={run},nobody", 404, "no run 'nobody'"),
        ("POST", "/api/runs/nobody/restart", 404, "no run 'nobody'"),
        ("POST", "/api/runs/{run}/restart", 422, "did not record what it came from"),
        ("POST", "/api/runs/{run}/cancel", 422, "has ended already"),
        ("DELETE", "/api/runs/nobody", 404, "no run 'nobody'"),
        ("POST", "/api/runs/{run}/undelete", 422, "not in the trash"),
        ("POST", "/api/runs/..%2fruns/undelete", 404, ""),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    asked: TestClient, method: str, path: str, status: int, said: str
) -> None:
    answer = asked.request(method, path.format(run=first(asked)))
    assert answer.status_code == status
    assert said in json.dumps(answer.json())


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/runs/{run}/restart"),
        ("POST", "/api/runs/{run}/cancel"),
        ("POST", "/api/runs/{run}/undelete"),
        ("DELETE", "/api/runs/{run}"),
    ],
)
def test_a_viewer_changes_nothing(asked: TestClient, world: World, method: str, path: str) -> None:
    run_id = first(asked)
    asked.headers["Authorization"] = f"Bearer {VIEWERS}"
    assert asked.request(method, path.format(run=run_id)).status_code == 403
    assert asked.get("/api/runs").json()["total"] == len(NUMBERS)
    assert not world.audit.log.path.exists()


def test_a_run_is_deleted_brought_back_and_told_of(asked: TestClient, world: World) -> None:
    # One that registered nothing: of others MLflow is asked, which takes seconds.
    folder = synthetic_runs.begun(world.settings.base.home / "runs", 99)
    run_id = folder.run_id
    assert asked.delete(f"/api/runs/{run_id}").json() == {"run_id": run_id, "undo_s": 600.0}
    assert asked.get("/api/runs").json()["total"] == len(NUMBERS)
    assert world.deleted.all() == [run_id]
    assert asked.post(f"/api/runs/{run_id}/undelete").status_code == 200
    assert asked.get("/api/runs").json()["total"] == len(NUMBERS) + 1
    told = [json.loads(line) for line in world.audit.log.path.read_text().splitlines()]
    known = [(line["who"], line["action"], line["subject"]) for line in told]
    assert known == [("build", "run.delete", run_id), ("build", "run.undelete", run_id)]
