"""Signatures as MLflow has them: values in, MLflow's entities out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from serving.signature import Signature


def model_signature(signature: Signature) -> Any:
    """Return what a model takes and answers."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    inputs = [
        ColSpec(DataType.string if column.kind == "text" else DataType.float, column.name)
        for column in signature.inputs
    ]
    whole = all(isinstance(label, int) for label in signature.labels)
    kind = DataType.long if whole else DataType.string
    output = ColSpec(DataType.double if signature.is_number else kind)
    return ModelSignature(inputs=Schema(inputs), outputs=Schema([output]))
