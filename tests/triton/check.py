"""Triton's own clients, unmodified, against a server.

    check.py SERVER CLIENT PERF_ANALYZER

SERVER is HOST:PORT. CLIENT is `ser-client`, whose word on the sample is the
reference for audio; for rows of features it is what another framework computed,
which the model's package holds. PERF_ANALYZER is Triton's load generator.
"""

import csv
import json
import pathlib
import subprocess
import sys
import tempfile
import wave

import numpy as np
import tritonclient.grpc as triton

MODEL = "tess-lstm"
ROOT = pathlib.Path(__file__).parents[2]
SAMPLE = ROOT / "samples" / "demo.wav"
PACKAGE = ROOT / "models" / MODEL / "1"
# The tolerance of a package in single precision.
TOLERANCE = 1e-4

server, client, perf_analyzer = sys.argv[1:]


def tensor(name, values, datatype):
    """An input that holds `values`."""
    given = triton.InferInput(name, list(values.shape), datatype)
    given.set_data_from_numpy(values)
    return given


def health(connection):
    assert connection.is_server_live()
    assert connection.is_server_ready()
    assert connection.is_model_ready(MODEL)
    assert connection.is_model_ready(MODEL, "1")
    assert not connection.is_model_ready("nothing")


def metadata(connection):
    assert connection.get_server_metadata().name == "ser-server"
    about = connection.get_model_metadata(f"{MODEL}.features")
    assert list(about.versions) == ["1"], about
    assert [(t.name, t.datatype, list(t.shape)) for t in about.inputs] == [
        ("features", "FP32", [-1, 40, 1])
    ], about
    assert [(t.name, t.datatype, list(t.shape)) for t in about.outputs] == [
        ("posteriors", "FP32", [-1, 7])
    ], about
    config = connection.get_model_config(MODEL).config
    assert config.max_batch_size == 64, config
    assert [list(given.dims) for given in config.input] == [[-1]], config
    index = connection.get_model_repository_index().models
    assert [(m.name, m.version, m.state) for m in index] == [(MODEL, "1", "READY")]


def features(connection):
    """Rows that another framework has computed, alone and together."""
    rows = json.loads((PACKAGE / "golden.json").read_text())["rows"]
    given = np.array([row["features"] for row in rows], np.float32).reshape(-1, 40, 1)
    expected = np.array([row["posteriors"] for row in rows])
    labels = connection.get_model_config(MODEL).config.output[0].dims
    assert list(labels) == [expected.shape[1]]
    for first, last in [(0, len(rows)), (1, 2)]:
        inputs = [tensor("features", given[first:last], "FP32")]
        said = connection.infer(f"{MODEL}.features", inputs, request_id="row")
        assert said.get_response().id == "row"
        difference = np.abs(said.as_numpy("posteriors") - expected[first:last]).max()
        assert difference < TOLERANCE, difference


def speech():
    """The sample's rate, and its samples."""
    with wave.open(str(SAMPLE)) as sample:
        assert (sample.getnchannels(), sample.getsampwidth()) == (1, 2)
        frames = sample.readframes(sample.getnframes())
        return sample.getframerate(), np.frombuffer(frames, "<i2")


def audio(connection):
    rate, samples = speech()
    command = [client, "classify", "--json", "--server", f"http://{server}", str(SAMPLE)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    said = [json.loads(line) for line in lines.splitlines()]
    expected = next(line for line in said if "overall_label" in line)
    mean = [score["probability"] for score in expected["mean_posterior"]]

    outputs = [
        triton.InferRequestedOutput("posteriors"),
        triton.InferRequestedOutput("label"),
    ]
    floats = (samples / 32768).astype(np.float32)
    for values, datatype in [(samples, "INT16"), (floats, "FP32")]:
        inputs = [tensor("audio", np.stack([values, values]), datatype)]
        said = connection.infer(
            MODEL, inputs, outputs=outputs, parameters={"sample_rate": rate}
        )
        difference = np.abs(said.as_numpy("posteriors") - mean).max()
        assert difference < 1e-5, difference
        labels = [label.decode() for label in said.as_numpy("label").ravel()]
        assert labels == [expected["overall_label"]] * 2, labels

    best = [triton.InferRequestedOutput("posteriors", class_count=2)]
    inputs = [tensor("audio", samples[None], "INT16")]
    said = connection.infer(MODEL, inputs, outputs=best, parameters={"sample_rate": rate})
    first = said.as_numpy("posteriors")[0, 0].decode()
    assert first.endswith(f":{expected['overall_label']}"), first


def refusals(connection):
    """Errors arrive as Triton's clients know them."""
    refused = [
        (lambda: connection.load_model(MODEL), "StatusCode.PERMISSION_DENIED"),
        (lambda: connection.unload_model(MODEL), "StatusCode.PERMISSION_DENIED"),
        (lambda: connection.get_model_metadata("nothing"), "StatusCode.NOT_FOUND"),
        (lambda: connection.infer(MODEL, []), "StatusCode.INVALID_ARGUMENT"),
    ]
    for call, status in refused:
        try:
            call()
        except triton.InferenceServerException as error:
            assert error.status() == status, error
        else:
            raise AssertionError(f"not refused with {status}")


def load(connection, model, flags, data=None):
    """A short run of the load generator, with `data` instead of random bytes. Its own
    figures are the check: that all its calls were answered and that it could read the
    server's statistics."""
    count = lambda: connection.get_inference_statistics(model).model_stats[0].inference_count
    before = count()
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder, "report.csv")
        if data:
            given = pathlib.Path(folder, "data.json")
            given.write_text(json.dumps({"data": [data]}))
            flags = [*flags, "--input-data", str(given)]
        command = [perf_analyzer, "-m", model, "-u", server, "-i", "grpc", "-f", str(report)]
        run = subprocess.run(
            # Few requests: here nobody asks how fast it is.
            command + ["--measurement-mode", "count_windows", "-s", "1000", *flags],
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        (line,) = csv.DictReader(report.read_text().splitlines())
    assert float(line["Inferences/Second"]) > 0, line
    assert float(line["Server Compute Infer"]) > 0, line
    assert count() > before
    print(f"{model}: {line['Inferences/Second']} inferences/s, p99 {line['p99 latency']} µs")


with triton.InferenceServerClient(server) as connection:
    health(connection)
    metadata(connection)
    features(connection)
    audio(connection)
    refusals(connection)
    load(connection, f"{MODEL}.features", ["-b", "8"])
    # Random bytes hold floats that are no numbers, which the server refuses.
    _, samples = speech()
    spoken = (samples[:22050] / 32768).tolist()
    load(connection, MODEL, [], {"audio": {"content": spoken, "shape": [len(spoken)]}})
