"""The way from a picture to an image as MNIST holds it, step by step: the order stands here."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from digitcnn.errors import NoDigitError
from digitcnn.preprocessing import _geometry as geometry
from digitcnn.preprocessing._bands import undo_negative_bands
from digitcnn.preprocessing._borders import drop_frames, trim_border
from digitcnn.preprocessing._components import find_components
from digitcnn.preprocessing._drawings import find_clear_ink
from digitcnn.preprocessing._filters import running
from digitcnn.preprocessing._ground import (
    even_light,
    flat_ground,
    ink_is_dark,
    is_frame_clear,
    local_light,
)
from digitcnn.preprocessing._ink import drawn_ink, full_strength, ink_mask
from digitcnn.preprocessing._lines import drop_lines
from digitcnn.preprocessing._papers import find_paper
from digitcnn.preprocessing._pictures import Picture
from digitcnn.preprocessing._pieces import (
    are_grounds,
    drop_specks,
    refuse_noise,
    select_pieces,
)
from digitcnn.preprocessing._sheets import find_sheet
from digitcnn.preprocessing._strokes import widen_hairlines
from digitcnn.preprocessing._values import PLANE_MAX, to_pixel_values

# At MNIST's own resolution a speck of one pixel may be part of the digit; above it, it is not.
_SPECK_SIDE = 1.5 * geometry.BOX_SIDE

# A digit below this many pixels of a shrunk picture is worth a second look at the original: three
# pixels for each one that it ends up with leave its edges their shape.
_LEAST_SIDE = 3 * geometry.BOX_SIDE
# The second look takes in this part of the digit's longer side on each side of it, which is ground.
_MARGIN = 0.6

# A sheet that fills this part of its box lies straight in the picture.
_UPRIGHT_FILL = 0.98


@dataclass(frozen=True)
class Step:
    """One step on the way from a picture to a canonical image.

    Attributes
    ----------
    name : str
        What to call it.
    picture : ndarray, shape (H, W)
        What it made: uint16 0..65535 as long as it is grey as it came, float32 in [0, 1] once it
        is ink, and uint8 0..255, shape (28, 28), in the end.
    note : str
        What it did, and why.
    """

    name: str
    picture: np.ndarray
    note: str


# All that may be ink as a mask, how strong it is, and the sheet to look at instead, if any.
Found = Generator[Step, None, tuple[np.ndarray, np.ndarray, np.ndarray | None]]


def normalize(picture: Picture) -> np.ndarray:
    """Bring a picture to what MNIST would hold of it: a uint8 array of shape (28, 28)."""
    *_, last = normalization_steps(picture)
    return last.picture


def normalization_steps(picture: Picture) -> Iterator[Step]:
    """Yield each step on the way; the picture of the last one is the result."""
    yield Step("grey", picture.plane, "Colour and transparency reduced to one plane of grey.")
    if (pixels := _as_canonical(picture.plane)) is not None:
        yield Step("unchanged", pixels, "Just as MNIST would hold it, or its negative.")
        return
    if (clear := find_clear_ink(picture.plane)) is not None:
        box, ink = clear
        note = "One piece of ink, clear of all sides, on a flat ground: nothing to leave out."
        yield Step("clear ink", ink, note)
        yield from _finished(picture, box, ink, np.zeros(picture.plane.shape, bool))
        return
    if (inner := trim_border(picture.plane)) is not None:
        inside = picture.closer(inner)
        yield Step("border", inside.plane, "A border along the picture's sides: cut off.")
        yield from normalization_steps(inside)
        return
    even = undo_negative_bands(picture.plane)
    if even is not picture.plane:
        picture = Picture(even)
        yield Step("one ground", even, "Bands in negative turned back.")
    plane = yield from _bright(picture.plane)
    ground = flat_ground(plane)
    found = _drawn(plane, ground) if ground is not None else _photographed(plane)
    mask, ink, sheet = yield from found
    if sheet is not None:
        paper = _cut_out(picture, sheet)
        yield Step("sheet", paper.plane, "A sheet on a ground: the ground cut away.")
        yield from normalization_steps(paper)
        return
    digit, ink = yield from _digit(mask, ink, is_photo=ground is None)
    box = geometry.ink_box(digit)
    ink = geometry.crop(ink, box)
    yield Step("box", ink, "Cut to the box of the digit.")
    yield from _finished(picture, box, ink, mask & ~digit)


def _bright(plane: np.ndarray) -> Generator[Step, None, np.ndarray]:
    """Turn dark ink bright."""
    if ink_is_dark(plane):
        plane, note = PLANE_MAX - plane, "Ink darker than its ground: made its negative."
    else:
        note = "Ink brighter than its ground, as in MNIST: left so."
    yield Step("bright ink", plane, note)
    return plane


def _drawn(plane: np.ndarray, ground: int) -> Found:
    """Find the ink, or else a sheet, in a drawing on a flat ground."""
    ink = drawn_ink(plane, ground)
    yield Step("ink", ink, "Whatever differs from the drawing's flat ground.")
    return ink > 0, ink, find_sheet(ink)


def _photographed(plane: np.ndarray) -> Found:
    """Find a sheet in a photograph, or else the ink, in slowly changing light or in shadows."""
    bright = plane.astype(np.float32) / np.float32(PLANE_MAX)
    sheet = find_paper(bright)
    if sheet is not None:
        return sheet, bright, sheet
    contrast = even_light(bright)
    yield Step("even light", contrast, "The uneven light of a photograph taken away.")
    try:
        mask = ink_mask(contrast)
        refusal = None
    except NoDigitError as error:
        mask, refusal = np.zeros(plane.shape, bool), error
    if refusal or not is_frame_clear(drop_lines(mask, contrast)):
        local = local_light(bright)
        with contextlib.suppress(NoDigitError):
            strokes = ink_mask(local)
            if refusal or are_grounds(mask, strokes):
                contrast, mask, refusal = local, strokes, None
                note = "Shadows, tables and all that is wider than strokes taken for ground."
                yield Step("local light", contrast, note)
    if refusal:
        raise refusal
    ink = np.where(mask, contrast, np.float32(0))
    yield Step("ink", ink, "What stands out from the ground and its noise.")
    return mask, ink, None


def _digit(
    mask: np.ndarray, ink: np.ndarray, *, is_photo: bool
) -> Generator[Step, None, tuple[np.ndarray, np.ndarray]]:
    """Leave out what is not the digit."""
    top, left, bottom, right = geometry.ink_box(mask)
    if is_photo or max(bottom - top, right - left) > _SPECK_SIDE:
        unruled = drop_lines(mask, ink)
        pieces = find_components(unruled)
        unframed = drop_frames(unruled, pieces)
        if unframed is not unruled:
            pieces = find_components(unframed)
        digit = select_pieces(unframed, pieces, ink)
        ink = np.where(digit, ink, np.float32(0))
        if is_photo:
            ink = full_strength(ink, digit)
        yield Step("digit", ink, "Specks, printed lines, and what the edge cuts left out.")
    elif (digit := drop_specks(mask)) is not mask:
        ink = np.where(digit, ink, np.float32(0))
        yield Step("digit", ink, "Specks left out.")
    return digit, ink


def _finished(
    picture: Picture, box: tuple[int, int, int, int], ink: np.ndarray, dropped: np.ndarray
) -> Iterator[Step]:
    """Bring a digit cut to its box to MNIST's size and place, unless a closer look is worth it."""
    refuse_noise(ink > 0)
    if (nearer := _nearer(picture, box, dropped)) is not None:
        yield Step("closer", nearer.plane, "A small digit: looked at again in the original.")
        yield from normalization_steps(nearer)
        return
    wide = widen_hairlines(ink)
    if wide is not ink:
        yield Step("stroke", wide, "Hairlines widened, which would fade when the digit shrinks.")
    fitted = geometry.fit_box(wide)
    yield Step("20 pixels", fitted, "Scaled to a longer side of 20 pixels, aspect kept.")
    centered = geometry.place(geometry.to_pixels(fitted))
    yield Step("centred", centered, "Moved by whole pixels: the centre of mass on pixel (14, 14).")


