"""KFP envelope of the package step."""

from kfp import dsl

from components.image import IMAGE, IMAGES


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def package(
    model: dsl.Input[dsl.Model],
    train: dsl.Input[dsl.Dataset],
    test: dsl.Input[dsl.Dataset],
    evaluation: dsl.Input[dsl.Artifact],
    name: str,
    feedback: str,
    packaged: dsl.Output[dsl.Model],
) -> None:
    """Turn the trained model into a sealed model directory whose ONNX agrees with it."""
    from datetime import UTC, datetime
    from pathlib import Path

    from components.package import step
    from components.telling import told
    from serving.card import feedback_of

    parts, scores = (Path(train.path), Path(test.path)), Path(evaluation.path)
    with told():
        inputs = step.Inputs(name, Path(model.path), *parts, scores, feedback_of(feedback))
        packaged.metadata.update(step.run(inputs, Path(packaged.path), datetime.now(UTC)))


@dsl.component(base_image=IMAGES, install_kfp_package=False)
def package_images(
    model: dsl.Input[dsl.Model],
    test: dsl.Input[dsl.Dataset],
    evaluation: dsl.Input[dsl.Artifact],
    name: str,
    feedback: str,
    packaged: dsl.Output[dsl.Model],
) -> None:
    """Turn the network into a sealed model directory whose ONNX agrees with it."""
    from datetime import UTC, datetime
    from pathlib import Path

    from components.package import image_step
    from components.telling import told
    from serving.card import feedback_of

    parts = (Path(model.path), Path(test.path), Path(evaluation.path))
    with told():
        inputs = image_step.Inputs(name, *parts, feedback_of(feedback))
        packaged.metadata.update(image_step.run(inputs, Path(packaged.path), datetime.now(UTC)))
