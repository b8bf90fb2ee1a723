"""An offer to speak another protocol, passed over as HTTP/1.1 allows; Java's client makes it.

The parser takes what follows the head of such a request (`Upgrade: h2c`) for that other protocol,
so uvicorn answers it without its body. Here the request is read once more without the offer.
"""

from __future__ import annotations

import sys

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

OFFER = frozenset({b"upgrade", b"http2-settings", b"connection"})


class OfferProtocol(HttpToolsProtocol):
    """One connection of uvicorn's; a request that is an offer never reaches the app as that."""

    _received = b""
    _is_offer = False

    def data_received(self, data: bytes) -> None:
        """Keep the bytes, which may hold a body behind an offer."""
        self._received = data
        super().data_received(data)

    def passed_over(self) -> bool:
        """Say, at the end of a head, whether it will be read again, without what it offers."""
        self._is_offer = self.parser.should_upgrade() and not self._should_upgrade()
        return self._is_offer

    def on_message_complete(self) -> None:
        """Let uvicorn answer, but for an offer: only its head has been read."""
        if not self._is_offer:
            super().on_message_complete()

    def _unsupported_upgrade_warning(self) -> None:
        stopped = sys.exc_info()[1]
        body_from = stopped.args[0] if isinstance(stopped, httptools.HttpParserUpgrade) else 0
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (method, self.url, version)]
        lines += [b"%b: %b" % header for header in self.headers if header[0] not in OFFER]
        if not self.parser.should_keep_alive():
            lines.append(b"connection: close")
        self._is_offer = False
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
        self.data_received(b"\r\n".join([*lines, b"", self._received[body_from:]]))
