"""KFP envelope of the ingest step."""

from kfp import dsl

from components.image import IMAGE, IMAGES


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def ingest(
    uri: str,
    target: str,
    drop: list[str],
    task: str,
    data_sha256: str,
    table: dsl.Output[dsl.Dataset],
) -> None:
    """Read a CSV file into a typed table."""
    from pathlib import Path

    from components import same_data
    from components.ingest import step
    from components.telling import told

    request = step.Request(target, tuple(drop), task)
    with told():
        found = step.run(uri, request, Path(table.path))
        table.metadata.update(same_data.confirmed(found, data_sha256))


@dsl.component(base_image=IMAGES, install_kfp_package=False)
def ingest_images(
    uri: str,
    image_size: list[int],
    channels: int,
    data_sha256: str,
    images: dsl.Output[dsl.Dataset],
) -> None:
    """Decode the pictures of a zip, a folder or an archive of CIFAR-10, each once."""
    from pathlib import Path

    from components import same_data
    from components.ingest import image_step
    from components.telling import told

    request = image_step.Request(tuple(int(side) for side in image_size), channels)
    with told():
        found = image_step.run(uri, request, Path(images.path))
        images.metadata.update(same_data.confirmed(found, data_sha256))
