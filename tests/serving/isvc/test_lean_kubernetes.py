"""The library without its models must be the library still, for whoever else uses it."""

from __future__ import annotations

import subprocess
import sys

PROLOGUE = "from serving.isvc import lean_kubernetes\nlean_kubernetes.prepare()\nimport sys\n"


def said(code: str) -> list[str]:
    command = [sys.executable, "-c", PROLOGUE + code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_a_client_is_made_without_the_models() -> None:
    code = """
from kubernetes import client, config
client.CustomObjectsApi(client.ApiClient(client.Configuration()))
config.load_kube_config, config.ConfigException
print([name for name in sys.modules if "models.v1" in name or "core_v1" in name])
"""
    assert said(code) == ["[]"]


def test_every_name_that_the_library_has_is_found_when_it_is_asked_for() -> None:
    code = """
import kubernetes, re
from kubernetes import client, dynamic, watch
import kubernetes.client.rest
pod = client.V1Pod(metadata=client.V1ObjectMeta(name="x"))
print(pod.metadata.name, kubernetes.client.models.V1Pod is client.V1Pod, kubernetes.__version__)
given = {"metadata": {"name": "y"}}
print(client.ApiClient()._ApiClient__deserialize(given, "V1Pod").metadata.name)
print(client.rest.ApiException is client.ApiException, hasattr(client, "nothing"))
for package in (client, client.models, client.api):
    text = open(package.__file__).read()
    names = re.findall(r"^from kubernetes[a-z0-9_.]+ import (\\w+)$", text, re.MULTILINE)
    print(all(hasattr(package, name) for name in names[::30]), len(names) > 30)
"""
    first, second, third, *packages = said(code)
    assert first.startswith("x True ")
    assert (second, third) == ("y", "True False")
    assert packages == ["True True"] * 3


def test_a_library_that_was_imported_already_is_left_as_it_is() -> None:
    code = """
import types
for name in lean_kubernetes.PACKAGES:
    del sys.modules[name]
sys.modules["kubernetes"] = whole = types.ModuleType("kubernetes")
lean_kubernetes.prepare()
print(sys.modules["kubernetes"] is whole, "kubernetes.client" in sys.modules)
"""
    assert said(code) == ["True False"]
