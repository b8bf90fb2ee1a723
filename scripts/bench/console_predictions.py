"""How long predictions take while the console is busy, and while nobody is there, by turns."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from typing import Any

from pipelines.journal import RunFolder
from scripts.bench.load import Answer, Client, failures, open_loop, quantile_ms

RATE, TURN_S, TURNS = 200.0, 5.0, 6
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
EPOCHS_A_SECOND = 10
PAGES = ("/", "/queue", "/services")


async def compared(client: Client, url: str, run: RunFolder, watchers: int) -> dict[str, Any]:
    """Return quantiles of both sides in milliseconds, and what the visitors did meanwhile.

    The busy console has `watchers` on the page of a run that learns ten epochs a second, and
    visitors who open five pages a second.
    """
    quiet: list[Answer] = []
    busy: list[Answer] = []
    visits = 0
    await _asked(client)
    for _ in range(TURNS):
        quiet += await _asked(client)
        with ExitStack() as there:
            page = f"{url}/runs/{run.run_id}"
            there.enter_context(crowd("console_watchers", page, str(watchers)))
            visitors = there.enter_context(crowd("console_visitors", url, *PAGES))
            async with _learning(run):
                busy += await _asked(client)
            visits += await asyncio.to_thread(counted, visitors)
    return {**figures("quiet", quiet), **figures("busy", busy), "pages_opened": visits}


def ratios(found: dict[str, Any]) -> dict[str, float]:
    """Return how much longer predictions take while the console is busy."""
    return {
        f"prediction_{name}_busy/quiet": found[f"prediction_busy_{name}_ms"]
        / found[f"prediction_quiet_{name}_ms"]
        for name in QUANTILES
    }


def figures(side: str, answers: Sequence[Answer]) -> dict[str, Any]:
    """Return what there is to say of one side's answers."""
    found = {name: quantile_ms(answers, share) for name, share in QUANTILES.items()}
    return {
        **{f"prediction_{side}_{name}_ms": taken for name, taken in found.items()},
        f"prediction_{side}_requests": len(answers),
        f"prediction_{side}_failed": failures(answers),
    }


async def _asked(client: Client) -> list[Answer]:
    return await open_loop(client, requests=int(RATE * TURN_S), rate=RATE)


@asynccontextmanager
async def _learning(run: RunFolder) -> AsyncIterator[None]:
    """Let a run learn an epoch again and again."""
    task = asyncio.create_task(_epochs(run))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _epochs(run: RunFolder) -> None:
    epoch = 0
    while True:
        epoch += 1
        line = {"epoch": epoch, "values": {"train_loss": 1 / epoch}, "at": time.time()}
        with run.curve.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        await asyncio.sleep(1 / EPOCHS_A_SECOND)


@contextmanager
def crowd(module: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Lend a crowd in a process of its own, from when it says that it is there."""
    command = [sys.executable, "-m", f"scripts.bench.{module}", *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline().strip() in ("watching", "visiting")
        try:
            yield process
        finally:
            process.terminate()


def counted(process: subprocess.Popen[str]) -> int:
    """Tell a crowd to go, and return how many news or pages it has got."""
    assert process.stdin and process.stdout
    process.stdin.close()
    return int(process.stdout.readline())
