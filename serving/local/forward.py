"""One request's way: choose a revision, ask it, ask another one if it gives no answer, count."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from serving.local.connection import Message, NoAnswer, Silent
from serving.local.downstream import Interrupted, refusal, relay
from serving.local.gateway_metrics import Meter
from serving.local.routes import Match
from serving.local.upstream import Backend

log = logging.getLogger("kanarya.gateway")
CLIENT_LEFT = "499"
BROKE_OFF = "502"


@dataclass(frozen=True)
class Call:
    """A request that has an address: what it asks, of whom, and where that is counted."""

    request: web.BaseRequest
    message: Message
    match: Match
    meter: Meter
    prediction: bool

    @property
    def service(self) -> str:
        """Return the service's name."""
        return self.match.service.route.service


class Forwarder:
    """Carries calls to backends; knows which revision has one by looking at every call."""

    def __init__(self, backends: Mapping[str, Backend]) -> None:
        """Share the table of backends by "namespace/revision"; only its owner changes it."""
        self._backends = backends
        self.closing = False  # once true, each answer also closes its client's connection

    async def carry(self, call: Call) -> web.StreamResponse:
        """Return the response, and count what the client saw of it."""
        code = CLIENT_LEFT
        try:
            response = await self._respond(call)
            code = str(response.status)
        except Interrupted:
            code = BROKE_OFF
            raise
        finally:
            call.meter.response(code)
        return response

    async def _respond(self, call: Call) -> web.StreamResponse:
        revision = self._choose(call)
        if revision is None:
            return refusal(503, _nobody_ready(call))
        asked = call.match.service.process(revision)
        try:
            return await self._attempt(call, revision)
        except NoAnswer as error:
            other = self._second(call, revision, asked, error)
            if other is None:
                return refusal(int(error.code), _no_answer(call, revision, error))
            log.warning("%s; it was sent to %s", _no_answer(call, revision, error), other)
        call.meter.retry(revision)
        try:
            return await self._attempt(call, other)
        except NoAnswer as error:
            return refusal(int(error.code), _no_answer(call, other, error))

    def _choose(self, call: Call) -> str | None:
        """Return the revision whose turn it is, or the one that stands in while it is not ready."""
        service, tag = call.match.service, call.match.tag
        if tag is not None:
            tagged = service.tagged(tag)
            return tagged if tagged and self._ready(call, tagged) else None
        turn = service.next(prediction=call.prediction)
        if turn and self._ready(call, turn):
            return turn
        other = service.substitute(turn, lambda name: self._ready(call, name))
        if turn and other:
            # Its share is answered by somebody else; it counts as its failure all the same.
            call.meter.missed(turn)
        return other

    def _second(self, call: Call, failed: str, asked: str, error: NoAnswer) -> str | None:
        """Return whom to ask again; nobody if the first may have begun, or was meant by name.

        A prediction changes nothing, so it may be asked again even where an answer had begun.
        A Deployment whose process was replaced meanwhile is itself the one to ask.
        """
        if isinstance(error, Silent) or not call.message.resendable:
            return None
        if error.received and not call.prediction:
            return None
        service = call.match.service
        if service.process(failed) != asked and self._ready(call, failed):
            return failed
        if call.match.tag is not None:
            return None
        return service.substitute(failed, lambda name: self._ready(call, name))

    def _ready(self, call: Call, revision: str) -> bool:
        return call.match.service.process(revision) in self._backends

    async def _attempt(self, call: Call, revision: str) -> web.StreamResponse:
        """Return the response of one revision; counted once, whatever becomes of it."""
        started, code = time.perf_counter(), CLIENT_LEFT
        try:
            response = await self._exchange(call, revision)
            code = str(response.status)
        except NoAnswer as error:
            code = error.code
            raise
        except Interrupted as error:
            log.warning("%s: the answer of %s broke off: %s", call.service, revision, error)
            code = BROKE_OFF
            raise
        finally:
            call.meter.attempt(revision, code, time.perf_counter() - started)
        return response

    async def _exchange(self, call: Call, revision: str) -> web.StreamResponse:
        backend = self._backends[call.match.service.process(revision)]
        answer = await backend.ask(call.message)
        try:
            if call.prediction and call.message.resendable:
                # While the client has seen nothing, a revision that dies can be replaced.
                await answer.settle()
            response = await relay(answer, call.request, revision=revision, closing=self.closing)
        except BaseException:
            answer.abort()
            raise
        backend.give_back(answer)
        return response


def _nobody_ready(call: Call) -> str:
    if call.match.tag is not None:
        who = f"the revision tagged {call.match.tag}"
        return f"{call.service}: {who} is not ready; look at kubectl get isvc {call.service}"
    return f"{call.service}: no revision is ready; look at kubectl get isvc {call.service}"


def _no_answer(call: Call, revision: str, error: NoAnswer) -> str:
    return f"{call.service}: revision {revision} gave no answer: {error}; look at its log"
