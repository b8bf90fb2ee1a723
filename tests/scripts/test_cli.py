import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def kanarya(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does; colours off, a home of its own."""
    environment = {**os.environ, "KANARYA_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "scripts", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=120, check=False
    )


def test_help_lists_every_command(tmp_path: Path) -> None:
    from scripts.__main__ import COMMANDS

    answer = kanarya("--help", home=tmp_path)
    assert answer.returncode == 0
    assert all(f"  {name} " in answer.stdout for name in COMMANDS)


def test_a_command_whose_output_is_closed_ends_without_a_traceback(tmp_path: Path) -> None:
    asked = ["sh", "-c", '"$0" -m scripts status >&-', sys.executable]
    environment = {**os.environ, "KANARYA_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(asked, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (1, "")


def test_help_of_run_shows_its_examples_line_by_line() -> None:
    from click.testing import CliRunner

    from scripts.run import run

    told = CliRunner().invoke(run, ["--help"]).output
    assert "\n  kanarya run --data pictures.zip\n" in told
    assert "\\b" not in told


def test_every_command_can_be_imported() -> None:
    import click

    from scripts.__main__ import COMMANDS, Lazy

    group = Lazy("kanarya")
    for name in COMMANDS:
        assert isinstance(group.get_command(click.Context(group), name), click.Command)


def test_every_command_and_option_says_what_it_is_for() -> None:
    import click
    from click.testing import CliRunner

    from scripts.__main__ import COMMANDS, Lazy

    group = Lazy("kanarya")
    for name in COMMANDS:
        found = group.get_command(click.Context(group), name)
        for command in (found, *getattr(found, "commands", {}).values()):
            told = CliRunner().invoke(command, ["--help"]).output
            assert "\\b" not in told, told
            assert "..." not in told.partition("Commands:")[2], "cut in the middle of a sentence"
            for option in command.params:
                said = isinstance(option, click.Argument) or option.help or option.hidden
                assert said, f"{name}: {option.name}"


REFUSED = [
    (["demo", "--rate", "-5"], "-5.0 is not in the range"),
    (["run", "wine.csv"], "wine.csv is data, and a spec is wanted: say --data wine.csv"),
    (["gc", "--days", "nan"], "days from 0 on"),
    (["runs"], "Usage: kanarya runs"),
    (["run"], "say what to run"),
    (["run", "no-such.yaml"], "cannot read the spec no-such.yaml"),
    (["run", "--data", "x.csv"], "Add --target"),
    (["run", "--data", "x.csv", "--target", "y", "--model", "oak"], "no model kind 'oak'"),
    (["run", "--data", "x.csv", "--target", "y", "--set", "a"], "--set 'a'"),
    (["runs", "show", "nothing"], "there is no run 'nothing'"),
    (["runs", "restart", "nothing"], "there is no run 'nothing'"),
    (["runs", "diff", "one", "other"], "there is no run 'one'"),
    (["runs", "compose", "--data-of", "one"], "--config-of"),
    (["queue", "workers", "0"], "NUMBER is '0': give a number of workers from 1 to 64"),
    (["run", "no-such.yaml", "--queue"], "cannot read the spec no-such.yaml"),
    (["fly"], "No such command 'fly'"),
    (["spec", "check", "/no/such.yaml"], "cannot read the spec"),
]


@pytest.mark.parametrize(("arguments", "said"), REFUSED, ids=lambda value: " ".join(value)[:40])
def test_wrong_usage_is_one_sentence_and_exit_code_2(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from scripts.__main__ import main

    monkeypatch.setenv("KANARYA_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "argv", ["kanarya", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    answer = capsys.readouterr()
    assert said in answer.err
    assert "Traceback" not in answer.err
    assert not (tmp_path / "home").exists(), "a refused command leaves nothing behind"


def test_the_process_ends_with_that_code_and_sentence(tmp_path: Path) -> None:
    answer = kanarya("fly", home=tmp_path / "home")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "No such command 'fly'" in answer.stderr and "Traceback" not in answer.stderr


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    code = "import sys; sys.argv = ['kanarya', '--help']; import scripts.__main__ as m\n"
    code += "try: m.main()\nexcept SystemExit: pass\n"
    code += "print([n for n in ('pydantic', 'kfp', 'mlflow', 'sklearn', 'aiohttp', 'yaml') "
    code += "if n in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert found.stdout.splitlines()[-1] == "[]"
