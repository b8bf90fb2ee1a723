"""Reads a page as a browser would, and finds what must not be in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "br", "img", "hr", "input", "link"}
REFERENCES = {"src", "href", "srcset", "action", "data", "poster", "background", "xlink:href"}


@dataclass
class Read(HTMLParser):
    """The tags of a page, its text, its ids, and everything wrong with it."""

    tags: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    _open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self._open.append(tag)
        for name, value in attrs:
            if name in REFERENCES and not (value or "").startswith("data:image/png;base64,"):
                self.wrong.append(f"{tag} refers to {value!r} by {name}")
            if name.startswith("on"):
                self.wrong.append(f"{tag} has {name}")
            if name == "id":
                self.ids.append(value or "")
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.wrong.append(f"{tag} has an attribute twice")

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.wrong.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style" and data.strip():
            self.texts.append(data.strip())

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def read(page: str) -> Read:
    """Return a page that is whole, self-contained and without a script; fail otherwise."""
    found = Read()
    found.feed(page)
    found.close()
    assert page.startswith("<!doctype html>")
    assert not found._open, f"not closed: {found._open}"
    assert not found.wrong, found.wrong
    assert not {"script", "iframe", "object", "embed", "link"} & set(found.tags)
    assert len(found.ids) == len(set(found.ids))
    style = page.split("<style>")[1].split("</style>")[0]
    assert "url(" not in style and "@import" not in style
    return found
