"""The address of a view of the runs, and what it asks for."""

from __future__ import annotations

import pytest

from console.data.run_query import View, address, parse
from pipelines.run_table import Query


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (View(), "/"),
        (View(Query(models=frozenset({"iris", "wine"}))), "/?model=iris&model=wine"),
        (View(Query(text="a b&c", sort="log_loss")), "/?text=a+b%26c&sort=log_loss&order=desc"),
        (View(Query(descending=False)), "/?sort=started&order=asc"),
        (View(number=3, size=100), "/?page=3&size=100"),
        (View(Query(data=frozenset({"ı,ş.csv"}))), "/?data=%C4%B1%2C%C5%9F.csv"),
    ],
)
def test_a_view_and_its_address_are_the_same(view: View, said: str) -> None:
    from urllib.parse import parse_qsl

    assert address(view) == said
    assert parse(parse_qsl(said[2:])) == view


@pytest.mark.parametrize(
    ("items", "view"),
    [
        ([("page", "0")], View()),
        ([("page", "-3"), ("size", "7")], View()),
        ([("page", "99999999999999999999")], View()),
        ([("size", "1000000")], View()),
        ([("order", "sideways"), ("sort", "")], View()),
        ([("model", ""), ("who", "<script>")], View()),
        ([("page", "²")], View()),
        ([("text", "x" * 900)], View(Query(text="x" * 200))),
    ],
)
def test_what_makes_no_sense_is_as_if_it_were_not_there(
    items: list[tuple[str, str]], view: View
) -> None:
    assert parse(items) == view


@pytest.mark.parametrize(("total", "number"), [(0, 1), (50, 1), (51, 2), (1000, 9)])
def test_a_page_after_the_last_is_the_last(total: int, number: int) -> None:
    assert View(number=9).within(total).number == number
