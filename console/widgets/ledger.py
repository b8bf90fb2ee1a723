"""Everything that was decided of a service, the newest first, as its ledger has it."""

from __future__ import annotations

from nicegui import ui

from console.data.times import moment
from console.slowly import slowly
from console.widgets.grid import Kind, Row, grid, paged, renew, said
from console.widgets.parts import badge, path
from console.widgets.screen import Said, Screen
from serving.errors import KanaryaError
from serving.rollout.chain import Chain
from serving.rollout.record import Record

COLUMNS: dict[str, Kind] = {
    "seq": "number",
    "at": "text",
    "kind": "badges",
    "version": "text",
    "share": "number",
    "actor": "text",
    "run": "link",
    "card": "link",
    "why": "prose",
}


class Ledger:
    """The timeline; it is read again only where a record was added."""

    def __init__(self, screen: Screen, name: str) -> None:
        self._screen, self._name = screen, name
        self._count = -1
        self._whole = ui.label().props('role="status"')
        self._table = grid(screen, "ledger", COLUMNS, [], "seq")

    async def show(self) -> None:
        """Show the records there are; a ledger that was changed is told of."""
        try:
            chain = await slowly(self._screen.world.models.chain, self._name)
        except KanaryaError as error:
            self._screen.tell(self._whole, error)
            self._whole.classes("k-bad")
            return
        if len(chain.records) == self._count:
            return
        self._count = len(chain.records)
        self._whole.classes("k-quiet", remove="k-bad")
        self._screen.tell(self._whole, Said(self._screen.say("ledger.whole", count=self._count)))
        paged(self._screen, self._table, self._count)
        renew(self._table, self._rows(chain))

    def _rows(self, chain: Chain) -> list[Row]:
        return [self._row(record) for record in reversed(chain.records)]

    def _row(self, record: Record) -> Row:
        entry, percents = record.entry, self._screen.texts.percents
        return {
            "seq": record.seq,
            "at": moment(record.at.timestamp()),
            "kind": [badge(self._screen, "ledger.kind", entry.kind)],
            "version": self._screen.told(str(entry.to)).text,
            "share": "–" if entry.percent is None else percents(f"{entry.percent} %"),
            "actor": record.actor,
            "run": entry.run or "–",
            "run_to": path("runs", entry.run) if entry.run else "",
            "card": self._screen.say("versions.open"),
            "card_to": path("models", entry.service, "decisions", entry.rollout),
            **said(self._screen, "why", entry.why),
        }
