"""What a model answers with: its label and its probabilities, both or one; or its number."""

from __future__ import annotations

OUTPUTS = ("label", "probabilities")
"""Every output of a classifier, in the order of an answer; by default it holds them all."""

NUMBER = ("prediction",)
"""The one output of a model that answers with a number."""

Outputs = tuple[str, ...]
"""Some of `OUTPUTS`, in their order; never none. Or `NUMBER`."""

CHOICES: tuple[Outputs, ...] = (OUTPUTS, ("label",), ("probabilities",), NUMBER)
"""What an answer may hold by default."""


def named(words: str) -> Outputs:
    """Return the outputs of a comma-separated list; raise `ValueError` where one is unknown."""
    wanted = words.split(",")
    if len({*wanted}) != len(wanted) or not {*wanted} <= {*OUTPUTS}:
        raise ValueError(
            f"{words!r} names an output that is unknown, or one twice; "
            f"there are {' and '.join(OUTPUTS)}, separated by a comma."
        )
    return tuple(name for name in OUTPUTS if name in wanted)
