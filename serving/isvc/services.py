"""What a rollout needs of an API server: four verbs on one namespace's services, and its facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from serving.errors import ServiceError
from serving.isvc.facts import Facts
from serving.isvc.resource import ServiceView


class Unreachable(ServiceError):
    """The API server did not answer; whether a change was made is not known."""


class Services(Protocol):
    """The InferenceServices of one namespace; one contract test runs on every implementation."""

    @property
    def namespace(self) -> str:
        """The namespace that every name below is in."""

    def get(self, name: str) -> ServiceView | None:
        """Return the service as it is now, None if there is none of that name."""

    def create(self, manifest: Mapping[str, Any]) -> ServiceView:
        """Return the service just made. Raises AlreadyExists."""

    def patch(self, name: str, patch: Mapping[str, Any]) -> ServiceView:
        """Return the service after a merge patch. Raises Conflict, NotFound, Unreachable."""

    def delete(self, name: str) -> None:
        """Take the service away. Raises NotFound."""

    def facts(self) -> Facts:
        """Return what the cluster says of itself. Raises Unreachable."""
