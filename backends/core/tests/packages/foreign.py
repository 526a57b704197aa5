"""Writes the graph of tiny-foreign: the family as other exporters write it.

Constant nodes, Identity, Squeeze, Unsqueeze, Flatten, Split, a constant before
the input, MatMul with Add, Gemm with transposed and scaled weights, two biases,
data as numbers instead of bytes, an old list of inputs. Seeded random weights.

    python backends/core/tests/packages/foreign.py

Needs numpy and onnx.
"""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

STEPS, WIDTH, HIDDEN, LABELS = 10, 8, 5, 3


def main() -> None:
    random = np.random.default_rng(11)
    constants = []

    def floats(name: str, *dims: int, most: float = 0.7, raw: bool = True) -> str:
        values = random.uniform(-most, most, dims).astype(np.float32)
        if raw:
            constants.append(numpy_helper.from_array(values, name))
        else:
            constants.append(helper.make_tensor(name, TensorProto.FLOAT, dims, values.ravel()))
        return name

    def ints(name: str, *values: int) -> str:
        constants.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def scalar(name: str, value: float):
        tensor = numpy_helper.from_array(np.array(value, np.float32))
        return helper.make_node("Constant", [], [name], value=tensor)

    node = helper.make_node
    nodes = [
        scalar("offset", -45.0),
        scalar("factor", -0.05),
        node("Identity", ["factor"], ["same_factor"]),
        # (offset - features) * factor
        node("Sub", ["offset", "features"], ["centred"]),
        node("Mul", ["centred", "same_factor"], ["scaled"]),
        node("Add", ["scaled", floats("shift", WIDTH, most=0.1, raw=False)], ["shifted"]),
        node("Transpose", ["shifted"], ["x"], perm=[1, 0, 2]),
        node("Split", ["state", ints("halves", HIDDEN, HIDDEN)], ["h0", "c0"], axis=1),
        node("Unsqueeze", ["h0", ints("first", 0)], ["h0_layer"]),
        node("Unsqueeze", ["c0", "first"], ["c0_layer"]),
        node(
            "LSTM",
            ["x", floats("W", 1, 4 * HIDDEN, WIDTH), floats("R", 1, 4 * HIDDEN, HIDDEN),
             floats("B", 1, 8 * HIDDEN), "valid_steps", "h0_layer", "c0_layer"],
            ["y", "y_h", "y_c"],
            hidden_size=HIDDEN,
            direction="forward",
            activations=["Sigmoid", "Tanh", "Tanh"],
        ),
        node("Squeeze", ["y_h", "first"], ["h"]),
        node("Squeeze", ["y_c", "first"], ["c"]),
        node("Concat", ["h", "c"], ["next_state"], axis=-1),
        # All states, too: zeros behind the valid steps.
        node("Squeeze", ["y", ints("direction", 1)], ["states"]),
        node("Transpose", ["states"], ["by_row"], perm=[1, 0, 2]),
        node("Flatten", ["by_row"], ["flat"], axis=1),
        node("MatMul", ["flat", floats("M", STEPS * HIDDEN, 6)], ["product"]),
        node("Add", [floats("m", 6), "product"], ["sum"]),
        node("Tanh", ["sum"], ["bounded"]),
        node("Gemm", ["bounded", floats("G", 4, 6), floats("g", 1)], ["inner"],
             alpha=1.5, beta=0.5, transB=1),
        node("Sigmoid", ["inner"], ["gated"]),
        node("Reshape", ["gated", ints("pairs", 0, 2, -1)], ["paired"]),
        node("MatMul", ["paired", floats("P", 2, 2, most=2.0)], ["mixed"]),
        node("Reshape", ["mixed", ints("row", -1, 4)], ["row_of_4"]),
        node("Slice", ["row_of_4", ints("start", -3), ints("end", 1 << 40), ints("axis", 1)],
             ["three"]),
        node("Div", ["three", floats("divisor", LABELS, most=0.4)], ["logits"]),
        node("Identity", ["logits"], ["same_logits"]),
        node("Softmax", ["same_logits"], ["posteriors"], axis=1),
    ]

    def value(name: str, kind: int, *dims):
        return helper.make_tensor_value_info(name, kind, dims)

    graph = helper.make_graph(
        nodes,
        "tiny-foreign",
        [
            value("features", TensorProto.FLOAT, "N", STEPS, WIDTH),
            value("state", TensorProto.FLOAT, "N", 2 * HIDDEN),
            value("valid_steps", TensorProto.INT32, "N"),
            value("W", TensorProto.FLOAT, 1, 4 * HIDDEN, WIDTH),
        ],
        [
            value("posteriors", TensorProto.FLOAT, "N", LABELS),
            value("next_state", TensorProto.FLOAT, "N", 2 * HIDDEN),
        ],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    path = pathlib.Path(__file__).parent / "tiny-foreign" / "1" / "model.onnx"
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())


if __name__ == "__main__":
    main()
