"""What is reached over the network: Kubernetes, KServe, Kubeflow Pipelines, MLflow, images."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from components.telling import room
from pipelines.doctor.finding import Finding, ok, unknown, warning, wrong
from serving.errors import KanaryaError, ServiceError, UsageError
from serving.isvc.capabilities import Case, fitness, mode_for
from serving.isvc.facts import CONFIG, Facts
from serving.settings import Settings

if TYPE_CHECKING:
    from serving.isvc.client import ServiceClient

GROUP, PLURAL = "serving.kserve.io", "inferenceservices"
# What a rollout does (manifests/overlays), and what tells it about the cluster.
RIGHTS = tuple((verb, GROUP, PLURAL) for verb in ("get", "list", "create", "patch", "delete"))
INSTALL = "kubectl apply -k manifests/overlays/dev"
GATEWAY_API = (
    "https://github.com/kubernetes-sigs/gateway-api/releases/latest/download/standard-install.yaml"
)
PULL_S = 30


def findings(settings: Settings, env: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what there is to say of everything that answers over a network."""
    yield from kubernetes(settings)
    yield mlflow()
    if env.get("KFP_HOST"):
        yield pipelines()
    for variable in ("KANARYA_COMPONENTS_IMAGE", "KANARYA_IMAGES_IMAGE"):
        if env.get(variable):
            yield image(variable, env[variable])


def kubernetes(settings: Settings) -> Iterator[Finding]:
    """Look at the API that the kubeconfig names, and at what KServe can do there."""
    ours = settings.kubeconfig.is_relative_to(settings.home)
    try:
        from serving.isvc.client import connect

        client = connect(settings.kubeconfig, settings.namespace)
        services = client.list()
        facts = client.facts()
    except ServiceError as error:
        cure = "kanarya up" if ours else 'kubectl --kubeconfig "$KUBECONFIG" get isvc'
        yield wrong("kubeconfig", str(error), cure)
        return
    yield ok("kubeconfig", f"{client.address}, {len(services)} services in {client.namespace}")
    if facts.local:
        yield ok("kserve", "the local platform, which does what Knative and Standard mode do")
        return
    yield from kserve(facts, settings)
    yield from rights(client)


def kserve(facts: Facts, settings: Settings) -> Iterator[Finding]:
    """Judge KServe's mode and version, and the Gateway API."""
    mode = mode_for(None, settings.mode, facts)
    release = facts.config.release if facts.config else None
    known = f"v{'.'.join(map(str, release))}" if release else "version unknown"
    said = f"{mode.value} mode, {known}"
    found = fitness(Case("a new service", mode, facts))
    if found.refusal:
        yield wrong("kserve", f"{said}; {found.refusal}", INSTALL)
    elif found.doubts:
        show = f"kubectl -n kserve get configmap {CONFIG} -o yaml"
        yield unknown("kserve", f"{said}; {'; '.join(found.doubts)}", show)
    else:
        yield ok("kserve", said)
    if facts.gateway_api is False:
        cure = f"kubectl apply -f {GATEWAY_API}"
        yield warning("gateway api", "it is not there; Standard mode cannot split traffic", cure)
    else:
        yield ok("gateway api", "it is there" if facts.gateway_api else "not asked for")


def rights(client: ServiceClient) -> Iterator[Finding]:
    """Ask what this account may do."""
    try:
        denied = [verb for verb, *what in RIGHTS if not client.may(verb, *what)]
    except ServiceError as error:
        yield unknown("permissions", str(error), f"kubectl auth can-i --list -n {client.namespace}")
        return
    if denied:
        missing = f"this account may not {', '.join(denied)} {PLURAL} in {client.namespace}"
        verbs = ",".join(verb for verb, *_ in RIGHTS)
        role = f"create role kanarya --verb={verbs} --resource={PLURAL}.{GROUP}"
        cure = f"kubectl -n {client.namespace} {role}"
        yield wrong("permissions", missing, cure)
    else:
        yield ok("permissions", f"{', '.join(verb for verb, *_ in RIGHTS)} {PLURAL}")


def mlflow() -> Finding:
    """Open the store: MLflow itself refuses a schema that is not its own."""
    from components import tracking_store

    uri = Settings.from_env().tracking_uri
    if tracking_store.is_empty():
        return ok("mlflow", "nothing was recorded yet; the first run makes the store")
    shown = uri.rpartition("@")[2]  # a password stands before it
    try:
        with room(uri):
            tracking_store.connect()
    except KanaryaError as error:
        return wrong("mlflow", str(error), _cure(str(error), uri))
    return ok("mlflow", f"{shown} answers, its schema is this version's")


def _cure(said: str, uri: str) -> str:
    if "schema" in said:
        return 'mlflow db upgrade "$MLFLOW_TRACKING_URI"'
    if uri.startswith("http"):
        return f"curl -i {uri.rpartition('@')[2]}"
    return "kanarya restore FOLDER --force" if "damaged" in said else "kanarya gc"


def pipelines() -> Finding:
    """Ask Kubeflow Pipelines for its version."""
    from pipelines.cluster import connect
    from pipelines.cluster_errors import version_gap
    from pipelines.cluster_place import Place

    try:
        cluster = connect(Place.from_env())
        version, gap = cluster.version, version_gap(cluster.sdk, cluster.version)
    except KanaryaError as error:
        cure = "kubectl -n kubeflow port-forward svc/ml-pipeline 8888"
        return wrong("kubeflow pipelines", str(error), cure)
    if gap:
        return warning("kubeflow pipelines", gap, f"pip install kfp=={version}")
    return ok("kubeflow pipelines", version)


def image(variable: str, name: str) -> Finding:
    """Say whether a step's image is pinned and can be pulled."""
    from pipelines.images import refuse_moving

    try:
        refuse_moving(name)
        done = subprocess.run(
            ["docker", "manifest", "inspect", name], capture_output=True, text=True, timeout=PULL_S
        )
    except UsageError as error:
        return wrong(variable, str(error), f"docker inspect -f '{{{{.RepoDigests}}}}' {name}")
    except (OSError, subprocess.TimeoutExpired) as error:
        return unknown(variable, f"docker cannot ask for {name} ({error})", f"docker pull {name}")
    if done.returncode:
        return wrong(variable, " ".join(done.stderr.split()), f"docker push {name}")
    return ok(variable, f"{name} can be pulled")
