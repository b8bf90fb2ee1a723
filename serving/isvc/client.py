"""The home of the `kubernetes` library: InferenceServices over HTTP, its errors translated once.

Reads are repeated for a moment when nobody answers; a write is sent once, because whether a lost
answer stood for a change is something that only a new read can tell.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from serving.errors import AlreadyExists, Conflict, NotFound, ServiceError
from serving.isvc import lean_kubernetes
from serving.isvc.facts import Answer, Facts, read_facts
from serving.isvc.refusals import Refusal, refusal_of
from serving.isvc.resource import GROUP, PLURAL, VERSION, ServiceView, view_of
from serving.isvc.services import Unreachable

T = TypeVar("T")

TIMEOUT_S = (3.0, 10.0)
READ_PAUSES_S = (0.05, 0.15, 0.3)
_OBJECT = re.compile(r"^<[^>]*>: |^\w+\([^)]*\): ")
"""What urllib3 puts before the system's words."""
_IN_CLUSTER_TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


@dataclass(frozen=True)
class ServiceClient:
    """The InferenceServices of one namespace of a real API server (a cluster's or the laptop's)."""

    api: Any
    namespace: str
    address: str

    def get(self, name: str) -> ServiceView | None:
        """Return the service as it is now, None if there is none of that name."""
        try:
            return view_of(self._read(name, self.api.get_namespaced_custom_object, name))
        except NotFound:
            return None

    def list(self) -> tuple[ServiceView, ...]:
        """Return every service of the namespace, in the server's order."""
        found = self._read("the services", self.api.list_namespaced_custom_object)
        return tuple(view_of(item) for item in found.get("items") or ())

    def create(self, manifest: Mapping[str, Any]) -> ServiceView:
        """Return the service just made. Raises AlreadyExists."""
        name, body = manifest["metadata"]["name"], dict(manifest)
        return view_of(self._ask(name, self.api.create_namespaced_custom_object, body))

    def patch(self, name: str, patch: Mapping[str, Any]) -> ServiceView:
        """Return the service after a merge patch. Raises Conflict, NotFound, Unreachable."""
        return view_of(self._ask(name, self.api.patch_namespaced_custom_object, name, dict(patch)))

    def delete(self, name: str) -> None:
        """Take the service away. Raises NotFound."""
        self._ask(name, self.api.delete_namespaced_custom_object, name)

    def facts(self) -> Facts:
        """Return what the cluster says of itself; what this account may not read is left open."""
        return read_facts(lambda path: _patiently(lambda: self._fetch(path)))

    def may(self, verb: str, group: str, resource: str) -> bool:
        """Say whether this account may do it here. Raises ServiceError where nobody can tell."""
        asked = {"namespace": self.namespace, "verb": verb, "group": group, "resource": resource}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        status, body = _patiently(lambda: self._fetch(path, "POST", review))
        if status not in (200, 201) or not isinstance(body, dict):
            raise ServiceError(f"the API at {self.address} answers {status} to access reviews.")
        return bool((body.get("status") or {}).get("allowed"))

    def _read(self, subject: str, call: Callable[..., Any], *args: object) -> Any:
        return _patiently(lambda: self._ask(subject, call, *args))

    def _ask(self, subject: str, call: Callable[..., Any], *args: object) -> Any:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        place = (GROUP, VERSION, self.namespace, PLURAL)
        try:
            found = call(*place, *args, _request_timeout=TIMEOUT_S)
        except ApiException as error:
            raise self._refused(subject, refusal_of(error.status, error.body)) from error
        except HTTPError as error:
            raise self._silent(error) from error
        except UnicodeDecodeError as error:
            raise self._foreign() from error
        if not isinstance(found, dict) or not {"metadata", "items"} & found.keys():
            raise self._foreign()
        return found

    def _fetch(self, path: str, method: str = "GET", body: object = None) -> Answer:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        try:
            found, status, _ = self.api.api_client.call_api(
                path,
                method,
                header_params={"Accept": "application/json", "Content-Type": "application/json"},
                body=body,
                response_type="object",
                auth_settings=["BearerToken"],
                _request_timeout=TIMEOUT_S,
            )
        except ApiException as error:
            return error.status or 0, None
        except UnicodeDecodeError:
            return 0, None
        except HTTPError as error:
            raise self._silent(error) from error
        return status, found

    def _silent(self, error: Exception) -> Unreachable:
        if self.address.startswith("http://"):
            return Unreachable(
                f"cannot reach the Kubernetes API at {self.address}: is the platform up? "
                "Start it with `kanarya up`."
            )
        why = _OBJECT.sub("", " ".join(str(getattr(error, "reason", None) or error).split()))
        return Unreachable(
            f"cannot reach the Kubernetes API at {self.address} ({why}): is it up, and is "
            "KUBECONFIG the one of your cluster? That of this machine starts with `kanarya up`."
        )

    def _foreign(self) -> Unreachable:
        """Return the error for a page, or half an answer, where an object was asked for."""
        return Unreachable(
            f"what answers at {self.address} is no API with InferenceServices: is KServe installed "
            "there, does a login stand before it, or is KUBECONFIG the one of another place?"
        )

    def _refused(self, subject: str, refusal: Refusal) -> ServiceError:
        where = f"namespace {self.namespace} at {self.address}"
        match refusal.status, refusal.reason:
            case 404, reason if reason != "NotFound":
                return self._foreign()
            case 404, _:
                return NotFound(f"{subject}: there is no such InferenceService in {where}.")
            case 409, "AlreadyExists":
                return AlreadyExists(f"{subject}: there is one already in {where}.")
            case 409, _:
                return Conflict(
                    f"{subject}: somebody changed it first ({refusal.message}). "
                    "Read it again, then patch."
                )
        kind = Unreachable if refusal.may_pass else ServiceError
        return kind(
            f"{subject}: the Kubernetes API at {self.address} refused it "
            f"({refusal.status}): {refusal.message}"
        )


