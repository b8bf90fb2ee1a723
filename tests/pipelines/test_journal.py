from datetime import UTC, datetime
from pathlib import Path

from pipelines.journal import RunFolder, Step, new_run_id


def test_run_ids_sort_by_time_and_differ() -> None:
    now = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
    first, second = new_run_id("iris", now), new_run_id("iris", now)
    assert first.startswith("iris-20261120-083000-")
    assert first != second


def test_the_last_word_on_a_step_counts_and_a_torn_line_is_left_out(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "iris-1")
    folder.create({"name": "iris"})
    folder.append(Step("ingest", "running", 1.0))
    folder.append(Step("ingest", "succeeded", 1.0, 3.5))
    folder.append(Step("train", "running", 3.5))
    with (folder.path / "journal.jsonl").open("a") as file:
        file.write('{"name": "train", "sta')  # the process was killed while it wrote
    known = (Step("ingest", "succeeded", 1.0, 3.5), Step("train", "running", 3.5))
    assert folder.steps() == known
    folder.append(Step("train", "failed", 3.5, 4.0))  # whoever found it killed
    assert folder.steps() == (known[0], Step("train", "failed", 3.5, 4.0))
