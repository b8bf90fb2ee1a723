"""The pipeline for images: a graph without logic."""

from kfp import dsl

from components.evaluate.component import evaluate_images
from components.finish.component import finish
from components.ingest.component import ingest_images
from components.package.component import package_images
from components.split.component import split_images
from components.train.component import train_images
from components.validate.component import validate_images
from pipelines import pods
from pipelines.placing import Node, Size, placed
from pipelines.tail import Candidate, decide_and_deploy


@dsl.pipeline(
    name="image",
    description="Train on pictures, gate with reasons, register, bring live by canary.",
    pipeline_config=pods.KEPT,
)
def image(
    name: str,
    data_uri: str,
    image_size: list[int] = [],  # noqa: B006 - the compiler reads the default
    channels: int = 0,
    test_size: float = 0.2,
    random_state: int = 42,
    stratify: bool = True,
    model_kind: str = "cnn",
    hyperparameters: dict[str, object] = {},  # noqa: B006
    network: str = "",
    gate_floor: dict[str, float] = {"accuracy": 0.6},  # noqa: B006
    champion_metric: str = "accuracy",
    champion_margin: float = 0.0,
    champion_evidence: dict[str, object] = {},  # noqa: B006
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
    cpu: str = "4",
    memory: str = "8Gi",
    gpus: str = "0",
    node_selector: dict[str, str] = {},  # noqa: B006
    tolerations: list[dict[str, object]] = [],  # noqa: B006
) -> None:
    """From pictures to a live model.

    Args:
        name: Name of the model, of its MLflow experiment and of its InferenceService.
        data_uri: A zip or a folder with a folder per class, CIFAR-10's tar.gz, or keras://cifar10.
        image_size: Height and width that pictures are resized to; empty: the one they have.
        channels: 1 (grey) or 3; 0: as the pictures are.
        test_size: Share of the pictures kept for testing, where they come without a test part.
        random_state: Seed of the split and of the training.
        stratify: Keep the shares of the classes in both parts.
        model_kind: Kind of network; there is one, cnn.
        hyperparameters: Hyperparameters of that kind; those left out take their defaults.
        network: Folder with a network that was trained for this already; empty: train it here.
        gate_floor: Lowest value per metric (log_loss: highest) that a candidate must reach.
        champion_metric: Metric compared with the live version's on the same rows; empty: none.
        champion_margin: How much worse than the live version is still accepted.
        champion_evidence: alpha (0.05: how often chance may deceive), power (0.8), require
            (better or non_inferior), on_cannot_tell (measured, reject or accept).
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
        cpu: CPUs of each step that holds pictures or trains, on a cluster; "500m" is half a one.
        memory: Memory of each of these steps, on a cluster, such as 8Gi.
        gpus: GPUs (nvidia.com/gpu) of the training, on a cluster.
        node_selector: Labels of the nodes that may train, such as {"pool": "gpu"}; empty: any.
        tolerations: Taints that the training bears, as Kubernetes writes them in a pod.
    """
    job, size = dsl.PIPELINE_JOB_ID_PLACEHOLDER, Size(cpu, memory)
    closing = finish(name=name, run_key=run_key, job=job)
    placed(closing, "Close the run", pods.CLOSING)
    with dsl.ExitHandler(closing, name="from data to live model"):
        pictures = ingest_images(
            uri=data_uri, image_size=image_size, channels=channels, data_sha256=data_sha256
        )
        placed(pictures, "Decode the pictures", pods.reading(size))
        checked = validate_images(images=pictures.outputs["images"])
        placed(checked, "Check the pictures", pods.computing(size))
        parts = split_images(
            images=pictures.outputs["images"],
            test_size=test_size,
            random_state=random_state,
            stratify=stratify,
        ).after(checked)
        placed(parts, "Split into training and test pictures", pods.computing(size))
        trained = train_images(
            train=parts.outputs["train"],
            name=name,
            kind=model_kind,
            hyperparameters=hyperparameters,
            network=network,
            random_state=random_state,
            test_size=test_size,
            gate_floor=gate_floor,
            champion_metric=champion_metric,
            champion_margin=champion_margin,
            git_commit=git_commit,
            why=why,
            run_key=run_key,
            job=job,
        )
        placed(trained, "Train", pods.training_images(size), Node(gpus, node_selector, tolerations))
        evaluated = evaluate_images(
            model=trained.outputs["model"], test=parts.outputs["test"], name=name
        )
        placed(evaluated, "Evaluate beside the champion", pods.comparing(size))
        packaged = package_images(
            model=trained.outputs["model"],
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
                "slices": [],
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
