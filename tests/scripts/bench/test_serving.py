"""What `make bench-serving` makes of the harness' records, and what it tells the harness."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from scripts.bench.bare_onnx import per_second
from scripts.bench.contenders import OURS, PEERS, Contender, environments, peers
from scripts.bench.measuring import line
from scripts.bench.place import STAMP, Place, installed
from scripts.bench.results import (
    FIGURE_GOALS,
    RATIO_GOALS,
    RATIOS,
    Goal,
    Results,
    figures,
    goals,
    ratios,
    records,
    results,
    safety,
    table,
)
from scripts.bench.serving import Bench, Plan
from scripts.bench.serving_bare import PARTS, REPLACEMENTS, ROOM
from serving.errors import PlatformError

RATIO_NAMES = [
    "v1_vs_kserve",
    "v2_json_vs_kserve_v2",
    "v2_binary_vs_kserve_v2",
    "v1_vs_mlserver",
    "v1_vs_mlflow",
    "v1_vs_bentoml",
    "share_of_limit",
    "rf_vs_kserve",
    "cnn_vs_kserve",
]


def cell(rps: float, p50_us: int = 100, errors: int = 0) -> dict[str, Any]:
    return {"rps": rps, "p50_us": p50_us, "p99_us": 9000, "cpu_us": 80.0, "errors": errors}


def record(model: str, name: str, rps: float, **more: Any) -> dict[str, Any]:
    cells = {"1x1": cell(rps / 2), "16x1": cell(rps), "1x32": cell(rps / 4, 200)}
    usual = {"load1": 1.25, "startup_s": 1.0, "pss_mib": 150.0, "cells": cells}
    return {"model": model, "name": name, **usual, **more}


def found(*names: tuple[str, str, float]) -> Results:
    return results([record(*each) for each in names])


def test_the_middle_of_the_repetitions_counts() -> None:
    text = "\n".join(json.dumps(record("lr", "mine", rps)) for rps in (900, 1000, 5000))
    medians = results(records(text + "\n"))
    assert medians.per_s("lr", "mine") == 1000
    assert medians.measured["lr", "mine"].repetitions == 3
    assert medians.per_s("lr", "other") is None
    assert medians.per_s("lr", "mine", "64x1") is None


def test_a_contender_that_answered_wrongly_once_has_no_figures_but_a_sentence() -> None:
    wrong = record("lr", "mine", 0, error="RuntimeError: wrong answer: [1.0] instead of [0.0]")
    medians = results([record("lr", "mine", 1000), wrong])
    assert medians.per_s("lr", "mine") is None
    assert medians.failed == {("lr", "mine"): wrong["error"]}
    assert table(medians, "lr")[-1] == f"  mine: {wrong['error']}"
    assert figures(medians, {})["failed"] == ["lr/mine"]


def test_of_a_server_that_died_the_last_line_of_its_log_is_told() -> None:
    died = "RuntimeError: exited 1: Traceback (most recent call last):\n  File\nKeyError: 'x'"
    (told,) = results([record("lr", "mine", 0, error=died)]).failed.values()
    assert told.startswith("RuntimeError: exited 1")
    assert told.endswith("KeyError: 'x'")


def test_a_load_under_which_nothing_was_answered_in_time_has_no_figures() -> None:
    slow = record("cnn", "kserve-v1", 8, cells={"16x1": cell(8), "1x32": cell(0, p50_us=0)})
    assert list(results([slow]).measured["cnn", "kserve-v1"].cells) == ["16x1"]
    assert table(results([slow]), "cnn")[1].split()[5] == "-"


def test_every_ratio_of_the_line_is_there_and_null_where_a_side_is_missing() -> None:
    assert list(ratios(results([]))) == RATIO_NAMES == list(RATIO_GOALS)
    assert {*ratios(results([])).values()} == {None}
    some = found(("lr", "kanarya-v1", 22000), ("lr", "kserve-v1", 2000), ("lr", "bentoml", 0))
    reached = {name: value for name, value in ratios(some).items() if value is not None}
    assert reached == {"v1_vs_kserve": 11}


def test_the_ratios_compare_contenders_that_are_measured() -> None:
    for ours, theirs in RATIOS.values():
        assert ours[1] in {each.name for each in OURS[ours[0]]}
        assert theirs[1] in PEERS[theirs[0]]


def test_the_line_is_json_with_bench_ratios_and_figures() -> None:
    some = found(("lr", "kanarya-v1", 22000.04), ("lr", "asgi-onnx", 31500))
    told = json.loads(line("serving", ratios(some), figures(some, {1: 4000.0})))
    assert list(told) == ["bench", "ratios", "figures"]
    assert told["bench"] == "serving"
    assert told["ratios"]["share_of_limit"] == 0.698
    assert told["ratios"]["cnn_vs_kserve"] is None
    assert told["figures"]["lr_kanarya-v1_per_s"] == 22000.0
    assert told["figures"]["lr_kanarya-v1_p50_us"] == 100
    assert told["figures"]["lr_kanarya-v1_32_rows_p50_us"] == 200
    assert told["figures"]["lr_kanarya-v1_start_s"] == 1
    assert told["figures"]["lr_kanarya-v1_memory_mb"] == 150
    assert told["figures"]["cnn_bare_onnxruntime_1_per_s"] == 4000
    assert told["figures"]["errors"] == 0
    assert told["figures"]["load"] == 1.25


def test_the_share_of_bare_onnx_runtime_is_one_of_calls_with_as_many_images() -> None:
    cells = {"16x1": cell(1800), "16x32": cell(140)}
    ours = record("cnn", "kanarya-v2bin", 0, cells=cells)
    limit = record("cnn", "bare-v2bin", 0, cells={"16x1": cell(1900)})
    shown = figures(results([ours, limit]), {1: 2000.0, 32: 150.0})
    assert (shown["cnn_share_of_limit_1"], shown["cnn_share_of_limit_32"]) == (0.947, None)
    assert shown["cnn_share_of_bare_onnxruntime_1"] == 0.9
    assert shown["cnn_share_of_bare_onnxruntime_32"] == 0.933


@pytest.mark.parametrize(
    ("goal", "shown"),
    [
        (Goal("share", 0.7, 0.65, 0.85), "0.7   ≥ 0.65 (dream 0.85)"),
        (Goal("p50", 95.0, 130, 100), "95   ≤ 130 (dream 100)"),
        (Goal("cnn", None, 50, 65), "-   ≥ 50 (dream 65)"),
    ],
)
def test_a_goal_says_which_way_is_better(goal: Goal, shown: str) -> None:
    assert str(goal).endswith(shown)


def test_all_goals_are_shown_also_those_that_were_not_measured() -> None:
    shown = goals(found(("lr", "kanarya-v1", 100)), {})
    assert [goal.name for goal in shown] == [*RATIO_GOALS, *FIGURE_GOALS]
    assert {goal.name: goal.value for goal in shown}["lr_kanarya-v1_start_s"] == 1


def test_the_fastest_stands_first_in_the_table() -> None:
    some = found(("lr", "slow", 10), ("lr", "quick", 30), ("rf", "other", 20))
    assert [row.split()[0] for row in table(some, "lr")[1:]] == ["quick", "slow"]


def test_only_peers_whose_environment_is_there_are_asked_for() -> None:
    assert peers("lr", None, {"lean", "bentoml"}) == ["bentoml", "asgi-onnx"]
    assert peers("lr", frozenset({"kserve-v1"}), {"lean", "kserve"}) == ["kserve-v1"]
    assert peers("cnn", None, set()) == []


def test_only_the_environments_of_wanted_peers_are_made() -> None:
    assert environments(("lr", "cnn"), None) == ["kserve", "mlserver", "bentoml", "lean"]
    assert environments(("lr", "cnn"), frozenset({"asgi-onnx", "kserve-v2bin"})) == [
        "lean",
        "kserve",
    ]


def test_the_harness_gets_our_server_as_a_command_that_it_can_split() -> None:
    name, model, protocol, url, command = (
        Contender("mine", "v2", "label").added("lr").split(";", maxsplit=4)
    )
    assert (name, model, protocol) == ("mine", "lr", "v2")
    assert url == "http://127.0.0.1:{port}/v2/models/m/infer"
    words = shlex.split(command)
    assert words[words.index(sys.executable) :][:4] == [
        sys.executable,
        "-P",
        "-m",
        "serving.predictor",
    ]
    assert "--model_dir={work}/kanarya/{model}/1" in words
    assert "--default_outputs=label" in words


def place(folder: Path) -> Place:
    run = folder / "bench" / "serving" / "run.py"
    run.parent.mkdir(parents=True)
    run.touch()
    environ = {"BENCH_HARNESS": str(folder / "bench"), "BENCH_WORK": str(folder / "work")}
    return Place.from_env(environ)


def test_the_harness_is_told_one_repetition_without_those_that_failed(tmp_path: Path) -> None:
    at = place(tmp_path)
    plan = Plan(models=("rf",), seconds=5, warm_up_s=1)
    bench = Bench(plan, at, frozenset({"lean"}), frozenset({"rf"}), (2, 3))
    command = bench.command("rf", ["kanarya-v1"])
    options = dict(word.split("=", 1) for word in command[2:] if not word.startswith("--add"))
    assert options == {
        "--models": "rf",
        "--only": "asgi-onnx",
        "--reps": "1",
        "--duration": "5",
        "--warmup": "1",
        "--cells": "1x1,16x1,1x32",
        "--server-cpu": "2",
        "--client-cpu": "3",
        "--out": str(tmp_path / "work" / "kanarya-serving.jsonl"),
    }
    added = [word.partition("=")[2].split(";")[0] for word in command if word.startswith("--add")]
    assert added == ["kanarya-v2bin"]
    alone = Bench(plan, at, frozenset(), frozenset(), (0, 1)).command("rf", [])
    assert "--only=none" in alone
    assert not any(word.startswith("--add") for word in alone)


def test_a_part_of_the_safety_costs_what_an_answer_takes_longer_with_it() -> None:
    some = found(("lr", "kanarya-v2", 20_000), ("lr", "kanarya-v2-without-ids", 25_000))
    costs = {"signature": None, "metrics": None, "ids": 10.0, "all": None}
    assert safety(some) == {f"safety_{part}_us": cost for part, cost in costs.items()}
    assert {f"kanarya-v2-without-{part}" for part in costs} < {each.name for each in OURS["lr"]}


@pytest.mark.parametrize("part", PARTS)
def test_what_is_taken_out_for_its_cost_is_a_part_of_the_predictor_today(part: str) -> None:
    for module, name, value in REPLACEMENTS[part]():
        there = getattr(import_module(f"{ROOM}.{module}"), name)
        assert callable(there)
        assert not isinstance(there, type) or issubclass(value, there)


def test_everything_that_is_made_lies_outside_of_the_repository(tmp_path: Path) -> None:
    harness = place(tmp_path).harness
    usual = Place.from_env({"BENCH_HARNESS": str(harness), "XDG_CACHE_HOME": str(tmp_path)})
    assert usual.work == tmp_path / "kanarya-bench"
    assert usual.venvs == usual.work / "venvs"
    assert place(tmp_path / "other").environment()["PYTHONDONTWRITEBYTECODE"] == "1"


def test_a_missing_harness_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="name its folder: BENCH_HARNESS="):
        Place.from_env({"BENCH_HARNESS": str(tmp_path)})


def test_an_environment_that_was_installed_whole_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = place(tmp_path)
    lock = at.harness / "requirements" / "lean.lock.txt"
    lock.parent.mkdir()
    lock.write_text("numpy==2.4.6\n")
    python = at.python("lean")
    python.parent.mkdir(parents=True)
    python.touch()
    stamp = at.venvs / "lean" / STAMP
    stamp.write_text(hashlib.sha256(lock.read_bytes()).hexdigest())
    assert installed(at, ["lean"]) == {"lean"}
    assert capsys.readouterr().out == ""


@pytest.mark.e2e
def test_an_environment_that_cannot_be_installed_is_left_out_with_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = place(tmp_path)
    lock = at.harness / "requirements" / "lean.lock.txt"
    lock.parent.mkdir()
    lock.write_text("numpy==2.4.6\n")
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text("#!/bin/sh\necho 'no such index' >&2; exit 2\n")
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", f"{uv.parent}:{os.environ['PATH']}")
    assert installed(at, ["lean"]) == set()
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"lean: installing {at.venvs / 'lean'}"
    assert said[1] == "lean: left out, it could not be installed (no such index)"


def test_the_bare_loop_counts_every_call() -> None:
    calls: list[int] = []
    rate = per_second([lambda: calls.append(1)] * 4, 0.01)
    assert len(calls) % 4 == 0
    assert rate > 0
