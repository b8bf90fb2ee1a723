"""KFP envelope of the split step."""

from kfp import dsl

from components.image import IMAGE, IMAGES


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def split(
    table: dsl.Input[dsl.Dataset],
    test_size: float,
    random_state: int,
    stratify: bool,
    train: dsl.Output[dsl.Dataset],
    test: dsl.Output[dsl.Dataset],
    duplicates: int = 0,
) -> None:
    """Split the rows into a training part and a test part."""
    from pathlib import Path

    from components.split import step
    from components.telling import told

    choice = step.Choice(test_size, random_state, stratify)
    with told():
        parts = step.run(Path(table.path), choice, Path(train.path), Path(test.path))
        if duplicates:
            test.metadata["overlap"] = step.overlap(Path(train.path), Path(test.path))
        train.metadata.update(parts.train)
        test.metadata.update(parts.test)


@dsl.component(base_image=IMAGES, install_kfp_package=False)
def split_images(
    images: dsl.Input[dsl.Dataset],
    test_size: float,
    random_state: int,
    stratify: bool,
    train: dsl.Output[dsl.Dataset],
    test: dsl.Output[dsl.Dataset],
) -> None:
    """Take the test part that the images come with, or draw one."""
    from pathlib import Path

    from components.split import image_step
    from components.split.step import Choice
    from components.telling import told

    choice = Choice(test_size, random_state, stratify)
    with told():
        parts = image_step.run(Path(images.path), choice, Path(train.path), Path(test.path))
        test.metadata["overlap"] = image_step.overlap(Path(train.path), Path(test.path))
        train.metadata.update(parts.train)
        test.metadata.update(parts.test)
