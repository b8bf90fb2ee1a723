"""The predictor's two addresses, and which requests it keeps, over its own ASGI app."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.feedback.keeping import Keeper, Model
from serving.predictor import desk
from serving.predictor.asgi import Message, Receive, Scope, Send
from serving.predictor.feedback_page import MOST_WAITING, FeedbackPage
from serving.predictor.served import Answer
from serving.predictor.v2 import NO_WISH, Wish, new_id
from tests.serving.feedback.collecting import collector

CLASSES = ("x", "y")
TAKE, TELL = ("POST", "/v1/models/iris:feedback"), ("GET", "/v2/models/iris/feedback")


async def stock(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


def ask(page: FeedbackPage, at: tuple[str, str], body: Any = None, query: str = "") -> Any:
    """Return status and parsed body of what the app answers."""
    sent: list[Message] = []
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def receive() -> Message:
        return {"type": "http.request", "body": data, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"method": at[0], "path": at[1], "query_string": query.encode()}
    asyncio.run(page(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])


def page(url: str, labels: tuple[str, ...] = CLASSES) -> FeedbackPage:
    return FeedbackPage(stock, "iris", Keeper(Model.of(url, "iris", "3", labels)), labels)


def test_labels_are_passed_on_and_what_came_of_them_is_told(tmp_path: Path) -> None:
    with collector(tmp_path) as url:
        status, said = ask(page(url), TAKE, {"id": "a", "labels": ["x", "z"]})
        assert (status, said) == (
            200,
            {"model": "iris", "kept": 2, "matched": 0, "unknown_labels": ["z"]},
        )
        status, found = ask(page(url), TELL, query="window_s=60")
    assert (status, found["window_s"], found["waiting"]) == (200, 60, 2)


@pytest.mark.parametrize(
    ("at", "body", "status", "sentence"),
    [
        (TAKE, b"{", 400, "no JSON"),
        (TAKE, b" " * (5 * 2**20), 413, "send fewer"),
        (TAKE, {"id": "a", "label": "x"}, 503, "does not answer"),
        (TELL, None, 503, "does not answer"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    at: tuple[str, str], body: Any, status: int, sentence: str
) -> None:
    found, said = ask(page("http://127.0.0.1:9/ml"), at, body)
    assert (found, sentence in said["error"]) == (status, True), said


def test_where_nobody_collects_it_says_so_and_other_addresses_are_not_its_own() -> None:
    alone = FeedbackPage(stock, "iris", None, CLASSES)
    assert ask(alone, TAKE, {"id": "a", "label": "x"})[0] == 404
    assert ask(alone, ("GET", TAKE[1]))[0] == 418
    assert ask(alone, ("POST", "/v1/models/other:feedback"))[0] == 418


def test_a_slow_collector_does_not_gather_clients_without_end() -> None:
    crowded = page("http://127.0.0.1:9/ml")
    crowded._waiting = MOST_WAITING
    assert ask(crowded, TELL)[0] == 503


OWN = new_id()


@pytest.mark.parametrize(
    ("wish", "header", "gives_ids", "kept"),
    [
        (NO_WISH, None, False, None),
        (NO_WISH, b"h", False, b"h"),
        (Wish("body", ()), b"h", False, "body"),
        (Wish(OWN, ()), b"h", False, b"h"),
        (Wish(OWN, ()), None, False, None),
        (Wish(OWN, ()), None, True, OWN),
    ],
    ids=["no id", "header", "body", "header, own", "own", "own, given"],
)
def test_only_what_has_an_id_is_kept(
    wish: Wish, header: bytes | None, gives_ids: bool, kept: str | bytes | None
) -> None:
    keeper = Keeping(gives_ids)
    given = {} if header is None else {desk.REQUEST_ID: header}
    desk.keep(keeper, wish, given, ANSWER)
    assert keeper.marks == ([] if kept is None else [kept])


def test_a_request_of_v1_is_given_an_id_in_the_header_where_all_are_kept() -> None:
    keeper, given = Keeping(True), dict[bytes, bytes]()
    desk.keep(keeper, NO_WISH, given, ANSWER)
    assert [given[desk.REQUEST_ID]] == keeper.marks


ANSWER = Answer(CLASSES, np.empty((1, 0), np.float32), np.array([[0.1, 0.9]], np.float32))


class Keeping(Keeper):
    """Keeps no more than the ids."""

    def __init__(self, gives_ids: bool) -> None:
        super().__init__(Model.of("http://there", "iris", "3", CLASSES), gives_ids)
        self.marks: list[str | bytes] = []

    def keep(self, mark: str | bytes, outputs: np.ndarray) -> None:
        self.marks.append(mark)
