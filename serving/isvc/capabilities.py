"""Would the cluster do what a rollout asks of it? Pure: facts and a service, to yes or a refusal.

KServe ignores silently what it does not know: a percent in Standard mode, a canary without the
Gateway API. The traffic would then not go where the state says. So a rollout asks first, and says
what could not be found out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from serving.errors import ServiceError
from serving.isvc.drivers.standard import LONGEST_NAME, least_replicas
from serving.isvc.facts import CONFIG, Facts, Release
from serving.isvc.modes import Mode
from serving.isvc.resource import LIVE_VERSION, ROLLOUT, ServiceView

# What a rollout writes again and again.
STATE_ANNOTATIONS = (ROLLOUT, LIVE_VERSION)
# The newest release whose controller gives canaries pods and no traffic (KServe PR #5912).
NO_WEIGHTS: Release = (0, 20, 0)
_STOP = "serving.kserve.io/stop"
_FROZEN = "serving.kserve.io/disable-auto-update"


class Unsupported(ServiceError):
    """The cluster would ignore what a rollout asks of it; nothing was changed."""


@dataclass(frozen=True)
class Case:
    """A service of this name, in this mode, on this cluster; `view` is None before it is made."""

    name: str
    mode: Mode
    facts: Facts
    view: ServiceView | None = None


@dataclass(frozen=True)
class Fitness:
    """Whether a rollout can be done; `doubts` are what could not be found out."""

    refusal: str | None = None
    doubts: tuple[str, ...] = ()


Rule = Callable[[Case], str | None]


def mode_for(view: ServiceView | None, wished: Mode | None, facts: Facts) -> Mode:
    """Return the mode of a service; of a new one: the wished, else the cluster's, else what fits.

    A mode stays for a service's whole life, so a wish is for services that are still to be made.
    """
    if view is not None and view.mode:
        return view.mode
    by_crds = Mode.STANDARD if facts.knative is False else Mode.KNATIVE
    configured = facts.config.mode if facts.config else None
    return (wished if view is None else None) or configured or by_crds


def fitness(case: Case) -> Fitness:
    """Return the first reason against a rollout, or the doubts that there are."""
    rules = (*_ALWAYS, *(_STANDARD if case.mode is Mode.STANDARD else _KNATIVE))
    refusal = next(filter(None, (rule(case) for rule in rules)), None)
    if refusal:
        return Fitness(f"{case.name}: {refusal}")
    return Fitness(doubts=() if case.facts.local else tuple(_doubts(case)))


def _model_mesh(case: Case) -> str | None:
    if case.mode is not Mode.MODEL_MESH:
        return None
    return "it is in ModelMesh mode, which has no canaries; create it in Knative or Standard mode."


def _halted(case: Case) -> str | None:
    annotations = case.view.annotations if case.view else {}
    for key in (_STOP, _FROZEN):
        if annotations.get(key) == "true":
            return (
                f"KServe does nothing for it while its annotation {key} is true; take it away "
                f"with `kubectl annotate isvc {case.name} {key}-`."
            )
    return None


def _copied_annotations(case: Case) -> str | None:
    config = case.facts.config
    missing = [key for key in STATE_ANNOTATIONS if config and key not in config.kept_out]
    if not missing:
        return None
    effect = {
        Mode.STANDARD: "each change of a rollout's state would restart all of its pods",
        Mode.KNATIVE: "each change of a rollout's state would make a new revision",
    }[case.mode]
    return (
        f"KServe copies our annotations to its pods, so {effect}; put {' and '.join(missing)} into "
        f"serviceAnnotationDisallowedList (key inferenceService of the ConfigMap {CONFIG})."
    )


def _no_knative(case: Case) -> str | None:
    if case.facts.knative is not False:
        return None
    return (
        "it is to be in Knative mode, and this cluster has no Knative Serving "
        "(serving.knative.dev/v1); install it, or create services with "
        "KANARYA_DEPLOYMENT_MODE=standard."
    )


def _ignored_percent(case: Case) -> str | None:
    percent = case.view.canary_percent if case.view else None
    if percent is None:
        return None
    return (
        f"it has canaryTrafficPercent {percent}, which KServe ignores in Standard mode; take it "
        f"away with `kubectl patch isvc {case.name} --type=merge -p "
        '\'{"spec":{"predictor":{"canaryTrafficPercent":null}}}\'`.'
    )


def _unknown_field(case: Case) -> str | None:
    if case.facts.knows_canary is not False:
        return None
    return (
        "this cluster's InferenceService has no spec.canary and would drop it silently; install "
        f"a KServe newer than {_named(NO_WEIGHTS)}, or use Knative mode."
    )


def _no_weights(case: Case) -> str | None:
    release = case.facts.config.release if case.facts.config else None
    if release is None or release > NO_WEIGHTS:
        return None
    return (
        f"KServe {_named(release)} starts the canaries of Standard mode and gives them no traffic; "
        f"install one newer than {_named(NO_WEIGHTS)}, or use Knative mode."
    )


def _no_gateway_api(case: Case) -> str | None:
    config = case.facts.config
    if case.facts.gateway_api is False:
        missing = "has no Gateway API (gateway.networking.k8s.io/v1); install it"
    elif config and config.gateway_api is False:
        missing = f"has ingress.enableGatewayApi off in the ConfigMap {CONFIG}; set it to true"
    else:
        return None
    return f"in Standard mode only the Gateway API splits traffic, and this cluster {missing}."


def _no_replica(case: Case) -> str | None:
    if case.view is None or least_replicas(case.view) > 0:
        return None
    return (
        "its predictor has minReplicas 0, and KServe allows no canary more than that, which would "
        "never be ready; set it to 1 at least."
    )


def _long_name(case: Case) -> str | None:
    if len(case.name) <= LONGEST_NAME:
        return None
    return (
        f"its name has {len(case.name)} letters, and a canary's Service could not be named; in "
        f"Standard mode {LONGEST_NAME} are the most."
    )


_ALWAYS: tuple[Rule, ...] = (_model_mesh, _halted, _copied_annotations)
_KNATIVE: tuple[Rule, ...] = (_no_knative,)
_STANDARD: tuple[Rule, ...] = (
    _ignored_percent,
    _unknown_field,
    _no_weights,
    _no_gateway_api,
    _no_replica,
    _long_name,
)


def _doubts(case: Case) -> Iterator[str]:
    """Yield what a person should look at, since this account may not."""
    facts, standard = case.facts, case.mode is Mode.STANDARD
    if facts.config is None:
        also = ", and whether ingress.enableGatewayApi is on" if standard else ""
        yield (
            f"the ConfigMap {CONFIG} could not be read ({facts.unread}), so it is not known "
            f"whether KServe keeps {' and '.join(STATE_ANNOTATIONS)} out of its pods{also}"
        )
    if standard and facts.knows_canary is None:
        yield "this cluster does not tell whether its InferenceService has spec.canary"
    if standard and (facts.config is None or facts.config.release is None):
        yield f"it is not known whether KServe is newer than {_named(NO_WEIGHTS)}"


def _named(release: Release) -> str:
    return f"v{'.'.join(map(str, release))}"
