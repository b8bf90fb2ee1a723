"""The hyperparameters of every model kind: typed, bounded, described."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

ClassWeight = Literal["balanced"] | None
CLASS_WEIGHT = "`balanced`: every class weighs the same in training, however rare it is."
Share = Annotated[float, Field(gt=0, le=1)]
Width = Annotated[int, Field(ge=1, le=4096)]


class Hyperparameters(BaseModel):
    """What every kind refuses: unknown names, and values outside their bounds."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Epochs(Hyperparameters):
    """What all kinds share that go over the rows again and again, until it helps no more."""

    epochs: int = Field(100, ge=1, le=10_000, description="Passes over the training rows at most.")
    learning_rate: float = Field(0.03, gt=0, le=100, description="Length of a step.")
    batch_size: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="Rows of a step; null: a 64th of all rows, from 16 to 256.",
    )
    validation_size: float = Field(
        0.1,
        ge=0,
        le=0.5,
        description="Share of the training rows that is kept apart to watch the training by.",
    )
    early_stopping: bool = Field(
        True,
        description="Stop when the loss on the validation rows falls no more; the best epoch wins.",
    )
    patience: int = Field(
        10, ge=1, le=10_000, description="Epochs without a lower loss before it stops."
    )

    @model_validator(mode="after")
    def _watched(self) -> Self:
        if self.early_stopping and self.validation_size == 0:
            raise ValueError(
                "early_stopping needs validation rows: raise validation_size, or set it to false"
            )
        return self


class Gradient(Epochs):
    """What the kinds share that step down the gradient of a batch of rows."""

    optimizer: Literal["adam", "sgd"] = Field(
        "adam", description="How steps are chosen: `sgd` follows the gradient with momentum."
    )
    alpha: float = Field(1e-4, ge=0, le=1e3, description="Pulls the weights to zero (L2).")


