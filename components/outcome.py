"""How a run ends, as the last step says it in its log.

On a cluster whoever watches reads it there: Kubeflow Pipelines' API tells no outputs.
"""

from __future__ import annotations

import json

OUTCOME = "outcome: "


def tell(kind: str, sentence: str, version: str | None = None) -> None:
    """Write the outcome as one line: what it is called, why, and of which version."""
    record = {"outcome": kind, "sentence": sentence, "version": version}
    print(f"{OUTCOME}{json.dumps(record, ensure_ascii=False)}", flush=True)
