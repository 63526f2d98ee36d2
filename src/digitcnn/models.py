"""Networks: built by name, with the published weights put into them, counted and exported."""

from __future__ import annotations

import json
import math
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digitcnn._checks import needing
from digitcnn._runs import RunRecord, read_record
from digitcnn._weight_files import copy_arrays
from digitcnn.architectures import (
    ARCHITECTURES,
    CLASSIFIERS,
    INPUT_SHAPE,
    Residual,
    input_shape,
    members_of,
)
from digitcnn.errors import InvalidArgumentError
from digitcnn.weights import identify, resolve

if TYPE_CHECKING:
    import keras

_FEWEST_MEMBERS = 2
# What a description may name: it computes, and neither runs a function nor opens a file.
_PLAIN_CLASSES = re.compile(
    r"""keras\ (DTypePolicy|Sequential)
    |keras\.src\.models\.functional\ (Functional|Model)
    |None\ (__keras_tensor__)
    |keras\.(initializers|regularizers|constraints)\ \w+
    |keras\.layers\ (InputLayer|Dense|Flatten|Reshape|Permute|Rescaling|Random\w+|\w*Dropout\w*
        |(Depthwise|Separable)?Conv[12]D(Transpose)?|(Global)?(Max|Average)Pooling[12]D
        |(ZeroPadding|Cropping|UpSampling)[12]D|(Batch|Layer|Group|Unit)Normalization
        |GaussianNoise|Activation|\w*Re?LU|Softmax|Add|Subtract|Multiply|Average|Maximum|Minimum
        |Concatenate|Dot|LSTM|GRU|SimpleRNN|Attention|MultiHeadAttention|Embedding)""",
    re.VERBOSE,
)
# Probabilities near 1 are told apart, and their loss is exact, whatever policy Keras computes by.
_OUTPUT_DTYPE = "float32"
OWN = "own"  # what a run calls the architecture of a network that it was given


def build_model(architecture: str = "base") -> keras.Model:
    """Build an untrained network.

    Parameters
    ----------
    architecture : str
        "base", the library's own; deeper ones in the manner of "vgg" and "resnet"; or one of the
        classic tutorials' networks: "conv-pool-dropout", "conv5x5", "three-conv",
        "two-conv-dropout", "conv-pool". "tiny" and "tiny-silu" have fewer than 10,000 parameters;
        "fast" is trained in seconds. Names joined by +, as in "base+base+vgg", give an ensemble:
        the mean of the probabilities of its members. "reader" finds every digit of a page, "lines"
        reads a line that was found, "ink" tells the ink of one digit from all else.

    Returns
    -------
    model : keras.Model
        Not compiled. Takes float32 (N, 28, 28, 1) in [0, 1], bright on dark; ends in softmax:
        float32 (N, 10), also where Keras' policy is a mixed one. "reader" takes float32
        (N, H, W, 1), grayscale in [0, 1], sides multiples of 32, and gives maps: float32
        (N, H / 4, W / 4, 37), without an activation. "lines" takes float32 (N, 32, W, 2), W a
        multiple of 8, and gives float32 (N, 1, W / 2, 18), likewise; "ink" float32 (N, 96, 96, 1),
        of mean 0 and spread 1, and gives float32 (N, 48, 48, 4), a value for each pixel.

    Raises
    ------
    InvalidArgumentError
        If the architecture is unknown; the message lists the known ones. If Keras is set to
        channels first.
    MissingDependencyError
        If Keras is not installed.

    See Also
    --------
    load_pretrained : The same networks with published weights.

    Examples
    --------
    >>> from digitcnn import build_model
    >>> build_model("conv5x5").output_shape
    (None, 10)
    """
    members = members_of(architecture)
    keras = import_keras("build_model")
    if keras.config.image_data_format() != "channels_last":
        raise InvalidArgumentError(
            argument="architecture",
            rule="be built with channels last",
            got="channels first from Keras",
            remedy='Call keras.config.set_image_data_format("channels_last") before.',
        )
    if len(members) == 1:
        return _build_one(keras, architecture, name=architecture)
    images = keras.Input(INPUT_SHAPE)
    answers = [
        _build_one(keras, member, name=_member_name(member, number))(images)
        for number, member in enumerate(members)
    ]
    # TensorFlow takes no + in a name.
    name = architecture.replace("+", ".")
    return keras.Model(images, keras.layers.average(answers, dtype=_OUTPUT_DTYPE), name=name)