def _patiently(read: Callable[[], T]) -> T:
    for pause_s in READ_PAUSES_S:
        try:
            return read()
        except Unreachable:
            time.sleep(pause_s)
    return read()


def connect(kubeconfig: Path, namespace: str) -> ServiceClient:
    """Return the services of `namespace`; inside a pod without that file, the pod's own cluster.

    Nothing is asked yet, so a server that is down shows at the first call.
    """
    lean_kubernetes.prepare()
    from kubernetes import client

    configuration = client.Configuration()
    # The library's own retries are silent minutes; ours are short and for reads only.
    configuration.retries = 0
    _load(kubeconfig, configuration)
    api = client.CustomObjectsApi(client.ApiClient(configuration))
    return ServiceClient(api, namespace, configuration.host)


def _load(kubeconfig: Path, configuration: Any) -> None:
    import yaml
    from kubernetes import config

    # The library lets whatever a damaged file provokes come through.
    broken = (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError, OSError)
    try:
        if kubeconfig.exists():
            config.load_kube_config(str(kubeconfig), client_configuration=configuration)
        elif _inside_a_pod():
            config.load_incluster_config(client_configuration=configuration)
        else:
            raise ServiceError(
                f"there is no kubeconfig at {kubeconfig}: start the platform with `kanarya up`, "
                "or point KUBECONFIG at your cluster's."
            )
    except (config.ConfigException, *broken) as error:
        why = " ".join(str(error).split())
        raise ServiceError(
            f"the kubeconfig {kubeconfig} cannot be used ({why}): repair it, or remove it and "
            "run `kanarya up`."
        ) from error


def is_known(kubeconfig: Path) -> bool:
    """Say whether there is a way to an API: this kubeconfig, or the account of the pod."""
    return kubeconfig.exists() or _inside_a_pod()


def _inside_a_pod() -> bool:
    return "KUBERNETES_SERVICE_HOST" in os.environ and _IN_CLUSTER_TOKEN.exists()
