from __future__ import annotations

import pytest

from scripts.bench.load import Answer
from scripts.bench.looking_cost import Cost, Pace, Turn, mean_of
from scripts.bench.rollout import loss_figures, require_both
from scripts.bench.split_changes import Change, Loss, knative_changes, standard_changes
from serving.errors import PlatformError

MODELS = ["file:///m/2", "file:///m/3"]


@pytest.mark.parametrize(
    "changes", [list(knative_changes(MODELS)), list(standard_changes("iris", MODELS))]
)
def test_there_are_twenty_changes_in_each_mode(changes: list[Change]) -> None:
    assert len(changes) == 20


def test_among_the_changes_are_promotions_and_rollbacks() -> None:
    knative = [change.spec["predictor"] for change in knative_changes(MODELS)]
    percents = [each.get("canaryTrafficPercent", "none") for each in knative]
    assert (percents.count(None), percents.count(0), percents.count("none")) == (3, 5, 1)
    standard = [change.spec for change in standard_changes("iris", MODELS)]
    promoted = [s["predictor"]["name"] for s in standard if s.get("predictor", {}).get("name")]
    assert promoted == ["v2", "v4"]
    assert len([s for s in standard if s.get("canary") == [] and "predictor" not in s]) == 2
    assert len([s for s in standard if "canary" not in s]) == 2  # rolling updates


def test_a_promotion_names_the_model_of_its_canary() -> None:
    standard = [change.spec for change in standard_changes("iris", MODELS)]
    canary, promoted = standard[4]["canary"][0]["predictor"], standard[5]["predictor"]
    assert canary["model"] == promoted["model"]


def turn(alone: float, observed: float) -> Turn:
    """A gateway that is always busy: its time for a request is what the rate leaves."""
    return Turn(Pace(alone, 1 / alone), Pace(observed, 1 / observed))


def test_the_cost_is_the_geometric_mean_of_the_turns_with_its_upper_limit() -> None:
    turns = [turn(100, 99), turn(200, 196), turn(50, 50), turn(100, 100)]
    cost = Cost(turns, 0.005, 0.03)
    mean = (0.99 * 0.98) ** 0.25
    assert cost.ratios() == {
        "observed/alone_throughput": pytest.approx(mean),
        "observed/alone_requests_a_core": pytest.approx(mean),
    }
    # the logarithms' mean -0.00756 and standard error 0.00481, z(0.95) = 1.645
    most = pytest.approx(0.0153, abs=2e-4)
    assert cost.figures() == {
        "alone_per_s": 100,
        "observed_per_s": 99.5,
        "alone_gateway_us": 10_000,
        "throughput_costs": round(1 - mean, 4),
        "throughput_costs_at_most": most,
        "gateway_costs": round(1 - mean, 4),
        "gateway_costs_at_most": most,
        "costs_limit": 0.02,
        "turns": 4,
        "looking_platform_core": 0.005,
        "looking_rollout_core": 0.03,
    }


def test_a_single_turn_has_no_interval() -> None:
    single = mean_of([0.99])
    assert (single.value, single.least) == pytest.approx((0.99, float("nan")), nan_ok=True)


def test_every_mode_has_its_losses() -> None:
    bad = Answer(502, 0.1, "", "no answer")
    losses = [Loss("Knative", 20, 10_000, ()), Loss("Standard", 20, 10_001, (bad,))]
    figures = loss_figures(losses)
    assert (figures["knative_lost"], figures["standard_lost"]) == (0, 1)
    assert "no answer" in losses[1].sentence()


@pytest.mark.parametrize(
    "answers",
    [
        [Answer(200, 0.1, "r1")],
        [Answer(200, 0.1, "r1"), Answer(503, 0.1, "r2")],
    ],
)
def test_a_measurement_without_a_real_split_is_none(answers: list[Answer]) -> None:
    with pytest.raises(PlatformError):
        require_both(answers)
