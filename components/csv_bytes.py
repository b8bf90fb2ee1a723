"""What a file is made of: its digest, its encoding, lines of a bounded length; or a refusal.

Everything here reads in pieces of about 1 MB, so that a line without an end costs 10 MB at most.
Messages start behind the name of the file, which the ingest step puts in front of them.
"""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from components.errors import MalformedError, UnreadableError

LINE_LIMIT = 10_000_000
CHUNK = 1 << 20
SAMPLE = 1 << 16

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"\x89HDF", "an HDF5 file"),
    (b"SQLite format 3", "a SQLite database"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x7fELF", "a program"),
    (b"<!doctype html", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<?xml", "an XML file"),
    (b'{"', "a JSON file"),
    (b"[{", "a JSON file"),
    (b"[\n", "a JSON file"),
)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before the next one, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Survey:
    """What one look at all bytes tells; `strange` is a sample of what is not UTF-8."""

    sha256: str
    size: int
    encoding: str | None
    strange: bytes
    has_newline: bool


def survey(path: Path) -> Survey:
    """Return what the file is made of, in bounded memory.

    Raises UnreadableError for what is not text and MalformedError for a line over LINE_LIMIT.
    """
    with path.open("rb") as file:
        return surveyed(file)


def surveyed(file: BinaryIO) -> Survey:
    """Return what an open file is made of; raise as `survey`."""
    head = file.read(SAMPLE)
    refuse_signature(head)
    file.seek(0)
    return _survey_lines(file, _encoding_by_head(head))


def whole_lines(file: BinaryIO, number: int = 1, size: int = CHUNK) -> Iterator[tuple[int, bytes]]:
    """Yield (number of its first line, bytes of whole lines), about `size` bytes at a time.

    `number`: of the line where the file stands now.
    """
    while chunk := file.read(size):
        started = chunk.rfind(b"\n") + 1
        if started < len(chunk):
            rest = file.readline(LINE_LIMIT + 1)
            if len(chunk) - started + len(rest) > LINE_LIMIT:
                raise _endless(number + chunk.count(b"\n"))
            chunk += rest
        yield number, chunk
        number += chunk.count(b"\n")


def _survey_lines(file: BinaryIO, encoding: str | None) -> Survey:
    digest, size, strange, has_newline = hashlib.sha256(), 0, b"", False
    for _, chunk in whole_lines(file):
        digest.update(chunk)
        if not (encoding or "").startswith(("utf-16", "utf-32")):
            _refuse_nul(chunk, size)
            strange = strange or _strange(chunk)
        size += len(chunk)
        has_newline = has_newline or b"\n" in chunk
    known = encoding or (None if strange else "utf-8")
    return Survey(digest.hexdigest(), size, known, strange, has_newline)


def _strange(chunk: bytes) -> bytes:
    """Return the bytes around the first one that is not UTF-8; b"" when all are."""
    try:
        chunk.decode("utf-8")
    except UnicodeDecodeError as error:
        return chunk[max(0, error.start - SAMPLE // 4) : error.start + SAMPLE]
    return b""


def _encoding_by_head(head: bytes) -> str | None:
    """Return the encoding that a byte order mark or the places of the NUL bytes give away."""
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    even, odd = head[0::2], head[1::2]
    if even and odd and odd.count(0) > 0.4 * len(odd) and even.count(0) < 0.05 * len(even):
        return "utf-16-le"
    if even and odd and even.count(0) > 0.4 * len(even) and odd.count(0) < 0.05 * len(odd):
        return "utf-16-be"
    return None


def refuse_signature(head: bytes) -> None:
    """Raise UnreadableError for a file that is empty or of another kind by its first bytes."""
    if not head.removeprefix(codecs.BOM_UTF8).strip():
        raise UnreadableError("it is empty: give a CSV file with a header and rows.")
    for magic, what in _SIGNATURES:
        if head[: len(magic)].lower() == magic.lower():
            raise UnreadableError(f"it looks like {what}, not a CSV file: export it as CSV.")


def _refuse_nul(chunk: bytes, before: int) -> None:
    at = chunk.find(b"\0")
    if at >= 0:
        raise UnreadableError(
            f"it holds a NUL byte at offset {before + at:,}, so it is a binary file and not "
            "a CSV file: export it as CSV."
        )


def _endless(line: int) -> MalformedError:
    return MalformedError(
        f"line {line:,} is longer than {LINE_LIMIT:,} bytes, the limit of a line: "
        "export the table as CSV, one row a line."
    )
