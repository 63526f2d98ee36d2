"""Architectures by name: each a list of layers in reading order, from the image to the answer."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from digitcnn.errors import InvalidArgumentError

INPUT_SHAPE = (28, 28, 1)
NUM_CLASSES = 10
PAGE_SHAPE = (None, None, 1)  # multiples of 32
NUM_MAPS = 37
LINE_SHAPE = (32, None, 2)  # a multiple of 8 wide: how bright it is, and the ink of digits
INK_SHAPE = (96, 96, 1)
NUM_SYMBOLS = 18  # blank, ten digits, six signs, any other sign or word

# Of batch normalisation's averages; Keras' 0.99 lags behind in the few epochs of a small training.
_MOMENTUM = 0.98

# Takes `keras.layers`, so that this module loads without Keras; gives the layers in their order.
Architecture = Callable[[Any], list[Any]]


class Residual(NamedTuple):
    """Two ways from one layer to the next, whose results are added up.

    Attributes
    ----------
    branch, shortcut : list of keras.layers.Layer
        The layers of each way; an empty shortcut passes the input on as it is.
    """

    branch: list[Any]
    shortcut: list[Any]


def _base(layers: Any) -> list[Any]:
    """List the layers of the library's own network: 4.3 million multiply-adds an image."""
    return [
        *_normalized_conv(layers, 16),  # (N, 28, 28, 16)
        *_normalized_conv(layers, 24, strides=2),  # (N, 14, 14, 24)
        *_normalized_conv(layers, 24),  # (N, 14, 14, 24)
        *_normalized_conv(layers, 64, strides=2),  # (N, 7, 7, 64)
        *_normalized_conv(layers, 64, padding="valid"),  # (N, 5, 5, 64)
        *_normalized_conv(layers, 128, padding="valid"),  # (N, 3, 3, 128)
        *_normalized_conv(layers, 192, padding="valid"),  # (N, 1, 1, 192)
        layers.Flatten(),  # (N, 192)
        layers.Dropout(0.3),
        layers.Dense(NUM_CLASSES),
        layers.Softmax(),
    ]


def _fast(layers: Any) -> list[Any]:
    """List a network to be trained in seconds.

    Large maps cost a CPU more than arithmetic does: the first two layers shrink the image, where
    others pool what they have computed.
    """
    return [
        _conv(layers, 16, 5, strides=2, padding="valid"),  # (N, 12, 12, 16)
        *_normalized(layers),
        _conv(layers, 32, 4, strides=2, padding="valid"),  # (N, 5, 5, 32)
        *_normalized(layers),
        *_normalized_conv(layers, 96, padding="valid"),  # (N, 3, 3, 96)
        layers.Flatten(),  # (N, 864)
        layers.Dropout(0.2),
        layers.Dense(NUM_CLASSES),
        layers.Softmax(),
    ]


def _vgg(layers: Any) -> list[Any]:
    """List pairs of 3 x 3 convolutions before each pooling, as VGG has them [1]_.

    .. [1] Simonyan, Zisserman, ICLR 2015. arXiv:1409.1556
    """
    return [
        *_normalized_conv(layers, 32),  # (N, 28, 28, 32)
        *_normalized_conv(layers, 32),
        layers.MaxPooling2D(2),  # (N, 14, 14, 32)
        layers.Dropout(0.2),
        *_normalized_conv(layers, 64),  # (N, 14, 14, 64)
        *_normalized_conv(layers, 64),
        layers.MaxPooling2D(2),  # (N, 7, 7, 64)
        layers.Dropout(0.2),
        *_normalized_conv(layers, 128),  # (N, 7, 7, 128)
        *_normalized_conv(layers, 128),
        layers.MaxPooling2D(2),  # (N, 3, 3, 128)
        layers.Flatten(),  # (N, 1152)
        layers.Dropout(0.3),
        layers.Dense(256, use_bias=False, kernel_initializer="he_normal"),
        *_normalized(layers),
        layers.Dropout(0.5),
        layers.Dense(NUM_CLASSES),
        layers.Softmax(),
    ]


def _resnet(layers: Any) -> list[Any]:
    """List residual blocks between a first convolution and an average over the image [1]_.

    .. [1] He, Zhang, Ren, Sun, CVPR 2016. arXiv:1512.03385
    """
    return [
        *_normalized_conv(layers, 32),  # (N, 28, 28, 32)
        *_residual_block(layers, 32),  # (N, 28, 28, 32)
        *_residual_block(layers, 64, strides=2),  # (N, 14, 14, 64)
        *_residual_block(layers, 64),  # (N, 14, 14, 64)
        *_residual_block(layers, 128, strides=2),  # (N, 7, 7, 128)
        layers.GlobalAveragePooling2D(),  # (N, 128)
        layers.Dropout(0.3),
        layers.Dense(NUM_CLASSES),
        layers.Softmax(),
    ]


