"""The model kinds that can be trained: their hyperparameters, and the pipeline of each.

Importing this package is cheap (pydantic only): the spec, the forms and the console read
`HYPERPARAMETERS` from here. scikit-learn is imported when a pipeline is built.
"""

from components.models.hyperparameters import Hyperparameters
from components.models.kinds import HYPERPARAMETERS, TASKS, notes, parse, parsed
from components.models.pipelines import build, by_epochs, watched

__all__ = [
    "HYPERPARAMETERS",
    "TASKS",
    "Hyperparameters",
    "build",
    "by_epochs",
    "notes",
    "parse",
    "parsed",
    "watched",
]
