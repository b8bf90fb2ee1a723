"""An address without a page: told in the language of whoever asked, as text."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import Request

from console.missing import missing


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "There is no such page"), ("tr", "Böyle bir sayfa yok")],
)
def test_a_page_that_there_is_not_is_said_to_be_missing(language: str, said: str) -> None:
    headers = [(b"host", b"localhost"), (b"accept-language", language.encode())]
    scope = {"type": "http", "method": "GET", "path": "/<b>x", "headers": headers}
    asked = Request({**scope, "query_string": b"", "server": ("localhost", 80), "scheme": "http"})
    answer = asyncio.run(missing(asked, LookupError()))
    page = bytes(answer.body).decode()
    assert answer.status_code == 404
    assert f'<html lang="{language}">' in page and f"<h1>{said}</h1>" in page
    assert 'href="/"' in page and "<b>" not in page
