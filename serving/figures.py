"""Numbers for people: four digits that count, written out."""

from __future__ import annotations

_WRITTEN_OUT = 9999.5, 1e15


def figure(value: float) -> str:
    """Return a number with four significant digits, a large one as 245,100 and not 2.451e+05."""
    least, most = _WRITTEN_OUT
    if not least <= abs(value) < most:
        return f"{value:.4g}"
    return f"{float(f'{value:.4g}'):,.0f}"
