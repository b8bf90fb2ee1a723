"""Roles on an MLflow server with logins (its app `basic-auth`), as the console has them.

    viewer     reads all (the server's default_permission = READ); what they make is their own
    operator   also writes runs, versions and aliases of every model: what a pipeline needs.
               To MLflow taking an alias away is removing, so they may remove versions as well
    admin      also removes runs and experiments, and gives roles

MLflow's administrator gives them. Its own client is not asked for: it needs the server's libraries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from components.errors import TrackingError
from components.tracking_refusals import is_server, refusal, shown
from components.tracking_store import without_login
from serving.errors import UsageError

VIEWER, OPERATOR, ADMIN = "viewer", "operator", "admin"
OPERATORS = "kanarya-operator"
WORKSPACE = "default"
GRANTS = (("experiment", "*", "EDIT"), ("registered_model", "*", "MANAGE"))

Ask = Callable[[str, str, Mapping[str, object]], dict[str, Any]]


def give(ask: Ask, user: str, role: str) -> None:
    """Give a user a role, and take away the one before. Raises TrackingError."""
    ask("PATCH", "2.0/mlflow/users/update-admin", {"username": user, "is_admin": role == ADMIN})
    operators = _operators(ask)
    found = ask("GET", "3.0/mlflow/users/roles/list", {"username": user})["roles"]
    has = operators in {each["id"] for each in found}
    if has != (role == OPERATOR):
        method, verb = ("POST", "assign") if role == OPERATOR else ("DELETE", "unassign")
        ask(method, f"3.0/mlflow/roles/{verb}", {"username": user, "role_id": operators})


def is_known(ask: Ask, user: str) -> bool:
    """Say whether there is a user of this name."""
    users = ask("GET", "2.0/mlflow/users/list", {})["users"]
    return user in {each["username"] for each in users}


def create(ask: Ask, user: str, password: str) -> None:
    """Make a user; a viewer, until a role is given. Raises TrackingError."""
    ask("POST", "2.0/mlflow/users/create", {"username": user, "password": password})


def server(uri: str) -> Ask:
    """Return what asks the server at an address. Raises UsageError where there is none."""
    if not is_server(uri):
        raise UsageError(
            "MLflow is in this home, where nobody logs in: roles are a server's; name yours in "
            "MLFLOW_TRACKING_URI, with the login of its administrator"
        )

    address = without_login(uri)

    def ask(method: str, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        from mlflow.exceptions import MlflowException
        from mlflow.utils.credentials import get_default_host_creds
        from mlflow.utils.rest_utils import http_request, verify_rest_response

        carries = {"params" if method == "GET" else "json": dict(body)}
        try:
            answer = http_request(
                get_default_host_creds(address), f"/api/{path}", method, **carries
            )
            answer = verify_rest_response(answer, path)
        except MlflowException as error:
            why = f"the MLflow server {shown(uri)} did not do it ({error.message}): is it started "
            told = refusal(uri, error) or TrackingError(f"{why}with --app-name basic-auth?")
            raise told from error
        return dict(answer.json()) if answer.content else {}

    return ask


def _operators(ask: Ask) -> int:
    """Return the id of the operators' role; it is made where there is none."""
    found = ask("GET", "3.0/mlflow/roles/list", {"workspace": WORKSPACE})["roles"]
    known = [int(each["id"]) for each in found if each["name"] == OPERATORS]
    if known:
        return known[0]
    made = ask("POST", "3.0/mlflow/roles/create", {"workspace": WORKSPACE, "name": OPERATORS})
    number = int(made["role"]["id"])
    for kind, pattern, permission in GRANTS:
        grant = {"resource_type": kind, "resource_pattern": pattern, "permission": permission}
        ask("POST", "3.0/mlflow/roles/permissions/add", {"role_id": number, **grant})
    return number
