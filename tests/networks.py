"""Small networks as `.onnx` files, written when a test needs them: no weights need be published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from processes import run_python

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402 - once it is known to be there

OPSET, IR_VERSION = 17, 8  # old enough for the oldest ONNX Runtime that is allowed


def write_network(
    path: Path,
    *,
    seed: int = 0,
    batch: int | str = "N",
    side: int = 28,
    ending: str = "Softmax",
    num_outputs: int = 1,
    factor: float = 1.0,
) -> Path:
    """Write a network that averages blocks of 4 x 4 pixels and weighs them at random.

    The options spoil it: another batch or image size, another last operation, more outputs, or
    weights multiplied by something.
    """
    blocks = (side // 4) ** 2
    kernel = np.random.default_rng(seed).normal(size=(blocks, 10)) * 2
    outputs = ["probabilities", "again"][:num_outputs]
    nodes = [
        helper.make_node("Transpose", ["images"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node(
            "AveragePool", ["planes"], ["blocks"], kernel_shape=[4, 4], strides=[4, 4]
        ),
        helper.make_node("Flatten", ["blocks"], ["flat"]),
        helper.make_node("MatMul", ["flat", "kernel"], ["logits"]),
        *(helper.make_node(ending, ["logits"], [name]) for name in outputs),
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, side, side, 1])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, 10]) for name in outputs],
        [numpy_helper.from_array((kernel * factor).astype(np.float32), "kernel")],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    onnx.save(model, path)
    return path


CHANGE_BYTES = """
import random, sys
from pathlib import Path
from digitcnn.errors import DigitcnnError
good, bad, *others = map(Path, sys.argv[1:])
content, refused = good.read_bytes(), 0
{before}
for seed in range({count}):
    rng = random.Random(seed)
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8))):
        # The structure, which most changes go to, lies at the beginning and at the end.
        reach = rng.choice((96, 1_000, len(changed)))
        place = rng.choice((rng.randrange(reach), -1 - rng.randrange(300)))
        changed[place] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
    bad.write_bytes(changed)
    print(seed, flush=True)
    try:
        {use}
    except DigitcnnError:
        refused += 1
print("refused", refused)
"""


def try_changed(path: Path, *others: Path, count: int, before: str, use: str) -> None:
    """Change a few of a file's bytes, so many times, and use it in a process that must go on."""
    script = CHANGE_BYTES.format(count=count, before=before, use=use)
    printed = run_python(script, path, path.with_name(f"bad-{path.name}"), *others)
    assert printed.splitlines()[-1].startswith("refused")
