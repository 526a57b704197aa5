"""Writes the audio files in ../fixtures, with soundfile (libsndfile).

Their samples are a linear congruential generator's upper bits, channel by
channel in each frame, so the tests know them without these files.
"""

from pathlib import Path

import numpy as np
import soundfile

FOLDER = Path(__file__).parent.parent / "fixtures"
FILES = [
    ("u8.wav", "PCM_U8", 8, 8000, 1),
    ("s16-stereo.wav", "PCM_16", 16, 44100, 2),
    ("s24-surround.wav", "PCM_24", 24, 48000, 6),
    ("s32.wav", "PCM_32", 32, 192000, 1),
    ("f32.wav", "FLOAT", 24, 22050, 1),
    ("s16-stereo.flac", "PCM_16", 16, 16000, 2),
    ("s24.flac", "PCM_24", 24, 24414, 1),
]
FRAMES = 300


def noise(bits: int, frames: int, channels: int) -> np.ndarray:
    """Integers of so many bits, at the upper end of 32."""
    state, values = 1, np.empty(frames * channels, np.int64)
    for index in range(values.size):
        state = (state * 1664525 + 1013904223) % 2**32
        signed = state - 2**32 * (state >= 2**31)
        values[index] = signed >> 32 - bits << 32 - bits
    return values.astype(np.int32).reshape(frames, channels)


FOLDER.mkdir(exist_ok=True)
for name, subtype, bits, rate, channels in FILES:
    samples = noise(bits, FRAMES, channels)
    if subtype == "FLOAT":
        samples = (samples / 2**31).astype(np.float32)
    soundfile.write(FOLDER / name, samples, rate, subtype=subtype)
soundfile.write(FOLDER / "two-minutes.flac", np.zeros(120 * 8000, np.int16), 8000)
