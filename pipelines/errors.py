"""What can go wrong while a pipeline runs.

serving.errors.KanaryaError
├── RunError            exit 1   the run did not come to an outcome
│   └── StepFailed      exit 1   a step said why it cannot go on
└── QueueError          exit 1   the queue's database is damaged or busy, its workers do not start
"""

from serving.errors import KanaryaError


class RunError(KanaryaError):
    """The run did not come to an outcome."""


class StepFailed(RunError):
    """A step failed and said why."""


class QueueError(KanaryaError):
    """The queue cannot do it: its database is damaged or busy, or its workers do not start."""
