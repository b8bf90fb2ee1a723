"""KFP envelope of the ingest step."""

from kfp import dsl

from components.image import IMAGE, IMAGES


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def ingest(
    uri: str, target: str, drop: list[str], task: str, table: dsl.Output[dsl.Dataset]
) -> None:
    """Read a CSV file into a typed table."""
    from pathlib import Path

    from components.ingest import step
    from components.telling import told

    request = step.Request(target, tuple(drop), task)
    with told():
        table.metadata.update(step.run(uri, request, Path(table.path)))


@dsl.component(base_image=IMAGES, install_kfp_package=False)
def ingest_images(
    uri: str, image_size: list[int], channels: int, images: dsl.Output[dsl.Dataset]
) -> None:
    """Decode the pictures of a zip, a folder or an archive of CIFAR-10, each once."""
    from pathlib import Path

    from components.ingest import image_step
    from components.telling import told

    request = image_step.Request(tuple(int(side) for side in image_size), channels)
    with told():
        images.metadata.update(image_step.run(uri, request, Path(images.path)))
