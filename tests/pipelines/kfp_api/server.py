"""Kubeflow Pipelines' API on loopback, as its backend 2.17 answers, for the real `kfp.Client`.

Shapes: backend/api/v2beta1/*.proto in protojson with proto names and without empty fields; errors:
backend/src/common/util/error.go behind grpc-gateway 2; uploads and logs: apiserver/server/*.go; the
UI's own routes: frontend/server/app.ts.
"""

from __future__ import annotations

import json
import ssl
import sys
import threading
import time
import uuid
from email import message_from_bytes
from http.server import ThreadingHTTPServer
from typing import Any

import yaml

from tests.pipelines.kfp_api.door import Door
from tests.pipelines.kfp_api.state import FakeKfp, Refused, refuse_bad_inputs, refuse_unknown
from tests.pipelines.kfp_api.workflow import moment

INDEX = "<!doctype html><html><title>Kubeflow Pipelines</title></html>"
RUN_FIELDS = {"experiment_id", "display_name", "description", "pipeline_spec", "runtime_config"}
RUN_FIELDS |= {"pipeline_version_reference", "service_account"}
RECURRING_FIELDS = RUN_FIELDS | {"trigger", "mode", "max_concurrency", "no_catchup", "namespace"}


class Handler(Door):
    """What each route answers; the routes are at the end."""

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
    handler = type("Bound", (Handler,), {"kfp": kfp, "routes": ROUTES})
    server = Server(("127.0.0.1", 0), handler)
    server.kfp = kfp
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    kfp.host = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True, args=(0.02,)).start()
    return kfp, server
