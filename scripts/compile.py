"""`kanarya compile`: the graphs as the YAML that clusters and laptops run."""

from __future__ import annotations

import os
from pathlib import Path

import click

from serving.errors import UsageError


@click.command("compile")
@click.option("--check", is_flag=True, help="Only say whether the compiled YAML is fresh.")
@click.option(
    "--image",
    metavar="IMAGE",
    help="For a cluster: what the steps run in, by digest or by git commit.",
)
@click.option(
    "--images-image",
    metavar="IMAGE",
    help="For a cluster: what the steps for pictures run in.",
)
@click.option(
    "--out",
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
    help="For a cluster: where the YAML with these images goes.",
)
def compile_pipelines(
    check: bool, image: str | None, images_image: str | None, out: Path | None
) -> None:
    """Compile the pipelines to pipelines/compiled; with --out, pin their images for a cluster.

    The images may be named by KANARYA_COMPONENTS_IMAGE and KANARYA_IMAGES_IMAGE as well; without
    the second only the pipeline for tables is written.
    """
    from pipelines import compile as compiled

    if check:
        compiled.check()
        return
    if out is None and (image or images_image):
        raise UsageError("say with --out where the YAML with these images goes")
    paths = compiled.write() if out is None else _pinned(out, image, images_image)
    for path in paths:
        click.echo(f"wrote {path}")


def _pinned(out: Path, image: str | None, images_image: str | None) -> list[Path]:
    from pipelines import compile as compiled
    from pipelines.images import TENSORFLOW, Images

    named = Images.from_env()
    chosen = Images(image or named.tabular, images_image or named.images)
    both = bool(images_image or os.environ.get(TENSORFLOW))
    return compiled.write_for_cluster(chosen, compiled.PIPELINES if both else ["tabular"], out)
