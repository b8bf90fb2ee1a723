"""What is killed with SIGKILL, and what then is served, lost and told."""

from __future__ import annotations

from tests.e2e.chaos_rows import GOES_ON, rows

KILLED = [
    *rows(
        "e2e/test_chaos.py",
        (
            "the platform is killed",
            "nothing for the two or three seconds until it is back",
            "nothing",
            ("the platform is down", "`kanarya up` starts it"),
            "the supervisor of the queue begins it again at the same ports; "
            "without one, `kanarya up`",
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
    ),
    *rows(
        "serving/local/test_gateway_failures.py",
        (
            "one of two revisions is killed under load",
            "every request, by the other one",
            "nothing",
            (),
            "the platform begins it again",
            "a_killed_process_under_load_fails_no_client",
        ),
    ),
    *rows(
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
    ),
    *rows(
        "e2e/test_queue_processes.py",
        (
            "a worker, in any step",
            GOES_ON,
            "nothing before the registration: the run is begun again; "
            "from there on it ends as failed",
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
    ),
    *rows(
        "e2e/test_console.py",
        (
            "the console",
            GOES_ON,
            "a file that was being uploaded",
            (),
            "the supervisor begins it again at the same address; logins stay",
            "a_killed_console_is_begun_again_where_it_was",
        ),
    ),
    *rows(
        "e2e/test_chaos_slow.py",
        (
            "console and platform during a run",
            "nothing for the two or three seconds until the platform is back",
            "nothing: the run is promoted",
            ("was killed; it is begun again",),
            "the supervisor begins both again",
            "a_run_outlives_the_console_and_the_platform",
        ),
    ),
    *rows(
        "pipelines/backup/test_backup.py",
        (
            "a backup or a restore",
            GOES_ON,
            "the backup that was not finished; a home is restored whole or not at all",
            (),
            "the same command again",
            "a_kill_leaves_nothing_that_looks_whole",
        ),
    ),
]
