"""KFP envelope of the validate step."""

from kfp import dsl

from components.image import IMAGE, IMAGES


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def validate(
    table: dsl.Input[dsl.Dataset],
    report: dsl.Output[dsl.HTML],
    findings: dsl.Output[dsl.Artifact],
    name: str = "",
) -> int:
    """Report what is wrong with the table; return how many rows are a row above again."""
    from pathlib import Path

    from components import registry
    from components.telling import told
    from components.validate import step

    with told():
        champion = step.champion_of(name, registry.champion)
        found = step.run(Path(table.path), Path(report.path), Path(findings.path), champion)
    return step.duplicates(found)


@dsl.component(base_image=IMAGES, install_kfp_package=False)
def validate_images(
    images: dsl.Input[dsl.Dataset],
    report: dsl.Output[dsl.HTML],
    findings: dsl.Output[dsl.Artifact],
) -> None:
    """Report what is wrong with the pictures, and stop on errors."""
    from pathlib import Path

    from components.telling import told
    from components.validate import image_step

    with told():
        image_step.run(*(Path(artifact.path) for artifact in (images, report, findings)))
