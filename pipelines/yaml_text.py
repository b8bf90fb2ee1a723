"""YAML as people write it: its value, or in one line why it has none."""

from __future__ import annotations

import yaml

from serving.errors import UsageError


def value_of(text: str) -> object:
    """Return what a text says. Raises UsageError saying what is wrong with it, and no more."""
    try:
        return yaml.safe_load(text)
    except RecursionError as error:
        raise UsageError("it is nested too deeply") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: of the 45th of a 13th month
        raise UsageError(" ".join(str(error).split())) from error
