"""What is wrong with a collection of images: facts in, findings and a report out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from components.report import Picture, Remark, Report, Table
from components.validate.rules import DUPLICATES_WARNING, IMBALANCE, Finding

LEAST_IMAGES = 2


@dataclass(frozen=True)
class ImageFacts:
    """A collection in numbers.

    `train`, `test`: images of each class in the two parts that the source has (no test part: all
    zero). `duplicates`: images whose pixels an image before them in the same part has; `overlap`:
    test images whose pixels a training image has; `blank`: of one colour all over.
    """

    labels: tuple[str, ...]
    train: tuple[int, ...]
    test: tuple[int, ...]
    duplicates: int
    overlap: int
    blank: int

    @property
    def rows(self) -> int:
        """How many images there are."""
        return sum(self.train) + sum(self.test)


def findings(facts: ImageFacts) -> tuple[Finding, ...]:
    """Return everything that was found, the worst first."""
    found = [*_rare(facts), *_overlap(facts), *_imbalance(facts), *_same(facts), *_blank(facts)]
    order = ("error", "warning", "note")
    return tuple(sorted(found, key=lambda finding: order.index(finding.level)))


def _rare(facts: ImageFacts) -> Iterator[Finding]:
    least = 1 if any(facts.test) else LEAST_IMAGES
    rare = [label for label, n in zip(facts.labels, facts.train, strict=True) if n < least]
    if rare:
        yield Finding(
            "error",
            "rare_class",
            None,
            {"classes": len(rare), "least": least},
            f"Of {', '.join(map(repr, rare[:5]))} there are fewer than {least} pictures to train "
            "and to test on: add some, or merge classes.",
        )


def _overlap(facts: ImageFacts) -> Iterator[Finding]:
    tested = sum(facts.test)
    if facts.overlap:
        yield Finding(
            "warning",
            "overlap",
            None,
            {"overlap": facts.overlap, "share": facts.overlap / tested},
            f"{facts.overlap:,} of {tested:,} test pictures are also trained on, pixel for pixel "
            f"({facts.overlap / tested:.1%}): the test flatters the model.",
        )


def _imbalance(facts: ImageFacts) -> Iterator[Finding]:
    counted = sorted(zip(facts.train, facts.labels, strict=True))
    (few, least), (many, most) = counted[0], counted[-1]
    if few and many / few >= IMBALANCE:
        yield Finding(
            "warning",
            "imbalance",
            None,
            {"largest": many, "smallest": few, "ratio": many / few},
            f"Class {most!r} has {many / few:.1f} times as many pictures ({many:,}) as class "
            f"{least!r} ({few:,}): judge the model by balanced_accuracy or f1_macro.",
        )


def _same(facts: ImageFacts) -> Iterator[Finding]:
    share = facts.duplicates / facts.rows
    if facts.duplicates:
        yield Finding(
            "warning" if share >= DUPLICATES_WARNING else "note",
            "duplicates",
            None,
            {"duplicates": facts.duplicates, "share": share},
            f"Pictures with the pixels of one before them: {facts.duplicates:,} ({share:.1%}).",
        )


def _blank(facts: ImageFacts) -> Iterator[Finding]:
    if facts.blank:
        yield Finding(
            "warning",
            "blank",
            None,
            {"blank": facts.blank},
            f"Pictures of one colour all over: {facts.blank:,}; look whether they should be there.",
        )


def report(source: str, facts: ImageFacts, found: Sequence[Finding], sheet: Picture) -> Report:
    """Return the page: the findings, the classes, and some pictures of each."""
    classes = zip(facts.labels, facts.train, facts.test, strict=True)
    errors = sum(finding.level == "error" for finding in found)
    verdict = f"{errors} error(s)" if errors else "the pictures can be trained on"
    return Report(
        title="Validation of pictures",
        lead=f"{facts.rows:,} pictures of {source}: {verdict}.",
        tables=[Table("Classes", ("class", "to train on", "to test on"), list(classes))],
        pictures=[sheet],
        remarks=[Remark(finding.level, finding.sentence) for finding in found],
    )