def _cut_out(picture: Picture, inside: np.ndarray) -> Picture:
    """Cut a sheet out; what its box shows beside it is painted over."""
    box = geometry.ink_box(inside)
    if geometry.crop(inside, box).mean() > _UPRIGHT_FILL:
        return picture.closer(box)
    paper = np.median(picture.plane[inside]).astype(np.uint16)
    return Picture(geometry.crop(np.where(inside, picture.plane, paper), box))


def _nearer(
    picture: Picture, box: tuple[int, int, int, int], dropped: np.ndarray
) -> Picture | None:
    """Look closer at a box and its surroundings, but for what was dropped, if that shows more."""
    top, left, bottom, right = box
    longer = max(bottom - top, right - left)
    if picture.reduction == 1 or longer >= _LEAST_SIDE:
        return None
    margin = max(2, round(_MARGIN * longer))
    height, width = picture.plane.shape
    around = (
        max(top - margin, 0),
        max(left - margin, 0),
        min(bottom + margin, height),
        min(right + margin, width),
    )
    nearer = picture.closer(around)
    if nearer.reduction >= picture.reduction:
        return None
    return _painted_over(nearer, geometry.crop(dropped, around))


def _painted_over(picture: Picture, mask: np.ndarray) -> Picture:
    """Paint the ground over what a coarser mask marks in a picture."""
    if not mask.any():
        return picture
    height, width = picture.plane.shape
    grown = running(np.maximum, mask, 3)
    marked = np.asarray(Image.fromarray(grown).resize((width, height)))
    paper = np.median(picture.plane[~marked]).astype(np.uint16)
    return replace(picture, plane=np.where(marked, paper, picture.plane))


def _as_canonical(plane: np.ndarray) -> np.ndarray | None:
    """Return the plane, or its negative, as uint8 if it is just as MNIST would hold it."""
    if plane.shape != (geometry.IMAGE_SIDE, geometry.IMAGE_SIDE):
        return None
    pixels = to_pixel_values(plane)
    both = pixels, geometry.PIXEL_MAX - pixels
    return next(filter(geometry.is_canonical, both), None)
