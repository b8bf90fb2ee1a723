"""The kinds of object that the local control plane knows, as one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CellType = Literal["string", "integer", "date"]

INFERENCE_SERVICE_LABEL = "serving.kserve.io/inferenceservice"


@dataclass(frozen=True)
class Column:
    """One column of `kubectl get`: `path` is a JSONPath, or a template of `{paths}`."""

    name: str
    path: str
    type: CellType = "string"
    priority: int = 0  # above 0: shown with `-o wide` only


@dataclass(frozen=True)
class Resource:
    """One kind of object: how it is addressed, shown and selected, and who may write it."""

    group: str  # "" is the core group
    version: str
    plural: str
    kind: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()  # what `kubectl get` may be asked for instead of the plural
    writable: bool = False  # by clients; the controller writes every kind through the store
    columns: tuple[Column, ...] = ()
    namespaced: bool = True
    has_status: bool = True
    fields: tuple[str, ...] = ()  # what a fieldSelector may name, besides metadata
    ttl_s: int | None = None  # objects not written for so long are dropped at the next create

    @property
    def api_version(self) -> str:
        """Return `group/version`, or the version alone for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def path(self) -> str:
        """Return the API's root for this group and version, without a slash at the end."""
        return f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"

    @property
    def qualified(self) -> str:
        """Return the name that messages use: `inferenceservices.serving.kserve.io`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def singular(self) -> str:
        """Return the kind in lower case."""
        return self.kind.lower()


NAME = Column("Name", ".metadata.name")
AGE = Column("Age", ".metadata.creationTimestamp", "date")
CONDITION = ".status.conditions[?(@.type=='Ready')].status"
READY = Column("Ready", CONDITION)
REASON = Column("Reason", ".status.conditions[?(@.type=='Ready')].reason")
TRAFFIC = ".status.components.predictor.traffic"

INFERENCE_SERVICES = Resource(
    group="serving.kserve.io",
    version="v1beta1",
    plural="inferenceservices",
    kind="InferenceService",
    short_names=("isvc",),
    writable=True,
    columns=(
        NAME,
        Column("URL", ".status.url"),
        READY,
        Column("Prev", f"{TRAFFIC}[?(@.tag=='prev')].percent", "integer"),
        Column("Latest", f"{TRAFFIC}[?(@.latestRevision==true)].percent", "integer"),
        Column("PrevRolledoutRevision", f"{TRAFFIC}[?(@.tag=='prev')].revisionName"),
        Column("LatestReadyRevision", f"{TRAFFIC}[?(@.latestRevision==true)].revisionName"),
        AGE,
    ),
)
KNATIVE_SERVICES = Resource(
    group="serving.knative.dev",
    version="v1",
    plural="services",
    kind="Service",
    short_names=("ksvc", "kservice"),
    categories=("all",),
    columns=(
        NAME,
        Column("URL", ".status.url"),
        Column("LatestCreated", ".status.latestCreatedRevisionName"),
        Column("LatestReady", ".status.latestReadyRevisionName"),
        READY,
        REASON,
        AGE,
    ),
)
REVISIONS = Resource(
    group="serving.knative.dev",
    version="v1",
    plural="revisions",
    kind="Revision",
    short_names=("rev",),
    categories=("all",),
    columns=(
        NAME,
        Column("Config Name", ".metadata.labels['serving.knative.dev/configuration']"),
        Column(
            "Generation",
            ".metadata.labels['serving.knative.dev/configurationGeneration']",
            "string",
        ),
        READY,
        REASON,
        AGE,
    ),
)
DEPLOYMENTS = Resource(
    group="apps",
    version="v1",
    plural="deployments",
    kind="Deployment",
    short_names=("deploy",),
    categories=("all",),
    columns=(
        NAME,
        Column("Ready", "{.status.readyReplicas}/{.spec.replicas}"),
        Column("Up-to-date", ".status.updatedReplicas", "integer"),
        Column("Available", ".status.availableReplicas", "integer"),
        AGE,
    ),
)
PODS = Resource(
    group="",
    version="v1",
    plural="pods",
    kind="Pod",
    short_names=("po",),
    categories=("all",),
    columns=(NAME, Column("Ready", CONDITION), Column("Status", ".status.phase"), AGE),
)
HTTP_ROUTES = Resource(
    group="gateway.networking.k8s.io",
    version="v1",
    plural="httproutes",
    kind="HTTPRoute",
    columns=(NAME, Column("Hostnames", ".spec.hostnames"), AGE),
)
EVENTS = Resource(
    group="",
    version="v1",
    plural="events",
    kind="Event",
    short_names=("ev",),
    has_status=False,
    columns=(
        Column("Last Seen", ".lastTimestamp", "date"),
        Column("Type", ".type"),
        Column("Reason", ".reason"),
        Column("Object", "{.involvedObject.kind}/{.involvedObject.name}"),
        Column("Message", ".message"),
        Column("Count", ".count", "integer", priority=1),
        Column("Name", ".metadata.name", priority=1),
    ),
    fields=(
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "type",
    ),
    ttl_s=3600,  # as in Kubernetes
)
NAMESPACES = Resource(
    group="",
    version="v1",
    plural="namespaces",
    kind="Namespace",
    short_names=("ns",),
    namespaced=False,
    has_status=False,  # they are always Active
    columns=(NAME, Column("Status", ".status.phase"), AGE),
)

RESOURCES = (
    INFERENCE_SERVICES,
    KNATIVE_SERVICES,
    REVISIONS,
    DEPLOYMENTS,
    PODS,
    HTTP_ROUTES,
    EVENTS,
    NAMESPACES,
)
