"""From colours and opacity to one plane of grey in which the ink shows."""

from __future__ import annotations

import numpy as np
from PIL import Image

from digitcnn.errors import NoDigitError
from digitcnn.images.values import PIXEL_MAX, PLANE_MAX, PLANE_PER_PIXEL, to_plane_values

# ITU-R BT.601 luma in 16-bit fixed point, as Pillow's convert("L") has it; the weights add up
# to exactly 65536, so equal channels give back their value.
_LUMA = (19595, 38470, 7471)

# A colour contrast this many times stronger than the contrast of the luma is what the eye sees:
# red ink on a green ground of the same brightness has no luma contrast at all.
_COLOR_ADVANTAGE = 2.0
# Colours are compared at no more than this many places along a side.
_SAMPLE_SIDE = 128
_STRIP_ROWS = 32  # so few stay in the processor's cache: half of the time

# An opaque part larger than this is a picture with see-through margins, not ink on nothing.
_MOSTLY_OPAQUE = 0.6

# The ground is even where it keeps to so much of the picture's range, and ink is farther from it.
_EVEN, _INK = 0.1, 0.3
# A digit cut to its box touches several sides of the frame, in few places, and none along much of
# it; a raster, and a shadow or a table's edge do not. One side is enough where the ground is all of
# one value and the ink reaches this far across and down.
_LEAST_SIDES, _MOST_TOUCHES, _LONGEST_TOUCH, _FULL = 2, 8, 0.3, 0.75
# A 1 is this much taller than wide.
_NARROW = 3


def to_gray(channels: np.ndarray) -> np.ndarray:
    """Reduce uint8 or uint16 pixels of shape (H, W, 1, 3 or 4) to one plane of shape (H, W)."""
    if channels.shape[2] == 4:
        channels = flatten_alpha(channels)
    if channels.shape[2] == 1:
        return channels[:, :, 0]
    return choose_plane(channels)


def is_opaque_gray(pixels: np.ndarray) -> bool:
    """Return whether the first channel of uint8 pixels says it all.

    Drawing programs and web pages save black and white as colour, and with an opacity.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (H, W, 1, 3 or 4)
        Grey, RGB or RGBA.
    """
    height, width, depth = pixels.shape
    # Whole rows at once: NumPy takes twice as long over every third or fourth value.
    rows = pixels.reshape(height, width * depth)
    changes = np.zeros(width * depth, bool)
    changes[:-1] = (rows[:, 1:] != rows[:, :-1]).any(axis=0)
    is_gray = not changes.reshape(width, depth)[:, : min(depth, 3) - 1].any()
    return is_gray and bool((rows.min(axis=0).reshape(width, depth)[:, 3:] == PIXEL_MAX).all())


