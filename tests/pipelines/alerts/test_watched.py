"""The watcher that `kanarya up` starts looks at the rules and tells, whatever kills it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from pipelines.alerts.looking import look
from pipelines.alerts.outbox import opened
from pipelines.alerts.receivers import ADDRESSES
from pipelines.background import WATCHER
from serving.settings import Settings
from tests.pipelines.alerts.receiving import web
from tests.serving.local.platform_kit import soon

pytestmark = pytest.mark.e2e


def waiting(settings: Settings) -> int:
    with opened(settings) as outbox:
        return sum(each.waiting for each in outbox.standings())


def test_the_watcher_tells_and_after_a_kill_does_not_tell_again(settings: Settings) -> None:
    now = datetime.now(UTC).isoformat()
    window = {"at": now, "opened_at": now, "model": "iris", "version": "3", "drifted": True}
    file = settings.home / "monitor" / "iris" / "windows.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({**window, "rows": 9, "columns": [], "sentence": "age: x"}) + "\n")
    with web() as server:
        env = {**os.environ, "KANARYA_HOME": str(settings.home), ADDRESSES: server.url()}
        watcher = subprocess.Popen([sys.executable, "-m", *WATCHER.program[-1:]], env=env)
        soon(lambda: server.keys, "an alert")
        soon(lambda: not waiting(settings), "a note of its delivery")
        watcher.kill()
        watcher.wait()
        assert look(settings, datetime.now(UTC)).alerts == ()
        assert [each.body["rule"] for each in server.posts] == ["KanaryaDrift"]
