"""KFP envelope of the train step."""

from kfp import dsl

from components.image import IMAGE, IMAGES


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def train(
    train: dsl.Input[dsl.Dataset],
    name: str,
    task: str,
    kind: str,
    chosen: str,
    random_state: int,
    test_size: float,
    drop_columns: list[str],
    gate_floor: dict[str, float],
    champion_metric: str,
    champion_margin: float,
    git_commit: str,
    why: str,
    run_key: str,
    job: str,
    model: dsl.Output[dsl.Model],
) -> str:
    """Fit a model kind on the training part and return the id of its MLflow run."""
    import json
    from pathlib import Path

    from components import tracking
    from components.telling import told
    from components.train import step

    asked = {
        "test_size": test_size,
        "drop_columns": drop_columns,
        "gate.floor": gate_floor,
        "gate.champion_metric": champion_metric,
        "gate.champion_margin": champion_margin,
        "git_commit": git_commit,
        **({"why": why} if why else {}),
    }
    given = json.loads(chosen)
    request = step.Request(
        name,
        kind,
        given["hyperparameters"],
        random_state,
        run_key or job,
        asked,
        task,
        tuple(given["notes"]),
    )
    with told():
        return step.run(Path(train.path), request, Path(model.path), tracking)


@dsl.component(base_image=IMAGES, install_kfp_package=False)
def train_images(
    train: dsl.Input[dsl.Dataset],
    name: str,
    kind: str,
    hyperparameters: dict[str, object],
    network: str,
    random_state: int,
    test_size: float,
    gate_floor: dict[str, float],
    champion_metric: str,
    champion_margin: float,
    git_commit: str,
    why: str,
    run_key: str,
    job: str,
    model: dsl.Output[dsl.Model],
) -> str:
    """Train a network on the training part, or take one that was; return its MLflow run's id."""
    from pathlib import Path

    from components import keras_tracking
    from components.telling import told
    from components.train import image_step

    asked = {
        "test_size": test_size,
        "gate.floor": gate_floor,
        "gate.champion_metric": champion_metric,
        "gate.champion_margin": champion_margin,
        "git_commit": git_commit,
        **({"why": why} if why else {}),
    }
    request = image_step.Request(
        name, kind, hyperparameters, random_state, run_key or job, asked, network
    )
    with told():
        return image_step.run(Path(train.path), request, Path(model.path), keras_tracking)
