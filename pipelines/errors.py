"""What can go wrong while a pipeline runs.

serving.errors.KanaryaError
├── RunError            exit 1   the run did not come to an outcome
│   ├── StepFailed      exit 1   a step said why it cannot go on
│   └── ClusterError    exit 1   Kubeflow Pipelines refused, or answers nothing that helps
│       ├── Unreachable exit 1   nothing answers there now; the same call may work later
│       ├── LoginNeeded exit 1   a page for browsers answers, in place of the API
│       ├── Faltering   exit 1   it failed inside, or what shows who asks has run out
│       ├── NoApi       exit 1   nothing there knows the path: another address, or a gateway alone
│       └── NotThere    exit 1   there is no run, experiment or schedule of that name
├── QueueError          exit 1   the queue's database is damaged or busy, its workers do not start
├── BackupError         exit 1   a backup cannot be made, is damaged, or cannot be restored
└── AlertError          exit 1   the outbox cannot be used, or a receiver did not take an alert
"""

from serving.errors import KanaryaError


class RunError(KanaryaError):
    """The run did not come to an outcome."""


class StepFailed(RunError):
    """A step failed and said why."""


class QueueError(KanaryaError):
    """The queue cannot do it: its database is damaged or busy, or its workers do not start."""


class ClusterError(RunError):
    """Kubeflow Pipelines refused, or its answer is of no use."""


class Unreachable(ClusterError):
    """Nothing answers at the address, or only that it cannot now; it may later."""


class LoginNeeded(ClusterError):
    """A page for browsers answers: a login, or another address than the API's."""


class Faltering(ClusterError):
    """It failed at what was asked, or does not accept a token; who asks later may hear more."""


class NotThere(ClusterError):
    """Kubeflow Pipelines knows no run, experiment or schedule of that name."""


class NoApi(ClusterError):
    """What answers does not know the path, so it says nothing of what was asked for."""


class BackupError(KanaryaError):
    """A backup cannot be made, is damaged, or cannot be restored."""


class AlertError(KanaryaError):
    """The outbox of alerts cannot be used, or a receiver did not take an alert."""
