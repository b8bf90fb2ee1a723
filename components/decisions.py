"""The decision on a rollout with all that is on record of its version, and where it is kept.

It is kept on the MLflow run that the version comes from, as `decision.json` for programs and
`decision.html` for people, and the registry's version points there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from components import registry, tracking
from components.recorded import recorded
from serving.pages.page import html
from serving.rollout.card.build import card
from serving.rollout.chain import Chain
from serving.rollout.decision import decision

CARD = "kanarya.decision"
"""The version's tag that says where its card is."""


def decided(chain: Chain, rollout: str | None = None) -> dict[str, Any]:
    """Return the decision on a rollout of a ledger, by the beginning of its id; the newest without.

    Raises UsageError where there is no such rollout, TrackingError where MLflow is away.
    """
    found = decision(chain, rollout)
    return decision(chain, rollout, recorded(found["service"], found["to"]["version"]))


def keep(found: Mapping[str, Any]) -> None:
    """Put the decision and its card on the run of the version; nowhere where that is not known."""
    run_id = found["version"].get("kanarya.run_id")
    if not run_id:
        return
    text = json.dumps(found, indent=2, ensure_ascii=False)
    tracking.log_file(run_id, text, "decision.json")
    tracking.log_file(run_id, html(card(found)), "decision.html")
    where = {CARD: f"runs:/{run_id}/decision.html"}
    registry.set_tags(found["service"], found["to"]["version"], where)
