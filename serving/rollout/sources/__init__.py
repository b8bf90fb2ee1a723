"""Where the numbers of a rollout come from, each behind the one Protocol `Source`."""

from serving.rollout.sources.choice import ChosenSource, source_for
from serving.rollout.sources.gateway import GatewaySource
from serving.rollout.sources.predictors import PredictorSource
from serving.rollout.sources.prometheus import PrometheusSource, Server
from serving.rollout.sources.source import Addresses, Source, tag_addresses
from serving.rollout.sources.together import Together

__all__ = [
    "Addresses",
    "ChosenSource",
    "GatewaySource",
    "PredictorSource",
    "PrometheusSource",
    "Server",
    "Source",
    "Together",
    "source_for",
    "tag_addresses",
]
