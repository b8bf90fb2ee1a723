"""Who may import whom, which library lives where, and how long a file and a function may be."""

import ast
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ["serving", "components", "pipelines", "console", "scripts"]
MOST_LINES_OF_A_FILE, MOST_LINES_OF_A_FUNCTION = 300, 34

# library -> the only places that may name it (a place is a file or a folder)
HOMES = {
    "kfp_server_api": ["pipelines/cluster.py"],
    "cronsim": ["pipelines/cron.py"],
    "kfp": ["components/*/component.py", "pipelines", "scripts/run.py"],
    "mlflow": [
        "components/adopted_run.py",
        "components/keras_tracking.py",
        "components/recorded.py",
        "components/registry.py",
        "components/tracked_datasets.py",
        "components/tracked_models.py",
        "components/tracked_outcome.py",
        "components/tracked_roles.py",
        "components/tracked_trials.py",
        "components/tracking.py",
        "components/tracking_store.py",
    ],
    "sklearn": [
        "components/conversion.py",
        "components/models",
        "components/preprocessing.py",
        "components/scores.py",
        "serving/skops_model.py",
        "components/tree_conversion.py",
        "components/evaluate",
        "scripts/bench/models.py",
        "scripts/demo/data.py",
    ],
    "polars": [
        "components/asked_rows.py",
        "components/csv_batches.py",
        "components/csv_table.py",
        "components/dataset.py",
        "components/evaluation.py",
        "components/solo_scores.py",
        "components/table_facts.py",
    ],
    "scipy": ["components/gate", "components/models", "components/monitor"],
    "pyarrow": [
        "components/csv_unpacked.py",
        "components/dataset.py",
        "components/ingest/remote.py",
        "pipelines/backup/objects.py",
    ],
    "skops": ["serving/skops_model.py"],
    "skl2onnx": ["components/conversion.py", "components/tree_conversion.py"],
    "onnx": [
        "components/conversion.py",
        "components/keras_conversion.py",
        "components/onnx_graph.py",
        "components/tree_conversion.py",
    ],
    "onnxruntime": ["serving/onnx_model.py"],
    "tensorflow": ["components/keras_conversion.py"],
    "keras": ["components/keras_conversion.py", "components/ingest/keras_datasets.py"],
    "tf2onnx": ["components/keras_conversion.py"],
    "model_signing": ["serving/signing.py"],
    "matplotlib": ["components/plots.py", "scripts/bench/judge_plots.py"],
    "PIL": ["serving/pictures.py", "components/picture_files.py"],
    "kserve": ["serving/predictor"],
    "kubernetes": ["serving/isvc/client.py"],
    "boto3": ["serving/s3.py"],
    "botocore": ["serving/s3.py"],
    "google": ["serving/gcs.py", "serving/onnx_graph.py"],
    "aiohttp": ["serving/local"],
    "huey": ["pipelines/queue.py", "pipelines/queue_store.py"],
    "jinja2": ["serving/pages/page.py"],
    "jsonpatch": ["serving/local"],
    "cryptography": ["serving/local/certificate.py", "serving/signing.py"],
    "click": ["scripts"],
    "nicegui": ["console/app.py", "console/pages", "console/widgets"],
    "fastapi": ["console", "serving/predictor"],
    "starlette": ["console", "serving/predictor"],
    "socketio": ["scripts/bench/console_watchers.py"],
    "argon2": ["console/access/logins.py"],
    "pynvml": ["components/gpus.py"],
    "itsdangerous": ["console/access/sessions.py"],
}
# rooms of serving that do not know each other; the local platform is wired in one file
ROOMS = {
    "serving.predictor": set(),
    "serving.local": set(),
    "serving.isvc": set(),
    "serving.rollout": {"serving.isvc"},
}


@cache
def sources() -> list[Path]:
    return [p for layer in LAYERS for p in sorted((ROOT / layer).rglob("*.py"))]


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Every statement of a file, but for what only types need."""
    return tuple(_statements(ast.parse(path.read_text(encoding="utf-8")).body))


def _statements(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    for node in body:
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            yield from _statements(node.orelse)
            continue
        yield node
        for part in ("body", "orelse", "finalbody", "handlers", "cases"):
            below = getattr(node, part, ())
            yield from _statements(below if isinstance(below, list) else ())


@cache
def imports(path: Path) -> frozenset[str]:
    """Every imported module, also inside functions; what only types need is free."""
    return frozenset(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tops(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def test_imports_point_only_to_the_right() -> None:
    above = {layer: set(LAYERS[at + 1 :]) for at, layer in enumerate(LAYERS)}
    reaching = {place(p): tops(p) & above[place(p).split("/")[0]] for p in sources()}
    assert not {path: names for path, names in reaching.items() if names}


def test_a_heavy_library_is_named_only_at_its_home() -> None:
    strays = [
        f"{place(path)} names {name}, whose home is {HOMES[name]}"
        for path in sources()
        for name in sorted(tops(path) & set(HOMES))
        if not any(is_below(path, home) for home in HOMES[name])
    ]
    assert not strays, "; ".join(strays)


def is_below(path: Path, home: str) -> bool:
    return path.relative_to(ROOT).match(home) or place(path).startswith(f"{home}/")


def test_steps_do_not_know_each_other() -> None:
    steps = {p.parent.name for p in (ROOT / "components").glob("*/component.py")}
    for path in sorted((ROOT / "components").glob("*/**/*.py")):
        others = steps - {place(path).split("/")[1]}
        known = {name.split(".")[1] for name in imports(path) if name.startswith("components.")}
        assert not known & others, f"{place(path)} imports {known & others}"


def test_the_rooms_of_serving_do_not_know_each_other() -> None:
    for path in sources():
        own = ".".join(place(path).split("/")[:2])
        others = set(ROOMS) - {own} - ROOMS.get(own, set()) if own in ROOMS else set()
        met = {".".join(name.split(".")[:2]) for name in imports(path)} & others
        assert not met, f"{place(path)} imports {met}"


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in nodes(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function; what KFP reads as a form, a step's or a graph's, is free."""
    made_by = {ast.unparse(decorator).partition("(")[0] for decorator in function.decorator_list}
    if "dsl.pipeline" in made_by:
        return 0
    first = function.body[0] if "dsl.component" in made_by else function
    return (function.end_lineno or 0) - first.lineno + 1


def test_files_and_functions_are_short() -> None:
    long = [
        f"{place(path)} has {count} lines"
        for path in [*sources(), *(ROOT / "tests").rglob("*.py")]
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES_OF_A_FILE
    ]
    long += [
        f"{place(path)}:{function.lineno} {function.name} has {count} lines"
        for path in sources()
        for function in functions(path)
        if (count := lines(function)) > MOST_LINES_OF_A_FUNCTION
    ]
    assert not long, "; ".join(long)
