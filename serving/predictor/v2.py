"""KServe's V2 protocol (Open Inference Protocol): JSON, and the binary tensor extension."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from serving.predictor.cells import BadRequest, shown
from serving.predictor.outputs import CHOICES, NUMBER, OUTPUTS, Outputs
from serving.predictor.requests import Checked, RequestReader
from serving.predictor.tensors import Taking, Tensor, unpacked
from serving.predictor.v1 import parsed

Wanted = tuple[tuple[str, bool], ...]


class Wish(NamedTuple):
    """What a client wants to have back: its id, and which outputs, each as bytes or as JSON."""

    id: str
    outputs: Wanted


USUAL: dict[Outputs, dict[bool, Wanted]] = {
    outputs: {binary: tuple((name, binary) for name in outputs) for binary in (False, True)}
    for outputs in CHOICES
}
"""What a client gets that names no outputs: as JSON, or as bytes where it says so."""

NO_WISH = Wish("", ())
"""Of a protocol that knows no choice."""


class V2:
    """The V2 requests of one model; `v2_answers` writes what goes back."""

    def __init__(self, reader: RequestReader, outputs: Outputs = OUTPUTS) -> None:
        self._reader = reader
        self._usual = USUAL[outputs]
        self._known = NUMBER if outputs == NUMBER else OUTPUTS

    def decode(self, body: bytes, header: bytes | None) -> tuple[Checked, Wish]:
        """Return cells and wish; `header` is the value of Inference-Header-Content-Length.

        Raises `BadRequest` with what is wrong.
        """
        length = len(body) if header is None else _header_length(header, len(body))
        value = parsed(body if header is None else body[:length])
        if not isinstance(value, dict):
            raise BadRequest(f'The body is {shown(value)}, expected an object {{"inputs": [...]}}.')
        sent = _tensors(value.get("inputs"), body, length, self._reader.taking)
        wish = _wish(value, self._usual, self._known)
        return self._reader.tensors(sent), wish


def new_id() -> str:
    """Return an id that no other request has: this process's own, and a number."""
    return f"{_PROCESS}{next(_numbers):016x}"


def is_own(id_: str) -> bool:
    """Say whether an id is one that this process made."""
    return id_.startswith(_PROCESS)


_PROCESS = os.urandom(12).hex()
_numbers = itertools.count()


def _header_length(header: bytes, most: int) -> int:
    if not header.isdigit() or len(header) > 18 or int(header) > most:
        raise BadRequest(
            f"Inference-Header-Content-Length is {shown(header.decode('latin-1'))}, expected the "
            f"length of the JSON part, at most the {most} bytes of the body."
        )
    return int(header)


def _tensors(inputs: object, body: bytes, at: int, taking: Taking) -> list[Tensor]:
    """Return the tensors of a request; raw data begin at `at` and fill the rest of the body."""
    if not isinstance(inputs, list):
        raise BadRequest(f'"inputs" is {shown(inputs)}, expected a list of tensors.')
    tensors = []
    for item in inputs:
        tensor, size = _tensor(item)
        if size is not None:
            _check_left(tensor, size, len(body) - at)
            tensor = unpacked(tensor, body, at, size, taking)
            at += size
        tensors.append(tensor)
    if at != len(body):
        raise BadRequest(f"The body has {len(body) - at} bytes more than its inputs say.")
    return tensors


def _check_left(tensor: Tensor, size: int, left: int) -> None:
    if size > left:
        raise BadRequest(
            f"Input {tensor.name[:64]!r} says {size} bytes, but only {left} are left of the body."
        )


def _tensor(item: Any) -> tuple[Tensor, int | None]:
    """Return a tensor and how many raw bytes are its data; None where its data are in JSON."""
    if type(item) is not dict:
        raise BadRequest(f"An input is {shown(item)}, expected an object.")
    get = item.get
    name, datatype, shape, data = get("name"), get("datatype"), get("shape"), get("data")
    if type(name) is not str or type(datatype) is not str:
        raise BadRequest(f"Input {shown(name)} has datatype {shown(datatype)}; both must be texts.")
    if type(shape) is not list or not {*map(type, shape)} <= _INT:
        raise BadRequest(
            f"Input {name[:64]!r} has shape {shown(shape)}, expected whole numbers such as [n, 1]."
        )
    parameters = get("parameters")
    size = _size(name, parameters, data) if parameters else None
    if size is None and type(data) is not list:
        raise BadRequest(f"Input {name[:64]!r} has data {shown(data)}, expected a list.")
    return Tensor(name, datatype, tuple(shape), data), size


_INT = {int}


def _size(name: str, parameters: object, data: object) -> int | None:
    size = _parameters(parameters, name).get("binary_data_size")
    if size is None:
        return None
    if type(size) is not int or size < 0 or data is not None:
        raise BadRequest(
            f"Input {name[:64]!r} has binary_data_size {shown(size)}, expected a number of "
            "bytes, and no data in JSON."
        )
    return size


def _wish(value: Mapping[str, Any], usual: Mapping[bool, Wanted], known: Outputs) -> Wish:
    if len(value) == 1:
        # Nothing but inputs: the most frequent request by far.
        return Wish(new_id(), usual[False])
    mark = value.get("id")
    if mark is not None and type(mark) is not str:
        raise BadRequest(f"The id is {shown(mark)}, expected a text.")
    parameters = value.get("parameters")
    binary = False
    if parameters:
        binary = _truth(_parameters(parameters, "The request"), "binary_data_output", False)
    outputs = value.get("outputs")
    return Wish(mark or new_id(), wanted(outputs, binary, known) if outputs else usual[binary])


def wanted(outputs: object, binary: bool, known: Outputs = OUTPUTS) -> Wanted:
    """Return the outputs that a request names, each as bytes or not; `binary` where none says."""
    if not isinstance(outputs, Sequence) or not all(isinstance(each, dict) for each in outputs):
        raise BadRequest(f'"outputs" is {shown(outputs)}, expected a list of objects.')
    named: dict[str, bool] = {}
    for each in outputs:
        name = each.get("name")
        if name not in known:
            raise BadRequest(f"The output {shown(name)} is unknown; {_listed(known)}.")
        own = _parameters(each.get("parameters") or {}, str(name))
        named[name] = _truth(own, "binary_data", binary)
    return tuple(named.items())


def _listed(known: Outputs) -> str:
    return f"there are {' and '.join(known)}" if len(known) > 1 else f"there is {known[0]}"


def _parameters(value: object, whose: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadRequest(f"{whose[:64]} has parameters {shown(value)}, expected an object.")
    return value


def _truth(parameters: dict[str, Any], name: str, otherwise: bool) -> bool:
    value = parameters.get(name, otherwise)
    if type(value) is not bool:
        raise BadRequest(f"{name} is {shown(value)}, expected true or false.")
    return value
