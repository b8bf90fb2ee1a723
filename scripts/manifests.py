"""`make manifests` renders manifests/; `--check` says whether they are fresh and would be taken."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from scripts import manifest_rendering as rendering
from scripts import manifest_rules
from scripts.manifest_schemas import problems
from serving.errors import KanaryaError


def main() -> int:
    """Write the renderings, or check them; return the exit code."""
    flags = argparse.ArgumentParser(prog="python -m scripts.manifests", description=__doc__)
    flags.add_argument("--check", action="store_true", help="write nothing")
    checking = flags.parse_args().check
    try:
        if not checking:
            manifest_rules.write()
            for folder in rendering.FOLDERS:
                print(f"wrote {rendering.write(folder)}")
        found = [*_not_fresh(), *_refused()]
    except KanaryaError as error:
        print(f"kanarya: {error}", file=sys.stderr)
        return error.exit_code
    for each in found:
        print(f"kanarya: {each}", file=sys.stderr)
    if checking and not rendering.kustomize():
        print("kanarya: manifests/rendered was compared by digest alone, for want of kustomize 5")
    return 1 if found else 0


def _not_fresh() -> Iterator[str]:
    if manifest_rules.stale():
        yield f"{manifest_rules.PLACE} is not what pipelines/alerts says: make manifests"
    able = bool(rendering.kustomize())
    for folder in rendering.FOLDERS:
        if rendering.stale(folder) or (able and rendering.differs(folder)):
            yield f"{rendering.path(folder)} is not what manifests/{folder} says: make manifests"


def _refused() -> Iterator[str]:
    for folder in rendering.FOLDERS:
        for document in rendering.documents(folder):
            for problem in problems(document):
                yield f"manifests/{folder}: {problem}"


if __name__ == "__main__":
    sys.exit(main())