def ensemble(members: Sequence[Any]) -> keras.Model:
    """Join trained networks into one that gives the mean of their probabilities.

    Parameters
    ----------
    members : sequence of str, os.PathLike, TrainingRun or keras.Model
        Published weights, run folders, or networks that `build_model` has built; two at least.

    Returns
    -------
    model : keras.Model
        Of the architecture that `build_model` knows by the members' names, joined by +. It is
        saved, loaded, exported and asked like any other.

    Raises
    ------
    InvalidArgumentError
        If there are less than two, or one is of no architecture of the library's.
    DigitcnnError
        As :func:`load_pretrained` does.

    See Also
    --------
    build_model : Builds the same without weights.

    Examples
    --------
    >>> from digitcnn.models import ensemble, load_pretrained
    >>> model = ensemble(["runs/a", "runs/b"])  # doctest: +SKIP
    >>> model.save_weights("pair.weights.h5")  # doctest: +SKIP
    >>> load_pretrained("pair.weights.h5", architecture="base+base")  # doctest: +SKIP
    """
    networks = [_member(member) for member in members]
    if len(networks) < _FEWEST_MEMBERS:
        raise InvalidArgumentError(
            argument="members",
            rule="be two at least",
            got=len(networks),
            remedy="Add the folder of another run.",
        )
    model = build_model("+".join(network.name for network in networks))
    for number, network in enumerate(networks):
        inner = model.get_layer(_member_name(network.name, number))
        inner.set_weights(network.get_weights())
    return model


def as_network(model: Any) -> Any:
    """Return the Keras model that published weights or a run stand for; any other as it is."""
    if hasattr(model, "run_dir") and hasattr(model, "model"):  # what `train` gives
        return model.model
    is_named = isinstance(model, str | os.PathLike) or hasattr(model, "run_dir")
    return load_pretrained(model) if is_named else model


def _member(member: Any) -> Any:
    """Return a member's Keras model, of one of the library's architectures."""
    network = as_network(member)
    name = getattr(network, "name", None)
    if name not in CLASSIFIERS:
        raise InvalidArgumentError(
            argument="members",
            rule="be published weights, run folders or networks of build_model()",
            got=f"{type(member).__name__} named {name!r}",
            remedy="Train one of the library's architectures.",
        )
    return network


def _member_name(architecture: str, number: int) -> str:
    """Name a member of an ensemble; Keras wants each name once."""
    return f"{architecture}-{number}"


def _build_one(keras: Any, architecture: str, *, name: str) -> Any:
    """Build a network that is no ensemble."""
    layers = ARCHITECTURES[architecture](keras.layers)
    layers[-1].dtype_policy = _OUTPUT_DTYPE
    images = keras.Input(input_shape(architecture))
    if any(isinstance(layer, Residual) for layer in layers):
        return keras.Model(images, _connect(keras, layers, images), name=name)
    return keras.Sequential([images, *layers], name=name)


def _connect(keras: Any, layers: list[Any], tensor: Any) -> Any:
    """Lead a tensor through layers, by both ways where there are two."""
    for layer in layers:
        if isinstance(layer, Residual):
            ways = [_connect(keras, way, tensor) for way in layer]
            tensor = keras.layers.add(ways)
        else:
            tensor = layer(tensor)
    return tensor


def load_pretrained(
    weights: str | os.PathLike[str] = "base",
    *,
    architecture: str | None = None,
    cache_dir: Any = None,
) -> Any:
    """Load a network with published weights, or with those of a training run.

    Parameters
    ----------
    weights : str or os.PathLike
        The name of published weights ("base", or "base-v1" to pin a version), their record, a
        finished training run or its folder, or a `.weights.h5` file of your own. The folder of a
        run that trained a network of your own holds its layers, too, if they are among Keras' usual
        ones. Files that may carry code, `.keras` and whole `.h5`, are not opened: call
        `keras.models.load_model` for those that you trust.
    architecture : str, optional
        What the weights must be for, as `build_model` calls it; a file of your own is taken for
        "base" without it.
    cache_dir : str or os.PathLike, optional
        Where to keep what has to be downloaded; by default the user's cache folder.

    Returns
    -------
    model : keras.Model
        Takes float32 (N, 28, 28, 1) as :func:`preprocess` gives it; ends in softmax.

    Raises
    ------
    UnknownWeightsError
        If no published weights have this name.
    UnavailableError
        If they are not at hand and cannot be fetched.
    CorruptFileError
        If the file's bytes are not the published ones, or do not fit the architecture.
    MissingDependencyError
        If Keras is not installed.
    """
    keras = import_keras("load_pretrained")
    found, path = find_weights(weights, cache_dir=cache_dir)
    if architecture and found not in (None, architecture):
        raise InvalidArgumentError(
            argument="weights",
            rule=f"be for the architecture {architecture!r}",
            got=repr(weights),
            reason=f"which is for {found!r}",
            remedy="Choose weights and architecture that belong together.",
        )
    architecture = found or architecture or "base"
    if found == OWN:
        model = _own_layers(keras, read_record(weights, argument="weights"))
    else:
        model = build_model(architecture)
    # Keras reads a file of this process's own, into which only checked arrays are copied.
    with tempfile.TemporaryDirectory(prefix="digitcnn-") as folder:
        checked = Path(folder) / "checked.weights.h5"
        model.save_weights(checked)
        copy_arrays(
            path,
            checked,
            rule=f"fit the architecture {architecture!r} with plain arrays",
            remedy="Pass load_pretrained(path, architecture=...), or its training run's folder; "
            "`digitcnn export --architecture NAME` makes an .onnx file of it.",
        )
        model.load_weights(checked)
    return model


