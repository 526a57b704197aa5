#!/usr/bin/env python3
"""Checks an ONNX model and runs it with ONNX Runtime, for the tests.

    pip install onnx onnxruntime
    python scripts/onnx_posteriors.py model.onnx < rows.json > posteriors.json

rows.json is a list of rows of features; the output is a list of rows of
posteriors. Fails if onnx.checker finds the model invalid.
"""

import json
import sys

import numpy as np
import onnx
import onnxruntime

model = onnx.load(sys.argv[1])
onnx.checker.check_model(model, full_check=True)
opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
assert opset >= 17, f"opset {opset}, expected 17 or later"

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
rows = np.array(json.load(sys.stdin), dtype=np.float32)
_, steps, width = session.get_inputs()[0].shape
(posteriors,) = session.run(["posteriors"], {"features": rows.reshape(len(rows), steps, width)})
# Dynamic rows: one alone must be as good as all together.
(alone,) = session.run(["posteriors"], {"features": rows[:1].reshape(1, steps, width)})
assert np.allclose(alone, posteriors[:1], atol=1e-6), "a row depends on its company"
json.dump([[float(value) for value in row] for row in posteriors], sys.stdout)
