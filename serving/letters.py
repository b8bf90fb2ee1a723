"""Letters that mean the same in every language: whoever starts Kanarya may have any locale.

In a Turkish one C's `toupper` has no `I` for `i`, and protobuf makes the JSON names of its fields
with it: kfp finds no `componentInputParameter` then and can read no pipeline. Where a locale is not
UTF-8, some names of files and columns can neither be printed nor be told to other processes.
"""

from __future__ import annotations

import locale
import os
import sys
from contextlib import suppress

_NAMES = ("C.UTF-8", "C.utf8", "UTF-8")
"""What systems call the locale that has all letters and no language (PEP 538)."""


def settle() -> None:
    """Let this process spell as `take` says, from its arguments on: it may begin anew for that."""
    if take() and sys.getfilesystemencoding() != "utf-8":
        os.execv(sys.executable, sys.orig_argv)


def take() -> bool:
    """Give this process and those that it starts the locale without a language.

    False, and nothing changed, where the system has none.
    """
    return any(_taken(name) for name in _NAMES)


def _taken(name: str) -> bool:
    with suppress(locale.Error):
        locale.setlocale(locale.LC_CTYPE, name)
        os.environ.pop("LC_ALL", None)  # which would win
        os.environ["LC_CTYPE"] = name
        return True
    return False
