"""How the local Kubernetes API says no: an error tree, and the Status object of each error.

    ServiceError
    ├── NotFound, AlreadyExists, Conflict        404, 409, 409   (serving/errors.py)
    └── Refusal
        ├── BadRequest          400  the request cannot be read
        ├── Denied              403  an admission rule said no
        ├── NotAllowed          405  clients do not write this kind; carries what to do instead
        ├── Expired             410  the history does not reach back that far: list again
        ├── TooLarge            413
        ├── UnsupportedMedia    415
        └── Invalid             422  the object has a wrong field; carries the fields

Messages are worded as Kubernetes words them, since people search for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from serving.errors import AlreadyExists, Conflict, KanaryaError, NotFound, ServiceError
from serving.local.resources import Resource


class Refusal(ServiceError):
    """The API says no, with a code and a reason that clients act on."""

    code = 500
    reason = "InternalError"


class BadRequest(Refusal):
    """The request cannot be read."""

    code, reason = 400, "BadRequest"


class Denied(Refusal):
    """A rule of admission said no."""

    code, reason = 403, "Forbidden"


class NotAllowed(Refusal):
    """Clients do not write objects of this kind."""

    code, reason = 405, "MethodNotAllowed"


class Expired(Refusal):
    """The history does not reach back to the asked resourceVersion: list again."""

    code, reason = 410, "Expired"


class TooLarge(Refusal):
    """The body is bigger than is accepted."""

    code, reason = 413, "RequestEntityTooLarge"


class UnsupportedMedia(Refusal):
    """The body is of a type that is not understood here."""

    code, reason = 415, "UnsupportedMediaType"


@dataclass(frozen=True)
class Cause:
    """One wrong field: `reason` is a Kubernetes word such as FieldValueInvalid."""

    field: str
    message: str
    reason: str = "FieldValueInvalid"


class Invalid(Refusal):
    """The object has wrong fields; `causes` names each."""

    code, reason = 422, "Invalid"

    def __init__(self, kind: str, name: str, causes: tuple[Cause, ...]) -> None:
        told = [f"{cause.field}: {cause.message}" for cause in causes]
        listed = told[0] if len(told) == 1 else f"[{', '.join(told)}]"
        super().__init__(f'{kind} "{name}" is invalid: {listed}')
        self.causes = causes


def not_found(resource: Resource, name: str) -> NotFound:
    """Return the error for an object that is not there."""
    return NotFound(f'{resource.qualified} "{name}" not found')


def already_exists(resource: Resource, name: str) -> AlreadyExists:
    """Return the error for an object that is there already."""
    return AlreadyExists(f'{resource.qualified} "{name}" already exists')


def read_only(resource: Resource) -> NotAllowed:
    """Return the error for a kind that clients only read."""
    if not resource.namespaced:
        return NotAllowed(
            f"{resource.plural} are not written by clients here: one is made with the first "
            "InferenceService in it, and stays"
        )
    return NotAllowed(
        f"{resource.qualified} are written by the controller here; "
        "change the InferenceService that they belong to"
    )


def no_log(namespace: str, pod: str) -> NotFound:
    """Return the error for a log, which is a file here."""
    return NotFound(f"the log of this pod is the file logs/{namespace}/{pod}.log of KANARYA_HOME")


def conflict(resource: Resource, name: str, why: str) -> Conflict:
    """Return the error for an object that somebody else changed first."""
    return Conflict(f'Operation cannot be fulfilled on {resource.qualified} "{name}": {why}')


def stale(resource: Resource, name: str, sent: object, stored: object) -> Conflict:
    """Return the conflict of a resourceVersion that is not the newest."""
    return conflict(
        resource,
        name,
        f"you sent resourceVersion {sent}, the store has {stored}; the object has been modified; "
        "please apply your changes to the latest version and try again",
    )


KNOWN: dict[type[KanaryaError], tuple[int, str]] = {
    NotFound: (404, "NotFound"),
    AlreadyExists: (409, "AlreadyExists"),
    Conflict: (409, "Conflict"),
}


def failure(code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> Status:
    """Return a Status object of a failed request."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        **({"details": details} if details else {}),
        "code": code,
    }


Status = dict[str, Any]


def status_of(error: KanaryaError, resource: Resource | None = None, name: str = "") -> Status:
    """Return the Status object that tells a client about `error`; its `code` is the HTTP code."""
    details = naming(resource, name)
    if isinstance(error, Invalid):
        details["causes"] = [
            {"reason": c.reason, "message": c.message, "field": c.field} for c in error.causes
        ]
    code, reason = code_of(error)
    return failure(code, reason, str(error), details)


def code_of(error: KanaryaError) -> tuple[int, str]:
    """Return the HTTP code and the reason of an error; what nobody foresaw is 500."""
    if isinstance(error, Refusal):
        return error.code, error.reason
    return KNOWN.get(type(error), (500, "InternalError"))


def naming(resource: Resource | None, name: str) -> dict[str, Any]:
    """Return the part of `details` that says which object is meant."""
    if resource is None:
        return {}
    details = {"name": name, "group": resource.group, "kind": resource.plural}
    return {key: value for key, value in details.items() if value}


def unknown_path(code: int, message: str) -> Status:
    """Return the Status of a path or a method that this API does not have.

    `message` is what the HTTP server calls the code, said where nothing better is known.
    """
    known = {
        404: ("NotFound", "the server could not find the requested resource"),
        405: (
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        ),
        413: ("RequestEntityTooLarge", "the request is too large"),
    }
    reason, text = known.get(code, (HTTPStatus(code).phrase.replace(" ", ""), message))
    return failure(code, reason, text)


def success(resource: Resource, name: str, uid: str) -> Status:
    """Return the Status that answers a deletion."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {**naming(resource, name), "uid": uid},
    }
