"""The pipeline for tables: a graph without logic."""

from kfp import dsl

from components.evaluate.component import evaluate
from components.finish.component import finish
from components.ingest.component import ingest
from components.package.component import package
from components.split.component import split
from components.train.component import train
from components.validate.component import validate
from pipelines import pods
from pipelines.placing import Size, placed
from pipelines.tail import Candidate, decide_and_deploy
from pipelines.tuning import tuned


@dsl.pipeline(
    name="tabular",
    description="Train on a table, gate with reasons, register, bring live by canary.",
    pipeline_config=pods.KEPT,
)
def tabular(
    name: str,
    data_uri: str,
    target: str,
    task: str = "tabular",
    drop_columns: list[str] = [],  # noqa: B006 - the compiler reads the default
    test_size: float = 0.2,
    random_state: int = 42,
    stratify: bool = True,
    model_kind: str = "random_forest",
    hyperparameters: dict[str, object] = {},  # noqa: B006
    tune_method: str = "",
    tune_space: str = "{}",
    tune_trials: int = 0,
    tune_cv: int = 5,
    tune_metric: str = "",
    tune_pods: int = 4,
    gate_floor: dict[str, float] = {},  # noqa: B006
    champion_metric: str = "accuracy",
    champion_margin: float = 0.0,
    champion_evidence: dict[str, object] = {},  # noqa: B006
    gate_slices: list[dict[str, object]] = [],  # noqa: B006
    serving_guards: dict[str, float] = {},  # noqa: B006
    feedback: str = "asked",
    rollout_steps: list[int] = [10, 25, 50, 100],  # noqa: B006
    rollout_min_requests: int = 50,
    rollout_max_seconds: float = 600.0,
    rollout_alpha: float = 0.05,
    rollout_max_error_increase: float = 0.02,
    rollout_max_latency_ratio: float = 1.5,
    rollout_shadow_requests: int = 100,
    rollout_max_disagreement: float = 0.2,
    rollout_max_class_shift: float = 0.2,
    rollout_max_confidence_drop: float = 0.2,
    rollout_approve: list[int] = [],  # noqa: B006
    rollout_on_inconclusive: str = "hold",
    data_sha256: str = "",
    git_commit: str = "",
    why: str = "",
    run_key: str = "",
    cpu: str = "2",
    memory: str = "4Gi",
) -> None:
    """From a table to a live model.

    Args:
        name: Name of the model, of its MLflow experiment and of its InferenceService.
        data_uri: The CSV files: a path, folder or pattern, file://, gs://, s3:// or http(s)://.
        target: The column to predict.
        task: tabular (tell the class of a row) or tabular-regression (estimate a number).
        drop_columns: Columns that the model must not see.
        test_size: Share of the rows that is kept for testing, 0.05 to 0.5.
        random_state: Seed of the split and of the model.
        stratify: Keep the shares of the classes (of small and large numbers) in both parts.
        model_kind: logistic_regression, linear_svm, perceptron, passive_aggressive, mlp, svm,
            random_forest or hist_gradient_boosting; of tabular-regression linear_regression,
            linear_svm, passive_aggressive, mlp, svm, random_forest or hist_gradient_boosting.
        hyperparameters: Hyperparameters of that kind; those left out take their defaults.
        tune_method: grid, random or halving; empty: no tuning.
        tune_space: JSON, hyperparameter to [values] or to {low, high, log, int}.
        tune_trials: Combinations that are tried at most; 0: all of a grid, else 20.
        tune_cv: Folds of the cross-validation on the training rows.
        tune_metric: What trials are compared by; empty: accuracy, of numbers rmse.
        tune_pods: Pods that share the trials.
        gate_floor: Lowest value per metric (of losses and errors: highest) that is accepted.
        champion_metric: Metric compared with the live version's on the same rows; empty: none.
            Of tabular-regression one of rmse, mae, r2, mape.
        champion_margin: How much worse than the live version is still accepted.
        champion_evidence: alpha (0.05: how often chance may deceive), power (0.8), require
            (better or non_inferior), on_cannot_tell (measured, reject or accept).
        gate_slices: Limits for parts of the rows: column, value (none: each), metric, and floor
            or max_drop.
        serving_guards: Most p99_ms, memory_mb, start_s of the predictor; those left out are free.
        feedback: Predictions that are kept for a label: asked (with an id), all or none.
        rollout_steps: Canary shares in percent, rising to 100.
        rollout_min_requests: Canary requests that every step asks for, beside the evidence.
        rollout_max_seconds: Longest time that a step waits for its verdict.
        rollout_alpha: Share of good versions that chance may roll back, of bad ones it may promote.
        rollout_max_error_increase: Tolerated error rate of the canary above the stable one's.
        rollout_max_latency_ratio: Tolerated p95 latency of the canary over the stable one's.
        rollout_shadow_requests: Rows that both versions are asked before any traffic; 0: none.
        rollout_max_disagreement: Share of those rows whose labels may differ.
        rollout_max_class_shift: By which the shares of the predicted classes may differ in all.
        rollout_max_confidence_drop: Tolerated mean confidence of the canary below the stable one's.
        rollout_approve: Percents that a person must let it go on to.
        rollout_on_inconclusive: hold, promote or abort when a step ends without enough evidence.
        data_sha256: sha256 that the data must have, to repeat a run exactly; empty: any.
        git_commit: Commit of the code or data that this run belongs to, for the record.
        why: What started this run, where nobody asked for it.
        run_key: Name of this run in MLflow; empty: the id that the engine gave.
        cpu: CPUs of each step that holds data or trains, on a cluster; "500m" is half a one.
        memory: Memory of each of these steps, on a cluster, such as 4Gi.
    """
    job, size = dsl.PIPELINE_JOB_ID_PLACEHOLDER, Size(cpu, memory)
    closing = finish(name=name, run_key=run_key, job=job)
    placed(closing, "Close the run", pods.CLOSING)
    with dsl.ExitHandler(closing, name="from data to live model"):
        table = ingest(
            uri=data_uri, target=target, drop=drop_columns, task=task, data_sha256=data_sha256
        )
        placed(table, "Read the table", pods.reading(size))
        checked = validate(table=table.outputs["table"], name=name)
        placed(checked, "Check the data", pods.asking(size))
        parts = split(
            table=table.outputs["table"],
            test_size=test_size,
            random_state=random_state,
            stratify=stratify,
            duplicates=checked.outputs["Output"],
        )
        placed(parts, "Split into training and test rows", pods.computing(size))
        chosen = tuned(
            parts.outputs["train"],
            search={
                "method": tune_method,
                "space": tune_space,
                "trials": tune_trials,
                "cv": tune_cv,
                "metric": tune_metric,
                "pods": tune_pods,
            },
            model={
                "task": task,
                "kind": model_kind,
                "hyperparameters": hyperparameters,
                "random_state": random_state,
            },
            run={"name": name, "run_key": run_key, "job": job},
            size=size,
        )
        trained = train(
            train=parts.outputs["train"],
            name=name,
            task=task,
            kind=model_kind,
            chosen=chosen,
            random_state=random_state,
            test_size=test_size,
            drop_columns=drop_columns,
            gate_floor=gate_floor,
            champion_metric=champion_metric,
            champion_margin=champion_margin,
            git_commit=git_commit,
            why=why,
            run_key=run_key,
            job=job,
        )
        placed(trained, "Train", pods.training(size))
        evaluated = evaluate(model=trained.outputs["model"], test=parts.outputs["test"], name=name)
        placed(evaluated, "Evaluate beside the champion", pods.comparing(size))
        packaged = package(
            model=trained.outputs["model"],
            train=parts.outputs["train"],
            test=parts.outputs["test"],
            evaluation=evaluated.outputs["evaluation"],
            name=name,
            feedback=feedback,
        )
        placed(packaged, "Package for serving", pods.computing(size))
        decide_and_deploy(
            Candidate(name, checked, trained, evaluated, packaged, run_key),
            limits={
                "floor": gate_floor,
                "champion_metric": champion_metric,
                "champion_margin": champion_margin,
                "evidence": champion_evidence,
                "slices": gate_slices,
                "seed": random_state,
                "test": parts.outputs["test"],
            },
            rollout={
                "steps": rollout_steps,
                "min_requests": rollout_min_requests,
                "max_seconds": rollout_max_seconds,
                "alpha": rollout_alpha,
                "max_error_increase": rollout_max_error_increase,
                "max_latency_ratio": rollout_max_latency_ratio,
                "shadow_requests": rollout_shadow_requests,
                "max_disagreement": rollout_max_disagreement,
                "max_class_shift": rollout_max_class_shift,
                "max_confidence_drop": rollout_max_confidence_drop,
                "approve": rollout_approve,
                "on_inconclusive": rollout_on_inconclusive,
            },
            guards=serving_guards,
            size=size,
        )
