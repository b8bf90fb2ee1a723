"""Kubeflow Pipelines' API on loopback, as its backend 2.17 answers, for the real `kfp.Client`.

Shapes: backend/api/v2beta1/*.proto in protojson with proto names and without empty fields; errors:
backend/src/common/util/error.go behind grpc-gateway 2; uploads and logs: apiserver/server/*.go; the
UI's own routes: frontend/server/app.ts.
"""

from __future__ import annotations

import contextlib
import json
import re
import ssl
import sys
import threading
import time
import uuid
from collections.abc import Callable
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

from tests.pipelines.kfp_api.workflow import Workflow, moment

HTTP = {3: 400, 5: 404, 6: 409, 7: 403, 13: 500, 14: 503, 16: 401}
INDEX = "<!doctype html><html><title>Kubeflow Pipelines</title></html>"
LOGIN = '<!DOCTYPE html><html><form action="/dex/auth/local"></form></html>'
RUN_FIELDS = {"experiment_id", "display_name", "description", "pipeline_spec", "runtime_config"}
RUN_FIELDS |= {"pipeline_version_reference", "service_account"}
RECURRING_FIELDS = RUN_FIELDS | {"trigger", "mode", "max_concurrency", "no_catchup", "namespace"}
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
        self.faults: list[Any] = []  # answers to the next requests: a status, or "drop"
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


