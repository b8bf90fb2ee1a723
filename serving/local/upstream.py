"""One revision's process as the gateway sees it, and the connections that are kept to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from serving.local.connection import Connection, Message, NoAnswer, Silent

IDLE_CONNECTIONS = 128


class Backend:
    """One revision's process: its address and the connections that wait to be used again."""

    def __init__(self, address: tuple[str, int], *, timeout_s: float) -> None:
        """Connect to nothing yet."""
        self.address = address
        self._timeout_s = timeout_s
        self._idle: list[Connection] = []
        self._closed = False

    async def ask(self, message: Message) -> Connection:
        """Return the connection on which the answer has begun; NoAnswer if there is none.

        A connection that lay idle may have been closed by the other side in the meantime: that
        is nobody's failure, so the same process is asked again, once, on a new connection.
        """
        idle = self._take() if message.resendable else None
        if idle:
            try:
                return await self._exchange(idle, message)
            except NoAnswer as error:
                if error.received or isinstance(error, Silent):
                    raise
        return await self._exchange(await self._connect(), message)

    def give_back(self, connection: Connection) -> None:
        """Keep a connection for the next request, if it can carry one."""
        connection.finish()
        fit = connection.sent and connection.reusable and not connection.lost
        if fit and not self._closed and len(self._idle) < IDLE_CONNECTIONS:
            self._idle.append(connection)
        else:
            connection.abort()

    def close(self) -> None:
        """Close what is idle; exchanges under way end in peace."""
        self._closed = True
        while self._idle:
            self._idle.pop().transport.close()

    def _take(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.lost and not connection.transport.is_closing():
                return connection
        return None

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_s):
                _, connection = await loop.create_connection(self._connection, *self.address)
        except TimeoutError as error:
            raise Silent(f"it took no connection within {self._timeout_s:g} s") from error
        except OSError as error:
            raise NoAnswer(f"no connection ({error.strerror or error})") from error
        return connection

    def _connection(self) -> Connection:
        return Connection(self._timeout_s)

    async def _exchange(self, connection: Connection, message: Message) -> Connection:
        try:
            connection.begin(message)
            if message.rest:
                await _upload(connection, message.rest)
            await connection.answer()
        except BaseException:
            connection.abort()
            raise
        return connection


async def _upload(connection: Connection, pieces: AsyncIterator[bytes]) -> None:
    """Send piece by piece; an answer that comes early ends it, and the connection's use with it."""
    while (piece := await _next(connection, pieces)) is not None:
        await connection.send(piece)
    connection.sent = not connection.decided


async def _next(connection: Connection, pieces: AsyncIterator[bytes]) -> bytes | None:
    """Return the client's next piece; None at the end, or once the backend wants no more."""
    turn = asyncio.ensure_future(anext(pieces, None))
    try:
        await connection.until(turn)
        if not connection.decided:
            return turn.result()
    finally:
        turn.cancel()
    await asyncio.gather(turn, return_exceptions=True)
    return None
