"""Whatever is done to a ledger's files, the next reading names the file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from serving.rollout.ledger import LedgerError, StoredLedger
from serving.rollout.record import Entry, Model, Record, file_of, seq_of

MODELS = [Model(str(version), f"file:///models/iris/{version}") for version in range(7)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six records of iris, and one of another service beside it."""
    ledger = StoredLedger(str(tmp_path))
    for version in range(1, 7):
        ledger.append(
            Entry("iris", "promoted", f"r{version}", MODELS[version], MODELS[version - 1])
        )
    ledger.append(Entry("pine", "promoted", "p", MODELS[1]))
    return tmp_path / "iris"


def changed(folder: Path, seq: int, key: str, value: object) -> None:
    """What somebody does who knows the format: a whole, canonical record of other content."""
    path = folder / file_of(seq)
    content = {**json.loads(path.read_bytes()), key: value}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def copied(folder: Path, source: str, name: str) -> None:
    (folder / name).write_bytes((folder / source).read_bytes())


def taken(folder: Path, *seqs: int) -> None:
    for seq in seqs:
        (folder / file_of(seq)).unlink()


def overwritten(folder: Path, name: str, data: bytes) -> None:
    (folder / name).write_bytes(data)


def swapped(folder: Path) -> None:
    third, fourth = folder / file_of(3), folder / file_of(4)
    third.rename(folder / ".x")
    fourth.rename(third)
    (folder / ".x").rename(fourth)


def two_at_once(folder: Path) -> None:
    taken(folder, 2)
    changed(folder, 4, "why", "so")


ZEROS = "0" * 64
FAULTS: list[tuple[str, Callable[[Path], None], list[str]]] = [
    ("a reason", lambda f: changed(f, 3, "why", "it was fine"), ["000003.json was changed"]),
    ("the first's reason", lambda f: changed(f, 1, "why", "so"), ["000001.json was changed"]),
    ("the first's link", lambda f: changed(f, 1, "prev", "1" * 64), ["000001.json was changed"]),
    ("a link", lambda f: changed(f, 3, "prev", ZEROS), ["000003.json was changed"]),
    (
        "the newest's link",
        lambda f: changed(f, 6, "prev", ZEROS),
        ["000005.json or 000006.json was changed"],
    ),
    ("a blank", lambda f: overwritten(f, "000002.json", b" {}"), ["000002.json was changed"]),
    ("an empty file", lambda f: overwritten(f, "000002.json", b""), ["000002.json was changed"]),
    ("no JSON", lambda f: overwritten(f, "000006.json", b"\xff"), ["000006.json was changed"]),
    (
        "deep JSON",
        lambda f: overwritten(f, "000006.json", b"[" * 10**5),
        ["000006.json was changed"],
    ),
    ("no object", lambda f: overwritten(f, "000006.json", b"[1]"), ["000006.json was changed"]),
    ("another format", lambda f: changed(f, 6, "format", 2), ["000006.json was changed"]),
    ("no time", lambda f: changed(f, 6, "at", "yesterday"), ["000006.json was changed"]),
    ("a wrong type", lambda f: changed(f, 6, "step", "2"), ["000006.json was changed"]),
    ("a new key", lambda f: changed(f, 6, "more", 1), ["000006.json was changed"]),
    ("a missing one", lambda f: taken(f, 3), ["000003.json is missing"]),
    ("the first missing", lambda f: taken(f, 1), ["000001.json is missing"]),
    ("three missing", lambda f: taken(f, 2, 3, 4), ["000002.json to 000004.json are missing"]),
    (
        "a copy",
        lambda f: copied(f, "000006.json", "000007.json"),
        ["000007.json is a copy of 0000"],
    ),
    ("a copy over", lambda f: copied(f, "000002.json", "000004.json"), ["000004.json is a copy"]),
    ("a swap", swapped, ["000003.json is a copy of 000004", "000004.json is a copy of 000003"]),
    (
        "a copy of another name",
        lambda f: copied(f, "000003.json", "000003 (1).json"),
        ["000003 (1).json is no record"],
    ),
    ("an unpadded copy", lambda f: copied(f, "000003.json", "3.json"), ["3.json is no record"]),
    ("a stranger", lambda f: overwritten(f, "notes.txt", b"hi"), ["notes.txt is no record"]),
    (
        "another service's",
        lambda f: copied(f, "../pine/000001.json", "000001.json"),
        ["000001.json is of the service pine"],
    ),
    (
        "another namespace's",
        lambda f: changed(f, 6, "namespace", "staging"),
        ["000006.json is of the service iris in staging"],
    ),
    (
        "two at once",
        two_at_once,
        ["000002.json is missing", "000004.json was changed"],
    ),
]


