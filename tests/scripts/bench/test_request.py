"""The parts of a request: they are asked as a client asks, and add up to the whole."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from scripts.bench import request as bench_request


def test_parts_add_up_to_the_whole(
    iris_model_dir: Path, mixed_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_request, "ROUNDS", 1)
    monkeypatch.setattr(bench_request, "CALLS", 1)
    for directory, protocols in (
        (iris_model_dir, {"V1", "V2 JSON", "V2 binary"}),
        (mixed_model_dir, {"V1", "V2 JSON"}),
    ):
        figures = asyncio.run(bench_request.measured(directory))
        assert {name.split(":")[0] for name in figures} == protocols
        for protocol in protocols:
            *parts, whole = [v for name, v in figures.items() if name.startswith(f"{protocol}:")]
            assert sum(parts) == pytest.approx(whole, abs=0.1)


@pytest.mark.parametrize("arguments", [[], ["/nowhere"]])
def test_a_wrong_directory_is_one_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench_request.main(arguments) > 0
    assert capsys.readouterr().err.count("\n") == 1
