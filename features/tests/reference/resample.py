"""Writes resample.json: what librosa makes of audio at other rates.

Run it with librosa 0.11 installed; it writes beside itself. With a folder of
audio files and an output file as arguments, it writes the same of those files.
"""

import json
import sys
import tempfile
from pathlib import Path

import librosa
import numpy as np
import soundfile

RATES = [8000, 11025, 16000, 24000, 24414, 44100, 44101, 48000, 96000, 192000]


def noise(samples: int) -> np.ndarray:
    """White noise: a linear congruential generator's upper 14 bits."""
    state, values = 1, np.empty(samples, np.int16)
    for index in range(samples):
        state = (state * 1664525 + 1013904223) % 2**32
        values[index] = (state >> 18) - 8192
    return values


def voice(rate: int, samples: int) -> np.ndarray:
    """A sawtooth of 150 Hz, swelling 4 times a second, over faint noise."""
    time = np.arange(samples, dtype=np.int64)
    saw = (time * 150 % rate) * 65536 // rate - 32768
    swell = np.abs((time * 4 % rate) * 65536 // rate - 32768)
    return ((saw * swell >> 17) + (noise(samples).astype(np.int64) >> 9)).astype(np.int16)


def mfcc(path: Path) -> list[float]:
    samples, rate = librosa.load(path, sr=22050)
    features = librosa.feature.mfcc(y=samples, sr=rate, n_mfcc=40)
    return [round(float(value), 4) for value in features.mean(axis=1)]


def synthesised() -> list[dict]:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "signal.wav"
        for rate in RATES:
            samples = rate * 6 // 5
            for name, signal in [("noise", noise(samples)), ("voice", voice(rate, samples))]:
                soundfile.write(path, signal, rate, subtype="PCM_16")
                rows.append({"signal": name, "rate": rate, "mfcc": mfcc(path)})
    return rows


def recorded(folder: Path) -> dict[str, list[float]]:
    return {path.name: mfcc(path) for path in sorted(folder.glob("*.flac"))}


if __name__ == "__main__":
    if len(sys.argv) == 3:
        Path(sys.argv[2]).write_text(json.dumps(recorded(Path(sys.argv[1]))))
    else:
        lines = ",\n".join(json.dumps(row) for row in synthesised())
        Path(__file__).with_suffix(".json").write_text(f"[\n{lines}\n]\n")
