"""What is answered where there is no page: a sentence in the person's language, and the way back.

Plain HTML, no script.
"""

from __future__ import annotations

from html import escape

from fastapi import Request
from fastapi.responses import HTMLResponse

from console.texts import asked_in

_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Kanarya</title><link rel="icon" href="/static/kanarya.svg">
<link rel="stylesheet" href="/static/console.css"><link rel="stylesheet" href="/static/login.css">
</head><body><main class="k-login"><h1>{title}</h1><p class="k-quiet">{path}</p>
<p><a href="/">{back}</a></p></main></body></html>"""
LONGEST = 200


async def missing(request: Request, _: Exception) -> HTMLResponse:
    """Return the page."""
    texts = asked_in(request.cookies, request.headers)
    page = _PAGE.format(
        language=texts.language,
        title=texts.say("frame.missing"),
        path=escape(request.url.path[:LONGEST]),
        back=texts.say("nav.runs"),
    )
    return HTMLResponse(page, 404)
