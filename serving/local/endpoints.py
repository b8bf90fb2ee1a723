"""The requests on one kind of object: each reads, asks the pure rules, and writes once."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from aiohttp import web

from serving.errors import AlreadyExists, NotFound
from serving.local import admission, applying, bodies, openapi, patches, queries, statuses
from serving.local.objects import Object, metadata_of, timestamp
from serving.local.resources import INFERENCE_SERVICES, NAMESPACES, Resource
from serving.local.schema import unknown_fields
from serving.local.selectors import selector
from serving.local.store import Store, utc_now
from serving.local.tables import table, wants_table
from serving.local.watching import Stream

ADMISSION: dict[str, Callable[[Object, Object | None], Object]] = {
    INFERENCE_SERVICES.plural: admission.admitted
}
NAME = web.RequestKey("name", str)  # of the object that a POST creates


class Endpoint:
    """Everything that clients can ask about one kind."""

    def __init__(self, resource: Resource, store: Store, stopping: asyncio.Event) -> None:
        self._resource, self._store, self._stopping = resource, store, stopping

    # -- reading

    async def list(self, request: web.Request) -> web.StreamResponse:
        """Answer the objects of a namespace, or of all; or watch them."""
        namespace = request.match_info.get("namespace")
        if queries.flag(request.query, "watch"):
            accept = request.headers.get("Accept", "")
            asked = queries.watch(self._resource, namespace, request.query, accept, self._store)
            return await Stream(asked, self._store, self._stopping).answer(request)
        found, version = self._selected(request)
        return self._shown(request, found, version) or web.json_response(
            self._collection(found, version)
        )

    async def get(self, request: web.Request) -> web.Response:
        """Answer one object."""
        found = self._store.get(self._resource, *self._place(request))
        version = metadata_of(found)["resourceVersion"]
        return self._shown(request, [found], version) or web.json_response(found)

    async def log(self, request: web.Request) -> web.Response:
        """Say where the log of a pod is."""
        namespace, name = self._place(request)
        self._store.get(self._resource, namespace, name)
        raise statuses.no_log(namespace, name)

    # -- writing

    async def refuse(self, request: web.Request) -> web.Response:
        """Say who writes a kind that clients do not."""
        raise statuses.read_only(self._resource)

    async def create(self, request: web.Request) -> web.Response:
        """Create the object of the body."""
        how = queries.writing(request.query)
        namespace = request.match_info.get("namespace", "")
        obj = bodies.document(media_type(request), await request.read())
        obj = bodies.addressed(self._resource, obj, namespace, None)
        obj = bodies.named(self._resource, obj, suffix=generated_suffix())
        request[NAME] = metadata_of(obj)["name"]
        return self._create(obj, how)

    async def replace(self, request: web.Request) -> web.Response:
        """Replace everything but the status."""
        return await self._replace(request, status=False)

    async def replace_status(self, request: web.Request) -> web.Response:
        """Replace the status."""
        return await self._replace(request, status=True)

    async def patch(self, request: web.Request) -> web.Response:
        """Change everything but the status."""
        return await self._patch(request, status=False)

    async def patch_status(self, request: web.Request) -> web.Response:
        """Change the status."""
        return await self._patch(request, status=True)

    async def delete(self, request: web.Request) -> web.Response:
        """Delete one object."""
        how = queries.deleting(request.query, await delete_options(request))
        namespace, name = self._place(request)
        gone = self._store.delete(
            self._resource,
            namespace,
            name,
            uid=how.uid,
            resource_version=how.resource_version,
            dry_run=how.dry_run,
        )
        uid = metadata_of(gone)["uid"]
        return web.json_response(statuses.success(self._resource, name, uid))

    async def delete_collection(self, request: web.Request) -> web.Response:
        """Delete the objects that the selectors mean."""
        how = queries.deleting(request.query, await delete_options(request))
        found, version = self._selected(request)
        for obj in found:
            metadata = metadata_of(obj)
            with suppress(NotFound):  # somebody else was quicker, which is just as well
                self._store.delete(
                    self._resource,
                    metadata.get("namespace", ""),
                    metadata["name"],
                    dry_run=how.dry_run,
                )
        return web.json_response(self._collection(found, version))

    # -- how

    def _create(self, obj: Object, how: queries.Writing) -> web.Response:
        warnings = self._unknown(obj, None, how)
        admitted = self._admitted(obj, None)
        if self._resource.namespaced:
            self._ensure_namespace(metadata_of(obj)["namespace"], how)
        stored = self._store.create(self._resource, admitted, dry_run=how.dry_run)
        return web.json_response(stored, status=201, headers=warnings)

    async def _replace(self, request: web.Request, *, status: bool) -> web.Response:
        how = queries.writing(request.query)
        namespace, name = self._place(request)
        obj = bodies.document(media_type(request), await request.read())
        obj = bodies.addressed(self._resource, obj, namespace, name)
        old = self._store.get(self._resource, namespace, name)
        if not metadata_of(obj).get("resourceVersion"):
            text = "Invalid value: 0x0: must be specified for an update"
            cause = statuses.Cause("metadata.resourceVersion", text)
            raise statuses.Invalid(self._resource.kind, name, (cause,))
        return self._write(old, obj, how, status=status)

    async def _patch(self, request: web.Request, *, status: bool) -> web.Response:
        how = queries.writing(request.query)
        kind = media_type(request)
        patch = patches.parsed(kind, await request.read())
        if kind == patches.APPLY:
            return self._apply(request, patch, how, status=status)

        def changed(old: Object) -> Object:
            return patches.patched(old, patch, metadata_of(old)["name"])

        return self._change(request, changed, how, status=status)

    def _apply(
        self, request: web.Request, config: Object, how: queries.Writing, *, status: bool
    ) -> web.Response:
        namespace, name = self._place(request)
        config = bodies.addressed(self._resource, config, namespace, name)
        now = timestamp(utc_now())

        def changed(old: Object | None) -> Object:
            return applying.applied(old, config, how.manager, now)

        try:
            return self._change(request, changed, how, status=status)
        except NotFound:
            if status:
                raise
            return self._create(bodies.named(self._resource, changed(None), ""), how)

    def _change(
        self,
        request: web.Request,
        changed: Callable[[Object], Object],
        how: queries.Writing,
        *,
        status: bool,
    ) -> web.Response:
        """Write what `changed` makes of the stored object.

        Nothing comes between reading and writing: all writers share one event loop, and there is
        no await in here. A writer in another thread would be answered as the conflict it is.
        """
        namespace, name = self._place(request)
        old = self._store.get(self._resource, namespace, name)
        new = bodies.addressed(self._resource, changed(old), namespace, name)
        return self._write(old, new, how, status=status)

    def _write(
        self, old: Object, new: Object, how: queries.Writing, *, status: bool
    ) -> web.Response:
        warnings = self._unknown(new, old, how)
        if status and self._resource is INFERENCE_SERVICES:
            admission.check_types(new)
        ready = new if status else self._admitted(new, old)
        stored = self._store.replace(self._resource, ready, status=status, dry_run=how.dry_run)
        return web.json_response(stored, headers=warnings)

    def _admitted(self, obj: Object, old: Object | None) -> Object:
        rules = ADMISSION.get(self._resource.plural)
        return rules(obj, old) if rules else obj

    def _unknown(self, obj: Object, old: Object | None, how: queries.Writing) -> dict[str, str]:
        """Return the warnings about fields that do not exist. Raises BadRequest if strict."""
        schema = openapi.SCHEMAS.get(self._resource.plural)
        if schema is None or how.strictness == "Ignore":
            return {}
        known = set(unknown_fields(schema, old)) if old else set()
        told = [f'unknown field "{f}"' for f in unknown_fields(schema, obj) if f not in known]
        if told and how.strictness == "Strict":
            kind, version = self._resource.kind, self._resource.version
            raise statuses.BadRequest(
                f'{kind} in version "{version}" cannot be handled as a {kind}: '
                f"strict decoding error: {', '.join(told)}"
            )
        return {"Warning": ", ".join(f"299 - {quoted(text)}" for text in told)} if told else {}

    def _ensure_namespace(self, name: str, how: queries.Writing) -> None:
        """Make the namespace with its first object: a laptop has no administrator."""
        bodies.check_namespace(name)
        obj = {"metadata": {"name": name}, "status": {"phase": "Active"}}
        with suppress(AlreadyExists):
            self._store.create(NAMESPACES, obj, dry_run=how.dry_run)

    def _place(self, request: web.Request) -> tuple[str, str]:
        return request.match_info.get("namespace", ""), request.match_info["name"]

    def _selected(self, request: web.Request) -> tuple[Objects, int]:
        wanted = selector(self._resource, request.query)
        namespace = request.match_info.get("namespace")
        found, version = self._store.list(self._resource, namespace)
        return [obj for obj in found if wanted.accepts(obj)], version

    def _collection(self, found: Objects, version: int) -> Object:
        return {
            "apiVersion": self._resource.api_version,
            "kind": f"{self._resource.kind}List",
            "metadata": {"resourceVersion": str(version)},
            "items": found,
        }

    def _shown(
        self, request: web.Request, found: Objects, version: int | str
    ) -> web.Response | None:
        """Return the objects as a Table where the client asked for one."""
        if not wants_table(request.headers.get("Accept", "")):
            return None
        shown = table(self._resource, found, utc_now(), include=queries.include(request.query))
        return web.json_response({**shown, "metadata": {"resourceVersion": str(version)}})


Objects = list[Object]


async def delete_options(request: web.Request) -> Mapping[str, Any]:
    """Return the DeleteOptions of a request, empty where it has none."""
    body = await request.read()
    return bodies.document(media_type(request), body) if body.strip() else {}


def media_type(request: web.Request) -> str:
    """Return the Content-Type without its parameters, empty where there is none."""
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def generated_suffix() -> str:
    """Return what is put behind a generateName: letters that spell no words."""
    return "".join(secrets.choice("bcdfghjklmnpqrstvwxz2456789") for _ in range(5))


def quoted(text: str) -> str:
    """Return a text as the quoted string of an HTTP header, whatever characters it has."""
    return json.dumps(text)
