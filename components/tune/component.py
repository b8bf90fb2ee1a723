"""KFP envelopes of tuning: draw the trials, measure some of them, choose; or go without."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def draw_trials(
    method: str,
    space: str,
    trials: int,
    cv: int,
    metric: str,
    pods: int,
    task: str,
    kind: str,
    hyperparameters: dict[str, object],
    random_state: int,
) -> list[str]:
    """Return the trials of a search, in as many parts as pods measure them."""
    from components.telling import told
    from components.tune import step

    with told():
        wanted = {
            "method": method,
            "space": step.read_space(space),
            "trials": trials or None,
            "cv": cv,
            "metric": metric or None,
            "pods": pods,
        }
        return step.plan(wanted, task, kind, hyperparameters, random_state)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def measure_trials(train: dsl.Input[dsl.Dataset], shard: str) -> str:
    """Cross-validate some trials on the training part and return what they showed."""
    from pathlib import Path

    from components.telling import told
    from components.tune import step

    with told():
        return step.measure(Path(train.path), shard)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def choose_trial(
    measured: list[str],
    name: str,
    run_key: str,
    job: str,
    results: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
) -> str:
    """Record the trials and return the hyperparameters of the best one."""
    import shutil
    from pathlib import Path

    from components import tracked_trials
    from components.telling import told
    from components.tune import step

    with told():
        try:
            return step.choose(measured, name, run_key or job, Path(results.path), tracked_trials)
        finally:
            if (page := Path(results.path) / step.PAGE).is_file():
                shutil.copyfile(page, report.path)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def go_untuned(hyperparameters: dict[str, object]) -> str:
    """Return the hyperparameters as they were asked for."""
    from components.tune import step

    return step.untuned(hyperparameters)
