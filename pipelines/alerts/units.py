"""The units of what is measured: in words for people, and in the words of Prometheus' templates."""

from __future__ import annotations

from enum import StrEnum

_STEPS = ((86_400, "days"), (3600, "h"), (60, "min"))


class Unit(StrEnum):
    """What a value is counted in."""

    SHARE = "share"
    SECONDS = "seconds"
    COUNT = "count"
    BYTES = "bytes"


TEMPLATES = {
    Unit.SHARE: "{{ $value | humanizePercentage }}",
    Unit.SECONDS: "{{ $value | humanizeDuration }}",
    Unit.COUNT: "{{ $value | humanize }}",
    Unit.BYTES: "{{ $value | humanize1024 }}B",
}


def shown(value: float, unit: Unit) -> str:
    """Return a value as people read it: 5.3 %, 1.7 h, 0.8 GB."""
    match unit:
        case Unit.SHARE:
            return f"{100 * value:.1f} %"
        case Unit.SECONDS:
            return duration(value)
        case Unit.BYTES:
            return f"{value / 2**30:.1f} GB"
        case Unit.COUNT:
            return f"{value:.4g}"


def duration(seconds: float) -> str:
    """Return a time in its largest unit of which there are two or more: 0.61 s, 90 s, 3 h."""
    for size, name in _STEPS:
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {name}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"
