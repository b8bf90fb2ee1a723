"""Validate images with files: an image artifact in, findings and a page out."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from components import image_dataset, plots, telling
from components.errors import FindingsError
from components.image_dataset import Images
from components.report import Picture, html
from components.validate import image_rules
from components.validate.image_rules import ImageFacts
from components.validate.rules import Finding
from components.validate.step import FINDINGS_FILE
from serving.storage import partial

SHOWN_CLASSES, SHOWN_EACH = 20, 8


def run(images: Path, report: Path, findings: Path) -> tuple[Finding, ...]:
    """Write the findings (a directory with findings.json) and the HTML report; return the findings.

    Raises FindingsError, after both were written, with one sentence that names all errors.
    """
    given = image_dataset.read(images)
    facts = facts_of(given)
    found = image_rules.findings(facts)
    with partial(findings) as unfinished:
        unfinished.mkdir()
        text = json.dumps([asdict(finding) for finding in found], indent=2, ensure_ascii=False)
        (unfinished / FINDINGS_FILE).write_text(text + "\n", "utf-8")
    page = html(image_rules.report(given.schema.source, facts, found, _sheet(given)))
    with partial(report) as unfinished:
        unfinished.write_text(page, "utf-8")
    errors = [finding.sentence.rstrip(".") for finding in found if finding.level == "error"]
    if errors:
        raise FindingsError(f"The pictures cannot be trained on: {'; '.join(errors)}.")
    for finding in found:
        if finding.level == "warning":
            telling.note(f"warning: {finding.sentence}")
    return found


def facts_of(given: Images) -> ImageFacts:
    """Return the numbers that the rules judge."""
    schema, count = given.schema, len(given.schema.labels)
    training = schema.rows - schema.test_rows
    hashes = [hashlib.blake2b(image.data, digest_size=16).digest() for image in given.pixels]
    train, test = set(hashes[:training]), set(hashes[training:])
    return ImageFacts(
        labels=schema.labels,
        train=_counts(given.classes[:training], count),
        test=_counts(given.classes[training:], count),
        duplicates=schema.rows - len(train) - len(test),
        overlap=sum(each in train for each in hashes[training:]),
        blank=sum(int(image.min() == image.max()) for image in given.pixels),
    )


def _counts(classes: np.ndarray, count: int) -> tuple[int, ...]:
    return tuple(np.bincount(classes, minlength=count).tolist())


def _sheet(given: Images) -> Picture:
    """Return a row of pictures for each class."""
    shown = [
        (given.pixels[row], given.schema.labels[place])
        for place in range(min(len(given.schema.labels), SHOWN_CLASSES))
        for row in np.flatnonzero(given.classes == place)[:SHOWN_EACH]
    ]
    return Picture("Some pictures of each class", plots.sheet(shown, SHOWN_EACH))
