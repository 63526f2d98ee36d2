"""Which side the ink lies on, and the ground below it: flat in a drawing, uneven in a photograph.

Planes are float32 or uint16 of shape (H, W). Every number below is a rule about pictures in
general, stated relative to the picture's own size, contrast and noise.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from digitcnn.preprocessing._filters import opening, quantile, reduced, running, sample

# A frame whose middle half varies by less than this part of the picture's range is even.
_EVEN_FRAME = 0.03
# The frame is this part of the shorter side wide: one pixel of MNIST's 28, and not only the first
# ruled line of a scan.
_FRAME_PART = 32

# Smaller pictures have no room for a curved ground.
_LEAST_FIT_SIDE = 8
_LEAST_SKEW = 1e-5

# Light is looked at in copies of this size, in pixels: it changes slowly.
_FIT_SIDE = 32
_FIT_ROUNDS = 6
_LIGHT_SIDE = 96

# Ink in no more than this part of the frame may be the digit's own.
_CLEAR_FRAME = 0.03
_EDGE_STEP = 2  # pixels
# A stroke is narrower than this part of a picture's longer side, unless the digit fills it.
_LOCAL_PART = 9

# The ground is never taken to be nearer to full ink than this, lest its noise be blown up.
_LEAST_ROOM = 0.1


def ink_is_dark(plane: np.ndarray) -> bool:
    """Distinguish dark ink on light from light on dark.

    The frame of a picture shows its ground; what differs from it lies to the ink's side. Where the
    frame is uneven, the ground is the smooth surface that continues it. The third power lets the
    few that differ most decide. A negative gives the exact opposite.
    """
    # Whole numbers below 2**24, and so exact.
    levels = plane.astype(np.float32)
    lower, middle, upper = _quartiles(_frame(levels))
    if upper - lower >= _EVEN_FRAME * np.ptp(levels) and min(plane.shape) >= _LEAST_FIT_SIDE:
        skew = _skew(levels - smooth_ground(levels))
        # Less is no more than the rounding errors of the fit, which know no mirror.
        if abs(skew) > _LEAST_SKEW:
            return skew < 0
    deviation = levels - middle
    skew = _skew(deviation)
    if skew == 0:
        # As much to one side as to the other: the picture begins with its ground.
        differing = deviation[deviation != 0]
        return bool(differing.size and differing[0] > 0)
    return skew < 0


def _skew(deviation: np.ndarray) -> float:
    """Return the mean third power as a part of the largest."""
    peak = max(float(deviation.max()), -float(deviation.min()))
    if peak == 0:
        return 0.0
    scaled = deviation * np.float32(1 / peak)
    return float((scaled * scaled * scaled).mean())


def flat_ground(plane: np.ndarray) -> int | None:
    """Find the one grey value that a drawn picture has for its ground, or None for a photo.

    Parameters
    ----------
    plane : ndarray of uint16, shape (H, W)
        Bright ink on dark.

    Returns
    -------
    ground : int or None
        The value that most of the frame has exactly, if few other pixels lie close to it: in a
        photo or JPEG, noise surrounds the ground's value.
    """
    frame = _frame(plane)
    ground = int(frame[0])
    if frame.max() != frame.min():
        values, counts = np.unique(frame, return_counts=True)
        ground = int(values[counts.argmax()])
        if 2 * counts.max() < counts.sum():
            return None
    deviation = plane.astype(np.int32) - ground
    lowest, highest = int(deviation.min()), int(deviation.max())
    peak = max(highest, -lowest)
    differs = int(np.count_nonzero(deviation))
    strong = int(np.count_nonzero(10 * deviation >= peak))
    darker = int(np.count_nonzero(10 * deviation <= -peak)) if lowest < 0 else 0
    if peak == 0:
        return ground
    return ground if is_drawn(differs, strong, darker) else None


def is_drawn(differs: int, strong: int, darker: int = 0) -> bool:
    """Distinguish a drawing from a photo by how many pixels differ from the ground, and how much.

    Parameters
    ----------
    differs : int
        All that differ.
    strong, darker : int
        Those that are brighter or darker than the ground by a tenth of the greatest difference.
    """
    faint = differs - strong - darker
    return 4 * faint <= differs and 20 * darker <= differs


def even_light(plane: np.ndarray) -> np.ndarray:
    """Take away uneven light: what is left is how much brighter than the ground each pixel is.

    Where the frame shows one even grey, that is the ground. Otherwise it is the smooth surface that
    continues the frame, and on top of it the morphological opening of a coarse copy: the brightest
    square half the picture wide that fits under the light. Strokes are narrower and do not hold
    it up. Ink takes away a part of the light that the paper throws back, so the contrast is divided
    by the distance from the ground to full ink: in the shadow it counts as much as in the light.

    Parameters
    ----------
    plane : ndarray of float32, shape (H, W)
        Bright ink in [0, 1].

    Returns
    -------
    contrast : ndarray of float32, shape (H, W)
        Brightness above the ground; the ground's own noise lies around 0.
    """
    low, middle, high = _quartiles(_frame(plane))
    if high - low < _EVEN_FRAME * np.ptp(plane) or min(plane.shape) < _LEAST_FIT_SIDE:
        return plane - np.float32(middle)
    ground = smooth_ground(plane)
    contrast = plane - ground
    coarse = reduced(contrast, _LIGHT_SIDE)
    window = max(3, max(coarse.shape) // 2)
    opened = opening(coarse, window)
    height, width = plane.shape
    smooth = np.asarray(Image.fromarray(opened).resize((width, height), Image.Resampling.BILINEAR))
    return _as_ink(contrast - smooth, ground + smooth)


def local_light(plane: np.ndarray) -> np.ndarray:
    """Take away light and grounds of any shape that are wider than strokes, hard edges included.

    The ground is the morphological opening in a small square: shadows, tables and rims are wider
    and stay in it with their edges, strokes are narrower and do not.

    Parameters
    ----------
    plane : ndarray of float32, shape (H, W)
        Bright ink in [0, 1].

    Returns
    -------
    contrast : ndarray of float32, shape (H, W)
        Brightness above the ground.
    """
    window = max(3, max(plane.shape) // _LOCAL_PART) | 1
    # A little wider than it is narrow: a slanting edge is a staircase, whose steps stay out.
    ground = running(np.maximum, running(np.minimum, plane, window), window + 2 * _EDGE_STEP)
    return _as_ink(plane - ground, ground)


def _as_ink(contrast: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Bring most of the ground to 0, and ink in the shadow to the strength of ink in the light."""
    level = np.float32(quantile(sample(contrast), 0.3))
    # In place: a photograph does not fit the CPU's caches many times over.
    room = ground + level
    np.subtract(1, room, out=room)
    np.maximum(room, np.float32(_LEAST_ROOM), out=room)
    ink = contrast - level
    ink /= room
    ink *= np.float32(quantile(sample(room), 0.5))
    return ink


