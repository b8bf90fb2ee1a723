"""Decide about a model, wherever it is live; its data is looked at last, since that costs most."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from pipelines.retrain.rules import Data, Decision, Facts, decide

if TYPE_CHECKING:
    from pipelines.retrain_spec import Retrain


class Subject(Protocol):
    """A live model, of which all can be known that a decision needs."""

    @property
    def policy(self) -> Retrain:
        """When it is to be trained again."""

    def facts(self, now: datetime) -> Facts:
        """Return what is known at this moment, with the data only where the policy wants that.

        Raises KanaryaError where something cannot be known.
        """

    def data(self) -> Data:
        """Return what its data is now. Raises KanaryaError where it cannot be read."""


def decided(subject: Subject, now: datetime, asked_by: str = "") -> tuple[Decision, Facts]:
    """Return the decision and what it was made on; `asked_by`: a person who wants it now."""
    facts = subject.facts(now)
    decision = decide(subject.policy, facts, asked_by)
    if decision.verdict == "retrain" and facts.data is None:
        facts = replace(facts, data=subject.data())
        decision = decide(subject.policy, facts, asked_by)
    return decision, facts
