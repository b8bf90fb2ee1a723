"""In which encoding a text is that is not UTF-8, and how it becomes UTF-8."""

from __future__ import annotations

import re
from pathlib import Path

from components.csv_bytes import Survey
from components.errors import UnreadableError

# Where Windows-1254 has the six letters that Turkish adds, Windows-1252 has Icelandic ones.
_TURKISH = bytes([0xD0, 0xDD, 0xDE, 0xF0, 0xFD, 0xFE])
# Encodings that a CSV file is met in; others would only win by chance on a short sample.
_CANDIDATES = ["cp1254", "cp1252", "cp1250", "cp1251", "cp1253", "cp1256"]
_ASIAN = ["shift_jis", "gb18030", "euc_kr", "big5"]
_WESTERN = ("cp1254", "cp1252")
_STRANGE_WORD = re.compile(rb"[A-Za-z]*[\x80-\xff][A-Za-z\x80-\xff]*")
_PIECE = 1 << 20


def guess(strange: bytes) -> str:
    """Return the name of the encoding that text with these non-UTF-8 bytes is most likely in.

    charset-normalizer says which encodings give readable text. Of those, Turkish is taken when its
    letters occur, then Western European: a short sample reads as well in half a dozen of them.
    """
    western = _WESTERN if any(byte in _TURKISH for byte in strange) else _WESTERN[::-1]
    # Words alone tell Greek from Cyrillic; signs such as the euro are only in the whole.
    readable = [*_readable(b" ".join(_STRANGE_WORD.findall(strange))), *_readable(strange)]
    preferred = [name for name in western if name in readable]
    return [*preferred, *readable, _last_resort(strange, western)][0]


def _readable(sample: bytes) -> list[str]:
    """Return the encodings in which the sample is readable text, the best first."""
    from charset_normalizer import from_bytes

    matches = from_bytes(sample, cp_isolation=_CANDIDATES + _ASIAN)
    return [name for match in matches for name in match.could_be_from_charset]


def as_utf8(path: Path, survey: Survey, destination: Path) -> tuple[Path, str]:
    """Return a UTF-8 file with newlines, and the encoding it was read in.

    That is the file itself when it is UTF-8 already, else a copy at `destination`.
    """
    encoding = survey.encoding or guess(survey.strange)
    if encoding in ("utf-8", "utf-8-sig") and survey.has_newline:
        return path, encoding
    try:
        # Old Macintosh files end their lines with "\r" alone, which no CSV engine splits at.
        _copy(path, encoding, destination, lone_returns=not survey.has_newline)
    except UnicodeError as error:
        raise UnreadableError(
            f"it is neither UTF-8 nor {encoding} ({error}): save it as UTF-8."
        ) from error
    return destination, encoding


def _copy(path: Path, encoding: str, destination: Path, *, lone_returns: bool) -> None:
    with (
        path.open(encoding=encoding, newline="") as source,
        destination.open("w", encoding="utf-8", newline="") as target,
    ):
        while piece := source.read(_PIECE):
            target.write(piece.replace("\r", "\n") if lone_returns else piece)


def _last_resort(strange: bytes, western: tuple[str, ...]) -> str:
    """Return the first Western encoding that can decode the sample; Latin-1 decodes anything."""
    for name in western:
        try:
            strange.decode(name)
        except UnicodeDecodeError:
            continue
        return name
    return "latin-1"
