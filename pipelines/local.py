"""Run a compiled pipeline on this machine with kfp.local: each step is a process."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from components import curve, usage
from components.telling import ERROR, room
from pipelines import processes
from pipelines.errors import RunError, StepFailed
from pipelines.journal import FAILED, Result, RunFolder, Step
from pipelines.step_log import Note, StepLog
from pipelines.warm import COLD, Steps
from serving import home
from serving.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[1]
_RETRIES = re.compile(r"^( +)retryPolicy:\n(?:\1 .*\n)+", re.MULTILINE)
_HOME = re.compile(r"^ +- name: KANARYA_HOME\n +value: .*\n", re.MULTILINE)


@dataclass(frozen=True)
class LocalRun:
    """One run on this machine: which graph, with which parameters, where its record goes."""

    pipeline: Path
    arguments: Mapping[str, Any]
    folder: RunFolder
    settings: Settings
    warm: Steps = COLD
    origin: Mapping[str, Any] | None = None
    before: Callable[[str], None] = lambda step: None
    """Called with a step's name before it begins; the step waits until it returns."""


def run(job: LocalRun, clock: Callable[[], float], tell: Callable[[Step | Note], None]) -> Result:
    """Run the pipeline and return how it ended.

    Raises:
        StepFailed: a step failed; the message is the step's own sentence and where its log is.
        RunError: the engine ended without an outcome.
    """
    began = clock()

    def note(event: Step | Note) -> None:
        if isinstance(event, Step):
            job.folder.append(event)
        tell(event)

    with room(job.folder.path):
        home.mark(job.settings.home)
        job.folder.create(dict(job.arguments), job.origin)
        job.folder.own(processes.this())
        try:
            with _environment(job), _captured(job, clock, note):
                _call(job)
            result = _result(job.folder)
        except RunError as error:
            failed = Result(job.folder.run_id, FAILED, str(error))
            job.folder.close(_timed(failed, job.folder, clock() - began))
            raise
        result = _timed(result, job.folder, clock() - began)
        job.folder.close(result)
    return result


def _call(job: LocalRun) -> None:
    from kfp import components, local

    local.init(
        runner=local.SubprocessRunner(use_venv=False),
        pipeline_root=str(job.folder.pipeline_root),
    )
    text = job.pipeline.read_text(encoding="utf-8")
    graph = components.load_component_from_text(for_one_machine(text))
    # One machine has one pool of processes: a second one would take the same cores.
    alone = {"tune_pods": 1} if "tune_pods" in job.arguments else {}
    try:
        graph(**{**job.arguments, **alone})
    except RuntimeError as error:
        raise _failure(job.folder, error) from error


def for_one_machine(compiled: str) -> str:
    """Return a compiled pipeline without what only a cluster can do.

    A step that failed would fail again here, after the pauses; all steps share the user's home; and
    what KFP reads twice without looking at it, the part for Kubernetes, is half of the text.
    """
    return _HOME.sub("", _RETRIES.sub("", compiled.partition("\n---\n")[0] + "\n"))


