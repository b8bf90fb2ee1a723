"""`kanarya retrain SPEC --on cluster`: the same decision about what is live on a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.cluster_options import opened
from serving.settings import Settings

if TYPE_CHECKING:
    from pipelines.retrain.job import Done


def settle_there(
    spec_file: Path, options: Mapping[str, Any], *, dry_run: bool, asked_by: str
) -> Done:
    """Decide about the model of a spec, and start its run on the cluster where that is decided."""
    from pipelines.cluster_start import Filed, reachable
    from pipelines.retrain.cluster import Asking, settle
    from pipelines.spec import load
    from serving import audit

    spec, filed = load(spec_file), Filed.of(options)
    if not filed.upload_data:
        reachable(spec, "", filed)  # before the cluster is asked for anything
    cluster = opened(options.get("host"), options.get("namespace"))
    settings = Settings.from_env()

    def record(why: str) -> None:
        audit.note("retrain.start", spec.name, settings, why=why, where=cluster.place.shown)

    asking = Asking(settings, cluster, filed, record)
    done, _ = settle(asking, spec, datetime.now(UTC), dry_run=dry_run, asked_by=asked_by)
    return done
