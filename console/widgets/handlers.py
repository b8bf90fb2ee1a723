"""What a handler takes, found out once: pages are made in less time."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any
from weakref import WeakKeyDictionary

from nicegui import helpers


def quick_elements() -> None:
    """Let NiceGUI find out once what each handler takes, and not for every element again.

    An element watches its classes, its style and its properties by a method each, and asks of each
    (`inspect.signature`) whether it takes arguments: a fifth of the time in which a page is made.
    """
    helpers.expects_arguments = asked_once(  # type: ignore[assignment]
        helpers.expects_arguments
    )


def asked_once(ask: Callable[[Callable[..., Any]], bool]) -> Callable[[Callable[..., Any]], bool]:
    """Return `ask` with a memory of the methods it was asked of, whosever they are.

    A method's answer is that of all objects of its function; of another callable (`partial`, an
    object, one that carries its signature) it is asked each time, since that may change.
    """
    known: WeakKeyDictionary[FunctionType, bool] = WeakKeyDictionary()

    def remembered(handler: Callable[..., Any]) -> bool:
        function = handler.__func__ if isinstance(handler, MethodType) else None
        if not isinstance(function, FunctionType) or hasattr(function, "__signature__"):
            return ask(handler)
        answer = known.get(function)
        if answer is None:
            answer = known[function] = ask(handler)
        return answer

    return remembered
