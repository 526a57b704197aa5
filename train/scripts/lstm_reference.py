#!/usr/bin/env python3
"""Writes testdata/lstm_reference.json: an LSTM layer by Keras, for the tests.

    pip install keras jax
    KERAS_BACKEND=jax python scripts/lstm_reference.py

The weights are drawn here and given to Keras, so the file depends on Keras only
through its arithmetic.
"""

import json
import pathlib

import keras
import numpy as np

ROWS, STEPS, WIDTH, UNITS = 3, 7, 2, 5
random = np.random.default_rng(20)
draw = lambda *shape: random.normal(scale=0.6, size=shape).astype(np.float32)  # noqa: E731
kernel, recurrent_kernel, bias = draw(WIDTH, 4 * UNITS), draw(UNITS, 4 * UNITS), draw(4 * UNITS)
inputs = draw(ROWS, STEPS, WIDTH)

layer = keras.layers.LSTM(UNITS)
layer.build(inputs.shape)
layer.set_weights([kernel, recurrent_kernel, bias])
outputs = np.asarray(layer(inputs))

fields = dict(kernel=kernel, recurrent_kernel=recurrent_kernel, bias=bias, inputs=inputs, outputs=outputs)
reference = {name: [float(value) for value in values.ravel()] for name, values in fields.items()}
reference |= dict(keras=keras.__version__, rows=ROWS, steps=STEPS, width=WIDTH, units=UNITS)
path = pathlib.Path(__file__).parent.parent / "testdata" / "lstm_reference.json"
path.write_text(json.dumps(reference) + "\n")
