"""Disks, files and surroundings that fail, and what then is served, lost and told."""

from __future__ import annotations

from tests.e2e.chaos_rows import GOES_ON, rows

DISKS = [
    *rows(
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
    ),
    *rows(
        "e2e/test_chaos_slow.py",
        (
            "the platform is killed on a full disk",
            "nothing until there is room",
            "nothing",
            ("cannot be written", "No space left on device", "free some disk space"),
            "make room; it comes back by itself",
            "a_platform_killed_on_a_full_disk_comes_back_once_there_is_room",
        ),
    ),
    *rows(
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
    ),
    *rows(
        "serving/rollout/test_ledger.py",
        (
            "the ledger cannot be written",
            "everything; a split stays until it can be recorded, only a bad canary goes at once",
            "nothing",
            (),
            "make room, `kanarya rollout resume`",
            "a_disk_that_cannot_be_written_is_one_sentence_and_leaves_nothing",
        ),
    ),
]

DAMAGED = [
    *rows(
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
    ),
    *rows(
        "e2e/test_chaos_slow.py",
        (
            "MLflow's database has a damaged page",
            GOES_ON,
            "what was recorded after the last backup; no backup overwrites a good one with it",
            ("mlflow.db is damaged", "what is live goes on", "kanarya restore FOLDER --force"),
            "`kanarya restore FOLDER --force`",
            "a_registry_with_damaged_pages_is_told_and_the_model_goes_on",
        ),
    ),
    *rows(
        "e2e/test_queue_processes.py",
        (
            "the queue's database is damaged",
            f"{GOES_ON}; runs under way go on",
            "no run: their folders know what was queued",
            ("kanarya queue repair",),
            "`kanarya queue repair`",
            "a_damaged_database_stops_the_workers_with_a_sentence_until_it_is_repaired",
        ),
    ),
]

SURROUNDINGS = [
    *rows(
        "e2e/test_chaos.py",
        (
            "a second platform on one home",
            f"{GOES_ON}, by the first one",
            "nothing",
            ("a platform already runs in", "kanarya status"),
            "nothing is to be done",
            "a_second_platform_on_the_same_home_is_refused",
        ),
    ),
    *rows(
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
    ),
    *rows(
        "serving/test_process.py",
        (
            "the clock is set while everything runs",
            "everything: processes are known by their time since the machine's start",
            "nothing",
            (),
            "nothing is to be done",
            "a_clock_that_is_set_ends_nobody",
        ),
    ),
    *rows(
        "serving/rollout/test_clock.py",
        (
            "the clock jumps a day ahead or back during a rollout",
            f"{GOES_ON}; the rollout goes on, or is held as one that took too long",
            "nothing; a rollout whose revision was still starting may be rolled back as too slow",
            ("no ready revision of version 2 after 20 s",),
            "`kanarya rollout resume`, or the run again",
            "a_clock_that_jumps_during_a_rollout_takes_nothing_live_away",
        ),
    ),
    *rows(
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
    ),
    *rows(
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
    ),
]