class LogisticRegression(Gradient):
    """A linear model with probabilities; the baseline to beat."""

    solver: Literal["sgd", "lbfgs"] = Field(
        "sgd",
        description="`sgd`: by epochs, with curves; `lbfgs`: to the optimum at once, without any "
        "(taken where C, max_iter or tol is given).",
    )
    C: float = Field(
        1.0, gt=0, le=1e6, description="lbfgs: inverse regularization, smaller is simpler."
    )
    max_iter: int = Field(1000, ge=1, le=100_000, description="lbfgs: steps at most.")
    tol: float = Field(1e-4, gt=0, le=1, description="lbfgs: it stops below this gradient.")
    class_weight: ClassWeight = Field(None, description=CLASS_WEIGHT)

    @model_validator(mode="before")
    @classmethod
    def _chosen(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and "solver" not in given and {*given} & {*LBFGS}:
            return {**given, "solver": "lbfgs"}
        return given

    @model_validator(mode="after")
    def _of_one_solver(self) -> Self:
        foreign = SGD if self.solver == "lbfgs" else LBFGS
        if given := [name for name in foreign if name in self.model_fields_set]:
            other = "sgd" if self.solver == "lbfgs" else "lbfgs"
            raise ValueError(
                f"{given[0]} is of the solver {other}, and the solver is {self.solver}: leave it "
                "out, or change the solver"
            )
        return self


LBFGS = ("C", "max_iter", "tol")
"""What only the solver lbfgs has."""
SGD = tuple(Gradient.model_fields)


class Rowwise(Epochs):
    """What the linear kinds share that look at one row at a time."""

    learning_rate: float = Field(0.05, gt=0, le=100, description="Length of a step.")
    batch_size: int | None = Field(
        1024, ge=1, le=1_000_000, description="Rows handed over at a time; null: all of them."
    )
    average: bool = Field(
        True, description="Answer with the mean of the weights over all steps: steadier."
    )


class LinearSvm(Rowwise):
    """A linear model with a wide margin (hinge loss); its probabilities are calibrated."""

    alpha: float = Field(1e-4, ge=0, le=1e3, description="Pulls the weights to zero (L2).")
    class_weight: ClassWeight = Field(None, description=CLASS_WEIGHT)


class Perceptron(Rowwise):
    """A linear model that moves only where it is wrong; its probabilities are calibrated."""

    learning_rate: float = Field(1.0, gt=0, le=100, description="Length of a step.")
    class_weight: ClassWeight = Field(None, description=CLASS_WEIGHT)


class Aggressive(Rowwise):
    """What both passive-aggressive kinds share."""

    learning_rate: float = Field(
        0.05, gt=0, le=100, description="Aggressiveness (C): the longest step that a row may ask."
    )
    variant: Literal["pa1", "pa2"] = Field(
        "pa1", description="`pa1`: steps are cut at the limit; `pa2`: they are damped."
    )


class PassiveAggressive(Aggressive):
    """A linear model that moves as far as a row asks for; its probabilities are calibrated."""

    class_weight: ClassWeight = Field(None, description=CLASS_WEIGHT)


class Network(Gradient):
    """What both networks share."""

    hidden_layer_sizes: tuple[Width, ...] = Field(
        (64,), min_length=1, max_length=8, description="Width of each hidden layer."
    )
    activation: Literal["relu", "tanh", "logistic"] = Field(
        "relu", description="What a neuron does with its sum."
    )
    learning_rate: float = Field(0.003, gt=0, le=10, description="Length of a step.")


class Mlp(Network):
    """A small neural network."""

    class_weight: ClassWeight = Field(None, description=CLASS_WEIGHT)


class MlpRegression(Network):
    """A small neural network that answers with a number."""


class Insensitive(Hyperparameters):
    """What the kinds share to which a small error is none."""

    epsilon: float = Field(
        0.1, ge=0, le=10, description="Errors below this part of the target's spread do not count."
    )


class Kernel(Hyperparameters):
    """What both support vector machines share."""

    C: float = Field(1.0, gt=0, le=1e6, description="Inverse regularization: smaller is simpler.")
    gamma: Literal["scale", "auto"] | Annotated[float, Field(gt=0, le=1e6)] = Field(
        "scale", description="Reach of a row: larger is nearer; `scale`: by the data."
    )
    tol: float = Field(1e-3, ge=1e-9, le=1, description="The solver stops below this gap.")
    max_rows: int = Field(
        30_000,
        ge=2,
        le=10_000_000,
        description="Training rows that it takes; its time grows with their square.",
    )


class Svm(Kernel):
    """A support vector machine (RBF) with calibrated probabilities; for thousands of rows."""

    class_weight: ClassWeight = Field(None, description=CLASS_WEIGHT)


class SvmRegression(Kernel, Insensitive):
    """A support vector machine (RBF) that answers with a number; for thousands of rows."""


class Forest(Hyperparameters):
    """What both forests share."""

    n_estimators: int = Field(100, ge=1, le=5000, description="Number of trees.")
    max_depth: int | None = Field(
        None, ge=1, le=200, description="Depth of a tree; null: no limit."
    )
    min_samples_leaf: int = Field(1, ge=1, le=1_000_000, description="Rows in a leaf at least.")
    max_features: Literal["sqrt", "log2"] | Share | None = Field(
        "sqrt",
        description="Columns tried at a split: `sqrt`, `log2`, a share up to 1, or null for all.",
    )


class RandomForest(Forest):
    """Many trees that vote; needs no scaling and little tuning."""

    class_weight: ClassWeight = Field(None, description=CLASS_WEIGHT)


class RandomForestRegression(Forest):
    """The mean of many trees; needs no scaling and little tuning."""

    max_features: Literal["sqrt", "log2"] | Share | None = Field(
        1.0,
        description="Columns tried at a split: `sqrt`, `log2`, a share up to 1, or null for all.",
    )


class Boosting(Hyperparameters):
    """What both kinds of boosting share."""

    learning_rate: float = Field(0.1, gt=0, le=1, description="Share of each tree's correction.")
    max_iter: int = Field(100, ge=1, le=10_000, description="Trees (a class) at most.")
    max_leaf_nodes: int | None = Field(
        31, ge=2, le=10_000, description="Leaves of a tree; null: any."
    )
    max_depth: int | None = Field(
        None, ge=1, le=200, description="Depth of a tree; null: no limit."
    )
    min_samples_leaf: int = Field(20, ge=1, le=1_000_000, description="Rows in a leaf at least.")
    l2_regularization: float = Field(0.0, ge=0, le=1e6, description="Pulls leaf values to zero.")
    early_stopping: Literal["auto"] | bool = Field(
        "auto", description="Stop when a held-out tenth stops improving; `auto`: above 10,000 rows."
    )


class HistGradientBoosting(Boosting):
    """Trees that correct one another; usually the most accurate on tables."""

    class_weight: ClassWeight = Field(None, description=CLASS_WEIGHT)


class HistGradientBoostingRegression(Boosting):
    """Trees that correct one another, and answer with a number."""

    loss: Literal["squared_error", "absolute_error"] = Field(
        "squared_error", description="What is made small; `absolute_error` minds far-off rows less."
    )


class LinearRegression(Gradient):
    """A linear model that answers with a number (ridge, by epochs); the baseline to beat."""


class LinearSvmRegression(Rowwise, Insensitive):
    """A linear model that does not mind small errors."""

    alpha: float = Field(1e-4, ge=0, le=1e3, description="Pulls the weights to zero (L2).")


class PassiveAggressiveRegression(Aggressive, Insensitive):
    """A linear model that moves as far as a row asks for."""
