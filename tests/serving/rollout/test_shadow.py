"""The shadow over real HTTP: rows, protocols, columns, and everything a revision may do wrong."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.artifact import Golden, write_golden
from serving.rollout.observation import NotMeasured
from serving.rollout.policy import Policy
from serving.rollout.shadow import HttpShadow
from serving.rollout.shadow_answers import A_NUMBER, Answer, Protocol, answer_of
from serving.rollout.shadow_rows import Block, GoldenRows
from serving.rollout.shadow_tally import Tally
from serving.rollout.state import Phase, Rollout

STATE = Rollout(
    id="x",
    service="iris",
    version="2",
    uri="file:///nowhere/2",
    policy=Policy(shadow_requests=20),
    phase=Phase.SHADOWING,
    stable="old",
    canary="new",
    from_version="1",
    from_uri="file:///nowhere/1",
)


@dataclass
class Model:
    """A revision's manners: its columns, its labels by the first number, its failures."""

    columns: tuple[str, ...] = ("a", "b")
    classes: tuple[object, ...] = ("no", "yes")
    at: float = 0.5
    fails: Callable[[int], int | bytes | None] = lambda row: None
    v2: bool = True
    sleep_s: float = 0.0
    bodies: list[Any] = field(default_factory=list)

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        if method == "GET":
            inputs = [{"name": name, "datatype": "FP32", "shape": [-1]} for name in self.columns]
            return (200, json.dumps({"inputs": inputs}).encode()) if self.v2 else (404, b"{}")
        time.sleep(self.sleep_s)
        self.bodies.append(json.loads(body))
        wrong = self.fails(len(self.bodies) - 1)
        if isinstance(wrong, bytes):
            return 200, wrong
        return (wrong, b'{"error":"no"}') if wrong else (200, json.dumps(self._said()).encode())

    def _said(self) -> dict[str, Any]:
        sent = self.bodies[-1]
        row = sent["instances"][0] if "instances" in sent else None
        cells = row or {each["name"]: each["data"][0] for each in sent["inputs"]}
        assert set(cells) == set(self.columns) or not self.v2
        share = min(1.0, max(0.0, (cells["a"] or 0.0) / self.at / 2))
        shares = [1 - share, share]
        label = self.classes[share >= 0.5]
        if row is not None:
            beside = {"probabilities": [shares], "classes": list(self.classes)}
            return {"predictions": [label], **beside}
        classes = json.dumps(list(self.classes))
        return {
            "outputs": [
                {"name": "label", "data": [label]},
                {"name": "probabilities", "data": shares, "parameters": {"classes": classes}},
            ]
        }


@contextmanager
def served(model: Model) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            code, data = model.answer(self.command, self.path, body)
            self.send_response(code)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = handle_any  # noqa: N815 - http.server's names

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/serving/ml/tag-iris"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(frozen=True)
class Given:
    found: tuple[Block, ...]

    def blocks(self, state: Rollout) -> tuple[Block, ...]:
        return self.found


def rows(count: int = 20, *names: str, source: str = "live rows") -> Block:
    numbers = np.linspace(0, 1, count, dtype=np.float32).reshape(-1, 1)
    return Block(source, dict.fromkeys(names or ("a", "b"), numbers))


def asked(canary: Model, stable: Model, *blocks: Block, **more: Any) -> Tally | NotMeasured:
    """What one look after the other comes to, from an empty state to the last row."""
    state = replace(STATE, **more)
    shadow = HttpShadow((Given(blocks or (rows(),)),), look_s=0.05, timeout_s=0.5)
    with served(canary) as new, served(stable) as old:
        while True:
            found = shadow.ask(state, {"new": new, "old": old})
            if not isinstance(found, Tally) or found.whole:
                return found
            state = Rollout.from_json(replace(state, shadow=found).to_json())


def tally(*args: Any, **more: Any) -> Tally:
    found = asked(*args, **more)
    assert isinstance(found, Tally)
    return found


@pytest.mark.parametrize(
    ("new", "old"), [(True, True), (False, False), (True, False)], ids=["V2", "V1", "one of each"]
)
def test_each_row_is_asked_once_of_both_and_compared(new: bool, old: bool) -> None:
    canary, stable = Model(v2=new), Model(v2=old, at=0.75)
    found = tally(canary, stable)
    assert (found.shadowed.asked, found.shadowed.rows, found.shadowed.differ) == (20, 20, 5)
    assert (found.source, found.there) == ("live rows", 20)
    assert 0.1 < found.distance / found.distances < 0.3
    assert found.shadowed.examples[0] == 'row 10: "yes" (canary), "no" (stable)'
    assert len(canary.bodies) == len(stable.bodies) == 20


def test_a_column_that_only_one_of_them_takes_is_sent_to_that_one_only() -> None:
    canary, stable = Model(columns=("a", "b", "c")), Model()
    found = tally(canary, stable, rows(9, "a", "b"), rows(8, "a", "b", "c", source="wide rows"))
    assert (found.shadowed.rows, found.shadowed.differ) == (8, 0)
    assert found.source == "wide rows"


def test_rows_that_one_of_them_could_not_take_are_not_asked() -> None:
    found = tally(Model(columns=("a", "new")), Model(), rows(9, "a", "b"))
    assert found.shadowed.asked == 0
    assert found.trouble == (
        "no rows have the columns that both revisions take (the live rows lack 'new')"
    )


def test_other_kinds_of_labels_are_other_labels() -> None:
    found = tally(Model(classes=(0, 1)), Model(classes=("0", "1")))
    assert (found.shadowed.rows, found.shadowed.differ) == (20, 20)


