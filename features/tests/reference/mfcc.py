#!/usr/bin/env python3
"""What librosa 0.11 makes of each window: the front end's reference.

    mfcc.py synthetic OUT.json      the committed reference.json, from synthesised signals
    mfcc.py corpus COUNT OUT DIR..  windows of COUNT real clips below the folders, into the folder OUT

Needs librosa 0.11 and soundfile. The signals are integer arithmetic, the same as
in tests/common/signals.rs.
"""

import json
import sys
import warnings
from pathlib import Path

import librosa
import numpy as np

U32 = 0xFFFFFFFF

SEED = {
    "sample_rate": 22050, "n_fft": 2048, "hop_length": 512, "window": "hann",
    "n_mels": 128, "f_min": 0.0, "f_max": 11025.0, "mel_scale": "slaney", "mel_norm": "slaney",
    "amin": 1e-10, "top_db": 80.0, "features": "mfcc", "n_mfcc": 40, "reduce": "mean",
}
SEED_WINDOWS = {
    "window": 129, "hop": 22, "shortest_window": 43, "longest_window": 430, "shortest_hop": 5,
    "short": "reduce",
}


# --- signals ---------------------------------------------------------------


def sine(phase):
    """A parabola's approximation, of a phase of 2^32 a turn, in 16 bits."""
    p = (phase >> 16) - 32768
    return min((p * (32768 - abs(p))) >> 13, 32767)


def noise(n):
    x, out = 1, []
    for _ in range(n):
        x = (x * 1664525 + 1013904223) & U32
        out.append(((x >> 16) - 32768) >> 1)
    return out


