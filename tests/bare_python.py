"""How a program lets kfp.local start steps from a folder whose path has a space.

KFP puts the interpreter into a shell's line as it is; a bare name is looked up on PATH.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

BEGINNING = 'import sys\nsys.executable = "python3"\n'


def surroundings() -> dict[str, str]:
    """The PATH on which `python3` is the interpreter of the tests."""
    return {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