def _own_layers(keras: Any, record: RunRecord) -> Any:
    """Build the network that a run was given, of layers that can do no harm."""
    described = record.network or {}
    foreign = next((name for name in _classes_in(described) if not _is_plain(name)), None)
    reason = f"which holds {foreign.split()[-1]!r}" if foreign else "which holds none"
    if described and foreign is None:
        try:
            return keras.models.model_from_json(json.dumps(described))
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            reason = f"which fails with: {str(error).splitlines()[0]}"
    raise InvalidArgumentError(
        argument="weights",
        rule="be of a run with a network of Keras' usual layers",
        got=repr(str(record.run_dir)),
        reason=reason,
        remedy=f"Build it anew, then call load_weights({str(record.weights_path)!r}) on it.",
    )


def _is_plain(name: str) -> bool:
    return _PLAIN_CLASSES.fullmatch(name) is not None


def _classes_in(described: Any) -> Iterator[str]:
    """Go through what a description in JSON has Keras make: its modules and classes."""
    if isinstance(described, dict):
        if "class_name" in described:
            yield f"{described.get('module')} {described['class_name']}"
        described = list(described.values())
    if isinstance(described, list):
        for each in described:
            yield from _classes_in(each)


def find_weights(
    weights: str | os.PathLike[str], *, cache_dir: Any = None
) -> tuple[str | None, Path]:
    """Resolve a name, run folder or file to a verified file and what it is for.

    Parameters
    ----------
    weights : str or os.PathLike
        As :func:`load_pretrained` takes them.
    cache_dir : str or os.PathLike, optional
        Where to keep what has to be downloaded.

    Returns
    -------
    architecture : str or None
        None for a file of the user's, which does not say.
    path : Path
        The `.weights.h5` file.
    """
    found = identify(weights)
    path = resolve(found, format="h5", cache_dir=cache_dir)
    if isinstance(found, Path):
        is_run = found.is_dir()
        return read_record(found, argument="weights").architecture if is_run else None, path
    return found.architecture, path


def count_multiply_adds(model: Any) -> int:
    """Count the multiplications with addition that one image takes.

    Parameters
    ----------
    model : keras.Model
        Of convolutional and dense layers, for images of one size; other layers count nothing.

    Returns
    -------
    multiply_adds : int
        Each kernel's size times the positions it is applied at.

    Raises
    ------
    InvalidArgumentError
        If the network takes images of any size.

    Examples
    --------
    >>> from digitcnn.models import build_model, count_multiply_adds
    >>> count_multiply_adds(build_model("base"))
    4291968
    """
    if None in model.input_shape[1:]:
        raise InvalidArgumentError(
            argument="model",
            rule="take images of one size",
            got=f"one for {model.input_shape}",
            remedy="Build it again for an input of one size.",
        )
    total = 0
    for layer in model.layers:
        if hasattr(layer, "layers"):  # a member of an ensemble
            total += count_multiply_adds(layer)
        elif hasattr(layer, "kernel"):
            positions = layer.output.shape[1:-1]  # (H, W) after a convolution, () after dense
            total += math.prod(layer.kernel.shape) * math.prod(positions)
    return total


def export_onnx(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a network as ONNX, for ONNX Runtime and other languages.

    Parameters
    ----------
    model : keras.Model
        Takes (N, 28, 28, 1), gives (N, 10); or gives maps, as "reader", "lines" and "ink" do.
    path : str or os.PathLike
        The file to write: an input "images" of any batch size, an output "probabilities". Of a
        network that gives maps: "pages" of any size that it takes, and "maps".

    Raises
    ------
    MissingDependencyError
        If the packages that convert the graph are not installed.
    """
    keras = import_keras("export_onnx")
    if len(model.output_shape) > 2:  # maps
        from digitcnn._quantization import write_onnx

        write_onnx(model, path)
        return
    with needing("export_onnx() needs onnx and tf2onnx", "export"):
        import onnx
        import tf2onnx  # noqa: F401 - Keras calls it
    signature = [keras.InputSpec(shape=(None, *INPUT_SHAPE), dtype="float32", name="images")]
    model.export(path, format="onnx", verbose=False, input_signature=signature)
    graph = onnx.load(path)
    graph.graph.node[-1].output[0] = graph.graph.output[0].name = "probabilities"
    for value in (*graph.graph.input, *graph.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    onnx.checker.check_model(graph, full_check=True)
    onnx.save(graph, path)


def import_keras(caller: str) -> Any:
    """Import Keras, or say which extra brings it."""
    with needing(f"{caller}() needs Keras 3 with a backend", "tensorflow"):
        import keras
    return keras
