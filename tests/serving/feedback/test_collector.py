"""A collector over HTTP: what it takes, what it refuses, what it tells."""

from __future__ import annotations

import json
import urllib.request
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from serving.errors import PlatformError
from serving.feedback import wire
from serving.feedback.__main__ import main
from serving.feedback.calling import CollectorError, call
from serving.feedback.performance import LivePerformance
from serving.feedback.truths import Labelled
from serving.feedback.wire import Answered
from tests.serving.feedback.collecting import NOW, collector

ANSWERED = Answered(["a", "b"], [NOW, NOW], [1, 2], [0, 1, 0])


def test_predictions_and_labels_come_together(tmp_path: Path) -> None:
    with collector(tmp_path) as url:
        call(f"{url}/iris/predictions", wire.predictions("3", ["x", "y"], ANSWERED))
        labels = [Labelled("a", 0, "x"), Labelled("b", 1, "y"), Labelled("z", 0, "x")]
        said = call(f"{url}/iris/labels", wire.labels(labels))
        found = LivePerformance.from_json(call(f"{url}/iris"), url)
        metrics = gauges(url)
    assert said == {"kept": 3, "matched": 2}
    assert (found.model, found.window_s, found.waiting) == ("iris", 86_400, 1)
    assert (found.versions["3"].predictions, found.versions["3"].labels) == (3, 2)
    assert found.versions["3"].metrics["accuracy"].value == 0.5
    own = 'namespace="ml",model="iris",version="3"'
    assert f'kanarya_live_metric{{{own},metric="accuracy"}} 0.5' in metrics
    assert f"kanarya_live_labels{{{own}}} 2.0" in metrics


def gauges(url: str) -> str:
    with urllib.request.urlopen(f"{url.rsplit('/', 1)[0]}/metrics") as answer:
        return str(answer.read().decode())


def test_a_question_about_a_model_that_nobody_has_told_of_makes_no_file(tmp_path: Path) -> None:
    with collector(tmp_path) as url:
        found = LivePerformance.from_json(call(f"{url}/typo"), url)
    assert found == LivePerformance("typo", {}, 86_400)
    assert [*tmp_path.rglob("*.db")] == []


def test_a_damaged_file_does_not_keep_the_gauges_of_the_others(tmp_path: Path) -> None:
    with collector(tmp_path) as url:
        call(f"{url}/iris/predictions", wire.predictions("3", ["x", "y"], ANSWERED))
        (tmp_path / "ml" / "damaged.db").write_bytes(b"no database" * 999)
        assert 'model="iris",version="3"' in gauges(url)


def test_numbers_that_are_none_are_left_out(tmp_path: Path) -> None:
    sent = wire.predictions("1", None, Answered(["a"], [NOW], [3], [1.5, float("nan"), 1e300]))
    with collector(tmp_path) as url:
        assert call(f"{url}/price/predictions", sent) == {"kept": 1}
        call(f"{url}/price/labels", wire.labels([Labelled("a", 0, 2.0)]))
        found = call(f"{url}/price")["versions"]["1"]
    assert found["metrics"]["mae"] == {"value": 0.5, "low": 0.0, "high": None}


def test_the_window_is_what_is_asked_for(tmp_path: Path) -> None:
    early = Answered(["a"], [NOW - 500], [1], [0])
    with collector(tmp_path) as url:
        call(f"{url}/iris/predictions", wire.predictions("3", ["x"], early))
        assert call(f"{url}/iris?window_s=100")["versions"] == {}
        assert call(f"{url}/iris?window_s=1000")["versions"]["3"]["predictions"] == 1


@pytest.mark.parametrize(
    ("path", "body", "status", "sentence"),
    [
        ("/iris/labels", b"{", 400, "no JSON"),
        ("/iris/labels", b'{"labels": [["a", 0, null]]}', 400, "no message of labels"),
        ("/iris/labels", b'{"labels": [["a", "0", "x"]]}', 400, "no message of labels"),
        ("/iris/predictions", b'{"ids": []}', 400, "no message of predictions"),
        ("/iris/predictions", b"[]", 400, "no JSON object"),
        ("/iris/other", b"{}", 404, "post to"),
        ("/.hidden/labels", b'{"labels": []}', 400, "no namespace and name"),
        ("/iris?window_s=soon", None, 400, "window_s is 'soon'"),
        ("/iris?window_s=1e9", None, 400, "up to 86400,"),
        ("/iris/a/b", None, 404, "ask /<namespace>/<model>"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_a_sentence(
    tmp_path: Path, path: str, body: bytes | None, status: int, sentence: str
) -> None:
    with collector(tmp_path) as url, pytest.raises(CollectorError, match=sentence) as raised:
        call(f"{url}{path}", body)
    assert raised.value.status == status


@pytest.mark.parametrize("length", [str(wire.MOST_BYTES + 1), "-1", "", "1e3"])
def test_a_message_without_a_moderate_length_is_not_read(tmp_path: Path, length: str) -> None:
    with collector(tmp_path) as url:
        place = urlsplit(url)
        with closing(HTTPConnection(place.netloc, timeout=5)) as client:
            client.putrequest("POST", f"{place.path}/iris/labels")
            client.putheader("Content-Length", length)
            client.endheaders()
            assert client.getresponse().status == 413


def test_a_damaged_file_is_told_and_nothing_is_acknowledged(tmp_path: Path) -> None:
    (tmp_path / "ml").mkdir()
    (tmp_path / "ml" / "iris.db").write_bytes(b"no database" * 100)
    with collector(tmp_path) as url:
        with pytest.raises(CollectorError, match="nothing was taken") as raised:
            call(f"{url}/iris/labels", wire.labels([Labelled("a", 0, "x")]))
        assert call(f"{url}/other/labels", wire.labels([Labelled("a", 0, "x")]))["kept"] == 1
    assert raised.value.status == 503


def test_nobody_there_is_a_sentence_with_the_address() -> None:
    with pytest.raises(CollectorError, match="http://127.0.0.1:9/ml/iris does not answer"):
        call("http://127.0.0.1:9/ml/iris")


@pytest.mark.parametrize("value", [{}, [], {"model": "m", "versions": {"1": {}}, "window_s": 1}])
def test_what_is_no_performance_is_refused(value: Any) -> None:
    with pytest.raises(PlatformError, match="there does not say how a model performs"):
        LivePerformance.from_json(json.loads(json.dumps(value)), "there")


@pytest.mark.parametrize("hours", ["0", "nan", "inf"])
def test_feedback_is_kept_for_hours_that_can_be_counted(
    hours: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--folder", str(tmp_path), "--retention_h", hours]) == 2
    assert "numbers above 0" in capsys.readouterr().err
