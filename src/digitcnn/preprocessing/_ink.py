"""How much of what stands out from the ground is ink."""

from __future__ import annotations

import numpy as np
from PIL import Image

from digitcnn.errors import NoDigitError
from digitcnn.preprocessing._components import find_components
from digitcnn.preprocessing._filters import quantile, sample
from digitcnn.preprocessing._geometry import PIXEL_MAX, strengthen
from digitcnn.preprocessing._values import PLANE_MAX

# Below this contrast, 8 of 255 grey levels, ink cannot be told from the grain of paper.
_LEAST_CONTRAST = 8 / 255
# Ink stands out from the ground's noise by this many standard deviations, or it is noise.
_LEAST_SIGNAL = 6.0

# The fewest pixels that a digit can be seen by, and how much more than the brightest 0.2 % of a
# picture they must stand out for that to be so.
_TINY_PIXELS = 16
_TINY_ADVANTAGE = 2.5

_BINS = 128  # of the histogram that Otsu's method looks at


def drawn_ink(plane: np.ndarray, ground: int) -> np.ndarray:
    """Take whatever differs from a flat ground as ink, at full strength."""
    ink = (np.maximum(plane, np.uint16(ground)) - np.uint16(ground)) / np.float32(PLANE_MAX)
    if not ink.any():
        raise NoDigitError(
            argument="images",
            rule="hold a digit",
            got="a blank picture",
            remedy="Give a picture with visible ink.",
        )
    return strengthen(ink)


def full_strength(contrast: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Scale the contrast inside a mask so that a good part of the ink is at full strength."""
    full = quantile(contrast[mask], 0.75)
    # The faintest ink keeps a trace, so that the mask's outline is the ink's.
    return np.where(mask, np.clip(contrast / full, 1 / PIXEL_MAX, 1), 0).astype(np.float32)


def noise_level(contrast: np.ndarray) -> float:
    """Estimate the standard deviation of the ground's noise from its darker side.

    Between the 5th and the 30th percentile lies ground, never ink, and 1.12 standard deviations
    of a normal distribution.
    """
    ordered = np.sort(sample(contrast), axis=None)
    return (quantile(ordered, 0.3) - quantile(ordered, 0.05)) / 1.12


def peak_levels(contrast: np.ndarray) -> tuple[float, float]:
    """Return the contrast of the strongest ink: that of the brightest 0.2 %, and of the best 16."""
    count = max(1, contrast.size // 500)
    few = min(contrast.size, _TINY_PIXELS)
    brightest = np.partition(contrast, -max(count, few), axis=None)[-max(count, few) :]
    brightest.sort()
    return float(brightest[-count:].mean()), float(brightest[-few:].mean())


def otsu_threshold(contrast: np.ndarray, peak: float) -> float:
    """Find the level between 0 and `peak` that parts two classes best [1]_.

    References
    ----------
    .. [1] Otsu, IEEE Trans. Systems, Man, and Cybernetics 9(1), 1979.
       doi:10.1109/TSMC.1979.4310076
    """
    levels = np.clip(contrast * np.float32(_BINS / peak), 0, _BINS - 1).astype(np.uint8)
    counts = np.array(Image.fromarray(levels).histogram()[:_BINS])  # half of NumPy's time
    edges = np.linspace(0, peak, _BINS + 1)
    centers = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * centers)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = sums / below - (sums[-1] - sums) / above
        separation = np.where((below > 0) & (above > 0), below * above * gap**2, 0)
    return float(edges[1:][separation.argmax()])


def ink_mask(contrast: np.ndarray) -> np.ndarray:
    """Mark the ink: whatever is strong enough, and what is fainter but part of the same piece.

    Raises
    ------
    NoDigitError
        If nothing stands out from the ground.
    """
    noise = noise_level(contrast)
    peak, top = peak_levels(contrast)
    is_tiny = top > _TINY_ADVANTAGE * peak
    if is_tiny:
        # Too little of it for a histogram to show.
        peak, strong = top, top / 2
    if peak < _LEAST_CONTRAST:
        raise NoDigitError(
            argument="images",
            rule="hold a digit",
            got=f"a picture whose strongest contrast is {peak:.3f} of full scale",
            remedy="Give a picture with visible ink.",
        )
    if peak < _LEAST_SIGNAL * noise:
        raise NoDigitError(
            argument="images",
            rule="hold a digit",
            got="a picture too unquiet to find ink in",
            reason=f"with contrasts of up to {peak:.3f} of full scale over noise of {noise:.3f}",
            remedy="Crop it to plain paper, or take it in more and more even light.",
        )
    if not is_tiny:
        strong = otsu_threshold(contrast, peak)
    mask = contrast > max(0.6 * strong, 3.5 * noise)
    pieces = find_components(mask)
    return pieces.mask(pieces.sums(contrast >= strong) > 0)