def _tiny(layers: Any) -> list[Any]:
    """List a network of fewer than 10,000 parameters."""
    return _narrow(layers, (8, 12, 16, 19, 19), layers.ReLU)


def _tiny_silu(layers: Any) -> list[Any]:
    """List one as small, with SiLU [1]_ for ReLU and more of its channels at the end.

    .. [1] Elfwing, Uchibe, Doya, 2017. arXiv:1702.03118
    """
    return _narrow(layers, (6, 10, 15, 21, 21), lambda: layers.Activation("silu"))


def _narrow(layers: Any, filters: Sequence[int], activation: Callable[[], Any]) -> list[Any]:
    """List five convolutions of so many filters each, and what pools the last.

    Most parameters are kernels that see 7 x 7 positions or more. A dense layer on all positions
    would take more than there are: at the end, each channel is pooled by 25 weights of its own.
    """
    block = functools.partial(_normalized_conv, layers, activation=activation)
    a, b, c, d, e = filters
    return [
        *block(a),  # (N, 28, 28, a)
        *block(b),
        layers.MaxPooling2D(2),  # (N, 14, 14, b)
        *block(c),  # (N, 14, 14, c)
        *block(d),
        layers.MaxPooling2D(2),  # (N, 7, 7, d)
        *block(e, padding="valid"),  # (N, 5, 5, e)
        layers.DepthwiseConv2D(5, use_bias=False),  # (N, 1, 1, e)
        layers.BatchNormalization(momentum=_MOMENTUM),
        layers.Flatten(),  # (N, e)
        layers.Dense(NUM_CLASSES),
        layers.Softmax(),
    ]


def _residual_block(layers: Any, filters: int, *, strides: int = 1) -> list[Any]:
    """List two convolutions with a shortcut around them; with strides, it is projected."""
    shortcut = [
        _conv(layers, filters, 1, strides=strides),
        layers.BatchNormalization(momentum=_MOMENTUM),
    ]
    branch = [
        *_normalized_conv(layers, filters, strides=strides),
        _conv(layers, filters, 3),
        layers.BatchNormalization(momentum=_MOMENTUM),
    ]
    return [Residual(branch, shortcut if strides > 1 else []), layers.ReLU()]


def _normalized_conv(
    layers: Any, filters: int, *, activation: Callable[[], Any] | None = None, **options: Any
) -> list[Any]:
    """List a 3 x 3 convolution, its batch normalisation and what activates it, ReLU by default."""
    return [_conv(layers, filters, 3, **options), *_normalized(layers, activation)]


def _conv(layers: Any, filters: int, side: int, **options: Any) -> Any:
    """Make a convolution for a normalisation, whose offset does a bias's work."""
    options.setdefault("padding", "same")
    return layers.Conv2D(filters, side, use_bias=False, kernel_initializer="he_normal", **options)


def _normalized(layers: Any, activation: Callable[[], Any] | None = None) -> list[Any]:
    """List a batch normalisation and what activates it, ReLU by default."""
    return [layers.BatchNormalization(momentum=_MOMENTUM), (activation or layers.ReLU)()]


def _conv_pool_dropout(layers: Any) -> list[Any]:
    """List tutorial A: blocks of 3 x 3 convolutions and pooling, dropout, dense."""
    return [
        layers.Conv2D(32, 3, activation="relu"),  # (N, 26, 26, 32)
        layers.MaxPooling2D(2),  # (N, 13, 13, 32)
        layers.Dropout(0.25),
        layers.Conv2D(64, 3, activation="relu"),  # (N, 11, 11, 64)
        layers.MaxPooling2D(2),  # (N, 5, 5, 64)
        layers.Dropout(0.25),
        layers.Flatten(),  # (N, 1600)
        layers.Dense(128, activation="relu"),
        layers.Dropout(0.5),
        layers.Dense(NUM_CLASSES, activation="softmax"),
    ]


def _conv5x5(layers: Any) -> list[Any]:
    """List tutorial B: a 5 x 5 and a 3 x 3 convolution, each pooled and dropped out."""
    return [
        layers.Conv2D(32, 5, activation="relu"),  # (N, 24, 24, 32)
        layers.MaxPooling2D(2),  # (N, 12, 12, 32)
        layers.Dropout(0.2),
        layers.Conv2D(64, 3, activation="relu"),  # (N, 10, 10, 64)
        layers.MaxPooling2D(2),  # (N, 5, 5, 64)
        layers.Dropout(0.2),
        layers.Flatten(),  # (N, 1600)
        layers.Dense(128, activation="relu"),
        layers.Dropout(0.2),
        layers.Dense(NUM_CLASSES, activation="softmax"),
    ]