def accused(text: str) -> list[str]:
    """The files that a sentence finds fault with."""
    return re.findall(
        r"(\S+) (?=was changed|is missing|are missing|is a copy|is of|is no record)", text
    )


@pytest.mark.parametrize(
    ("do", "said"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS]
)
def test_a_fault_is_named_with_its_file(
    folder: Path, do: Callable[[Path], None], said: list[str]
) -> None:
    ledger = StoredLedger(str(folder.parent))
    assert len(ledger.chain("iris").records) == 6
    do(folder)
    with pytest.raises(LedgerError, match=re.escape(str(folder))) as caught:
        ledger.chain("iris")
    assert all(each in str(caught.value) for each in said)
    assert accused(str(caught.value)) == accused("; ".join(said))
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("last", [1, 2, 5])
def test_the_newest_records_taken_away_are_missed_by_who_has_the_receipt(
    folder: Path, last: int
) -> None:
    ledger = StoredLedger(str(folder.parent))
    digests = ledger.chain("iris").digests
    taken(folder, *range(last + 1, 7))
    chain = ledger.chain("iris")
    assert chain.holds(f"{last}:{digests[last - 1]}")
    assert not chain.holds(f"6:{digests[5]}")


def test_a_changed_newest_record_is_missed_by_who_has_the_receipt(folder: Path) -> None:
    ledger = StoredLedger(str(folder.parent))
    receipt = f"6:{ledger.chain('iris').digests[5]}"
    changed(folder, 6, "why", "another reason")
    assert not ledger.chain("iris").holds(receipt)


def test_every_single_byte_counts(folder: Path) -> None:
    ledger = StoredLedger(str(folder.parent))
    data = (folder / file_of(3)).read_bytes()
    for place in range(0, len(data), 7):
        flipped = bytearray(data)
        flipped[place] ^= 1
        overwritten(folder, file_of(3), bytes(flipped))
        with pytest.raises(LedgerError, match=r"000003\.json"):
            ledger.chain("iris")


def test_hidden_files_and_what_a_killed_writer_left_are_nobody_s_business(folder: Path) -> None:
    for name in (".DS_Store", ".000007.json.0badcafe.partial"):
        (folder / name).write_bytes(b"x")
    assert len(StoredLedger(str(folder.parent)).chain("iris").records) == 6


@pytest.mark.parametrize(
    ("name", "seq"),
    [
        ("000001.json", 1),
        ("123456.json", 123456),
        ("1234567.json", 1234567),
        ("000000.json", None),
        ("1.json", None),
        ("0000001.json", None),
        ("٠٠٠٠٠١.json", None),
        ("000001.json.json", None),
        ("000001", None),
        (".json", None),
    ],
)
def test_a_name_is_a_number_only_as_it_is_written(name: str, seq: int | None) -> None:
    assert seq_of(name) == seq


def test_a_record_reads_back_to_the_byte(folder: Path) -> None:
    for path in folder.iterdir():
        assert Record.from_bytes(path.read_bytes()).to_bytes() == path.read_bytes()
