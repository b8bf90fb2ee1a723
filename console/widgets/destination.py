"""Where a new run goes: this machine's queue, or a cluster that can read its data."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from components.tracking_refusals import shown
from console.widgets.sheet import Sheet
from pipelines.enqueue import wanted
from pipelines.run_row import CLUSTER, HERE


class Destination:
    """A choice between here and the cluster; not there where no cluster is known."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        say, cluster = sheet.screen.say, sheet.screen.world.settings.cluster
        places = (HERE, CLUSTER) if wanted() else (CLUSTER,)  # a console in a pod has no queue
        sheet.on_cluster = cluster is not None and HERE not in places
        options = {where: say(f"new.on.{where}") for where in places}
        with ui.element("div").classes("q-mt-md") as self._part:
            ui.label(say("new.on")).classes("k-quiet")
            radio = ui.radio(options, value=places[0], on_change=self._chosen).props("inline dense")
            radio.props["aria-label"] = say("new.on")
            address = shown(cluster.host) if cluster else ""
            self._address = ui.label(address).classes("k-quiet k-mono")
            self._upload = ui.switch(say("new.upload"), value=True, on_change=self._switched)
            self._help = ui.label(say("new.upload.help")).classes("k-quiet")
        self._part.set_visibility(cluster is not None)
        self.follow()

    def follow(self) -> None:
        """Ask whether the data is to be copied, where it is of this machine."""
        sheet = self._sheet
        self._address.set_visibility(sheet.on_cluster)
        for each in (self._upload, self._help):
            each.set_visibility(sheet.on_cluster and sheet.draft.is_local)

    def _chosen(self, event: Any) -> None:
        self._sheet.on_cluster = event.value == CLUSTER
        self._sheet.told()

    def _switched(self, event: Any) -> None:
        self._sheet.upload_data = bool(event.value)
        self._sheet.told()
