"""Computes the golden rows of the packages in this folder with ONNX Runtime, and
their golden audio with librosa.

Inputs are seeded random numbers of the size that features have. Rows of the
recurrent package include a chain from the state of zeros, and rows whose last
steps are padding. Audio is a chirp with harmonics in noise; tiny-recurrent alone has some.

    cargo run -p ser-graph --example test_packages -- backends/core/tests/packages
    python backends/core/tests/packages/foreign.py
    python backends/core/tests/packages/golden.py

With --check, it compares instead of writing. Needs librosa 0.11, numpy, onnx and
onnxruntime 1.31.1.
"""

import base64
import json
import pathlib
import sys
import tomllib

import librosa
import numpy as np
import onnx
import onnxruntime

ROWS = 8


def numbers(array: np.ndarray) -> list[float]:
    """The shortest decimals that read back as the same 32-bit numbers."""
    return [float(str(value)) for value in array.astype(np.float32).ravel()]


def features(random: np.random.Generator, package: str, steps: int, width: int) -> np.ndarray:
    if package == "tiny-windowed":  # MFCC: the first is large, the others fall.
        scale = 200.0 / np.arange(1, steps + 1, dtype=np.float32)[:, None]
        return (random.standard_normal((steps, width)) * scale).astype(np.float32)
    # Log-mel energies in dB.
    return random.uniform(-100.0, 10.0, (steps, width)).astype(np.float32)


def rows(package: str, manifest: dict, session: onnxruntime.InferenceSession) -> list[dict]:
    random = np.random.default_rng(7)
    shape = manifest["input"]
    steps, width = shape["steps"], shape["width"]
    inputs = []
    for at in range(ROWS):
        valid_steps = steps
        values = features(random, package, steps, width)
        if shape["kind"] == "recurrent" and at % 4 == 3:
            valid_steps = 1 + at % steps
            values[valid_steps:] = 0.0
        inputs.append((values, valid_steps))
    return run(manifest, session, inputs)


def audio(manifest: dict, session: onnxruntime.InferenceSession) -> list[dict]:
    front_end, steps = manifest["front_end"], manifest["input"]["steps"]
    rate = front_end["sample_rate"]
    time = np.arange(int(0.35 * rate)) / rate
    phase = 2.0 * np.pi * (150.0 * time + 200.0 * time**2)
    sound = sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 8))
    # Without noise the upper bands lie 90 dB below the others, where the rounding
    # of 32-bit transforms counts.
    noise = np.random.default_rng(7).standard_normal(len(time))
    samples = np.round(8000.0 * np.hanning(len(time)) * sound + 100.0 * noise).astype("<i2")
    power = librosa.feature.melspectrogram(
        y=samples.astype(np.float32) / 32768.0,
        sr=rate,
        n_fft=front_end["n_fft"],
        hop_length=front_end["hop_length"],
        n_mels=front_end["n_mels"],
        fmin=front_end["f_min"],
        fmax=front_end["f_max"],
    )
    frames = librosa.power_to_db(power, amin=front_end["amin"], top_db=None).T
    inputs = []
    for start in range(0, len(frames), steps):
        row = frames[start : start + steps]
        padding = np.zeros((steps - len(row), row.shape[1]))
        inputs.append((np.concatenate([row, padding]).astype(np.float32), len(row)))
    return [
        {
            "sample_rate": rate,
            "samples": base64.b64encode(samples.tobytes()).decode(),
            "rows": run(manifest, session, inputs),
        }
    ]


def run(
    manifest: dict,
    session: onnxruntime.InferenceSession,
    rows: list[tuple[np.ndarray, int]],
) -> list[dict]:
    """One row after another, the state going from each to the next."""
    recurrent = manifest["input"]["kind"] == "recurrent"
    state = np.zeros(manifest["input"].get("state", 0), np.float32)
    result = []
    for values, valid_steps in rows:
        inputs = {"features": values[None]}
        row = {"features": numbers(values)}
        if recurrent:
            inputs["state"] = state[None]
            inputs["valid_steps"] = np.array([valid_steps], np.int32)
            row["state"] = numbers(state)
        outputs = dict(zip([o.name for o in session.get_outputs()], session.run(None, inputs)))
        row["valid_steps"] = valid_steps
        row["posteriors"] = numbers(outputs["posteriors"])
        if recurrent:
            row["next_state"] = numbers(outputs["next_state"])
            state = outputs["next_state"][0]
        result.append(row)
    return result


def check(package: str, found: list[dict], golden: list[dict]) -> None:
    for at, (row, expected) in enumerate(zip(found, golden, strict=True)):
        for key, values in expected.items():
            if not np.allclose(row[key], values, rtol=0.0, atol=1e-6):
                sys.exit(f"{package}: {key} of row {at} is {row[key]}, not {values}")


def main() -> None:
    for directory in sorted(pathlib.Path(__file__).parent.glob("*/1")):
        manifest = tomllib.loads((directory / "model.toml").read_text())
        graph = directory / "model.onnx"
        onnx.checker.check_model(onnx.load(graph), full_check=True)
        session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
        golden = directory / "golden.json"
        found = rows(manifest["name"], manifest, session)
        if "--check" in sys.argv[1:]:
            check(manifest["name"], found, json.loads(golden.read_text())["rows"])
        else:
            clips = audio(manifest, session) if manifest["name"] == "tiny-recurrent" else []
            text = json.dumps({"rows": found, "audio": clips}, separators=(",", ":"))
            golden.write_text(text + "\n")
        labels = sorted({int(np.argmax(row["posteriors"])) for row in found})
        print(f"{manifest['name']}: {len(found)} rows, top labels {labels}")


if __name__ == "__main__":
    main()
