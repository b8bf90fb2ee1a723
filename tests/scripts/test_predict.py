"""`kanarya predict`: every kind of file asks the same, and what cannot be asked is one sentence."""

import base64
import gzip
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scripts.asked import Question, Wanted, questions
from scripts.predict import answers
from serving.errors import KanaryaError, UsageError
from tests.serving import imagedirs
from tests.serving.predictor.running import Predictor, tensor

PEOPLE = Wanted(
    "mixed", {"age": "FP64", "visits": "INT64", "member": "BOOL", "town": "BYTES"}, False
)
PETS = Wanted("pets", {"image": "UINT8"}, True)
ROWS: list[dict[str, Any]] = [
    {"age": 30.5, "visits": 2, "member": True, "town": "İzmir"},
    {"age": None, "visits": 3, "member": False, "town": "Şırnak"},
]
CSV = "town,left,age,visits,member\nİzmir,x,30.5,2,true\nŞırnak,y,,3,FALSE\n"
V2 = {
    "inputs": [
        tensor("age", "FP32", [30.5, None]),
        tensor("visits", "INT64", [2, 3]),
        tensor("member", "BOOL", [True, False]),
        tensor("town", "BYTES", ["İzmir", "Şırnak"]),
    ]
}
PNG = imagedirs.file(imagedirs.pixels(imagedirs.SMALL, 1)[0])


def parquet(rows: list[dict[str, Any]]) -> bytes:
    stream = io.BytesIO()
    pl.DataFrame(rows).write_parquet(stream)
    return stream.getvalue()


def as_json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


TABLES: dict[str, bytes] = {
    "csv": CSV.encode(),
    "semicolons and commas, in Windows-1254": CSV.replace("30.5", "30;5")
    .replace(",", ";")
    .replace("30;5", "30,5")
    .encode("cp1254"),
    "packed": gzip.compress(CSV.encode()),
    "parquet": parquet([{**row, "left": 1} for row in ROWS]),
    "records": as_json([{**row, "left": 1} for row in ROWS]),
    "a record a line": b"\n".join(map(as_json, ROWS)) + b"\n",
    "a body of V1": as_json({"instances": ROWS}),
}


def asked(data: bytes, wanted: Wanted, home: Path, limit: int = 0) -> list[Question]:
    (home / "data").write_bytes(data)
    return list(questions(home / "data", wanted, limit, home))


@pytest.mark.parametrize("data", TABLES.values(), ids=TABLES.keys())
@pytest.mark.parametrize("limit", [0, 1, 5])
def test_every_kind_of_table_asks_the_same(data: bytes, limit: int, tmp_path: Path) -> None:
    (question,) = asked(data, PEOPLE, tmp_path, limit)
    assert question == Question("v1", {"instances": ROWS[: limit or None]})


def test_a_body_of_v2_goes_as_it_is_and_is_cut(tmp_path: Path) -> None:
    assert asked(as_json(V2), PEOPLE, tmp_path) == [Question("v2", V2)]
    (question,) = asked(as_json(V2), PEOPLE, tmp_path, 1)
    assert [each["data"] for each in question.body["inputs"]] == [[30.5], [2], [True], ["İzmir"]]
    assert [each["shape"] for each in question.body["inputs"]] == [[1]] * 4
    flat = {"inputs": [tensor("image", "UINT8", [*range(12)], [3, 2, 2, 1])]}
    (question,) = asked(as_json(flat), PETS, tmp_path, 2)
    assert question.body["inputs"] == [tensor("image", "UINT8", [*range(8)], [2, 2, 2, 1])]


def test_a_large_table_is_asked_in_parts(tmp_path: Path) -> None:
    text = "size\n" + "".join(f"{number}\n" for number in range(1201))
    found = asked(text.encode(), Wanted("house", {"size": "FP64"}, False), tmp_path)
    sizes = [[row["size"] for row in each.body["instances"]] for each in found]
    assert [*map(len, sizes)] == [500, 500, 201]
    assert [size for each in sizes for size in each] == [*map(float, range(1201))]


