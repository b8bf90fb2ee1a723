"""Fuzz a target: `python -m tests.fuzz.run TARGET SECONDS FOLDER`; `make fuzz` runs them all.

What it finds is left in FOLDER as `crash-…` or `timeout-…`, and the exit code is not 0.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import atheris  # type: ignore[import-not-found]

with atheris.instrument_imports(include=["serving", "uvicorn", "PIL"]):
    import PIL.Image
    import PIL.JpegImagePlugin
    import PIL.PngImagePlugin  # noqa: F401 - imported here for its branches to be counted

    from tests.fuzz.seeds import WORDS, seeds
    from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
SLOWEST_S = 5
LONGEST = 4096


def main(target: str, seconds: str, folder: str) -> None:
    """Write the seeds, then mutate them until the time is up or something is found."""
    found, kept = Path(folder) / target, CORPUS / target
    for path in (found, kept):
        path.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(target)):
        (found / f"seed-{number}").write_bytes(seed)
    words = found.parent / "words"
    words.write_text("".join(f'"{word}"\n' for word in WORDS))
    options = [
        f"-dict={words}",
        f"-max_total_time={seconds}",
        f"-timeout={SLOWEST_S}",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={found.parent}/{target}-",
    ]
    logging.disable(logging.CRITICAL)  # what is refused is logged, a million times here
    atheris.Setup([sys.argv[0], *options, str(found), str(kept)], TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
