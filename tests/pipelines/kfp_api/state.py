"""What the fake of Kubeflow Pipelines knows, and what it refuses as the backend does."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

from tests.pipelines.kfp_api.workflow import Workflow, moment

KINDS: dict[str, tuple[type, ...]] = {
    "NUMBER_INTEGER": (int, float),
    "NUMBER_DOUBLE": (int, float),
    "STRING": (str,),
    "BOOLEAN": (bool,),
    "LIST": (list,),
    "STRUCT": (dict,),
}


class Refused(Exception):
    """A gRPC status: code, the chain that is logged, the words for people."""

    def __init__(self, code: int, words: str, chain: str = "") -> None:
        self.code, self.words, self.chain = code, words, chain or f"Failed: {words}"


class FakeKfp:
    """The state behind the server, and what is to go wrong."""

    def __init__(self) -> None:
        self.experiments: dict[str, dict[str, Any]] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.recurring: dict[str, dict[str, Any]] = {}
        self.pipelines: dict[str, dict[str, Any]] = {}
        self.versions: dict[str, dict[str, Any]] = {}
        self.workflows: dict[str, Workflow] = {}
        self.logs: dict[str, str] = {}
        self.archived: dict[str, str] = {}
        self.pods: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.multi_user, self.namespaces = False, {"alice"}
        self.token = self.cookie = ""
        self.login = ""  # "redirect", "page": what a gateway answers without a cookie
        self.tag = "2.17.0"
        self.is_ui = False
        self.faults: list[
            Any
        ] = []  # answers to the next requests: a status, "drop", (text, status, kind)
        self.story: list[Callable[[], None]] = []  # what happens before each look at a run
        self.crashes: list[BaseException] = []
        self.host = ""

    def run(self, run_id: str) -> dict[str, Any]:
        record = self.runs.get(run_id)
        if record is None:
            raise Refused(5, f"Run {run_id} not found", f"ResourceNotFoundError: Run {run_id}")
        workflow = self.workflows.get(run_id)
        if workflow is None:
            return record
        return {**record, "run_details": {"task_details": list(workflow.details())}}

    def start(self, record: dict[str, Any], package: dict[str, Any]) -> dict[str, Any]:
        """Let a run begin; nothing of it is under way yet."""
        run_id = str(uuid.uuid4())
        kept = {"run_id": run_id, "state": "PENDING", "storage_state": "AVAILABLE"}
        times = {"created_at": moment(time.time()), "finished_at": "1970-01-01T00:00:00Z"}
        self.runs[run_id] = {**record, **kept, **times}
        name = package.get("pipeline_spec", package)["pipelineInfo"]["name"]
        self.workflows[run_id] = Workflow(f"{name}-{run_id[:5]}", package, run_id)
        return self.runs[run_id]

    def only(self) -> Workflow:
        """The workflow of the one run there is."""
        (workflow,) = self.workflows.values()
        return workflow

    def set_state(self, state: str, run_id: str = "") -> None:
        for record in [self.runs[run_id]] if run_id else self.runs.values():
            record["state"] = state
            history = record.setdefault("state_history", [])
            history.append({"update_time": moment(time.time()), "state": state})
            if state in ("SUCCEEDED", "FAILED", "CANCELED"):
                record["finished_at"] = moment(time.time())


def refuse_unknown(body: dict[str, Any], fields: set[str]) -> None:
    unknown = sorted(set(body) - fields)
    if unknown:
        raise Refused(3, f'proto: (line 1:2): unknown field "{unknown[0]}"')


def refuse_bad_inputs(package: dict[str, Any], given: dict[str, Any]) -> None:
    """validatePipelineJobInputs of template/v2_template.go."""
    spec = package.get("pipeline_spec", package)
    if spec.get("schemaVersion") != "2.1.0" or "root" not in spec:
        raise Refused(3, "unknown template format", "InvalidInputError: unknown template format")
    asked = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    for name, parameter in asked.items():
        if name not in given:
            if not parameter.get("isOptional") and "defaultValue" not in parameter:
                raise Refused(
                    3, f"parameter {name} is not optional, yet has neither default value "
                )
            continue
        kind, value = parameter["parameterType"], given[name]
        if not isinstance(value, KINDS[kind]) or (kind != "BOOLEAN" and isinstance(value, bool)):
            raise Refused(3, f"input parameter {name} requires type {kind.lower()}")
    extra = sorted(set(given) - set(asked))
    if extra:
        raise Refused(3, f"parameter(s) provided are not required by pipeline: {', '.join(extra)}")