def _three_conv(layers: Any) -> list[Any]:
    """List tutorial C: 32, 64 and 128 filters, each pooled, for a `tf.data` pipeline."""
    return [
        layers.Conv2D(32, 3, padding="same", activation="relu"),  # (N, 28, 28, 32)
        layers.MaxPooling2D(2),  # (N, 14, 14, 32)
        layers.Conv2D(64, 3, padding="same", activation="relu"),  # (N, 14, 14, 64)
        layers.MaxPooling2D(2),  # (N, 7, 7, 64)
        layers.Conv2D(128, 3, padding="same", activation="relu"),  # (N, 7, 7, 128)
        layers.MaxPooling2D(2),  # (N, 3, 3, 128)
        layers.Flatten(),  # (N, 1152)
        layers.Dense(128, activation="relu"),
        layers.Dense(NUM_CLASSES, activation="softmax"),
    ]


def _two_conv_dropout(layers: Any) -> list[Any]:
    """List tutorial D: two convolutions before one pooling, a dense layer of 256."""
    return [
        layers.Conv2D(32, 3, activation="relu"),  # (N, 26, 26, 32)
        layers.Conv2D(64, 3, activation="relu"),  # (N, 24, 24, 64)
        layers.MaxPooling2D(2),  # (N, 12, 12, 64)
        layers.Dropout(0.25),
        layers.Flatten(),  # (N, 9216)
        layers.Dense(256, activation="relu"),
        layers.Dropout(0.5),
        layers.Dense(NUM_CLASSES, activation="softmax"),
    ]


def _conv_pool(layers: Any) -> list[Any]:
    """List tutorial E: convolution, ReLU and pooling, twice, and a dense layer."""
    return [
        layers.Conv2D(32, 3, activation="relu"),  # (N, 26, 26, 32)
        layers.MaxPooling2D(2),  # (N, 13, 13, 32)
        layers.Conv2D(64, 3, activation="relu"),  # (N, 11, 11, 64)
        layers.MaxPooling2D(2),  # (N, 5, 5, 64)
        layers.Flatten(),  # (N, 1600)
        layers.Dense(64, activation="relu"),
        layers.Dense(NUM_CLASSES, activation="softmax"),
    ]


def _reader(layers: Any) -> list[Any]:
    """List the network that finds every digit of a page: maps of a quarter of the page's size.

    A U of residual blocks [1]_ [2]_: each level halves the page, looks around, and adds what it saw
    to the finer one above. The maps' channels are those of `digitcnn.detection.boxes`.

    .. [1] Ronneberger, Fischer, Brox, MICCAI 2015. arXiv:1505.04597
    .. [2] Zhou, Wang, Krähenbühl, 2019. arXiv:1904.07850
    """
    conv, look = _blocks(layers)
    coarsest = [
        *conv(96, strides=2),  # (N, H / 32, W / 32, 96)
        *look(96),
        layers.UpSampling2D(2),  # (N, H / 16, W / 16, 96)
    ]
    coarse = [
        *conv(96, strides=2),  # (N, H / 16, W / 16, 96)
        *look(96),
        Residual(coarsest, []),
        *conv(64),  # (N, H / 16, W / 16, 64)
        layers.UpSampling2D(2),  # (N, H / 8, W / 8, 64)
    ]
    middle = [
        *conv(64, strides=2),  # (N, H / 8, W / 8, 64)
        *look(64),
        Residual(coarse, []),
        *conv(64),  # (N, H / 8, W / 8, 64)
        *conv(48, 1),  # (N, H / 8, W / 8, 48)
        layers.UpSampling2D(2),  # (N, H / 4, W / 4, 48)
    ]
    return [
        *conv(48, 8, strides=4),  # (N, H / 4, W / 4, 48)
        *look(48),
        Residual(middle, []),
        *look(48),
        layers.Conv2D(NUM_MAPS, 1),  # (N, H / 4, W / 4, 37)
    ]


def _ink(layers: Any) -> list[Any]:
    """List the network that tells one digit's ink from all else: four values for 2 x 2 pixels.

    A U of residual blocks, as `_reader`, half as wide and twice as fine.
    """
    conv, look = _blocks(layers)
    coarsest = [
        *conv(64, strides=2),  # (N, 6, 6, 64)
        *look(64),
        *look(64),
        *conv(48, 1),
        layers.UpSampling2D(2),  # (N, 12, 12, 48)
    ]
    coarse = [
        *conv(48, strides=2),  # (N, 12, 12, 48)
        *look(48),
        Residual(coarsest, []),
        *look(48),
        *conv(32, 1),
        layers.UpSampling2D(2),  # (N, 24, 24, 32)
    ]
    middle = [
        *conv(32, strides=2),  # (N, 24, 24, 32)
        *look(32),
        Residual(coarse, []),
        *look(32),
        *conv(24, 1),
        layers.UpSampling2D(2),  # (N, 48, 48, 24)
    ]
    return [
        *conv(24, 4, strides=2),  # (N, 48, 48, 24)
        Residual(middle, []),
        *look(24),
        layers.Conv2D(4, 1),  # (N, 48, 48, 4)
    ]


