"""What can go wrong in a step, as one tree below serving's.

    KanaryaError (serving.errors)
    ├── UsageError                  exit 2
    │   └── DataError               the data cannot be used as it is; each message names the remedy
    │       ├── UnreadableError     there is no file, or it is no text: a folder, a picture, a zip
    │       ├── MalformedError      it is text but no table: ragged rows, an endless line, no header
    │       ├── ColumnError         the columns are not what was asked for: target, `drop`, names
    │       ├── ChangedError        it is not the data that is asked for by its sha256
    │       ├── PicturesError       the pictures are broken, of several sizes, or lie in no classes
    │       └── FindingsError       validation found errors in the table
    ├── GateError                   exit 1   the gate's decision is missing or is not a yes
    └── TrackingError               exit 1   MLflow does not have what is needed, or refuses

A message is one sentence: what happened, the value, what to do next.
"""

from serving.errors import KanaryaError, UsageError


class DataError(UsageError):
    """The data cannot be used as it is; running it again cannot help."""


class UnreadableError(DataError):
    """There is no file to read, or what it holds is not text."""


class MalformedError(DataError):
    """The text is not a table with a header and rows of the same width."""


class ColumnError(DataError):
    """A column is missing, doubled, nameless, or unfit for its part."""


class ChangedError(DataError):
    """The data is not what it was when the run that is repeated read it."""


class PicturesError(DataError):
    """The pictures are broken, of several sizes, or do not lie in folders of classes."""


class FindingsError(DataError):
    """Validation found something that no model can be trained on."""


class GateError(KanaryaError):
    """The gate's decision is missing, unreadable, or is not a yes."""


class TrackingError(KanaryaError):
    """MLflow does not have what is needed, or refuses it."""
