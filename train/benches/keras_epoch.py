#!/usr/bin/env python3
"""Times epochs of the recipe's network in Keras 3; benches/epoch.rs runs it.

    pip install keras tensorflow-cpu
    keras_epoch.py JOB

JOB is a JSON file with rows and labels of the training part and of the validation
part, and with the recipe's network and training. Prints the seconds of each epoch,
validation included, one a line. The recipe's mixing of rows is left out.
"""

import json
import sys
import time

import keras
import numpy as np

job = json.load(open(sys.argv[1]))
training = job["training"]
mean = np.mean(job["train"]["rows"], axis=0, dtype=np.float32)
deviation = np.std(job["train"]["rows"], axis=0, dtype=np.float32)


def part(name):
    rows = np.asarray(job[name]["rows"], dtype=np.float32)
    return ((rows - mean) / deviation)[:, :, None], np.asarray(job[name]["labels"])


class Clock(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        print(time.perf_counter() - self.start, flush=True)


keras.utils.set_random_seed(0)
rows, labels = part("train")
layers = [
    keras.Input(rows.shape[1:]),
    keras.layers.GaussianNoise(training["feature_noise"]),
    keras.layers.LSTM(job["network"]["lstm_units"]),
]
for dense in job["network"]["dense"]:
    layers.append(keras.layers.Dense(dense["units"], activation="relu"))
    layers.append(keras.layers.Dropout(dense["dropout"]))
layers.append(keras.layers.Dense(job["outputs"], activation="softmax"))
model = keras.Sequential(layers)
model.compile(
    optimizer=keras.optimizers.Adam(training["learning_rate"], clipnorm=training["clip_norm"]),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
model.fit(
    rows,
    labels,
    validation_data=part("validation"),
    epochs=job["epochs"],
    batch_size=training["batch_size"],
    callbacks=[Clock()],
    verbose=0,
)