class Handler(BaseHTTPRequestHandler):
    """One request; the routes are at the end."""

    kfp: FakeKfp
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self.handled("GET")

    def do_POST(self) -> None:
        self.handled("POST")

    def do_DELETE(self) -> None:
        self.handled("DELETE")

    def handled(self, method: str) -> None:
        parts = urlsplit(self.path)
        self.query = {k: v[0] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.kfp.requests.append((method, parts.path, self.query))
        if self.kfp.faults and self.failed(self.kfp.faults.pop(0)):
            return
        try:
            if self.kept_out():
                return
            self.routed(method, parts.path)
        except Refused as refused:
            detail = {"@type": "type.googleapis.com/google.rpc.Status", "code": refused.code}
            detail["message"] = refused.words
            status = {"code": refused.code, "message": refused.chain, "details": [detail]}
            self.answer(status, HTTP[refused.code])

    def failed(self, fault: Any) -> bool:
        if fault is None:
            return False
        if fault == "drop":
            self.close_connection = True
        else:
            self.text(f"upstream connect error, {fault}", fault)
        return True

    def kept_out(self) -> bool:
        """What stands before the API: Istio with Dex, or the API's own authentication."""
        kfp = self.kfp
        if kfp.login and self.headers.get("Cookie") != kfp.cookie:
            if kfp.login == "redirect" and not self.path.startswith("/dex"):
                self.text("", 302, "text/html", {"Location": "/dex/auth?client_id=x&state=y"})
            else:
                self.text(LOGIN, 200, "text/html; charset=utf-8")
            return True
        if kfp.token and self.headers.get("authorization") != f"Bearer {kfp.token}":
            words = "Request header error: there is no user identity header."
            raise Refused(16, words, f"Failed to authorize: Unauthenticated: {words}")
        return False

    def routed(self, method: str, path: str) -> None:
        for verb, pattern, handler in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and verb == method and self.is_served(path):
                handler(self, *(unquote(each) for each in found.groups()))
                return
        if self.kfp.is_ui:
            self.text(f"<!DOCTYPE html><pre>Cannot {method} {path}</pre>", 404, "text/html")
        else:
            self.text("404 page not found\n", 404)

    def is_served(self, path: str) -> bool:
        """The UI passes v1beta1 and v2beta1 on; only it has /k8s and pages."""
        ours = "/apis/v1alpha1" if self.kfp.is_ui else "/k8s"
        return not path.startswith(ours) and (self.kfp.is_ui or path != "/")

    def namespaced(self, namespace: str) -> str:
        if not self.kfp.multi_user:
            return ""
        if not namespace:
            raise Refused(3, "A run cannot have an empty namespace in multi-user mode")
        if namespace not in self.kfp.namespaces:
            words = "User 'alice' is not authorized with reason:  (request: &{namespace})"
            raise Refused(7, words, f"Failed to authorize with API: PermissionDenied: {words}")
        return namespace

    def answer(self, record: Any, status: int = 200) -> None:
        self.text(json.dumps(record), status, "application/json")

    def text(
        self, text: str, status: int = 200, kind: str = "text/plain", more: Any = None
    ) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in (more or {}).items():
            self.send_header(name, value)
        with contextlib.suppress(ConnectionError):  # who asked has gone
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def page(self, kind: str, records: list[dict[str, Any]]) -> None:
        """One page of a listing, filtered by display_name, the newest first where that is asked."""
        for predicate in json.loads(self.query.get("filter") or "{}").get("predicates", []):
            assert predicate["key"] in ("display_name", "name")
            records = [r for r in records if r["display_name"] == predicate["stringValue"]]
        if self.query.get("sort_by") == "created_at desc":
            records = records[::-1]
        size = int(self.query.get("page_size") or 10)
        start = int(self.query.get("page_token") or 0)
        found = {kind: records[start : start + size], "total_size": len(records)}
        if start + size < len(records):
            found["next_page_token"] = str(start + size)
        self.answer({key: value for key, value in found.items() if value})

    # -- routes ----------------------------------------------------------------------------------

    def healthz(self) -> None:
        told = {"commit_sha": "abc", "tag_name": self.kfp.tag, "multi_user": self.kfp.multi_user}
        self.answer({**told, "pipeline_store": "database"})

    def list_experiments(self) -> None:
        namespace = self.namespaced(self.query.get("namespace", ""))
        known = self.kfp.experiments.values()
        self.page("experiments", [e for e in known if e.get("namespace", "") == namespace])

    def create_experiment(self) -> None:
        body = json.loads(self.body)
        refuse_unknown(body, {"display_name", "description", "namespace"})
        namespace = self.namespaced(body.get("namespace", ""))
        record = {"experiment_id": str(uuid.uuid4()), "display_name": body["display_name"]}
        record |= {"created_at": moment(time.time()), "storage_state": "AVAILABLE"}
        record |= {"namespace": namespace} if namespace else {}
        self.kfp.experiments[record["experiment_id"]] = record
        self.answer(record)

    def filed(self, body: dict[str, Any]) -> dict[str, Any]:
        """The fields that runs and recurring runs have in common, checked."""
        if not body.get("display_name"):
            raise Refused(3, "The run name is empty. Please specify a valid name")
        experiment = self.kfp.experiments.get(body.get("experiment_id", ""))
        if experiment is None:
            raise Refused(5, f"Experiment {body.get('experiment_id')} not found")
        self.namespaced(experiment.get("namespace", ""))
        package = body.get("pipeline_spec") or self.referred(body)
        given = body.get("runtime_config", {}).get("parameters", {})
        refuse_bad_inputs(package, given)
        return {**body, "service_account": body.get("service_account") or "pipeline-runner"}

    def referred(self, body: dict[str, Any]) -> dict[str, Any]:
        reference = body["pipeline_version_reference"]
        found: dict[str, Any] = self.kfp.versions[reference["pipeline_version_id"]]["pipeline_spec"]
        return found

    def create_run(self) -> None:
        body = json.loads(self.body)
        refuse_unknown(body, RUN_FIELDS)
        record = self.filed(body)
        self.answer(self.kfp.start(record, record.get("pipeline_spec") or self.referred(record)))

    def get_run(self, run_id: str) -> None:
        if self.kfp.story:
            self.kfp.story.pop(0)()
        self.answer(self.kfp.run(run_id))

    def list_runs(self) -> None:
        experiment = self.query.get("experiment_id")
        if not experiment:
            self.namespaced(self.query.get("namespace", ""))
        known = self.kfp.runs.values()
        wanted = (None, "", "None")
        self.page("runs", [r for r in known if experiment in (*wanted, r["experiment_id"])])

    def terminate_run(self, run_id: str) -> None:
        self.kfp.run(run_id)
        self.kfp.runs[run_id]["state"] = "CANCELING"  # not in its history, run_store.go
        self.answer({})

    def create_recurring(self) -> None:
        body = json.loads(self.body)
        refuse_unknown(body, RECURRING_FIELDS)
        if not 1 <= int(body.get("max_concurrency", 0)) <= 10:
            raise Refused(
                3, "Max concurrency of a recurring run must be at least 1 and at most 10."
            )
        cron = body["trigger"]["cron_schedule"]["cron"]
        if len(cron.split()) not in (5, 6):
            raise Refused(3, "Schedule cron is not a supported format: Expected 5 to 6 fields")
        record = {**self.filed(body), "recurring_run_id": str(uuid.uuid4()), "status": "ENABLED"}
        record["created_at"] = moment(time.time())
        self.kfp.recurring[record["recurring_run_id"]] = record
        self.answer(record)

    def list_recurring(self) -> None:
        self.namespaced(self.query.get("namespace", ""))
        self.page("recurringRuns", list(self.kfp.recurring.values()))

    def change_recurring(self, recurring_id: str, verb: str) -> None:
        if recurring_id not in self.kfp.recurring:
            raise Refused(5, f"Recurring run {recurring_id} not found")
        record = self.kfp.recurring[recurring_id]
        record["status"] = "ENABLED" if verb == "enable" else "DISABLED"
        record["mode"] = "ENABLE" if verb == "enable" else "DISABLE"
        self.answer({})

    def delete_recurring(self, recurring_id: str) -> None:
        self.kfp.recurring.pop(recurring_id)
        self.answer({})

    def list_pipelines(self) -> None:
        namespace = self.query.get("namespace", "")
        known = self.kfp.pipelines.values()
        self.page("pipelines", [p for p in known if p.get("namespace", "") == namespace])

    def create_pipeline(self) -> None:
        body = json.loads(self.body)
        refuse_unknown(body, {"display_name", "name", "description", "namespace", "tags"})
        self.namespaced(body.get("namespace", ""))
        record = {**body, "pipeline_id": str(uuid.uuid4()), "created_at": moment(time.time())}
        self.kfp.pipelines[record["pipeline_id"]] = record
        self.answer(record)

    def upload_version(self) -> None:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        (part,) = message_from_bytes(head + self.body).get_payload()  # type: ignore[misc]
        assert part.get_param("name", header="content-disposition") == "uploadfile"  # type: ignore[union-attr]
        documents = list(yaml.safe_load_all(part.get_payload(decode=True)))  # type: ignore[union-attr, arg-type]
        pipeline, name = self.query["pipelineid"], self.query["name"]
        same = [v for v in self.kfp.versions.values() if v["pipeline_id"] == pipeline]
        if any(version["display_name"] == name for version in same):
            words = "Failed to create a pipeline version"
            self.text(json.dumps({"error_message": words, "error_details": words}), 409)
            return
        package = documents[0]
        if len(documents) > 1:
            package = {"pipeline_spec": documents[0], "platform_spec": documents[1]}
        record = {"pipeline_id": pipeline, "pipeline_version_id": str(uuid.uuid4())}
        record |= {"display_name": name, "name": name, "pipeline_spec": package}
        self.kfp.versions[record["pipeline_version_id"]] = record
        self.answer(record)

    def get_version(self, pipeline: str, version: str) -> None:
        assert self.kfp.versions[version]["pipeline_id"] == pipeline
        self.answer(self.kfp.versions[version])

    def run_log(self, run_id: str, node: str) -> None:
        """run_log_server.go: 200 is written before it is known whether there is a log."""
        text = self.kfp.logs.get(node, self.kfp.archived.get(node))
        if text is None:
            words = f"InternalServerError: Failed to read logs from pod {node}"
            text = json.dumps({"error_message": words, "error_details": words})
            text = text.replace('": "', '":"')
        self.text(text)

    def pod_logs(self) -> None:
        text = self.kfp.logs.get(self.query.get("podname", ""))
        self.text(text or "pod not found", 200 if text is not None else 404)

    def pod(self) -> None:
        if "podnamespace" not in self.query:
            return self.text("podnamespace argument is required", 422)
        found = self.kfp.pods.get(self.query["podname"])
        return self.text(json.dumps(found)) if found else self.text("Could not get pod", 500)

    def index(self) -> None:
        self.text(INDEX, 200, "text/html")


V2 = "/apis/v2beta1"
ROUTES = [
    ("GET", f"{V2}/healthz", Handler.healthz),
    ("GET", f"{V2}/experiments", Handler.list_experiments),
    ("POST", f"{V2}/experiments", Handler.create_experiment),
    ("POST", f"{V2}/runs", Handler.create_run),
    ("GET", f"{V2}/runs", Handler.list_runs),
    ("POST", f"{V2}/runs/([^/:]+):terminate", Handler.terminate_run),
    ("GET", f"{V2}/runs/([^/:]+)", Handler.get_run),
    ("POST", f"{V2}/recurringruns", Handler.create_recurring),
    ("GET", f"{V2}/recurringruns", Handler.list_recurring),
    ("POST", f"{V2}/recurringruns/([^/:]+):(enable|disable)", Handler.change_recurring),
    ("DELETE", f"{V2}/recurringruns/([^/:]+)", Handler.delete_recurring),
    ("GET", f"{V2}/pipelines", Handler.list_pipelines),
    ("POST", f"{V2}/pipelines", Handler.create_pipeline),
    ("POST", f"{V2}/pipelines/upload_version", Handler.upload_version),
    ("GET", f"{V2}/pipelines/([^/]+)/versions/([^/]+)", Handler.get_version),
    ("GET", "/apis/v1alpha1/runs/([^/]+)/nodes/([^/]+)/log", Handler.run_log),
    ("GET", "/k8s/pod/logs", Handler.pod_logs),
    ("GET", "/k8s/pod", Handler.pod),
    ("GET", "/", Handler.index),
]


class Server(ThreadingHTTPServer):
    """Keeps what went wrong in the fake itself, for the fixture; who hung up is nobody's fault."""

    daemon_threads = True
    kfp: FakeKfp

    def handle_error(self, *_: Any) -> None:
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, ConnectionError | ssl.SSLError):
            self.kfp.crashes.append(error)


def serve(tls: ssl.SSLContext | None = None) -> tuple[FakeKfp, ThreadingHTTPServer]:
    """Start a server on a free port of loopback; `host` of the state is its address."""
    kfp = FakeKfp()
    handler = type("Bound", (Handler,), {"kfp": kfp})
    server = Server(("127.0.0.1", 0), handler)
    server.kfp = kfp
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    kfp.host = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True, args=(0.02,)).start()
    return kfp, server
