"""The part of a spec that says how careful a rollout is; every pipeline that deploys has it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ErrorRate(_Part):
    """Guard on failed answers."""

    max_increase: float = Field(0.02, ge=0.001, le=0.9, description="tolerated canary minus stable")


class Latency(_Part):
    """Guard on slow answers."""

    max_ratio: float = Field(1.5, ge=1, le=100, description="tolerated canary p95 / stable p95")


class Disagreement(_Part):
    """Guard on the labels, row by row, before the canary gets any traffic."""

    max: float = Field(
        0.2, ge=0.001, le=1, description="share of the shadow's rows that may differ"
    )


class ClassShift(_Part):
    """Guard on what is predicted how often."""

    max: float = Field(0.2, ge=0.001, le=1, description="difference of the shares, added up")


class Confidence(_Part):
    """Guard on how sure the model is."""

    max_drop: float = Field(0.2, ge=0.001, le=1, description="mean confidence, stable minus canary")


class Guards(_Part):
    """What a canary is judged by."""

    error_rate: ErrorRate = ErrorRate()
    latency_p95: Latency = Latency()
    disagreement: Disagreement = Disagreement()
    class_shift: ClassShift = ClassShift()
    confidence: Confidence = Confidence()


class Shadow(_Part):
    """What both versions are asked before the new one gets any traffic."""

    requests: int = Field(100, ge=0, le=10**5, description="rows that both are asked; 0: none")


def _approval(value: object) -> object:
    listed = isinstance(value, list | tuple) and all(type(each) in (int, float) for each in value)
    if not isinstance(value, bool) and not listed:
        raise ValueError("say true, false or which percents, as [50, 100]")
    return value


Approval = Annotated[bool | tuple[int, ...], BeforeValidator(_approval)]


class Rollout(_Part):
    """How a new version takes over from the one that serves."""

    steps: tuple[int, ...] = Field((10, 25, 50, 100), description="canary shares in percent")
    min_requests: int = Field(50, ge=1, le=10**7, description="canary requests per step")
    max_seconds: float = Field(600.0, ge=0.1, le=7 * 86400, description="longest wait per step")
    alpha: float = Field(
        0.05, ge=1e-6, le=0.5, description="share of good versions that chance may roll back"
    )
    guards: Guards = Guards()
    shadow: Shadow = Shadow()
    approve: Approval = Field(
        False, description="percents that a person must let it go on to; true: every one"
    )
    on_inconclusive: Literal["hold", "promote", "abort"] = Field(
        "hold", description="what to do when a step ends without enough evidence"
    )

    @model_validator(mode="after")
    def _check(self) -> Rollout:
        increasing = all(a < b for a, b in zip(self.steps, self.steps[1:], strict=False))
        if not self.steps or not increasing or self.steps[0] < 1 or self.steps[-1] != 100:
            raise ValueError(f"steps {list(self.steps)} must rise from at least 1 to 100")
        unknown = sorted(set(self.approved) - set(self.steps))
        if unknown:
            raise ValueError(f"approve: {unknown[0]} is no step of {list(self.steps)}")
        return self

    @property
    def approved(self) -> tuple[int, ...]:
        """The percents that a person must let it go on to."""
        if isinstance(self.approve, bool):
            return self.steps if self.approve else ()
        return self.approve


def rollout_arguments(rollout: Rollout) -> dict[str, Any]:
    """Return the parameters of a compiled pipeline for this rollout."""
    guards = rollout.guards
    return {
        "rollout_steps": list(rollout.steps),
        "rollout_min_requests": rollout.min_requests,
        "rollout_max_seconds": rollout.max_seconds,
        "rollout_alpha": rollout.alpha,
        "rollout_max_error_increase": guards.error_rate.max_increase,
        "rollout_max_latency_ratio": guards.latency_p95.max_ratio,
        "rollout_shadow_requests": rollout.shadow.requests,
        "rollout_max_disagreement": guards.disagreement.max,
        "rollout_max_class_shift": guards.class_shift.max,
        "rollout_max_confidence_drop": guards.confidence.max_drop,
        "rollout_approve": list(rollout.approved),
        "rollout_on_inconclusive": rollout.on_inconclusive,
    }
