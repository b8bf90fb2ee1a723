"""Every way in which Kubeflow Pipelines can refuse is one sentence; every way in is tried."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines import cluster_runs
from pipelines.cluster import connect
from pipelines.cluster_place import Place
from pipelines.errors import ClusterError, Faltering, LoginNeeded, NoApi, NotThere, Unreachable
from serving.errors import KanaryaError, UsageError
from tests.pipelines.kfp_api.server import FakeKfp, serve


def listed(place: Place) -> list[str]:
    return [run.name for run in cluster_runs.newest(connect(place))]


def file(folder: Path, text: str) -> Path:
    path = folder / "secret"
    path.write_text(text)
    return path


def set_up(kfp: FakeKfp, **state: object) -> None:
    for name, value in state.items():
        setattr(kfp, name, value)


REFUSALS = [
    ({"token": "abc"}, Faltering, ["wants to know who asks", "KFP_TOKEN_FILE"]),
    ({"login": "redirect"}, LoginNeeded, ["sends to /dex/auth", "KFP_COOKIE_FILE", "/pipeline"]),
    ({"login": "page"}, LoginNeeded, ["a page for browsers", "KFP_COOKIE_FILE"]),
    ({"multi_user": True}, ClusterError, ["empty namespace", "--namespace NAME"]),
    ({"faults": [503, 503]}, Unreachable, ["answers 503"]),
    ({"faults": [429]}, Unreachable, ["answers 429"]),
    ({"faults": [("<html>gone</html>", 503, "text/html")]}, Unreachable, ["503: it is not ready"]),
    ({"faults": [("<html>oops</html>", 500, "text/html")]}, Faltering, ["answers 500: -"]),
    ({"faults": [('{"runs": [{"run_id"', 200, "application/json")]}, Unreachable, ["broke off"]),
    ({"faults": [500]}, Faltering, ["cannot list the runs", "answers 500"]),
    ({"faults": [404]}, NoApi, ["no API of Kubeflow Pipelines 2"]),
]


@pytest.mark.parametrize(("state", "error", "words"), REFUSALS, ids=lambda v: str(v)[:30])
def test_a_refusal_is_one_sentence_with_the_remedy(
    kfp: FakeKfp, state: dict[str, object], error: type[KanaryaError], words: list[str]
) -> None:
    set_up(kfp, **state)
    with pytest.raises(error) as refused:
        listed(Place(kfp.host, kfp.host))
    assert type(refused.value) is error
    assert all(word in str(refused.value) for word in words), refused.value


def test_a_namespace_of_somebody_else_is_told_as_that(kfp: FakeKfp) -> None:
    kfp.multi_user = True
    with pytest.raises(ClusterError, match="you may not list the runs in the namespace 'bob'"):
        listed(Place(kfp.host, kfp.host, namespace="bob"))
    assert listed(Place(kfp.host, kfp.host, namespace="alice")) == []


def test_a_token_is_read_anew_for_each_request(kfp: FakeKfp, tmp_path: Path) -> None:
    kfp.token = "first"
    path = file(tmp_path, "first\n")
    cluster = connect(Place(kfp.host, kfp.host, token_file=path))
    assert cluster_runs.newest(cluster) == []
    kfp.token = "second"
    with pytest.raises(ClusterError, match=f"does not accept what is in {path}"):
        cluster_runs.newest(cluster)
    path.write_text("second")
    assert cluster_runs.newest(cluster) == []
    path.write_text("")
    with pytest.raises(UsageError, match="must hold one line"):
        cluster_runs.newest(cluster)


def test_a_cookie_opens_the_gateway_until_it_is_stale(kfp: FakeKfp, tmp_path: Path) -> None:
    set_up(kfp, login="redirect", cookie="authservice_session=abc")
    place = Place(kfp.host, kfp.host, cookie_file=file(tmp_path, "authservice_session=abc\n"))
    cluster = connect(place)
    assert cluster_runs.newest(cluster) == []
    kfp.cookie = "authservice_session=new"
    with pytest.raises(LoginNeeded, match="is not valid, or no longer"):
        cluster_runs.newest(cluster)
    file(tmp_path, "authservice_session=new\n")
    assert cluster_runs.newest(cluster) == []


def test_nobody_there_is_told_with_the_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        host = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Unreachable, match=f"cannot be reached at {host} .*refused"):
            listed(Place(host, host))


def test_a_name_that_is_unknown_is_told_as_that() -> None:
    with pytest.raises(Unreachable, match="cannot be reached at http://nobody.invalid"):
        listed(Place("http://nobody.invalid", ""))


def test_a_connection_that_breaks_is_told(kfp: FakeKfp) -> None:
    kfp.faults = ["drop"]
    with pytest.raises(Unreachable, match="cannot be reached"):
        listed(Place(kfp.host, kfp.host))


def test_an_answer_of_another_program_is_told() -> None:
    kfp, server = serve()
    kfp.is_ui = True
    try:
        with pytest.raises(LoginNeeded, match="a page for browsers"):
            connect(Place(kfp.host, "")).json("look", "/")
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(("tag", "told"), [("2.17.0", ""), ("2.18.1", ""), ("unknown", "")])
def test_a_backend_as_new_as_the_sdk_is_not_mentioned(kfp: FakeKfp, tag: str, told: str) -> None:
    kfp.tag = tag
    assert cluster_runs.gap_of(connect(Place(kfp.host, ""))) == told


def test_an_older_backend_is_named_where_it_refuses_a_pipeline(kfp: FakeKfp) -> None:
    kfp.tag = "2.14.3"
    asked = cluster_runs.Submission(PACKAGE, {"nonsense": 1}, "run", "experiment")
    with pytest.raises(ClusterError) as refused:
        cluster_runs.submit(connect(Place(kfp.host, "")), asked)
    assert "not required by pipeline: nonsense" in str(refused.value)
    assert "Kubeflow Pipelines is 2.14.3 there and its SDK 2.17.0 here" in str(refused.value)


PACKAGE = """
pipelineInfo: {name: small}
root: {dag: {tasks: {}}}
schemaVersion: 2.1.0
sdkVersion: kfp-2.17.0
"""


def test_only_the_api_itself_can_say_that_there_is_no_experiment(kfp: FakeKfp) -> None:
    cluster = connect(Place(kfp.host, ""))
    with pytest.raises(NotThere, match="there is no experiment 'iris'"):
        cluster_runs.newest(cluster, "iris")
    kfp.faults = [("default backend - 404", 404, "text/plain")]
    with pytest.raises(NoApi):  # else a watcher would train again without minding its cooldown
        cluster_runs.newest(cluster, "iris")
    for number in "12":
        kfp.experiments[number] = {"experiment_id": number, "display_name": "iris"}
    with pytest.raises(ClusterError, match="cannot look for the experiment 'iris': Multiple"):
        cluster_runs.newest(cluster, "iris")


def test_nothing_of_the_home_folder_is_read_or_written(
    kfp: FakeKfp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    asked = cluster_runs.Submission(PACKAGE, {}, "run", "experiment")
    cluster_runs.submit(connect(Place(kfp.host, "")), asked)
    assert not list(tmp_path.iterdir())


PLACES: list[tuple[dict[str, str], str]] = [
    ({}, "say where Kubeflow Pipelines is"),
    ({"KFP_HOST": "ftp://x"}, "is no address of Kubeflow Pipelines"),
    ({"KFP_HOST": "http://x", "KFP_TOKEN_FILE": "/no/such"}, "KFP_TOKEN_FILE: there is no file"),
    ({"KFP_HOST": "http://x", "KFP_CA_FILE": "/no/such"}, "KFP_CA_FILE: there is no file"),
    ({"KFP_HOST": "http://x", "KFP_POLL_SECONDS": "soon"}, "KFP_POLL_SECONDS: 'soon'"),
]


@pytest.mark.parametrize(("environment", "words"), PLACES, ids=lambda v: str(v)[:40])
def test_what_says_where_it_is_is_checked_first(environment: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Place.from_env(env=environment)


def test_the_options_count_before_the_environment() -> None:
    environment = {"KFP_HOST": "kfp.example.com/pipeline/", "KFP_NAMESPACE": "alice"}
    place = Place.from_env(env=environment)
    assert (place.host, place.namespace) == ("https://kfp.example.com/pipeline", "alice")
    assert place.page("runs", "x") == "https://kfp.example.com/pipeline/#/runs/details/x"
    other = Place.from_env("http://other", "bob", {**environment, "KFP_UI": "http://ui"})
    assert (other.host, other.namespace, other.ui) == ("http://other", "bob", "http://ui")


def test_a_record_of_where_it_is_has_no_password() -> None:
    place = Place.from_env("https://ayse:secret@kfp.example.com:8443/pipeline", env={})
    assert place.shown == "kfp.example.com:8443"


def test_inside_a_pod_nothing_needs_to_be_said(tmp_path: Path) -> None:
    (tmp_path / "namespace").write_text("alice\n")
    token = file(tmp_path, "abc")
    place = Place.from_env(env={"KF_PIPELINES_SA_TOKEN_PATH": str(token)}, mounted=tmp_path)
    assert place.host == "http://ml-pipeline.kubeflow.svc.cluster.local:8888"
    assert (place.namespace, place.token_file) == ("alice", token)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that signs itself, with its key, in one file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    plain = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(made.public_bytes(pem) + private)
    return path


@pytest.fixture
def safe_kfp(certificate: Path) -> Iterator[FakeKfp]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    kfp, server = serve(context)
    yield kfp
    server.shutdown()
    server.server_close()


TLS: list[tuple[Callable[[str, Path], Place], str]] = [
    (lambda host, _: Place(host, host), "certificate that is not trusted .*KFP_CA_FILE"),
    (lambda host, _: Place(host.replace("127.0.0.1", "localhost"), ""), "not trusted"),
    (lambda host, ca: Place(host.replace("127.0.0.1", "localhost"), "", ca_file=ca), "localhost"),
]


@pytest.mark.parametrize(("place", "words"), TLS)
def test_a_certificate_that_is_not_trusted_is_told_with_the_remedy(
    safe_kfp: FakeKfp, certificate: Path, place: Callable[[str, Path], Place], words: str
) -> None:
    with pytest.raises(ClusterError, match=words):
        listed(place(safe_kfp.host, certificate))


def test_a_named_ca_is_trusted(safe_kfp: FakeKfp, certificate: Path) -> None:
    assert listed(Place(safe_kfp.host, "", ca_file=certificate)) == []


def test_a_ca_file_without_a_certificate_is_told(safe_kfp: FakeKfp, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="KFP_CA_FILE: .*holds no certificate"):
        listed(Place(safe_kfp.host, "", ca_file=file(tmp_path, "no certificate")))


def test_tls_to_a_server_without_it_is_told(kfp: FakeKfp) -> None:
    with pytest.raises(ClusterError, match="does not speak TLS as asked"):
        listed(Place(kfp.host.replace("http:", "https:"), ""))
