"""Exports a PyTorch model to ONNX, by both of PyTorch's exporters.

    python make.py [--check]

Needs the packages of requirements.txt, which lies beside it.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import numpy as np
import torch
from torch import nn

import remake
from remake import DENSE, DROPOUT, LABELS, ROWS, STEPS, UNITS, WIDTH, uniform


class Classifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(WIDTH, UNITS, batch_first=True)
        self.head = nn.Sequential(
            nn.Linear(UNITS, DENSE[0]),
            nn.ReLU(),
            nn.Dropout(DROPOUT[0]),
            nn.Linear(*DENSE),
            nn.ReLU(),
            nn.Dropout(DROPOUT[1]),
            nn.Linear(DENSE[1], LABELS),
            nn.Softmax(dim=-1),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        states, _ = self.lstm(features)
        return self.head(states[:, -1])


def export(folder: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(15)
    model = Classifier().eval()
    most = {"lstm.weight_ih_l0": 1.0, "lstm.weight_hh_l0": 0.3}
    model.load_state_dict({
        name: torch.from_numpy(uniform(random, *tensor.shape, most=most.get(name, 0.5)))
        for name, tensor in model.state_dict().items()
    })
    # Standardised features go in.
    inputs = random.normal(size=(ROWS, STEPS, WIDTH)).astype(np.float32)
    example = torch.from_numpy(inputs)
    with torch.no_grad():
        probabilities = model(example).numpy()
    batch = torch.export.Dim("batch")
    torch.onnx.export(
        model,
        (example,),
        folder / "model.onnx",
        dynamo=True,
        verbose=False,
        dynamic_shapes={"features": {0: batch}},
    )
    torch.onnx.export(
        model,
        (example,),
        folder / "torchscript.onnx",
        dynamo=False,
        input_names=["input"],
        output_names=["output"],
        dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}},
    )
    return inputs, probabilities


if __name__ == "__main__":
    remake.main(__file__, ["model.onnx", "torchscript.onnx"], export)
