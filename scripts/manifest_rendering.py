"""What kustomize makes of manifests/, kept in manifests/rendered as the graphs are in compiled/.

A rendering names the sha256 of itself and of the files that it was made of, so that a stale one, or
one that was changed by hand, is found where there is no kustomize as well, and everything that
looks at renderings needs none. Where there is one they are made anew and compared.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from serving.errors import PlatformError, UsageError

MANIFESTS = Path(__file__).resolve().parents[1] / "manifests"
FOLDERS = (
    "runtime/base",
    "runtime/namespaced",
    "runtime/grpc",
    "service",
    "plain",
    "feedback",
    "mlflow/base",
    "console",
    "watcher",
    "admin",
    "overlays/dev",
    "overlays/staging",
    "overlays/production",
)
OLDEST = 5
"""Before kustomize 5 `patches` and `labels` do not do all that is asked of them here."""
_COMMANDS = (("kustomize", "build"), ("kubectl", "kustomize"))
_KUSTOMIZATION = "kustomization.yaml"


def path(folder: str, at: Path = MANIFESTS) -> Path:
    """Return where the rendering of a folder of manifests/ is."""
    return at / "rendered" / f"{folder.removeprefix('overlays/').replace('/', '-')}.yaml"


def documents(folder: str, at: Path = MANIFESTS) -> list[dict[str, Any]]:
    """Return the objects of a rendering, as it is in the repository."""
    return _parsed(path(folder, at).read_text(encoding="utf-8"))


def stale(folder: str, at: Path = MANIFESTS) -> bool:
    """Say whether a rendering is missing, was changed, or is of other files than those there."""
    rendered = path(folder, at)
    if not rendered.is_file():
        return True
    first, _, body = rendered.read_text(encoding="utf-8").partition("\n")
    return first != _heading(folder, body, at)


def write(folder: str, at: Path = MANIFESTS) -> Path:
    """Render a folder anew and return the file. Raises UsageError, PlatformError."""
    body = built(at / folder)
    path(folder, at).parent.mkdir(exist_ok=True)
    path(folder, at).write_text(f"{_heading(folder, body, at)}\n{body}", encoding="utf-8")
    return path(folder, at)


def differs(folder: str, at: Path = MANIFESTS) -> bool:
    """Say whether kustomize makes other objects than those of the rendering; order is its own."""
    return _by_name(documents(folder, at)) != _by_name(_parsed(built(at / folder)))


def built(folder: Path) -> str:
    """Return what kustomize prints. Raises UsageError where it refuses, PlatformError without."""
    command = kustomize()
    if not command:
        raise PlatformError(
            f"there is no kustomize {OLDEST} or newer here, nor a kubectl that has one (1.27); "
            "install one of them to render manifests/"
        )
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UsageError(f"{folder}: {' '.join(done.stderr.split())}")
    return done.stdout


@cache
def kustomize() -> tuple[str, ...]:
    """Return the command that renders a folder, () where none on the PATH is new enough."""
    return next((each for each in _COMMANDS if _version(each[0]) >= OLDEST), ())


def sources(folder: Path) -> Iterator[Path]:
    """Yield every file that a rendering is made of."""
    kustomization = folder / _KUSTOMIZATION
    yield kustomization
    for name in _named(yaml.safe_load(kustomization.read_text(encoding="utf-8"))):
        found = (folder / name).resolve()
        yield from sources(found) if found.is_dir() else (found,)


def _named(kustomization: Mapping[str, Any]) -> Iterator[str]:
    yield from kustomization.get("resources", ())
    yield from kustomization.get("components", ())
    for generator in kustomization.get("configMapGenerator", ()):
        yield from generator["files"]


def _heading(folder: str, body: str, at: Path) -> str:
    digest, root = hashlib.sha256(body.encode()), at.resolve()
    for each in sorted(set(sources(root / folder))):
        content = each.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{each.relative_to(root)} {len(content)}\n".encode() + content)
    return f"# manifests/{folder}, rendered by `make manifests`; sha256 {digest.hexdigest()}"


def _version(program: str) -> int:
    """Return the major version of a program's kustomize; 0 where it is not there or says none."""
    if shutil.which(program) is None:
        return 0
    words = {"kubectl": ["version", "--client", "-o", "json"]}.get(program, ["version"])
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    found = re.search(
        r'(?:kustomizeVersion": "|^\{?(?:Version:)?(?:kustomize/)?)v(\d+)\.', done.stdout
    )
    return int(found[1]) if found else 0


def _parsed(text: str) -> list[dict[str, Any]]:
    # libyaml, where PyYAML has it, is ten times as fast.
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return list(yaml.load_all(text, Loader=loader))


def _by_name(objects: Any) -> dict[tuple[str, str, str], Any]:
    return {
        (each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]): each
        for each in objects
    }
