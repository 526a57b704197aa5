"""Labels by the tools that the server replaces: librosa and ONNX Runtime.

    librosa_labels.py MODEL.onnx < files > labels

Reads one audio file a line, resamples it with `librosa.load`, and writes the
index of the likeliest label for the mean of its 40 MFCCs.
"""

import sys

import librosa
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
for file in sys.stdin.read().splitlines():
    samples, rate = librosa.load(file, sr=22050, mono=True)
    mfcc = librosa.feature.mfcc(y=samples, sr=rate, n_mfcc=40).mean(axis=1)
    features = mfcc.astype(np.float32).reshape(1, 40, 1)
    (posteriors,) = session.run(["posteriors"], {"features": features})
    print(posteriors[0].argmax())
