"""The console in a cluster is given what it asks for, and nobody comes in without a login."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from console.settings import ConsoleSettings
from pipelines.cluster_place import Place
from pipelines.enqueue import wanted
from serving.errors import UsageError
from tests.manifests.rendered import OVERLAYS, ROOT, container, of_kind

LOGIN = "ayse operator sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def console(folder: str) -> dict[str, Any]:
    """The container, with the namespace that it runs in."""
    (found,) = of_kind(folder, "Deployment", "kanarya-console")
    return {
        **container(found["spec"]["template"]),
        "namespace": found["metadata"]["namespace"],
    }


def given(folder: str) -> dict[str, str]:
    """The variables that the image and the maps of its own namespace set; the later ones win."""
    text = (ROOT / "console" / "Dockerfile").read_text(encoding="utf-8")
    found = dict(re.findall(r"(KANARYA_\w+)=(\S+)", text[text.index("ENV PATH") :]))
    own = console(folder)
    for source in own["envFrom"]:
        name = source.get("configMapRef", {}).get("name", "")
        for each in of_kind(folder, "ConfigMap", name) if name else ():
            if each["metadata"]["namespace"] == own["namespace"]:
                found |= each["data"]
    return found


@pytest.mark.parametrize("folder", OVERLAYS)
def test_it_is_told_where_everything_is(folder: str, tmp_path: Path) -> None:
    told = given(folder)
    settings = ConsoleSettings.from_env(env={**told, "KANARYA_CONSOLE_LOGINS": LOGIN})
    (server,) = of_kind(folder, "Service", "mlflow")
    (role,) = of_kind(folder, "Role", "kanarya-rollout")
    own = console(folder)
    assert server["metadata"]["namespace"] == own["namespace"]
    assert settings.base.tracking_uri == "http://mlflow:5001"
    assert settings.base.namespace == role["metadata"]["namespace"]
    assert settings.base.model_store.startswith(("s3://", "gs://"))
    assert (settings.host, settings.port) == ("0.0.0.0", own["ports"][0]["containerPort"])
    place = Place.from_env(env=told, mounted=tmp_path)
    assert place.host == "http://ml-pipeline.kubeflow:8888"
    alone = folder == "overlays/dev"
    assert place.namespace == ("" if alone else settings.base.namespace)
    (account,) = of_kind(folder, "ServiceAccount", told["KFP_SERVICE_ACCOUNT"])
    assert account["metadata"]["namespace"] == ("kubeflow" if alone else place.namespace)


@pytest.mark.parametrize("folder", OVERLAYS)
def test_it_does_not_start_without_logins_which_are_in_a_secret(folder: str) -> None:
    with pytest.raises(UsageError, match="it needs logins in KANARYA_CONSOLE_LOGINS"):
        ConsoleSettings.from_env(env=given(folder))
    by_name = {each["name"]: each["valueFrom"]["secretKeyRef"] for each in console(folder)["env"]}
    assert by_name["KANARYA_CONSOLE_LOGINS"] == {"name": "kanarya-console", "key": "logins"}
    assert all(each.get("optional") for name, each in by_name.items() if "LOGINS" not in name)


@pytest.mark.parametrize("folder", OVERLAYS)
def test_it_runs_nothing_itself_and_answers_its_probes_by_a_name_it_knows(folder: str) -> None:
    told = given(folder)
    assert not wanted(told)
    names = ConsoleSettings.from_env(env={**told, "KANARYA_CONSOLE_LOGINS": LOGIN}).names
    (service,) = of_kind(folder, "Service", "kanarya-console")
    assert service["metadata"]["name"] in names
    own = console(folder)
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        (header,) = own[probe]["httpGet"]["httpHeaders"]
        assert header["name"] == "Host" and header["value"] in names
    assert told["KANARYA_HOME"] in {mount["mountPath"] for mount in own["volumeMounts"]}
