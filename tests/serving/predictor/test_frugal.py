"""KServe imports what no predictor uses; it is there as soon as somebody does use it."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from serving.predictor.frugal import deferring


def in_a_process(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.e2e
def test_the_server_runs_without_them_and_kserve_finds_them_when_it_needs_them() -> None:
    said = in_a_process("""
        import sys
        from serving.predictor.frugal import import_kserve
        import_kserve()
        import serving.predictor.server
        print(sorted({"pandas", "kubernetes"} & {name.split(".")[0] for name in sys.modules}))
        from kserve import InferInput, InferRequest, KServeClient
        asked = InferRequest("m", [InferInput("x", [2], "INT64", [1, 2])])
        print(asked.as_dataframe()["x"].tolist())
        try:
            KServeClient(config_file="/nowhere")
        except Exception as error:
            print(type(error).__module__)
        import pandas, kubernetes.client
        print(pandas.DataFrame.__name__, kubernetes.client.V1Pod.__name__)
    """)
    assert said.splitlines() == [
        "[]",
        "[1, 2]",
        "kubernetes.config.config_exception",
        "DataFrame V1Pod",
    ]


def test_what_is_deferred_is_what_it_stands_for_afterwards() -> None:
    sys.modules.pop("colorsys", None)
    with deferring("colorsys"):
        import colorsys

        convert = colorsys.rgb_to_hsv
    assert "colorsys" not in sys.modules
    assert convert(1, 1, 1) == (0.0, 0.0, 1)
    assert pytest.approx(1 / 3) == colorsys.ONE_THIRD


def test_what_is_imported_already_stays_and_an_error_leaves_nothing_behind() -> None:
    with deferring("json", "colorsys_of_nobody"):
        import json

        import colorsys_of_nobody  # type: ignore[import-not-found]
    assert json.dumps([1]) == "[1]"
    with pytest.raises(ModuleNotFoundError):
        colorsys_of_nobody.anything  # noqa: B018
    with pytest.raises(ZeroDivisionError), deferring("colorsys_of_nobody"):
        raise ZeroDivisionError
    assert "colorsys_of_nobody" not in sys.modules
