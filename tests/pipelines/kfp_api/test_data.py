"""Data of this machine gets to a bucket, where pods can read it, or the run is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipelines.cluster_package import refuse_local, uploaded
from tests.pipelines.kfp_api.conftest import Said
from tests.pipelines.kfp_api.server import FakeKfp
from tests.serving.fake_gcs import FakeGcs, gcs

__all__ = ["gcs"]


def test_a_file_is_copied_below_the_model_store_into_a_folder_of_its_own(
    kfp: FakeKfp, kanarya: Callable[..., Said], gcs: type[FakeGcs], tmp_path: Path
) -> None:
    table = tmp_path / "my table.csv"
    table.write_text("a,b\n1,2\n")
    asked = ["run", "--data", str(table), "--target", "b", "--run-name", "first", "--upload-data"]
    store = {"KANARYA_MODEL_STORE": "gs://bucket/models"}
    said = kanarya(*asked, "--on", "cluster", "--detach", **store)
    assert said.code == 0, said.err
    kanarya(*asked, "--on", "cluster", "--detach", **store)
    uris = {run["runtime_config"]["parameters"]["data_uri"] for run in kfp.runs.values()}
    assert len(uris) == 2, "a second run does not write over what the first one reads"
    for uri in uris:
        assert uri.startswith("gs://bucket/models/.data/my-table-") and uri.endswith(
            "/my table.csv"
        )
        assert gcs.objects[uri.removeprefix("gs://bucket/")] == b"a,b\n1,2\n"


def test_a_folder_of_pictures_is_copied_whole(gcs: type[FakeGcs], tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    for name in ("cats/1.png", "dogs/2.png"):
        path = folder / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"png")
    uri = uploaded(str(folder), "gs://bucket/models", "one")
    assert uri == "gs://bucket/models/.data/one/pictures"
    below = "models/.data/one/pictures"
    assert {f"{below}/cats/1.png", f"{below}/dogs/2.png"} <= set(gcs.objects)


def test_data_that_is_elsewhere_already_is_left_there() -> None:
    for uri in ("gs://other/x.csv", "keras://cifar10", "https://x/y.csv"):
        assert uploaded(uri, "gs://bucket/models", "one") == uri
        refuse_local(uri)


def test_a_file_that_is_not_there_is_refused_before_anything_is_sent(
    kfp: FakeKfp, kanarya: Callable[..., Said], gcs: type[FakeGcs], tmp_path: Path
) -> None:
    store = {"KANARYA_MODEL_STORE": "gs://bucket/models"}
    asked = ["run", "--data", str(tmp_path / "none.csv"), "--target", "b", "--upload-data"]
    said = kanarya(*asked, "--on", "cluster", **store)
    assert said.code == 2
    assert "none.csv does not exist" in said.err
    assert not kfp.requests


def test_nothing_is_copied_for_a_cluster_that_lets_nobody_in(
    kfp: FakeKfp, kanarya: Callable[..., Said], gcs: type[FakeGcs], tmp_path: Path
) -> None:
    kfp.token = "abc"
    table, spec = tmp_path / "iris.csv", tmp_path / "iris.yaml"
    table.write_text("a,b\n1,2\n")
    spec.write_text(f"{{name: iris, data: {{uri: {table}, target: b}}}}")
    store = {"KANARYA_MODEL_STORE": "gs://bucket/models"}
    for command in (
        ["run", str(spec), "--on", "cluster", "--upload-data"],
        ["schedule", str(spec), "--cron", "0 3 * * *", "--upload-data"],
    ):
        said = kanarya(*command, **store)
        assert said.code == 1 and "wants to know who asks" in said.err
    assert not gcs.objects and not kfp.runs and not kfp.recurring


def test_a_network_on_this_machine_is_refused_and_one_in_a_bucket_is_sent(
    kfp: FakeKfp, kanarya: Callable[..., Said], tmp_path: Path
) -> None:
    spec = tmp_path / "pets.yaml"
    spec.write_text("{name: pets, task: image, data: {uri: gs://bucket/pets.zip}}")
    asked = ["run", str(spec), "--on", "cluster", "--detach", "--network"]
    said = kanarya(*asked, str(tmp_path / "model"))
    assert said.code == 2
    assert f"model.network: {tmp_path}/model is on this machine" in said.err
    assert kfp.runs == {}
    image = f"registry.example/images-python:{'0' * 40}"
    said = kanarya(*asked, "gs://bucket/networks/pets", KANARYA_IMAGES_IMAGE=image)
    assert said.code == 0, said.err
    (run,) = kfp.runs.values()
    assert run["runtime_config"]["parameters"]["network"] == "gs://bucket/networks/pets"