def test_a_picture_and_a_folder_of_them_are_asked_one_by_one(tmp_path: Path) -> None:
    body = {"instances": [{"b64": base64.b64encode(PNG).decode()}]}
    assert asked(PNG, PETS, tmp_path) == [Question("v1", body, "data")]
    (tmp_path / "many" / "cats").mkdir(parents=True)
    for name in ("cats/b.PNG", "cats/a.png", "notes.txt"):
        (tmp_path / "many" / name).write_bytes(PNG)
    found = list(questions(tmp_path / "many", PETS, 0, tmp_path))
    assert found == [Question("v1", body, "cats/a.png"), Question("v1", body, "cats/b.PNG")]
    assert list(questions(tmp_path / "many", PETS, 1, tmp_path)) == found[:1]


def test_pictures_as_numbers_are_asked_in_small_parts(tmp_path: Path) -> None:
    found = asked(as_json([[[[0]]]] * 20), PETS, tmp_path)
    assert [len(each.body["instances"]) for each in found] == [16, 4]


REFUSED: dict[str, tuple[bytes, Wanted, str]] = {
    "nothing": (b"", PEOPLE, "it is empty"),
    "a column is missing": (b"age,visits\n1,2\n", PEOPLE, "it has no column 'member'"),
    "a record without it": (b'[{"age": 1}]', PEOPLE, "it has no column 'visits'"),
    "a word for a number": (
        b"age,visits,member,town\nold,2,true,a\n",
        PEOPLE,
        "column 'age' holds 'old' where the model wants a number",
    ),
    "a ragged row": (b"age,visits,member,town\n1,2,true\n", PEOPLE, "line 2 has 3 cells"),
    "prose": (
        b"# Kanarya\n\nKanarya, a bird, sings\n",
        PEOPLE,
        "line 3 has 3 cells where the header",
    ),
    "no JSON": (b'{"instances": [', PEOPLE, "it is not valid JSON"),
    "JSON in another encoding": ('["ş"]'.encode("cp1254"), PEOPLE, "byte 2 is not"),
    "no instances": (b'{"instances": []}', PEOPLE, "it has no instances"),
    "no Parquet": (b"PAR1 and no more", PEOPLE, "it cannot be read"),
    "a workbook": (b"PK\x03\x04", PEOPLE, "an Excel workbook"),
    "a picture to a table": (PNG, PEOPLE, "it is a picture, and mixed takes columns (age, "),
    "a table to pictures": (CSV.encode(), PETS, "it is a table, and pets takes pictures"),
}