FAILURES: list[tuple[Any, str]] = [
    (500, '500 {"error":"no"}'),
    (400, '400 {"error":"no"}'),
    (b"<html>", "its answer cannot be read"),
    (b'{"outputs":[]}', "its answer cannot be read"),
    (b'{"outputs":[{"name":"label","data":[]}]}', "its answer cannot be read"),
    (b"[1]", "its answer cannot be read"),
    (b"[" * 500_000, "its answer cannot be read"),
    (b'{"predictions":["a"],"probabilities":[[1%s]]}' % (b"0" * 400), "its answer cannot be read"),
    (b'{"outputs":[{"name":"label"', "its answer cannot be read"),
    (
        b'{"predictions":["a"],"probabilities":[[0.5,0.5]],"classes":["a"],'
        b'"outputs":[{"name":"probabilities","data":[0.5,0.5],"parameters":{"classes":"[1]"}}]}',
        "its answer cannot be read (2 probabilities for 1 classes)",
    ),
]


@pytest.mark.parametrize(("wrong", "said"), FAILURES)
def test_what_a_revision_fails_on_is_its_own(wrong: Any, said: str) -> None:
    def third(row: int) -> Any:
        return wrong if row % 3 == 0 else None

    found = tally(Model(fails=third), Model()).shadowed
    assert (found.asked, found.rows, found.canary_failed, found.stable_failed) == (20, 13, 7, 0)
    assert said in found.examples[0]
    found = tally(Model(), Model(fails=third)).shadowed
    assert (found.rows, found.differ, found.canary_failed, found.stable_failed) == (13, 0, 0, 7)


def test_a_canary_that_hangs_fails_the_row_and_one_look_stays_short() -> None:
    shadow = HttpShadow((Given((rows(),)),), look_s=0.01, timeout_s=0.1)
    with served(Model(sleep_s=0.5)) as new, served(Model()) as old:
        found = shadow.ask(STATE, {"new": new, "old": old})
    assert isinstance(found, Tally)
    assert (found.shadowed.asked, found.shadowed.canary_failed) == (1, 1)
    assert not found.whole


@pytest.mark.parametrize("away", ["new", "old"])
def test_nobody_there_is_no_answer_at_all(away: str) -> None:
    with served(Model()) as here:
        addresses = {"new": here, "old": here, away: "http://127.0.0.1:1/x"}
        found = HttpShadow((Given((rows(),)),)).ask(STATE, addresses)
    assert isinstance(found, NotMeasured)
    assert "Connection refused" in found.reason
    found = HttpShadow().ask(STATE, {"new": "http://127.0.0.1:1"})
    assert found == NotMeasured("old has no address of its own")


def test_golden_rows_of_both_versions_are_asked_each_row_once(tmp_path: Path) -> None:
    numbers = np.arange(8, dtype=np.float32).reshape(-1, 1)
    words = np.array([["x"], ["(missing)"]] * 4)
    shares = np.full((8, 2), 0.5, np.float32)
    for version, first in (("1", 0), ("2", 4)):
        (tmp_path / version).mkdir()
        golden = Golden({"a": numbers + first, "word": words}, shares)
        write_golden(tmp_path / version, golden)
    uris = {"uri": (tmp_path / "2").as_uri(), "from_uri": (tmp_path / "1").as_uri()}
    blocks = GoldenRows().blocks(replace(STATE, **uris))
    assert [block.source for block in blocks] == [
        "golden rows of version 2",
        "golden rows of version 1",
    ]
    canary = Model(columns=("a", "word"))
    found = tally(canary, Model(columns=("a", "word")), *blocks)
    assert found.source == "golden rows of version 2 and golden rows of version 1"
    assert found.there == 12, "4 of the 16 are in both"
    assert canary.bodies[1]["inputs"][1] == {
        "name": "word",
        "datatype": "BYTES",
        "shape": [1, 1],
        "data": [None],
    }


@pytest.mark.parametrize("content", [None, b"", b"not a zip"])
def test_a_model_without_golden_rows_has_none_to_ask(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "golden.npz").write_bytes(content)
    state = replace(STATE, uri=tmp_path.as_uri(), from_uri=None)
    assert GoldenRows().blocks(state) == ()
    found = tally(Model(), Model(), Block("none", {}))
    assert "no rows have the columns" in found.trouble
    with served(Model()) as url:
        none = HttpShadow().ask(state, {"new": url, "old": url})
    assert isinstance(none, Tally)
    assert none.trouble == "no rows to ask were found beside either model"


def test_an_image_is_sent_as_the_pixels_it_is() -> None:
    from serving.rollout.shadow_answers import body_of

    pixels = {"image": np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3)}
    (sent,) = json.loads(body_of("v2", pixels))["inputs"]
    assert (sent["datatype"], sent["shape"], sent["data"]) == (
        "UINT8",
        [1, 2, 2, 3],
        [*range(12)],
    )
    assert json.loads(body_of("v1", pixels))["instances"] == pixels["image"].tolist()


@pytest.mark.parametrize(
    ("protocol", "one", "other"),
    [
        ("v1", {"predictions": [380.8]}, {"predictions": [381.0]}),
        (
            "v2",
            {"outputs": [{"name": "prediction", "data": [1.5]}]},
            {"outputs": [{"name": "prediction", "data": [-2e6]}]},
        ),
    ],
)
def test_numbers_that_were_estimated_have_no_label_to_disagree_on(
    protocol: Protocol, one: Any, other: Any
) -> None:
    answers = [answer_of(protocol, json.dumps(body).encode()) for body in (one, other)]
    assert answers == [Answer(A_NUMBER, {})] * 2
    label = {"v1": {"predictions": [3]}, "v2": {"outputs": [{"name": "label", "data": [3]}]}}
    assert answer_of(protocol, json.dumps(label[protocol]).encode()) == Answer("3", {})
