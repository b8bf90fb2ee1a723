"""Where a service answers: its addresses at the gateway."""

from __future__ import annotations

from dataclasses import dataclass

from serving.local.knative import LATEST_TAG, PREVIOUS_TAG
from serving.local.revisions import predictor_name


@dataclass(frozen=True)
class Addresses:
    """The addresses of one InferenceService below the gateway's own."""

    gateway_url: str
    namespace: str
    service: str

    @property
    def service_url(self) -> str:
        """Return the address that people use."""
        return self._below(self.service)

    @property
    def predictor_url(self) -> str:
        """Return the address of the predictor component: the same answers."""
        return self._below(predictor_name(self.service))

    @property
    def tag_urls(self) -> dict[str, str]:
        """Return the address of each tag: one revision alone, whatever the split."""
        name = predictor_name(self.service)
        return {tag: self._below(f"{tag}-{name}") for tag in (PREVIOUS_TAG, LATEST_TAG)}

    def deployment_url(self, deployment: str) -> str:
        """Return the address of a Deployment's own Service: that one alone, whatever the split."""
        return self._below(deployment)

    def _below(self, name: str) -> str:
        return f"{self.gateway_url}/serving/{self.namespace}/{name}"
