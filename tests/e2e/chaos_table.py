"""What may break, and what then is served, lost and told: the table of docs/chaos.md.

`python -m tests.e2e.chaos_table` writes the page anew, `… chaos_table tests` names the tests;
tests/test_chaos_table.py keeps it so.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "chaos.md"
GOES_ON = "everything that was live"


@dataclass(frozen=True)
class Row:
    """One way to break it.

    `told`: words that the user reads, which the test (`file::name` below tests/) looks for.
    """

    what: str
    served: str
    lost: str
    told: tuple[str, ...]
    cured: str
    test: str


def rows(group: str, file: str, *found: tuple[str, str, str, tuple[str, ...], str, str]) -> None:
    """Add rows whose tests are in one file to a group."""
    made = [Row(*each[:5], f"{file}::test_{each[5]}") for each in found]
    TABLE.setdefault(group, []).extend(made)


TABLE: dict[str, list[Row]] = {}

rows(
    "Killed with SIGKILL",
    "e2e/test_chaos.py",
    (
        "the platform is killed",
        "nothing for the two or three seconds until it is back",
        "nothing",
        ("the platform is down", "`kanarya up` starts it"),
        "the supervisor of the queue begins it again at the same ports; without one, `kanarya up`",
        "a_killed_platform_comes_back_by_itself_at_the_same_address",
    ),
    (
        "a predictor is killed",
        "its revision is not for a second or two; of two revisions the other one answers",
        "nothing",
        ("iris: ", "look at"),
        "the platform begins it again",
        "a_killed_predictor_comes_back_with_the_same_answers",
    ),
)
rows(
    "Killed with SIGKILL",
    "serving/local/test_gateway_failures.py",
    (
        "one of two revisions is killed under load",
        "every request, by the other one",
        "nothing",
        (),
        "the platform begins it again",
        "a_killed_process_under_load_fails_no_client",
    ),
)
rows(
    "Killed with SIGKILL",
    "e2e/test_failures.py",
    (
        "a step of a run (train, evaluate, package, register)",
        GOES_ON,
        "the run, which ends as failed",
        ("its process ended without a word",),
        "`kanarya runs restart`",
        "a_killed_step_fails_the_run_and_changes_nothing",
    ),
    (
        "the step that rolls out",
        f"{GOES_ON}, at the split of that moment",
        "the run; not the rollout",
        ("its process ended without a word",),
        "`kanarya rollout resume`, `promote` or `abort`",
        "a_rollout_whose_process_is_killed_leaves_the_live_version_and_can_be_taken_over",
    ),
    (
        "a whole run",
        GOES_ON,
        "the run; the next one closes what it left open",
        (),
        "run it again",
        "a_killed_run_takes_its_steps_with_it_and_the_next_one_works",
    ),
    (
        "run and platform during a rollout",
        "nothing until `kanarya up`, then what was live",
        "the run; not the rollout",
        (),
        "`kanarya up`, `kanarya rollout resume`",
        "a_platform_killed_during_a_rollout_comes_back_with_the_same_live_version",
    ),
)
rows(
    "Killed with SIGKILL",
    "e2e/test_queue_processes.py",
    (
        "a worker, in any step",
        GOES_ON,
        "nothing before the registration: the run is begun again; from there on it ends as failed",
        (),
        "the supervisor begins another worker",
        "a_worker_that_is_killed_in_a_step_loses_no_run_and_registers_none_twice",
    ),
    (
        "the queue's supervisor",
        f"{GOES_ON}; the run under way goes on",
        "nothing",
        (),
        "`kanarya up`",
        "a_worker_outlives_its_supervisor_and_the_next_one_finds_it",
    ),
    (
        "supervisor and workers at once",
        GOES_ON,
        "no run that was queued",
        ("kanarya rollout resume",),
        "`kanarya up`",
        "everything_killed_at_once_comes_back_with_nothing_lost",
    ),
)
rows(
    "Killed with SIGKILL",
    "e2e/test_console.py",
    (
        "the console",
        GOES_ON,
        "a file that was being uploaded",
        (),
        "the supervisor begins it again at the same address; logins stay",
        "a_killed_console_is_begun_again_where_it_was",
    ),
)
rows(
    "Killed with SIGKILL",
    "e2e/test_chaos_slow.py",
    (
        "console and platform during a run",
        "nothing for the two or three seconds until the platform is back",
        "nothing: the run is promoted",
        ("was killed; it is begun again",),
        "the supervisor begins both again",
        "a_run_outlives_the_console_and_the_platform",
    ),
)
rows(
    "Killed with SIGKILL",
    "pipelines/backup/test_backup.py",
    (
        "a backup or a restore",
        GOES_ON,
        "the backup that was not finished; a home is restored whole or not at all",
        (),
        "the same command again",
        "a_kill_leaves_nothing_that_looks_whole",
    ),
)

rows(
    "A disk that is full or closed",
    "e2e/test_chaos.py",
    (
        "the disk is full",
        f"{GOES_ON}, a predictor that is killed meanwhile too",
        "nothing: what cannot be written is refused, and no part of it stays",
        ("cannot write", "No space left on device", "make room and run it again"),
        "make room; nothing needs to be started again",
        "on_a_full_disk_the_model_is_served_and_nothing_is_half_done",
    ),
    (
        "the disk is full while a file is uploaded",
        GOES_ON,
        "the upload, of which nothing stays",
        ("cannot write", "No space left on device", "make room and run it again"),
        "make room, send it again",
        "on_a_full_disk_the_model_is_served_and_nothing_is_half_done",
    ),
    (
        "the home is read-only",
        GOES_ON,
        "nothing: every change is refused",
        ("cannot write", "Read-only file system", "make it writable"),
        "`kanarya doctor` names the command",
        "on_a_read_only_home_the_model_is_served_and_every_change_is_refused",
    ),
)
rows(
    "A disk that is full or closed",
    "e2e/test_chaos_slow.py",
    (
        "the platform is killed on a full disk",
        "nothing until there is room",
        "nothing",
        ("cannot be written", "No space left on device", "free some disk space"),
        "make room; it comes back by itself",
        "a_platform_killed_on_a_full_disk_comes_back_once_there_is_room",
    ),
)
rows(
    "A disk that is full or closed",
    "e2e/test_surroundings.py",
    (
        "the disk of the model store is full at the registration",
        GOES_ON,
        "the run; no version, no alias, no half directory",
        ("No space left on device", "make room"),
        "make room, run it again",
        "a_full_disk_under_the_model_store_changes_nothing",
    ),
    (
        "the disk is full in any step of a run",
        GOES_ON,
        "the run",
        ("No space left on device", "make room"),
        "make room, run it again",
        "a_full_disk_under_the_runs_changes_nothing",
    ),
)
rows(
    "A disk that is full or closed",
    "serving/rollout/test_ledger.py",
    (
        "the ledger cannot be written",
        "everything; a split stays until it can be recorded, only a bad canary goes at once",
        "nothing",
        (),
        "make room, `kanarya rollout resume`",
        "a_disk_that_cannot_be_written_is_one_sentence_and_leaves_nothing",
    ),
)

rows(
    "Damaged files",
    "e2e/test_chaos.py",
    (
        "the platform's database has a damaged page",
        "everything until the platform ends; then nothing until it is restored",
        "what was decided after the last backup",
        ("platform.db cannot be used", "malformed", "restore a backup"),
        "`kanarya restore FOLDER --force`",
        "a_platform_with_damaged_pages_is_refused_and_restored_from_a_backup",
    ),
    (
        "an artifact is half-written",
        "the live version; the damaged one gets no request",
        "nothing",
        ("model.onnx",),
        "the run again: a version is published whole or not at all",
        "a_half_written_version_is_not_served_and_the_live_one_goes_on",
    ),
)
rows(
    "Damaged files",
    "e2e/test_chaos_slow.py",
    (
        "MLflow's database has a damaged page",
        GOES_ON,
        "what was recorded after the last backup; no backup overwrites a good one with it",
        ("mlflow.db is damaged", "what is live goes on", "kanarya restore FOLDER --force"),
        "`kanarya restore FOLDER --force`",
        "a_registry_with_damaged_pages_is_told_and_the_model_goes_on",
    ),
)
rows(
    "Damaged files",
    "e2e/test_queue_processes.py",
    (
        "the queue's database is damaged",
        f"{GOES_ON}; runs under way go on",
        "no run: their folders know what was queued",
        ("kanarya queue repair",),
        "`kanarya queue repair`",
        "a_damaged_database_stops_the_workers_with_a_sentence_until_it_is_repaired",
    ),
)

rows(
    "Surroundings",
    "e2e/test_chaos.py",
    (
        "a second platform on one home",
        f"{GOES_ON}, by the first one",
        "nothing",
        ("a platform already runs in", "kanarya status"),
        "nothing is to be done",
        "a_second_platform_on_the_same_home_is_refused",
    ),
)
rows(
    "Surroundings",
    "e2e/test_surroundings.py",
    (
        "two `kanarya up` at once",
        "everything, by the one platform that both find",
        "nothing",
        (),
        "nothing is to be done",
        "two_ups_at_once_start_one_platform",
    ),
    (
        "MLflow's server does not answer",
        GOES_ON,
        "the run",
        ("does not answer", "MLFLOW_TRACKING_URI"),
        "start its server, run it again",
        "a_registry_that_is_away_is_told_soon_and_changes_nothing",
    ),
)
rows(
    "Surroundings",
    "serving/test_process.py",
    (
        "the clock is set while everything runs",
        "everything: processes are known by their time since the machine's start",
        "nothing",
        (),
        "nothing is to be done",
        "a_clock_that_is_set_ends_nobody",
    ),
)
rows(
    "Surroundings",
    "serving/rollout/test_clock.py",
    (
        "the clock jumps a day ahead or back during a rollout",
        f"{GOES_ON}; the rollout goes on, or is held as one that took too long",
        "nothing; a rollout whose revision was still starting may be rolled back as too slow",
        ("no ready revision of version 2 after 20 s",),
        "`kanarya rollout resume`, or the run again",
        "a_clock_that_jumps_during_a_rollout_takes_nothing_live_away",
    ),
)
rows(
    "Surroundings",
    "e2e/test_chaos_slow.py",
    (
        "a port is stolen",
        "nothing until the port is free, or another one is chosen",
        "nothing",
        ("is taken", "pid", "KANARYA_API_PORT"),
        "end the thief: the platform comes back by itself; or `kanarya up --api-port N`",
        "a_port_that_was_stolen_from_a_killed_platform_is_told_and_waited_for",
    ),
    (
        "MLflow's PostgreSQL is lost",
        GOES_ON,
        "what was recorded after the last backup",
        ("pg_restore",),
        "`kanarya restore`, then the `pg_restore` that it prints",
        "a_registry_on_postgresql_is_backed_up_and_restored",
    ),
)

rows(
    "Surroundings",
    "pipelines/alerts/test_delivering.py",
    (
        "who is told of alerts is down",
        "everything; alerts wait in the outbox, those for other receivers do not",
        "nothing: each comes once when it is back",
        (),
        "`kanarya alerts outbox` shows what waits, and why",
        "what_was_raised_while_the_receiver_was_down_comes_once_when_it_is_up",
    ),
    (
        "the watcher is killed between sending an alert and noting it",
        "everything",
        "nothing: it is sent again with the same key, by which a receiver knows it",
        (),
        "nothing is to be done",
        "who_is_killed_between_sending_and_noting_sends_again_with_the_same_key",
    ),
)


def said(what: str, text: str) -> None:
    """Require that a text tells the user what the table promises."""
    (row,) = [row for found in TABLE.values() for row in found if row.what == what]
    missing = [words for words in row.told if words not in text]
    assert not missing, f"{missing} are not in {text!r}"


HEAD = """# What breaks, and what then

