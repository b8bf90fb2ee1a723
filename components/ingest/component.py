"""KFP envelope of the ingest step."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def ingest(uri: str, target: str, drop: list[str], table: dsl.Output[dsl.Dataset]) -> None:
    """Read a CSV file into a typed table."""
    from pathlib import Path

    from components.ingest import step
    from components.telling import told

    with told():
        table.metadata.update(step.run(uri, step.Request(target, tuple(drop)), Path(table.path)))
