#!/bin/sh
# Resolve the lock files, with the sha256 of every package; no index address is written into them.
set -eu
cd "$(dirname "$0")/.."
compile() {
    .venv/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --upgrade --quiet \
        --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --no-annotate \
        "$@" >/dev/null
}
# Airflow stands alone: it and kfp pin different versions of the same libraries.
echo 'apache-airflow>=3.3,<4' | .venv/bin/uv pip compile - --universal --python-version 3.11 --upgrade \
    --quiet --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --no-annotate \
    -o requirements/airflow.txt >/dev/null
# dev is resolved first and binds the others, so that a step, a server and a laptop hold the same versions.
compile --extra dev -o requirements/dev.txt
compile --extra audit -c requirements/dev.txt -o requirements/audit.txt
compile --extra laptop -c requirements/dev.txt -o requirements/laptop.txt
compile --extra tracking --extra tabular --extra pages --extra serving --extra signing --extra cluster --extra gcs \
    --extra s3 -c requirements/dev.txt -o requirements/components.txt
compile --extra tracking --extra tabular --extra images --extra serving --extra signing --extra cluster --extra gcs \
    --extra s3 -c requirements/dev.txt -o requirements/images.txt
compile --extra serving --extra signing --extra gcs -c requirements/dev.txt -o requirements/serving.txt
compile --extra mlflow-server -c requirements/dev.txt -o requirements/mlflow.txt
compile --extra console --extra pipelines --extra tracking --extra data --extra pages --extra cluster \
    --extra gcs --extra s3 --extra watcher -c requirements/dev.txt -o requirements/console.txt
