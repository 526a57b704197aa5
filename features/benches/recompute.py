#!/usr/bin/env python3
"""CPU time of librosa on a stream the naive way: every 0.5 s the features of the
last 3 s are computed anew. Prints the seconds of CPU per second of audio; reads
16-bit mono samples at 22,050 Hz from standard input."""

import sys
import time

import librosa
import numpy as np

RATE = 22050
WINDOW, HOP = 3 * RATE, RATE // 2

y = np.frombuffer(sys.stdin.buffer.read(), dtype="<i2").astype(np.float32) / 32768
librosa.feature.mfcc(y=y[:WINDOW], sr=RATE, n_mfcc=40).mean(axis=1)  # warm the caches

best = float("inf")
for _ in range(5):
    start = time.process_time()
    windows = 0
    for end in range(WINDOW, len(y) + 1, HOP):
        librosa.feature.mfcc(y=y[end - WINDOW:end], sr=RATE, n_mfcc=40).mean(axis=1)
        windows += 1
    best = min(best, (time.process_time() - start) / (windows * HOP / RATE))
print(best)
