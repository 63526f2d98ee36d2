"""What in a picture is ink: polarity, ground, threshold, and which pieces belong to the digit.

Planes are float32 or uint16 of shape (H, W). Every number below is a rule about pictures in general, stated relative to the
picture's own size, contrast and noise.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from digitcnn.errors import NoDigitError
from digitcnn.preprocessing._components import Components, find_components

_PLANE_MAX = 65535

# Below this contrast, 8 of 255 grey levels, ink cannot be told from the grain of paper.
_LEAST_CONTRAST = 8 / 255
# Ink stands out from the ground's noise by this many standard deviations, or it is noise.
_LEAST_SIGNAL = 6.0

# A frame whose middle half varies by less than this part of the picture's range is even.
_EVEN_FRAME = 0.03


def ink_is_dark(plane: np.ndarray) -> bool:
    """Tell dark ink on light from light on dark.

    The frame of a picture shows its ground; what differs from it lies to the ink's side. Where
    the light falls so unevenly that the frame itself varies as much as the ink does, each pixel
    is compared with its surroundings instead. The third power lets the few that differ most
    decide. Whole numbers make a negative give the exact opposite.
    """
    levels = plane.astype(np.int64)
    frame = _frame(levels)
    lower, upper = _middle_pair(frame)
    # Twice the deviation from the median, so that it is a whole number.
    deviation = 2 * levels - (lower + upper)
    low, high = np.percentile(frame, (25, 75))
    if high - low > 0.25 * np.ptp(levels):
        mean = _box_mean(plane.astype(np.float32), max(plane.shape) // 4)
        deviation = 2 * (levels - np.rint(mean).astype(np.int64))
    # Scaled down to 13 bits each: the cubes of 512 x 512 of them still fit 64 bits.
    return int(((np.sign(deviation) * (np.abs(deviation) >> 4)) ** 3).sum()) < 0


def _frame(plane: np.ndarray) -> np.ndarray:
    """Collect the pixels along the four sides, each once."""
    if min(plane.shape) < 3:
        return plane.ravel()
    return np.concatenate([plane[0], plane[-1], plane[1:-1, 0], plane[1:-1, -1]])


def _middle_pair(values: np.ndarray) -> tuple[int, int]:
    """Give the two middle values, the same one twice if their number is odd."""
    ordered = np.sort(values)
    return int(ordered[(len(ordered) - 1) // 2]), int(ordered[len(ordered) // 2])


def _box_mean(plane: np.ndarray, radius: int) -> np.ndarray:
    """Average each pixel's square surroundings; the edge is continued outwards."""
    blurred = Image.fromarray(plane).convert("F")
    # Pillow blurs 8-bit images only; a blurred copy of a reduced plane is as good here.
    small = blurred.resize(
        tuple(max(1, side // max(radius, 1)) for side in blurred.size), Image.Resampling.BOX
    )
    return np.asarray(small.resize(blurred.size, Image.Resampling.BILINEAR))


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
    values, counts = np.unique(_frame(plane), return_counts=True)
    ground = int(values[counts.argmax()])
    if 2 * counts.max() < counts.sum():
        return None
    deviation = plane.astype(np.int64) - ground
    peak = int(np.abs(deviation).max())
    if peak == 0:
        return ground
    differs = np.count_nonzero(deviation)
    faint = differs - np.count_nonzero(10 * np.abs(deviation) >= peak)
    darker = np.count_nonzero(10 * deviation <= -peak)
    return ground if 2 * faint <= differs and 20 * darker <= differs else None


def subtract_ground(plane: np.ndarray) -> np.ndarray:
    """Subtract uneven light: what is left is how much brighter than the ground each pixel is.

    Where the frame shows one even grey, that is the ground. Otherwise it is the morphological
    opening of a coarse copy: the brightest square half the picture wide that fits under the light.
    Strokes are narrower and do not hold it up.

    Parameters
    ----------
    plane : ndarray of float32, shape (H, W)
        Bright ink in [0, 1].

    Returns
    -------
    contrast : ndarray of float32, shape (H, W)
        Brightness above the ground; the ground's own noise lies around 0.
    """
    low, middle, high = np.percentile(_frame(plane), (25, 50, 75))
    if high - low < _EVEN_FRAME * np.ptp(plane):
        return plane - np.float32(middle)
    height, width = plane.shape
    factor = max(1, max(height, width) // 96)
    image = Image.fromarray(plane)
    coarse = np.asarray(image.reduce(factor)) if factor > 1 else plane
    window = max(3, max(coarse.shape) // 2)
    lowest = _running(np.minimum, coarse, window)
    opened = _running(np.maximum, lowest, window)
    smooth = Image.fromarray(opened).resize((width, height), Image.Resampling.BILINEAR)
    contrast = plane - np.asarray(smooth)
    return contrast - np.percentile(contrast, 30).astype(np.float32)


def is_patch(ink: np.ndarray) -> bool:
    """Tell whether what differs from the ground is a paler sheet on it, with the ink on that.

    A digit leaves most of its box empty, or fills it at full strength; a sheet fills its box and
    is paler than the ink it bears.

    Parameters
    ----------
    ink : ndarray of float32, shape (H, W)
        Ink in [0, 1], cropped to its box.
    """
    return bool(np.mean(ink > 0) > 0.8 and np.median(ink) < 0.5 * ink.max())


def _running(reduce: np.ufunc, plane: np.ndarray, window: int) -> np.ndarray:
    """Take the minimum or maximum over a square window around each pixel.

    Doubling: a window of 2k pixels is two windows of k, so that a window of w takes log2(w) passes.
    """
    before = window // 2
    for axis in (0, 1):
        padding = [(0, 0), (0, 0)]
        padding[axis] = (before, window - 1 - before)
        result = np.pad(plane, padding, mode="edge")
        reach = 1
        while reach < window:
            step = min(reach, window - reach)
            first = [slice(None)] * 2
            second = [slice(None)] * 2
            first[axis], second[axis] = slice(None, -step), slice(step, None)
            result = reduce(result[tuple(first)], result[tuple(second)])
            reach += step
        plane = result
    return plane


def noise_level(contrast: np.ndarray) -> float:
    """Estimate the standard deviation of the ground's noise from its darker side.

    Between the 5th and the 30th percentile lies ground, never ink, and 1.12 standard deviations
    of a normal distribution.
    """
    low, middle = np.percentile(contrast, (5, 30))
    return float(middle - low) / 1.12


def peak_level(contrast: np.ndarray) -> float:
    """Give the contrast of the strongest ink: the mean of the brightest 0.2 % of the pixels."""
    count = max(1, contrast.size // 500)
    return float(np.partition(contrast, -count, axis=None)[-count:].mean())


def otsu_threshold(contrast: np.ndarray, peak: float) -> float:
    """Find the level between 0 and `peak` that parts two classes best [1]_.

    References
    ----------
    .. [1] Otsu, IEEE Trans. Systems, Man, and Cybernetics 9(1), 1979.
       doi:10.1109/TSMC.1979.4310076
    """
    counts, edges = np.histogram(np.clip(contrast, 0, peak), bins=128, range=(0, peak))
    centers = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * centers)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = sums / below - (sums[-1] - sums) / above
        separation = np.where((below > 0) & (above > 0), below * above * gap**2, 0)
    return float(edges[1:][separation.argmax()])


def ink_mask(contrast: np.ndarray) -> tuple[np.ndarray, Components]:
    """Mark the ink: whatever is strong enough, and what is fainter but part of the same piece.

    Raises
    ------
    NoDigitError
        If nothing stands out from the ground, or everything does.
    """
    noise, peak = noise_level(contrast), peak_level(contrast)
    if peak < max(_LEAST_CONTRAST, _LEAST_SIGNAL * noise):
        raise NoDigitError(
            f"`images` must hold a digit; got a picture whose strongest contrast is {peak:.3f} of "
            f"full scale over noise of {noise:.3f}. Give a picture with visible ink."
        )
    strong = otsu_threshold(contrast, peak)
    mask = contrast > max(0.6 * strong, 3.5 * noise)
    pieces = find_components(mask)
    strengths = pieces.sums(contrast >= strong)
    keep = strengths > 0
    return pieces.mask(keep), pieces


def select_pieces(mask: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    """Keep the pieces of ink that make up the digit; drop specks, ruled lines and what the edge cuts.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        All ink.
    contrast : ndarray of float32, shape (H, W)
        How strong it is.

    Returns
    -------
    digit : ndarray of bool, shape (H, W)
        The heaviest piece, and others that are large enough or lie within its reach.

    Raises
    ------
    NoDigitError
        If the ink is nothing but specks.
    """
    pieces = find_components(mask)
    if len(pieces.areas) <= 1:
        return mask
    height, width = mask.shape
    tops, lefts, bottoms, rights = pieces.boxes.T
    heights, widths = bottoms - tops, rights - lefts
    touches_edge = (tops == 0) | (lefts == 0) | (bottoms == height) | (rights == width)
    is_line = ((widths >= 0.9 * width) & (heights <= 0.1 * height)) | (
        (heights >= 0.9 * height) & (widths <= 0.1 * width)
    )
    weights = pieces.sums(np.where(mask, contrast, 0))
    standing = np.where(is_line, 0.01, np.where(touches_edge, 0.3, 1.0))
    main = int((weights * standing).argmax())
    if len(pieces.areas) > 50 and pieces.areas[main] < 0.1 * pieces.areas.sum():
        raise NoDigitError(
            f"`images` must hold a digit; got a picture of {len(pieces.areas)} specks. "
            "Give a picture with one connected digit."
        )
    shares = weights / weights[main]
    reach = 0.35 * max(heights[main], widths[main])
    gaps = np.maximum(
        np.maximum(tops[main] - bottoms, tops - bottoms[main]),
        np.maximum(lefts[main] - rights, lefts - rights[main]),
    )
    is_part = (shares >= 0.06) & (gaps <= reach) & ~touches_edge & ~is_line
    is_fragment = (shares >= 0.01) & (gaps <= 0)
    keep = is_part | is_fragment
    keep[main] = True
    return pieces.mask(keep)


def stroke_width(ink: np.ndarray) -> float:
    """Estimate the width of the strokes, in pixels, as twice the area over the outline.

    Parameters
    ----------
    ink : ndarray of float32, shape (H, W)
        Ink in [0, 1]; grey edges count by their part.
    """
    padded = np.pad(ink, 1)
    outline = np.abs(np.diff(padded, axis=0)).sum() + np.abs(np.diff(padded, axis=1)).sum()
    return float(2 * ink.sum() / outline)


def thicken(ink: np.ndarray, radius: int) -> np.ndarray:
    """Widen strokes by `radius` pixels on each side, with an octagon for a pen."""
    for step in range(radius):
        if step % 2 == 0:
            ink = _running(np.maximum, ink, 3)
        else:
            padded = np.pad(ink, 1)
            ink = np.maximum.reduce(
                [
                    padded[1:-1, 1:-1],
                    padded[:-2, 1:-1],
                    padded[2:, 1:-1],
                    padded[1:-1, :-2],
                    padded[1:-1, 2:],
                ]
            )
    return ink
