"""What the scripts that export models with other frameworks share.

The architecture is that of the models that ship: an LSTM of 123 units over 40
single values, dense layers of 64 and 32 with ReLU and dropout, seven labels. The
weights are seeded random numbers, the inputs made up: no recording is needed to
make them again, and every weight comes out to the bit.
"""

import argparse
import itertools
import json
import pathlib
import tempfile

import numpy as np
import onnx

STEPS, WIDTH, UNITS, DENSE, LABELS = 40, 1, 123, (64, 32), 7
DROPOUT = (0.22, 0.12)
ROWS = 24

# Probabilities are rounded by the processor's vector units; nothing else is.
TOLERANCE = 1e-6


def uniform(random: np.random.Generator, *shape: int, most: float) -> np.ndarray:
    return random.uniform(-most, most, shape).astype(np.float32)


def main(script: str, files: list[str], export) -> None:
    """Runs `export(folder)`, which writes `files` into the folder and returns the
    inputs with their probabilities: in place, or to compare with what lies there.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    check = parser.parse_args().check
    place = pathlib.Path(script).parent
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        inputs, probabilities = export(folder)
        for file in files:
            model = onnx.load(folder / file, load_external_data=False)
            strip(model)
            onnx.save(model, folder / file)
        outputs = {
            "inputs": inputs.reshape(ROWS, -1).tolist(),
            "probabilities": probabilities.tolist(),
        }
        if check:
            compare(place, folder, files, outputs)
        else:
            for file in folder.iterdir():
                (place / file.name).write_bytes(file.read_bytes())
            (place / "outputs.json").write_text(json.dumps(outputs) + "\n")


def strip(model: onnx.ModelProto) -> None:
    """Removes what says on whose machine the model was exported."""
    graph = model.graph
    for part in [model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output,
                 *graph.initializer]:
        del part.metadata_props[:]
        part.doc_string = ""


def compare(place, folder, files, outputs) -> None:
    committed = json.loads((place / "outputs.json").read_text())
    if committed["inputs"] != outputs["inputs"]:
        raise SystemExit("the inputs differ")
    expected, got = (np.array(values["probabilities"]) for values in (committed, outputs))
    difference = np.abs(expected - got).max()
    print(f"largest difference of a probability: {difference:.1e}")
    if not difference <= TOLERANCE:
        raise SystemExit(f"expected at most {TOLERANCE:.0e}")
    for file in files:
        expected, got = (described(onnx.load(path / file).graph) for path in (place, folder))
        for number, (one, other) in enumerate(itertools.zip_longest(expected, got)):
            if one != other:
                raise SystemExit(f"{file}: node {number} differs: {one} became {other}")
        print(f"{file}: the same nodes and weights")


def described(graph: onnx.GraphProto) -> list:
    """Nodes with their constants. Names hold counters that are never twice the same,
    so values go by the order in which they come up.
    """
    constants = {
        tensor.name: (tuple(tensor.dims), onnx.numpy_helper.to_array(tensor).tobytes())
        for tensor in graph.initializer
    }
    seen = {}

    def value(name: str):
        return constants.get(name) or seen.setdefault(name, len(seen))

    return [
        (
            node.op_type,
            [value(name) for name in node.input],
            [value(name) for name in node.output],
            sorted(attribute.SerializeToString() for attribute in node.attribute),
        )
        for node in graph.node
    ]
