"""Exports a Keras model to ONNX.

    python make.py [--check]

Needs the packages of requirements.txt, which lies beside it.
"""

import os
import pathlib
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import keras
import numpy as np
from keras import layers

import remake
from remake import DENSE, DROPOUT, LABELS, ROWS, STEPS, UNITS, WIDTH, uniform


def export(folder: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(40)
    model = keras.Sequential([
        layers.Input((STEPS, WIDTH)),
        layers.LSTM(UNITS),
        layers.Dense(DENSE[0], activation="relu"),
        layers.Dropout(DROPOUT[0]),
        layers.Dense(DENSE[1], activation="relu"),
        layers.Dropout(DROPOUT[1]),
        layers.Dense(LABELS, activation="softmax"),
    ])
    model.set_weights([
        uniform(random, WIDTH, 4 * UNITS, most=0.1),
        uniform(random, UNITS, 4 * UNITS, most=0.3),
        uniform(random, 4 * UNITS, most=0.5),
        uniform(random, UNITS, DENSE[0], most=0.6),
        uniform(random, DENSE[0], most=0.3),
        uniform(random, *DENSE, most=0.6),
        uniform(random, DENSE[1], most=0.3),
        uniform(random, DENSE[1], LABELS, most=0.7),
        uniform(random, LABELS, most=0.3),
    ])
    # Raw features go in, of the size of mean MFCCs.
    spread = 60.0 / (1.0 + 0.1 * np.arange(STEPS))
    centre = np.where(np.arange(STEPS) == 0, -300.0, 0.0)
    inputs = random.normal(centre, spread, (ROWS, STEPS))[..., np.newaxis].astype(np.float32)
    probabilities = model(inputs, training=False).numpy()
    model.export(folder / "model.onnx", format="onnx", verbose=False)
    return inputs, probabilities


if __name__ == "__main__":
    remake.main(__file__, ["model.onnx"], export)
