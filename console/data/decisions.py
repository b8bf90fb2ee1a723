"""The decision on one rollout: from the ledger, with what MLflow has on record of the version."""

from __future__ import annotations

from typing import Any

from console.data.child import in_child
from console.data.models import Models
from console.texts import Texts, documents
from serving.errors import KanaryaError
from serving.pages.page import html
from serving.rollout.card.build import card
from serving.rollout.decision import decision
from serving.rollout.ledger import StoredLedger

LONGEST_S = 30.0
"""Nobody looks at an empty window any longer."""


def decided(models: Models, name: str, rollout: str) -> dict[str, Any]:
    """Return the decision, by the beginning of the rollout's id; it takes two seconds.

    Where MLflow is away, or silent for `LONGEST_S`, it holds what the ledger knows. Raises NotFound
    for a model that there is not, UsageError for a rollout, LedgerError for a damaged ledger.
    """
    models.one(name)
    known = decision(models.chain(name), rollout)
    try:
        ledger = models.ledger
        return in_child(models.settings, recorded, name, rollout, ledger, limit_s=LONGEST_S)
    except KanaryaError:
        return known


def recorded(name: str, rollout: str, ledger: StoredLedger) -> dict[str, Any]:
    """Return the decision with all that is recorded; for a process of its own."""
    from components.decisions import decided as found

    return found(ledger.chain(name), rollout)


def page(found: dict[str, Any], texts: Texts) -> str:
    """Return the decision card as one HTML file, in the language of whoever looks."""
    return html(card(found), texts.language, documents.teller(texts))
