"""A null among a pipeline's parameters, which have none: it travels as the text `null`.

It says something that leaving the hyperparameter out does not say: `max_leaf_nodes: null` is a tree
without a limit, and the default is 31 leaves. No hyperparameter has the text as a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NULL = "null"


def sent(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values as a parameter of the pipeline; kfp.local refuses a None."""
    return {name: NULL if value is None else value for name, value in values.items()}


def received(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that were sent; a None of another engine stays one."""
    return {name: None if value == NULL else value for name, value in values.items()}
