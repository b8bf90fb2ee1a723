import pytest

from serving.figures import figure


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.96491, "0.9649"),
        (0.0, "0"),
        (-12.345678, "-12.35"),
        (9999.4, "9999"),
        (9999.5, "10,000"),
        (245_123.4, "245,100"),
        (-1_999_999.0, "-2,000,000"),
        (1.25e-7, "1.25e-07"),
        (3e20, "3e+20"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
    ],
)
def test_a_figure_has_four_digits_and_is_written_out(value: float, said: str) -> None:
    assert figure(value) == said
