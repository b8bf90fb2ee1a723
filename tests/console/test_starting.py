"""What the console leaves out at its start must be there for whoever asks later."""

import subprocess
import sys

import pytest

from console.starting import CLIENTS

CODE = """
import sys
from console.starting import quick_imports
with quick_imports():
    import socketio
print(*(name in sys.modules for name in {names}))
import {one}
print({one}.__name__)
"""


@pytest.mark.parametrize("one", ["aiohttp", "requests"])
def test_the_libraries_of_clients_are_not_imported_but_still_can_be(one: str) -> None:
    code = CODE.format(names=CLIENTS, one=one)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"False False False\n{one}\n"
