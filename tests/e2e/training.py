"""`python -m components.train`, which also keeps the weights that it ends with, for a test.

python training.py WEIGHTS WORD…
"""

import sys
from typing import Any

import numpy as np

from components import keras_training
from components.train.__main__ import main

fit = keras_training.fit


def keeping(*args: Any) -> keras_training.Trained:
    made = fit(*args)
    np.savez(sys.argv[1], *made.model.get_weights())
    return made


keras_training.fit = keeping
main(sys.argv[2:])