@pytest.mark.parametrize(("data", "wanted", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_asked_is_one_sentence(
    data: bytes, wanted: Wanted, said: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as refused:
        asked(data, wanted, tmp_path)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_folder_without_pictures_and_one_for_a_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no picture"):
        list(questions(tmp_path, PETS, 0, tmp_path))
    with pytest.raises(UsageError, match="it is a folder, and mixed takes columns"):
        list(questions(tmp_path, PEOPLE, 0, tmp_path))


def test_tensors_that_are_none_cannot_be_cut(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no tensors with name"):
        asked(b'{"inputs": [3]}', PEOPLE, tmp_path, 1)


@pytest.fixture(scope="module")
def people(mixed_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Predictor]:
    log = tmp_path_factory.mktemp("log") / "log"
    with Predictor(mixed_model_dir, "mixed", log) as predictor:
        yield predictor.wait()


@pytest.mark.e2e
def test_every_kind_of_file_gets_the_same_answers(people: Predictor, tmp_path: Path) -> None:
    towns = {"İzmir": "Izmir"}  # the model of the tests knows no dotted capital
    found = []
    for number, (name, data) in enumerate({**TABLES, "v2": as_json(V2)}.items()):
        encoding = "cp1254" if "1254" in name else "utf-8"
        if name not in ("packed", "parquet"):
            data = data.decode(encoding).replace("İzmir", towns["İzmir"]).encode(encoding)
        elif name == "packed":
            data = gzip.compress(CSV.replace("İzmir", "Izmir").encode())
        else:
            data = parquet([{**row, "town": towns.get(row["town"], row["town"])} for row in ROWS])
        path = tmp_path / str(number)
        path.write_bytes(data)
        found.append(list(answers(people.url, "mixed", str(path))))
    assert len(found[0]) == 2
    assert [line["prediction"] in (0, 1) for line in found[0]] == [True, True]
    assert {*found[0][0]} == {"prediction", "probabilities", "version"}
    assert {*found[0][0]["probabilities"]} == {"0", "1"}
    for each in found[1:]:
        assert each == found[0]


@pytest.mark.e2e
def test_only_the_named_output_is_told(people: Predictor, tmp_path: Path) -> None:
    asked_for = json.loads(json.dumps(V2).replace("\\u0130zmir", "Izmir"))
    for name, key in (("label", "prediction"), ("probabilities", "probabilities")):
        path = tmp_path / f"{name}.json"
        path.write_bytes(as_json({**asked_for, "outputs": [{"name": name}]}))
        lines = list(answers(people.url, "mixed", str(path)))
        assert [{*line} for line in lines] == [{key, "version"}] * 2


@pytest.mark.e2e
def test_standard_input_is_read_and_what_is_wrong_names_it(
    people: Predictor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def typed(data: bytes) -> io.TextIOWrapper:
        return io.TextIOWrapper(io.BytesIO(data))

    monkeypatch.setattr(sys, "stdin", typed(CSV.replace("İzmir", "Izmir").encode()))
    assert len(list(answers(people.url, "mixed", "-", 1))) == 1
    monkeypatch.setattr(sys, "stdin", typed(b""))
    with pytest.raises(UsageError, match="^standard input: it is empty"):
        list(answers(people.url, "mixed", "-"))
    with pytest.raises(UsageError, match="no.csv cannot be read: No such file or directory"):
        list(answers(people.url, "mixed", str(tmp_path / "no.csv")))
    (tmp_path / "r.json").write_bytes(as_json([{**ROWS[0], "town": "Ankara", "visits": "many"}]))
    with pytest.raises(KanaryaError, match="the model answered 400: .*visits"):
        list(answers(people.url, "mixed", str(tmp_path / "r.json")))


@pytest.mark.e2e
def test_pictures_get_an_answer_each_and_the_wrong_one_is_named(tmp_path: Path) -> None:
    from serving.artifact import publish

    publish(imagedirs.build(tmp_path / "packaged", "pets"), tmp_path / "1", "1")
    folder = tmp_path / "pictures"
    folder.mkdir()
    pixels = imagedirs.pixels(imagedirs.SMALL, 3)
    for number, each in enumerate(pixels):
        (folder / f"{number}.png").write_bytes(imagedirs.file(each))
    tensors = {"inputs": [tensor("image", "UINT8", pixels.ravel().tolist(), [*pixels.shape])]}
    (tmp_path / "v2.json").write_bytes(as_json(tensors))
    with Predictor(tmp_path / "1", "pets", tmp_path / "log") as predictor:
        predictor.wait()
        found = list(answers(predictor.url, "pets", str(folder)))
        assert [line["file"] for line in found] == ["0.png", "1.png", "2.png"]
        assert {line["prediction"] for line in found} <= set(imagedirs.LABELS)
        same = list(answers(predictor.url, "pets", str(tmp_path / "v2.json")))
        assert same == [{key: line[key] for key in line if key != "file"} for line in found]
        (folder / "large.png").write_bytes(imagedirs.file(pixels[0].repeat(2, axis=0)))
        with pytest.raises(KanaryaError, match="large.png: the model answered 400"):
            list(answers(predictor.url, "pets", str(folder)))
