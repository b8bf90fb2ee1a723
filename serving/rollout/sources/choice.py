"""Which source tells of a service: what the settings say, else what there is."""

from __future__ import annotations

from serving.isvc.resource import METRICS_URL, ServiceView
from serving.rollout.observation import NotMeasured, Observation
from serving.rollout.sources.fetching import Limits
from serving.rollout.sources.gateway import GatewaySource
from serving.rollout.sources.predictors import PredictorSource
from serving.rollout.sources.prometheus import PrometheusSource, Server
from serving.rollout.sources.promql import PREDICTIONS, REQUESTS
from serving.rollout.sources.source import Addresses, Source, tag_addresses
from serving.rollout.sources.together import Together
from serving.settings import Settings

BESIDE = Limits(timeout_s=0.5, largest=4 << 20)
"""For a predictor's page where the gateway has told of the requests already."""


def kind_for(view: ServiceView, settings: Settings) -> str:
    """Return gateway, prometheus or predictors.

    The setting KANARYA_METRICS, else the local gateway where the service is annotated with its
    address, else Prometheus where one is configured, else the predictors' own pages.
    """
    if settings.metrics:
        return settings.metrics
    if view.annotations.get(METRICS_URL):
        return "gateway"
    return "prometheus" if settings.prometheus_url else "predictors"


def source_for(
    view: ServiceView, settings: Settings, addresses: Addresses = tag_addresses
) -> Source:
    """Return a new source for a service; it remembers what it saw, so keep it for a rollout."""
    match kind_for(view, settings):
        case "gateway":
            return Together(GatewaySource(), PredictorSource(addresses, BESIDE))
        case "prometheus":
            return _prometheus(settings, addresses)
        case _:
            return PredictorSource(addresses)


def _prometheus(settings: Settings, addresses: Addresses) -> Source:
    server = Server(
        settings.prometheus_url, settings.prometheus_token_file, settings.prometheus_ca_file
    )
    return Together(
        PrometheusSource(server, REQUESTS, addresses),
        PrometheusSource(server, (PREDICTIONS,), addresses),
    )


class ChosenSource:
    """The source that fits the service that is looked at, kept as long as the choice is the same.

    Without settings they are read from the environment at the first look.
    """

    def __init__(
        self, settings: Settings | None = None, addresses: Addresses = tag_addresses
    ) -> None:
        self._settings, self._addresses = settings, addresses
        self._chosen: tuple[tuple[str, str, str], Source] | None = None

    def observe(self, view: ServiceView, now: float) -> Observation | NotMeasured:
        """Return what the chosen source says."""
        if self._settings is None:
            self._settings = Settings.from_env()
        key = (view.namespace, view.name, kind_for(view, self._settings))
        if self._chosen is None or self._chosen[0] != key:
            self._chosen = (key, source_for(view, self._settings, self._addresses))
        return self._chosen[1].observe(view, now)