def is_frame_clear(mask: np.ndarray) -> bool:
    """Return whether hardly anything in a picture's frame is taken for ink."""
    return bool(_frame(mask).mean() <= _CLEAR_FRAME)


def smooth_ground(plane: np.ndarray) -> np.ndarray:
    """Fit the smooth surface that continues the picture's frame: the ground under uneven light.

    A polynomial of second degree, by least absolute deviations on a coarse copy, so that ink and
    shadows hardly move it. The frame counts as much as all that it encloses.

    Parameters
    ----------
    plane : ndarray of float32, shape (H, W)
        Grey.

    Returns
    -------
    ground : ndarray of float32, shape (H, W)
        What the picture would be without ink.
    """
    coarse = reduced(plane, _FIT_SIDE)
    height, width = coarse.shape
    on_frame = np.ones(coarse.shape, bool)
    on_frame[1:-1, 1:-1] = False
    share = on_frame.mean()
    importance = np.where(on_frame, 1.0, share / max(1 - share, share)).ravel()
    terms = _polynomial(height, width)
    values = coarse.ravel().astype(np.float64)
    weights = importance
    floor = max(float(np.ptp(values)), 1e-9) / 200
    for _ in range(_FIT_ROUNDS):
        weighted = terms * weights[:, None]
        # A little of the identity: a picture of one row has no curve across.
        normal = weighted.T @ terms + 1e-6 * weights.sum() * np.eye(terms.shape[1])
        factors = np.linalg.solve(normal, weighted.T @ values)
        weights = importance / np.maximum(np.abs(values - terms @ factors), floor)
    y, x = (_positions(side).astype(np.float32) for side in plane.shape)
    constant, slope_x, slope_y, curve_x, twist, curve_y = factors.astype(np.float32)
    by_row = (constant + slope_y * y + curve_y * y * y)[:, None]
    by_column = slope_x * x + curve_x * x * x
    return by_row + by_column + (twist * y)[:, None] * x


def _polynomial(height: int, width: int) -> np.ndarray:
    """Return 1, x, y, x^2, xy and y^2 for each pixel, x and y in -1..1: shape (H W, 6)."""
    y, x = np.repeat(_positions(height), width), np.tile(_positions(width), height)
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)


def _positions(side: int) -> np.ndarray:
    """Spread the pixels of a side over -1..1, a single one in the middle."""
    return np.linspace(-1, 1, side) if side > 1 else np.zeros(1)


def frame_width(shape: tuple[int, ...]) -> int:
    """Return the width of the band along a picture's sides that shows its ground."""
    return max(1, min(shape) // _FRAME_PART)


def _frame(plane: np.ndarray) -> np.ndarray:
    """Collect the pixels in a band along the four sides, each once."""
    width = frame_width(plane.shape)
    if min(plane.shape) <= 2 * width:
        return plane.ravel()
    inner = plane[width:-width]
    return np.concatenate(
        [
            plane[:width].ravel(),
            plane[-width:].ravel(),
            inner[:, :width].ravel(),
            inner[:, -width:].ravel(),
        ]
    )


def _quartiles(values: np.ndarray) -> tuple[float, float, float]:
    """Return the quartiles and the median between them; mirrored values give mirrored ones."""
    if values.max() == values.min():
        return float(values[0]), float(values[0]), float(values[0])
    ordered = np.sort(values)
    last = len(ordered) - 1
    lower, upper = ordered[last // 4], ordered[last - last // 4]
    # Half the sum of two whole numbers is exact.
    middle = (float(ordered[last // 2]) + float(ordered[last - last // 2])) / 2
    return float(lower), middle, float(upper)
