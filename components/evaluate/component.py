"""KFP envelope of the evaluate step."""

from kfp import dsl

from components.image import IMAGE, IMAGES


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def evaluate(
    model: dsl.Input[dsl.Model],
    test: dsl.Input[dsl.Dataset],
    name: str,
    metrics: dsl.Output[dsl.Metrics],
    classification: dsl.Output[dsl.ClassificationMetrics],
    report: dsl.Output[dsl.HTML],
    evaluation: dsl.Output[dsl.Artifact],
) -> None:
    """Score the candidate, and the champion beside it, on the test part."""
    from pathlib import Path

    from components import registry
    from components.evaluate import step
    from components.telling import told

    overlap = int(test.metadata.get("overlap", 0))
    inputs = step.Inputs(Path(model.path), Path(test.path), name, overlap)
    outputs = step.Outputs(Path(evaluation.path), Path(report.path))
    with told():
        step.show(step.run(inputs, outputs, registry.champion), metrics, classification)


@dsl.component(base_image=IMAGES, install_kfp_package=False)
def evaluate_images(
    model: dsl.Input[dsl.Model],
    test: dsl.Input[dsl.Dataset],
    name: str,
    metrics: dsl.Output[dsl.Metrics],
    classification: dsl.Output[dsl.ClassificationMetrics],
    report: dsl.Output[dsl.HTML],
    evaluation: dsl.Output[dsl.Artifact],
) -> None:
    """Score the network, and the champion beside it, on the test images."""
    from pathlib import Path

    from components import registry
    from components.evaluate import image_step as step
    from components.telling import told

    overlap = int(test.metadata.get("overlap", 0))
    inputs = step.Inputs(Path(model.path), Path(test.path), name, overlap)
    outputs = step.Outputs(Path(evaluation.path), Path(report.path))
    with told():
        step.show(step.run(inputs, outputs, registry.champion), metrics, classification)
