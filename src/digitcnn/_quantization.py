"""Weights in fewer bits, and the ONNX file that stores them so.

The numbers themselves are rounded, in the Keras model, to those that few bits can tell. The file
then stores them without loss, and ONNX Runtime makes float32 of them once, when it opens it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from digitcnn._checks import needing
from digitcnn.errors import InvalidArgumentError

Floats = npt.NDArray[np.float32]
_Shape = tuple[int | None, ...]

# Old enough for ONNX Runtime 1.18, the oldest that is allowed.
_OPSET, _IR_VERSION = 15, 8

_STEPS = 127  # of 8 bits with a sign


def round_weights(model: Any, *, size: int) -> None:
    """Round a network's kernels, in place, so that they and all else take no more than `size`."""
    kernels = [layer.kernel for layer in model.layers if hasattr(layer, "kernel")]
    counts = [int(np.prod(kernel.shape)) for kernel in kernels]
    needed = 4 * (int(model.count_params()) - sum(counts)) + 2 * sum(counts)
    # Of equal ones the last first: where the page is smallest.
    for index in sorted(range(len(kernels)), key=lambda index: (-counts[index], -index)):
        values = _to_numpy(kernels[index])
        if needed > size:
            steps, scales = _as_bytes(values)
            kernels[index].assign(steps * scales)
            needed -= counts[index]
        else:
            kernels[index].assign(values.astype(np.float16).astype(np.float32))


def _as_bytes(kernel: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """Return the steps of each value and each channel's scale, in few enough bits to be exact."""
    greatest = np.abs(kernel).max(axis=tuple(range(kernel.ndim - 1)), keepdims=True)
    scales = (greatest / _STEPS).astype(np.float16).astype(np.float32)
    steps = np.rint(kernel / np.where(scales > 0, scales, 1)).clip(-_STEPS, _STEPS)
    return steps.astype(np.int8), scales


def write_onnx(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a network that finds digits as ONNX, each kernel in the fewest bits that hold it."""
    with needing("export_onnx() needs onnx", "export"):
        import onnx
    graph = _Graph(onnx)
    names = {id(model.inputs[0]): graph.add("Transpose", "pages", perm=[0, 3, 1, 2])}
    for layer in model.layers:
        if id(layer.output) in names:  # the input's
            continue
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        write = _WRITERS.get(type(layer).__name__)
        if write is None:
            raise InvalidArgumentError(
                argument="model",
                rule=f"be of the layers {', '.join(_WRITERS)}",
                got=f"a {type(layer).__name__}",
                remedy="Export it with Keras' own model.export().",
            )
        names[id(layer.output)] = write(graph, layer, *(names[id(each)] for each in inputs))
    graph.add("Transpose", names[id(model.outputs[0])], perm=[0, 2, 3, 1], output="maps")
    content = graph.finish(model.name, model.input_shape, model.output_shape)
    onnx.checker.check_model(content, full_check=True)
    onnx.save(content, path)


class _Graph:
    """An ONNX graph while its nodes are added."""

    def __init__(self, onnx: Any) -> None:
        self._onnx = onnx
        self._nodes: list[Any] = []
        self._arrays: list[Any] = []

    def add(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add a node; give the name of its output."""
        output = output or f"{operator}{len(self._nodes)}"
        make = self._onnx.helper.make_node
        self._nodes.append(make(operator, list(inputs), [output], **attributes))
        return output

    def store(self, array: npt.NDArray[Any]) -> str:
        """Store an array; give its name."""
        name = f"array{len(self._arrays)}"
        self._arrays.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def store_kernel(self, kernel: Floats) -> str:
        """Store a kernel, in ONNX' order of axes, in the fewest bits that hold it without loss."""
        order = (3, 2, 0, 1)  # (rows, columns, in, out) -> (out, in, rows, columns)
        to_float = {"to": self._onnx.TensorProto.FLOAT}
        steps, scales = _as_bytes(kernel)
        if np.array_equal(steps * scales, kernel):
            stored = self.add("Cast", self.store(steps.transpose(order)), **to_float)
            return self.add("Mul", stored, self.store(scales.transpose(order)))
        halves = kernel.astype(np.float16)
        if np.array_equal(halves, kernel):
            return self.add("Cast", self.store(halves.transpose(order)), **to_float)
        return self.store(kernel.transpose(order))

    def finish(self, name: str, takes: _Shape, gives: _Shape) -> Any:
        """Return the whole model, from "pages" to "maps"."""
        helper, kind = self._onnx.helper, self._onnx.TensorProto.FLOAT
        ends = (("pages", takes, "NHWC"), ("maps", gives, ("N", "rows", "columns", "C")))
        pages, maps = (
            helper.make_tensor_value_info(
                end,
                kind,
                [side or open_side for side, open_side in zip(shape, open_sides, strict=True)],
            )
            for end, shape, open_sides in ends
        )
        graph = helper.make_graph(self._nodes, name, [pages], [maps], self._arrays)
        opset = helper.make_opsetid("", _OPSET)
        return helper.make_model(graph, opset_imports=[opset], ir_version=_IR_VERSION)


def _write_convolution(graph: _Graph, layer: Any, source: str) -> str:
    """Add a convolution of a page whose sides are multiples of the strides."""
    padding = [
        side - stride if stride > 1 else side - 1
        for side, stride in zip(layer.kernel_size, layer.strides, strict=True)
    ]
    before = [each // 2 for each in padding]
    after = [each - each // 2 for each in padding]
    inputs = [source, graph.store_kernel(_to_numpy(layer.kernel))]
    if layer.use_bias:
        inputs.append(graph.store(_to_numpy(layer.bias)))
    return graph.add("Conv", *inputs, strides=list(layer.strides), pads=[*before, *after])


def _write_normalization(graph: _Graph, layer: Any, source: str) -> str:
    weights = (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance)
    arrays = [graph.store(_to_numpy(each)) for each in weights]
    return graph.add("BatchNormalization", source, *arrays, epsilon=layer.epsilon)


def _write_enlargement(graph: _Graph, layer: Any, source: str) -> str:
    scales = graph.store(np.array([1, 1, *layer.size], np.float32))
    how = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return graph.add("Resize", source, "", scales, mode="nearest", **how)


_WRITERS: dict[str, Callable[..., str]] = {
    "Conv2D": _write_convolution,
    "BatchNormalization": _write_normalization,
    "ReLU": lambda graph, _, source: graph.add("Relu", source),
    "Add": lambda graph, _, *sources: graph.add("Add", *sources),
    "UpSampling2D": _write_enlargement,
}


def _to_numpy(weight: Any) -> Floats:
    values: Floats = weight.numpy()
    return values
