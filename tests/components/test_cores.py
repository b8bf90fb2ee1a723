"""How many processes share the cores: each counts its part and no more."""

import os
import subprocess
import sys

import pytest

from components import cores


@pytest.mark.parametrize(("processes", "part"), [(2, 2), (1000, 1000)])
def test_each_of_several_processes_counts_its_part_of_the_cores(processes: int, part: int) -> None:
    asked = "from components.cores import available; print(available())"
    environment = {**os.environ, **cores.share(processes)}
    found = subprocess.run(
        [sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True
    )
    assert int(found.stdout) == max(1, cores.available() // part)


def test_one_process_has_them_all() -> None:
    assert cores.share(1) == {}