@contextlib.contextmanager
def _environment(job: LocalRun) -> Iterator[None]:
    """Let the steps' processes find this package, these settings and this interpreter."""
    before, executable = dict(os.environ), sys.executable
    # Every step leaves the folder behind into which KFP's command puts its source.
    scratch = job.folder.path / "tmp"
    scratch.mkdir()
    found = filter(None, [str(CHECKOUT), before.get("PYTHONPATH", "")])
    path = [str(Path(executable).parent), before.get("PATH", "")]
    if job.warm.folder:
        path.insert(0, str(job.warm.folder))
    os.environ.update(job.settings.environment(), **job.warm.environment)
    os.environ.update(
        PYTHONPATH=os.pathsep.join(found),
        PATH=os.pathsep.join(path),
        PYTHONUNBUFFERED="1",
        PYTHONSAFEPATH="1",  # a folder `components` where the user stands is not ours
        TMPDIR=str(scratch),
        KANARYA_LAST_WORDS=str(scratch / "last-words"),
    )
    os.environ[curve.FILE] = str(job.folder.curve)
    os.environ[usage.FILE] = str(job.folder.usage)
    # kfp.local pastes sys.executable unquoted into `sh -c`; a bare name is looked up on PATH, so a
    # folder with a space in its name does no harm and the warm stand-in is found first.
    sys.executable = "python3"
    try:
        yield
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        sys.executable = executable
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _captured(
    job: LocalRun, clock: Callable[[], float], tell: Callable[[Step | Note], None]
) -> Iterator[None]:
    log, failed = StepLog(job.folder.path / "logs", clock, tell, job.before), None
    try:
        with contextlib.redirect_stdout(log), warnings.catch_warnings():
            # kfp.local warns of everything that only a cluster can do (resources, display names).
            warnings.simplefilter("ignore")
            yield
    except RunError as error:
        failed = error
    finally:
        log.close()
    if log.failure:  # what a step said may be lost with it, so this comes first
        raise log.failure
    if failed:
        raise failed


def _failure(folder: RunFolder, error: RuntimeError) -> RunError:
    failed = [step.name for step in folder.steps() if step.status == FAILED]
    if not failed:
        return RunError(f"the engine stopped: {error} (log: {folder.log('engine')})")
    log = folder.log(failed[0])
    return StepFailed(f"{failed[0]}: {reason(log)} (log: {log})")


def reason(log: Path) -> str:
    """Return why a step failed: its own sentence, else its exception, as its log has it."""
    return reason_in(log.read_text(encoding="utf-8")) if log.exists() else "it left no log"


def reason_in(text: str) -> str:
    """Return the same from the text of a log."""
    lines = [line for line in text.splitlines() if line.strip()]
    told = [line.removeprefix(ERROR) for line in lines if line.startswith(ERROR)]
    if told:
        return told[-1]
    return (
        _exception(lines) or "its process ended without a word; was it killed, or was memory short?"
    )


def _exception(lines: list[str]) -> str | None:
    """Return the first line of the last exception in a log, None where there is none."""
    begun = [n for n, line in enumerate(lines) if line.startswith("Traceback (most recent")]
    after = lines[begun[-1] + 1 :] if begun else []
    return next((line.strip() for line in after if not line[0].isspace()), None)


def _result(folder: RunFolder) -> Result:
    """Return the outcome that the last step wrote; kfp.local skips a branch without a word."""
    rejected = _outputs(folder, "reject")
    if rejected is not None:
        return Result(folder.run_id, str(rejected["Output"]), _objections(folder))
    deployed, registered = _outputs(folder, "deploy"), _outputs(folder, "register")
    if deployed is None or registered is None:
        ran = ", ".join(step.name for step in folder.steps())
        raise RunError(f"neither branch behind the gate ran to its end (steps that ran: {ran})")
    outcome = json.loads(str(deployed["Output"]))
    return Result(folder.run_id, outcome["outcome"], outcome["sentence"], str(registered["Output"]))


def _objections(folder: RunFolder) -> str:
    """Return what the gate objected to, from the decision that it recorded."""
    found = sorted(folder.pipeline_root.glob("*/gate/decision/decision.json"))
    checks = json.loads(found[-1].read_text(encoding="utf-8"))["checks"] if found else []
    return " ".join(check["sentence"] for check in checks if not check["passed"])


def _outputs(folder: RunFolder, step: str) -> dict[str, Any] | None:
    found = sorted(folder.pipeline_root.glob(f"*/{step}/executor_output.json"))
    if not found:
        return None
    record = json.loads(found[-1].read_text(encoding="utf-8"))
    return dict(record.get("parameterValues", {})) or None


def _timed(result: Result, folder: RunFolder, seconds: float) -> Result:
    return replace(result, seconds=seconds, steps=folder.steps(), metrics=folder.metrics())
