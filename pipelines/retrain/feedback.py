"""What labels that came in later say of a live version."""

from __future__ import annotations

import json
import math
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from pipelines.retrain.rules import Measured
from serving.errors import PlatformError

PATIENCE_S = 10.0


def measured(url: str, name: str, version: str) -> dict[str, Measured]:
    """Return the metrics of a version by name; none where the model keeps no labels.

    Raises PlatformError where the service at `url` does not answer.
    """
    address = f"{url}/v2/models/{name}/feedback"
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:
            told = json.load(answer)
        return _of_version(told["versions"].get(version) or {})
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return {}
        raise PlatformError(f"{address} answers {error.code}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PlatformError(f"{address} tells no metrics ({error})") from error


def _of_version(told: Mapping[str, Any]) -> dict[str, Measured]:
    labels = int(told.get("labels", 0))
    metrics = told.get("metrics") or {}
    return {
        name: Measured(float(each["value"]), float(each["low"]), _bound(each["high"]), labels)
        for name, each in metrics.items()
    }


def _bound(high: float | None) -> float:
    """Return an interval's end; a single label bounds no error, which is null."""
    return math.inf if high is None else float(high)