def decay(n):
    """Noise that loses 6 dB every 8,192 samples."""
    return [s >> min(i // 8192, 15) for i, s in enumerate(noise(n))]


def chirp(n):
    phase, step, out = 0, 20_000_000, []
    for _ in range(n):
        out.append(sine(phase) >> 1)
        phase = (phase + step) & U32
        step += 17_000
    return out


def silence(n):
    return [0] * n


def impulses(n):
    return [20000 if i % 5000 == 100 else 0 for i in range(n)]


def speech(n):
    """Syllables of a gliding voice with 20 harmonics."""
    phase, out = 0, []
    for i in range(n):
        phase = (phase + 23_000_000 + (i % 11025) * 900) & U32
        voice = sum(sine((phase * h) & U32) // (4 * h) for h in range(1, 21))
        out.append(max(-32768, min(32767, voice)) if i // 2756 % 4 != 3 else 0)
    return out


def clipped(n):
    return [max(-32768, min(32767, 6 * s)) for s in speech(n)]


def quiet(n):
    return [s >> 12 for s in chirp(n)]


SIGNALS = {f.__name__: f for f in (noise, decay, chirp, silence, impulses, speech, clipped, quiet)}


def signal(name, length):
    return np.array(SIGNALS[name](length), dtype=np.float32) / np.float32(32768)


# --- features --------------------------------------------------------------


def features(y, p):
    """[frames, width], of exactly these samples."""
    if p == SEED:
        return librosa.feature.mfcc(y=y, sr=22050, n_mfcc=40).T
    mel = librosa.feature.melspectrogram(
        y=y, sr=p["sample_rate"], n_fft=p["n_fft"], hop_length=p["hop_length"], **bank(p))
    db = librosa.power_to_db(mel, ref=1.0, amin=p["amin"], top_db=p.get("top_db"))
    if p["features"] == "log-mel":
        return db.T
    return librosa.feature.mfcc(S=db, n_mfcc=p["n_mfcc"]).T


def bank(p):
    return {
        "n_mels": p["n_mels"], "fmin": p["f_min"], "fmax": p["f_max"],
        "htk": p["mel_scale"] == "htk",
        "norm": None if p["mel_norm"] == "none" else p["mel_norm"],
    }


def reduced(y, p):
    frames = features(y, p)
    return frames.mean(axis=0, keepdims=True) if p["reduce"] == "mean" else frames


def spans(length, p, w):
    """(start, end) of every window of a clip."""
    hop, window = w["hop"] * p["hop_length"], w["window"] * p["hop_length"]
    if w["short"] == "wait":
        end = window
    else:
        end = -(-w["shortest_window"] // w["hop"]) * hop
    found = []
    while end < length:
        found.append((max(0, end - window), end))
        end += hop
    # The next window, cut at the last sample.
    found.append((max(0, end - window), length))
    return found


def windowed(name, length, p=SEED, w=SEED_WINDOWS):
    y = signal(name, length)
    rows = [{"start": s, "end": e, "features": listed(reduced(y[s:e], p))}
            for s, e in spans(length, p, w)]
    return {"signal": name, "length": length, "front_end": p, "windows": w, "rows": rows}


def clip(name, length, p, steps=None):
    rows = listed(reduced(signal(name, length), p))
    return {"signal": name, "length": length, "front_end": p, "steps": steps, "features": rows}


def filters(p, seed):
    """The bank's answer to pseudo-random powers: it shows every weight."""
    bins = np.abs(np.array(noise(seed + p["n_fft"] // 2 + 1)[seed:], dtype=np.float64))
    weights = librosa.filters.mel(sr=p["sample_rate"], n_fft=p["n_fft"], **bank(p))
    return {"front_end": p, "skip": seed, "powers": listed(weights.astype(np.float64) @ bins)}


def listed(array):
    return [float(f"{v:.7g}") for v in np.asarray(array).ravel()]


def synthetic(out):
    cases = [windowed(name, 110250) for name in SIGNALS]
    cases += [windowed("noise", n) for n in (1, 100, 2047, 2048, 6615, 22528, 22529, 66048, 67584, 67585)]
    cases += [windowed("speech", n) for n in (700, 1024, 1025, 70000)]

    kaldi_like = SEED | {
        "sample_rate": 16000, "n_fft": 512, "hop_length": 160, "n_mels": 20, "f_min": 20.0,
        "f_max": 7600.0, "mel_scale": "htk", "mel_norm": "none", "features": "log-mel", "reduce": "none"}
    del kaldi_like["n_mfcc"], kaldi_like["top_db"]
    small = {"window": 12, "hop": 4, "shortest_window": 3, "longest_window": 40, "shortest_hop": 1}
    pad_left, wait = small | {"short": "pad-left"}, small | {"short": "wait"}
    cases.append(windowed("speech", 3000, kaldi_like, pad_left))
    cases.append(windowed("speech", 90, kaldi_like, pad_left))

    steps = SEED | {"n_fft": 400, "hop_length": 160, "n_mels": 26, "n_mfcc": 13, "top_db": 40.0,
                    "reduce": "none"}
    cases.append(windowed("decay", 3500, steps, wait))
    cases.append(windowed("decay", 1000, steps, wait))
    cases.append(windowed("decay", 1920, steps, pad_left))

    # Half a frame is no multiple of the hop length.
    uneven = SEED | {"n_fft": 1024, "hop_length": 300, "n_mels": 40, "n_mfcc": 20}
    cases.append(windowed("clipped", 12345, uneven, small | {"window": 20, "hop": 7, "short": "reduce"}))
    # Windows shorter than a frame: zeros reach in from both sides.
    tiny = SEED | {"hop_length": 256, "f_max": 8000.0}
    cases.append(windowed("noise", 5000, tiny, small | {"window": 6, "hop": 2, "short": "reduce"}))
    # Windows that start more often than a frame's reach.
    cases.append(windowed("chirp", 9000, tiny, small | {"window": 12, "hop": 1, "short": "wait"}))

    frames = SEED | {"n_fft": 512, "hop_length": 128, "n_mels": 32, "n_mfcc": 6, "reduce": "none"}
    del frames["top_db"]
    recurrent = [clip("speech", n, kaldi_like | {"n_mels": 8}, s)
                 for n, s in ((1, 4), (300, 4), (4000, 4), (4001, 1), (3957, 3))]
    recurrent += [clip("decay", n, frames, s) for n, s in ((5000, 7), (129, 2))]

    clips = [clip("clipped", n, SEED) for n in (1, 2000, 40000)]
    clips += [clip("clipped", n, steps) for n in (1, 1600, 1601)]
    banks = [filters(p, 7) for p in (SEED, kaldi_like, steps, SEED | {"f_min": 300.0, "f_max": 3400.0, "mel_scale": "htk"})]

    reference = {"librosa": librosa.__version__, "windowed": cases, "recurrent": recurrent,
                 "clips": clips, "mel": banks}
    Path(out).write_text(json.dumps(reference, indent=None, separators=(",", ":")) + "\n")


def corpus(count, out, folders):
    """For clip i: i.native.f32, its samples; i.resampled.f32, those of
    librosa.load at 22,050 Hz; i.rows.f32, the seed model's features of every
    window. And rates.json, the rates of the native samples."""
    import soundfile

    files = sorted(f for folder in folders for f in Path(folder).rglob("*")
                   if f.suffix.lower() in (".wav", ".flac"))
    picked = [files[i * len(files) // count] for i in range(count)]
    rates = []
    for i, file in enumerate(picked):
        native, rate = soundfile.read(file, dtype="float32", always_2d=True)
        rates.append(rate)
        y, _ = librosa.load(file)
        rows = np.vstack([reduced(y[s:e], SEED) for s, e in spans(len(y), SEED, SEED_WINDOWS)])
        for name, array in (("native", native.mean(axis=1)), ("resampled", y), ("rows", rows)):
            array.astype("<f4").tofile(Path(out) / f"{i}.{name}.f32")
    (Path(out) / "rates.json").write_text(json.dumps(rates))


def main():
    warnings.filterwarnings("ignore", message="n_fft=.* is too large")
    match sys.argv[1:]:
        case ["synthetic", out]:
            synthetic(out)
        case ["corpus", count, out, *folders] if folders:
            corpus(int(count), out, folders)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
