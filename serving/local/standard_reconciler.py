"""One service in Standard mode brought in line: Deployments, pods, routes, status."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from serving.local import deployments, http_routes, revisions, standard, standard_status
from serving.local.cluster import Cluster, Key, is_stopped, key_of
from serving.local.propagation import Verdict
from serving.local.resources import (
    DEPLOYMENTS,
    HTTP_ROUTES,
    INFERENCE_SERVICE_LABEL,
    PODS,
    Resource,
)
from serving.local.routes import Route
from serving.local.standard import Variant
from serving.local.standard_scene import Objects, Owned, Scene, pods_needed, wanted
from serving.local.standard_status import Sight

JSON = dict[str, Any]

KINDS = (DEPLOYMENTS, PODS, HTTP_ROUTES)


class StandardReconciler:
    """Brings services in line; every call starts from the store and may be the first one."""

    def __init__(self, cluster: Cluster) -> None:
        """Work on this cluster."""
        self._cluster, self._store = cluster, cluster.store

    def bring(self, key: Key, isvc: JSON) -> None:
        """Bring one service in line."""
        scene = self._drafted(key, isvc)
        self._start(scene)
        scene = self._seen(scene)
        routes = self._routes(scene)
        self._cluster.routing.set_route(self._gateway_route(scene, routes))
        self._write(scene, routes)
        self._clean_up(scene)

    def forget(self, key: Key, uid: str | None) -> None:
        """Remove what belonged to another service than the one of this uid."""
        owned = self._owned(key)
        of_service = (*owned.deployments.values(), *owned.routes.values())
        foreign = [obj for obj in of_service if not (uid and revisions.owned_by(obj, uid))]
        if not foreign:
            return
        self._cluster.routing.remove_route(key.namespace, key.name)
        self._remove(owned.pods, PODS, key)
        self._remove(owned.deployments, DEPLOYMENTS, key)
        self._remove(owned.routes, HTTP_ROUTES, key)

    def keys(self) -> frozenset[Key]:
        """Return every service that there is anything of."""
        found = (self._store.list(kind, None)[0] for kind in KINDS)
        return frozenset(key_of(obj) for objects in found for obj in objects)

    # -- what is wanted

    def _drafted(self, key: Key, isvc: JSON) -> Scene:
        """Return the scene with its Deployments and newest pods in the store."""
        why, owned = self._judged(key, isvc), self._owned(key)
        stable = standard.stable_of(isvc)
        canaries = standard.canaries_of(isvc)
        scene = self._seen(Scene(key, isvc, why, stable, canaries, owned, {}, {}))
        scene = replace(scene, owned=replace(owned, deployments=self._deployments(scene)))
        return self._seen(replace(scene, owned=replace(scene.owned, pods=self._made(scene))))

    def _judged(self, key: Key, isvc: JSON) -> Verdict:
        """Return whether, and why not, the spec can be put into force."""
        stable, stopped = standard.stable_of(isvc), is_stopped(isvc)
        for variant in (stable, *standard.canaries_of(isvc)):
            wrong = revisions.refusal(variant.predictor) or self._taken(key, isvc, variant)
            if wrong:
                return Verdict(refused=wrong, stopped=stopped, invalid=variant is stable)
        return Verdict(stopped=stopped)

    def _taken(self, key: Key, isvc: JSON, variant: Variant) -> str | None:
        found = self._cluster.find(DEPLOYMENTS, key.namespace, variant.deployment)
        if found is None or revisions.owned_by(found, isvc["metadata"]["uid"]):
            return None
        other = found["metadata"]["labels"][INFERENCE_SERVICE_LABEL]
        return (
            f"the Deployment {variant.deployment} belongs to the InferenceService {other}: "
            "choose another predictor.name."
        )

    def _deployments(self, scene: Scene) -> Objects:
        """Return the Deployments that are wanted, as they are stored."""
        if scene.why.stopped:
            return {}
        if scene.why.refused:
            return scene.owned.deployments
        return {d["metadata"]["name"]: self._put(DEPLOYMENTS, d) for d in wanted(scene)}

    def _made(self, scene: Scene) -> Objects:
        """Return the pods with the newest one of each Deployment."""
        pods = dict(scene.owned.pods)
        for deployment in scene.owned.deployments.values():
            name = deployments.newest_pod(deployment)
            if name and name not in pods:
                pods[name] = self._store.create(PODS, deployments.pod_of(deployment))
                message = f'Created pod "{name}"'
                self._cluster.events.tell(scene.isvc, "Normal", "Created", message)
        return pods

    # -- the processes

    def _start(self, scene: Scene) -> None:
        for name in sorted(scene.needed):
            self._cluster.processes.ensure(revisions.spec_of(scene.owned.pods[name]))

    def _seen(self, scene: Scene) -> Scene:
        """Return the scene with what is seen of every pod, and the pods which that makes needed."""
        namespace, owned = scene.key.namespace, scene.owned
        observed = {
            name: self._cluster.processes.observed(f"{namespace}/{name}") for name in owned.pods
        }
        pods = {
            name: pods_needed(deployment, owned, observed)
            for name, deployment in owned.deployments.items()
        }
        return replace(scene, observed=observed, pods=pods)

    def _clean_up(self, scene: Scene) -> None:
        """Remove what nothing wants any more: this is what ends the old stable one."""
        gone = {k: v for k, v in scene.owned.pods.items() if k not in scene.needed}
        self._remove(gone, PODS, scene.key)
        if scene.why.refused and not scene.why.stopped:
            return
        stored = self._owned(scene.key).deployments
        orphans = {k: v for k, v in stored.items() if k not in scene.owned.deployments}
        self._remove(orphans, DEPLOYMENTS, scene.key)
        if scene.why.stopped:
            self._remove(scene.owned.routes, HTTP_ROUTES, scene.key)

    def _remove(self, objects: Objects, kind: Resource, key: Key) -> None:
        for name in objects:
            if kind is PODS:
                self._cluster.processes.stop(f"{key.namespace}/{name}")
            self._store.delete(kind, key.namespace, name)

    # -- the routes

    def _routes(self, scene: Scene) -> Objects:
        """Return the HTTPRoutes; KServe leaves them alone while the predictor is not ready."""
        if scene.why.stopped:
            return {}
        if scene.why.refused or not scene.answers(scene.stable.deployment):
            return scene.owned.routes
        shares = standard.weights(scene.stable, scene.canaries, scene.ready)
        made = http_routes.http_routes(scene.isvc, shares)
        return {route["metadata"]["name"]: self._put(HTTP_ROUTES, route) for route in made}

    def _gateway_route(self, scene: Scene, routes: Objects) -> Route:
        found = routes.get(scene.key.name)
        shares = http_routes.weights_of(found) if found else ()
        serving = {name: pods.serving for name, pods in scene.pods.items()}
        return http_routes.gateway_route(scene.key, shares, serving, scene.stable.deployment)

    # -- the store

    def _write(self, scene: Scene, routes: Objects) -> None:
        self._write_pods(scene)
        for route in routes.values():
            status = http_routes.accepted(route)
            self._store.replace(HTTP_ROUTES, {**route, "status": status}, status=True)
        written = dict(self._written(scene))
        sight = self._sight(scene, written, routed=bool(routes))
        status = standard_status.isvc_status(scene.isvc, sight, scene.why)
        own = {name: sight.addresses.deployment_url(name) for name in written}
        self._cluster.write_isvc(scene.isvc, status, scene.why, own)

    def _write_pods(self, scene: Scene) -> None:
        for name in sorted(scene.needed):
            pod = scene.owned.pods[name]
            status = deployments.pod_status(pod, scene.observed[name], self._cluster.now())
            self._store.replace(PODS, {**pod, "status": status}, status=True)

    def _written(self, scene: Scene) -> Iterator[tuple[str, JSON]]:
        """Yield the Deployments after their statuses were written."""
        for name, deployment in scene.owned.deployments.items():
            at = scene.moment(name, self._cluster.clock(), self._cluster.now())
            pods = scene.pods[name]
            status = deployments.deployment_status(deployment, pods, scene.observed, at)
            stored = {**deployment, "status": status}
            yield name, self._store.replace(DEPLOYMENTS, stored, status=True)

    def _sight(self, scene: Scene, written: Objects, *, routed: bool) -> Sight:
        return Sight(
            stable=scene.stable,
            canaries=scene.canaries,
            deployment=written.get(scene.stable.deployment),
            newest=scene.newest,
            ready=scene.ready,
            routed=routed,
            addresses=self._cluster.addresses(scene.key),
            now=self._cluster.now(),
        )

    def _put(self, kind: Resource, wanted: JSON) -> JSON:
        """Return the object after it was made, or made to look as wanted."""
        metadata = wanted["metadata"]
        found = self._cluster.find(kind, metadata["namespace"], metadata["name"])
        if found is None:
            return self._store.create(kind, wanted)
        kept = {**found["metadata"], "labels": metadata["labels"]}
        return self._store.replace(kind, {**found, **wanted, "metadata": kept})

    def _owned(self, key: Key) -> Owned:
        found = [self._labelled(kind, key) for kind in KINDS]
        return Owned(*found)

    def _labelled(self, kind: Resource, key: Key) -> Objects:
        listed, _ = self._store.list(kind, key.namespace)
        mine = (obj for obj in listed if key_of(obj) == key)
        return {obj["metadata"]["name"]: obj for obj in mine}