def flatten_alpha(rgba: np.ndarray) -> np.ndarray:
    """Lay a picture with transparency over the ground that makes its ink visible.

    A picture that is opaque for the most part keeps its own ground; ink on nothing is laid over
    white where it is dark and over black where it is bright.

    Parameters
    ----------
    rgba : ndarray of uint8 or uint16, shape (H, W, 4)
        Colour and opacity, of the type's whole range each.

    Returns
    -------
    rgb : ndarray of uint8 or uint16, shape (H, W, 3)
        The picture without transparency; uint16 where it had any.

    Raises
    ------
    NoDigitError
        If nothing in the picture is visible.
    """
    if rgba[:, :, 3].min() == np.iinfo(rgba.dtype).max:
        return rgba[:, :, :3]
    if rgba.dtype == np.uint8:
        rgba = to_plane_values(rgba, PLANE_PER_PIXEL)
    color, alpha = rgba[:, :, :3], rgba[:, :, 3]
    if not alpha.any():
        raise NoDigitError(
            argument="images",
            rule="hold visible pictures",
            got="a fully transparent one",
            remedy="Drop it.",
        )
    if alpha.mean() > _MOSTLY_OPAQUE * PLANE_MAX:
        ground = np.median(color[alpha == alpha.max()], axis=0).astype(np.uint32)
    else:
        seen = alpha.sum(dtype=np.int64)
        is_dark = 2 * (luma(color) * alpha.astype(np.int64)).sum() <= PLANE_MAX * seen
        ground = np.full(3, PLANE_MAX if is_dark else 0, np.uint32)
    # The sum is at most 65535 * 65535, which fits 32 bits with its rounding term.
    opacity = alpha[:, :, None].astype(np.uint32)
    blended = color * opacity + ground * (PLANE_MAX - opacity)
    return ((blended + PLANE_MAX // 2) // PLANE_MAX).astype(np.uint16)


def choose_plane(rgb: np.ndarray) -> np.ndarray:
    """Reduce colours to the grey that shows the ink: the luma, or else the main axis of colour.

    Parameters
    ----------
    rgb : ndarray of uint8 or uint16, shape (H, W, 3)
        Colours, of the type's whole range each.

    Returns
    -------
    plane : ndarray of uint8 or uint16, shape (H, W)
        BT.601 luma, of the colours' type; where colours differ clearly more along another
        direction, the position along their first principal component, stretched to uint16.
    """
    if np.array_equal(rgb[:, :, 0], rgb[:, :, 1]) and np.array_equal(rgb[:, :, 1], rgb[:, :, 2]):
        return rgb[:, :, 0]
    # Two such contrasts can be told apart on a sample as well.
    step = -(-max(rgb.shape) // _SAMPLE_SIDE)
    sample = rgb[::step, ::step]
    axis, color_contrast = _main_axis(sample)
    if color_contrast <= _COLOR_ADVANTAGE * luma(sample).std():
        return luma(rgb)
    position = rgb @ axis
    lowest, spread = position.min(), np.ptp(position)
    return np.rint((position - lowest) / spread * PLANE_MAX).astype(np.uint16)


def _main_axis(rgb: np.ndarray) -> tuple[np.ndarray, float]:
    """Find the direction along which colours differ most, and their standard deviation on it."""
    colors = rgb.reshape(-1, 3).astype(np.float64)
    # Sums of whole numbers below 2**53 are exact, so that a negative has the very same axis.
    means = np.ones(len(colors)) @ colors / len(colors)
    variances, axes = np.linalg.eigh(colors.T @ colors / len(colors) - np.outer(means, means))
    axis = axes[:, -1] / np.abs(axes[:, -1]).sum()
    return axis, float(np.sqrt(max(variances[-1], 0.0)) * np.linalg.norm(axis))


def luma(rgb: np.ndarray) -> np.ndarray:
    """Weigh red, green and blue as the eye does, in whole numbers."""
    if rgb.dtype == np.uint8:
        # Of the same weights, and faster.
        return np.asarray(Image.fromarray(np.ascontiguousarray(rgb)).convert("L"))
    plane = np.empty(rgb.shape[:2], np.uint16)
    for top in range(0, len(rgb), _STRIP_ROWS):
        rows = slice(top, top + _STRIP_ROWS)
        # The weights add up to 2**16, so the sum stays below 2**32 with its rounding term.
        weighted = np.full(plane[rows].shape, 0x8000, np.uint32)
        for channel, weight in enumerate(_LUMA):
            # NumPy 1 would multiply in 16 bits.
            weighted += np.multiply(rgb[rows, :, channel], weight, dtype=np.uint32)
        plane[rows] = weighted >> 16
    return plane


def ground_around(plane: np.ndarray) -> int | None:
    """Find the even ground of a picture that was cut so tight that its ink touches the frame.

    Parameters
    ----------
    plane : ndarray of uint8 or uint16, shape (H, W)

    Returns
    -------
    ground : int or None
        The value to enlarge the picture with; None where no ink touches the frame, or where that
        may be something else than ink.
    """
    sides = [plane[0], plane[1:-1, -1], plane[-1, ::-1], plane[-2:0:-1, 0]]
    frame = np.concatenate(sides).astype(np.int32)
    lowest, highest = int(plane.min()), int(plane.max())
    if lowest == highest:
        return None
    for end in (lowest, highest):
        away = np.abs(frame - end)
        is_ground = away <= _EVEN * (highest - lowest)
        if 2 * np.count_nonzero(is_ground) >= len(frame):
            break
    else:
        return _ground_of_one(plane)
    is_ink = away > _INK * (highest - lowest)
    touched = np.split(is_ink, np.cumsum([len(side) for side in sides[:-1]]))
    is_cut = sum(side.any() for side in touched) >= _LEAST_SIDES or _is_full(plane, end)
    if not is_cut or _is_crossed(*touched):
        return None
    changes = np.flatnonzero(is_ink != np.roll(is_ink, 1))
    if not 0 < len(changes) <= 2 * _MOST_TOUCHES:  # each begins and ends
        return None
    lengths = np.diff(changes, append=changes[0] + len(frame))
    touches = lengths[0 if is_ink[changes[0]] else 1 :: 2]
    if touches.max() > _LONGEST_TOUCH * len(frame):
        return None
    ground = np.sort(frame[is_ground])
    return int(ground[len(ground) // 2])


def _is_full(plane: np.ndarray, ground: int) -> bool:
    """Return whether what differs from the ground, however little, reaches from side to side."""
    mask = plane != ground
    spans = (np.ptp(np.flatnonzero(mask.any(axis=axis))) + 1 for axis in (1, 0))
    return all(span >= _FULL * length for span, length in zip(spans, plane.shape, strict=True))


def _is_crossed(top: np.ndarray, right: np.ndarray, bottom: np.ndarray, left: np.ndarray) -> bool:
    """Return whether all that touches the frame runs straight across, as a ruling does."""
    for one, other, rest in ((top, bottom, (left, right)), (left, right, (top, bottom))):
        both = np.count_nonzero(one & other[::-1])
        if 2 * both > np.count_nonzero(one | other[::-1]) and not any(side.any() for side in rest):
            return True
    return False


def _ground_of_one(plane: np.ndarray) -> int | None:
    """Find the ground of a 1 cut to its box, whose stroke covers the frame, and the middle.

    Nothing but a 1 is so narrow.
    """
    height, width = plane.shape
    lowest, highest = int(plane.min()), int(plane.max())
    above_half = 2 * int(plane[height // 2, width // 2]) - lowest - highest
    if height < _NARROW * width or not above_half:
        return None
    return lowest if above_half > 0 else highest