def _blocks(layers: Any) -> tuple[Callable[..., list[Any]], Callable[[int], list[Any]]]:
    """Return what lists a convolution, normalised and activated, and a residual block of two."""

    def convolve(filters: int, side: int = 3, strides: int = 1) -> list[Any]:
        plain = layers.Conv2D(filters, side, strides=strides, padding="same", use_bias=False)
        return [plain, layers.BatchNormalization()]

    def conv(filters: int, side: int = 3, strides: int = 1) -> list[Any]:
        return [*convolve(filters, side, strides), layers.ReLU()]

    def look(filters: int) -> list[Any]:
        return [Residual([*conv(filters), *convolve(filters)], []), layers.ReLU()]

    return conv, look


def _lines(layers: Any) -> list[Any]:
    """List the network that reads a line of digits as a whole: an answer for each two columns.

    Convolutions fold the height away, as in a CRNN [1]_; more of them along the line, added to what
    they saw, stand for its recurrent layers. It learns by connectionist temporal classification.

    .. [1] Shi, Bai, Yao, 2015. arXiv:1507.05717
    """

    def conv(filters: int, side: Any = 3, strides: Any = 1) -> list[Any]:
        options = {"padding": "same", "kernel_initializer": "he_normal"}
        return [layers.Conv2D(filters, side, strides=strides, **options), layers.ReLU()]

    along = [Residual(conv(128, (1, 5)), []) for _ in range(3)]
    return [
        *conv(24),  # (N, 32, W, 24)
        *conv(40, strides=2),  # (N, 16, W / 2, 40)
        *conv(40),
        *conv(56, strides=(2, 1)),  # (N, 8, W / 2, 56)
        *conv(80, strides=(2, 1)),  # (N, 4, W / 2, 80)
        *conv(112, strides=(2, 1)),  # (N, 2, W / 2, 112)
        *conv(128, (2, 1), (2, 1)),  # (N, 1, W / 2, 128)
        *along,
        layers.Conv2D(NUM_SYMBOLS, 1),  # (N, 1, W / 2, 18)
    ]


CLASSIFIERS: dict[str, Architecture] = {
    "base": _base,
    "tiny": _tiny,
    "tiny-silu": _tiny_silu,
    "fast": _fast,
    "vgg": _vgg,
    "resnet": _resnet,
    "conv-pool-dropout": _conv_pool_dropout,
    "conv5x5": _conv5x5,
    "three-conv": _three_conv,
    "two-conv-dropout": _two_conv_dropout,
    "conv-pool": _conv_pool,
}
# What finds digits in pages, rather than naming the one in an image.
DETECTORS: dict[str, Architecture] = {"reader": _reader}
# What reads a line that was found.
LINE_READERS: dict[str, Architecture] = {"lines": _lines}
# What tells the ink of one digit that was found.
INK_FINDERS: dict[str, Architecture] = {"ink": _ink}
# What learns from drawn pages, not from images of one digit.
PAGE_NETWORKS = DETECTORS | LINE_READERS | INK_FINDERS
ARCHITECTURES = CLASSIFIERS | PAGE_NETWORKS


def input_shape(architecture: str) -> tuple[int | None, int | None, int]:
    """Return the height, width and channels that a network takes; None for a side left open."""
    if architecture in LINE_READERS:
        return LINE_SHAPE
    if architecture in INK_FINDERS:
        return INK_SHAPE
    return PAGE_SHAPE if architecture in DETECTORS else INPUT_SHAPE


def members_of(architecture: str) -> list[str]:
    """Name the networks that an architecture consists of: several, joined by +, are an ensemble."""
    members = architecture.split("+") if isinstance(architecture, str) else [architecture]
    for member in members:
        if member not in ARCHITECTURES:
            raise InvalidArgumentError(
                argument="architecture",
                rule=f"be one of {', '.join(ARCHITECTURES)}",
                got=repr(member),
                remedy="Choose one of these, or build your own with keras.Sequential.",
            )
    if len(members) > 1 and set(members) & set(PAGE_NETWORKS):
        raise InvalidArgumentError(
            argument="architecture",
            rule="join networks that name digits",
            got=repr(architecture),
            remedy=f"Leave out {', '.join(PAGE_NETWORKS)}.",
        )
    return members
