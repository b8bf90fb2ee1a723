"""What KServe reads itself (CloudEvents, and V2 marked as one), without its slips.

Its decoder answers 500 to an event without data, to one with the old header `ce-contenttype` even
where all is right, and to a V2 body whose length or inputs are wrong. What a client sent wrong is
a 400 here too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cloudevents.sdk.converters.util import has_binary_headers
from kserve.errors import InvalidInput

Decode = Callable[..., tuple[Any, dict[str, Any]]]

UNWRAPPED = "ce-contenttype"
"""With it KServe parses the data of an event, and then tries to parse what it got."""
_WRONG = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def forgiving(decode: Decode) -> Decode:
    """Return KServe's `DataPlane.decode`, which raises `InvalidInput` and nothing else."""

    def decoded(body: Any, headers: Mapping[str, str], **more: Any) -> tuple[Any, dict[str, Any]]:
        if UNWRAPPED in headers:
            headers = {name: value for name, value in headers.items() if name != UNWRAPPED}
        if body == b"" and has_binary_headers(headers):
            raise InvalidInput('The CloudEvent has no data; send {"instances": [...]}.')
        try:
            return decode(body, headers, **more)
        except InvalidInput:
            raise
        except _WRONG as error:
            raise InvalidInput(
                f"The body cannot be read ({type(error).__name__}: {str(error)[:200]}); send it as "
                "KServe's protocol says."
            ) from error

    return decoded
