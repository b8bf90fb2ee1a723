"""Several processes as one trainer: TensorFlow's strategy for them, and each one's own data."""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import Any

import numpy as np

from components.keras_conversion import imported_tensorflow
from components.workers import TF_CONFIG, Workers


class _Alone:
    """The strategy of a single worker: nothing is shared."""

    @staticmethod
    def scope() -> Any:
        return nullcontext()


def joined(workers: Workers) -> Any:
    """Return the strategy under which a network is made and trained; waits until all are there.

    Must be called before TensorFlow computes anything: its runtime learns of the others only then.
    """
    if workers.count == 1:
        return _Alone()
    os.environ[TF_CONFIG] = workers.tf_config()
    return _together(imported_tensorflow())


def _together(tf: Any) -> Any:
    class Together(tf.distribute.MultiWorkerMirroredStrategy):  # type: ignore[misc]
        """Reduces what Keras 3 gives it: pairs of pictures and labels, and numbers by an axis."""

        def reduce(self, reduce_op: Any, value: Any, axis: Any) -> Any:
            reduced = super().reduce

            def one(each: Any) -> Any:
                rank = self.experimental_local_results(each)[0].shape.rank
                return reduced(reduce_op, each, axis if rank else None)

            return tf.nest.map_structure(one, value)

    return Together()


def agreed(strategy: Any, weights: list[np.ndarray]) -> list[np.ndarray]:
    """Return the means of the workers' weights: what normalizes was measured by each on its own."""
    if isinstance(strategy, _Alone):
        return weights
    tf = imported_tensorflow()

    def mean() -> Any:
        values = [tf.constant(each) for each in weights]
        here = tf.distribute.get_replica_context()
        return here.all_reduce(tf.distribute.ReduceOp.MEAN, values)

    return [np.asarray(each) for each in strategy.run(tf.function(mean))]


def own(strategy: Any, dataset: Any) -> Any:
    """Return a data set that is used as it is: each worker has made its own part of a batch.

    TensorFlow would otherwise cut every batch once more.
    """
    if dataset is None or isinstance(strategy, _Alone):
        return dataset
    return strategy.distribute_datasets_from_function(lambda _: dataset)
