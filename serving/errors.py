"""What can go wrong, as one tree; every package hangs its own errors below these.

    KanaryaError            exit 1   something failed; nothing that was there is lost
    ├── UsageError          exit 2   the command, the spec or the input is wrong
    ├── ModelError          exit 1   a model directory is damaged or cannot be served
    ├── PlatformError       exit 1   the local platform, a port, a process
    └── ServiceError        exit 1   the Kubernetes API said no or cannot be reached
        ├── NotFound        exit 1   there is no such InferenceService
        ├── AlreadyExists   exit 5   somebody created it first
        └── Conflict        exit 5   somebody else changed it first

A message is one sentence: what happened, the value, what to do next.
"""


class KanaryaError(Exception):
    """Root of every error that is told to a person in one sentence."""

    exit_code = 1


class UsageError(KanaryaError):
    """The command, the spec or the input is wrong; running it again cannot help."""

    exit_code = 2


class ModelError(KanaryaError):
    """A model directory is damaged, incomplete or cannot be served."""


class PlatformError(KanaryaError):
    """The local platform cannot do it: a port is taken, a process died, the disk is full."""


class ServiceError(KanaryaError):
    """The Kubernetes API refused, or cannot be reached."""


class NotFound(ServiceError):
    """There is no object of that name."""


class AlreadyExists(ServiceError):
    """Somebody created an object of that name first."""

    exit_code = 5


class Conflict(ServiceError):
    """Somebody changed the object after it was read (a stale resourceVersion)."""

    exit_code = 5