Each row is a test that breaks it for real: a kill is SIGKILL, a full disk a small file system \
without a byte left, a damaged file has its bytes overwritten. What is *told* is what the test \
looks for in what the user reads. *Lost* says what of that was answered with yes is gone, and what \
must be done once more.

`make chaos` runs all of them (some need the right to mount file systems: root). This page is \
written by `python -m tests.e2e.chaos_table` from the table that the tests use.
"""


def page() -> str:
    """Return the page."""
    return "\n".join([HEAD, *(_group(name, found) for name, found in TABLE.items())])


def _group(name: str, found: list[Row]) -> str:
    head = [f"## {name}", "", "| what | served meanwhile | lost | told | cured by | test |"]
    return "\n".join([*head, "|---|---|---|---|---|---|", *map(_line, found), ""])


def _line(row: Row) -> str:
    file, _, name = row.test.partition("::")
    told = " … ".join(f"“{words}”" for words in row.told) or "–"
    link = f"[{name.removeprefix('test_').replace('_', ' ')}](../tests/{file})"
    return f"| {row.what} | {row.served} | {row.lost} | {told} | {row.cured} | {link} |"


def tests() -> list[str]:
    """Return the tests of all rows, each once, as pytest names them."""
    return list(dict.fromkeys(f"tests/{row.test}" for found in TABLE.values() for row in found))


if __name__ == "__main__":
    if sys.argv[1:] == ["tests"]:
        print(*tests())
    else:
        PAGE.write_text(page(), encoding="utf-8")
