"""Reading numbers: whatever is done to a page changes the boxes, and nothing else."""

from __future__ import annotations

import io
import json
import pickle
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from strategies import encode
from written import write_page

from digitcnn import DigitReader, predict, predict_proba, read
from digitcnn.errors import (
    ImageReadError,
    InvalidArgumentError,
    InvalidImageError,
    SeveralDigitsError,
)
from digitcnn.readings import Digit, Line, Mark, Reading
from digitcnn.weights import resolve

PAGE = write_page("407", "52968")
TEXT = "407\n52968"
NEAR = 8.0  # pixels: digits of the page are some 45 tall
EXIF_ORIENTATION = 0x0112


@pytest.fixture(scope="module")
def reading():
    """Give the reading of the page."""
    return read(PAGE)


def boxes_of(reading):
    """Give the boxes of all digits, in reading order."""
    return np.array([digit.box for digit in reading.digits]).reshape(-1, 4)


def scaled(pixels, factor):
    """Resize a picture as a person would see it from nearer or farther away."""
    height, width = pixels.shape[:2]
    size = (round(width * factor), round(height * factor))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def holds_its_boxes(reading):
    """Tell whether all boxes have an area and lie in the picture."""
    members = [each for line in reading.lines for each in (*line.digits, *line.marks, line)]
    width, height = reading.size
    return all(
        0 <= left < right <= width and 0 <= top < bottom <= height
        for left, top, right, bottom in (each.box for each in members)
    )


# What is found


def test_the_page_is_read_line_by_line(reading):
    """The text has a line for each line of writing, digits from left to right."""
    assert reading.text == reading.full_text == str(reading) == TEXT
    assert [line.text for line in reading.lines] == TEXT.split("\n")
    assert "".join(str(digit.value) for digit in reading.digits) == TEXT.replace("\n", "")
    assert reading.size == PAGE.shape[::-1]


def test_each_digit_lies_where_its_ink_is(reading):
    """A digit's box is that of its ink, give or take a few pixels."""
    for digit in reading.digits:
        left, top, right, bottom = (round(side) for side in digit.box)
        around = PAGE[max(0, top - 8) : bottom + 8, max(0, left - 8) : right + 8] < 128
        rows, columns = (np.flatnonzero(around.any(axis=axis)) for axis in (1, 0))
        assert abs((rows[-1] + 1 - rows[0]) - (bottom - top)) <= 2 * NEAR
        assert abs((columns[-1] + 1 - columns[0]) - (right - left)) <= 2 * NEAR


def test_confidences_are_probabilities(reading):
    """Confidences and probabilities lie in [0, 1]; a whole is no surer than its parts."""
    for digit in reading.digits:
        assert digit.value == digit.probabilities.argmax()
        assert digit.probabilities.shape == (10,)
        assert digit.probabilities.sum() == pytest.approx(1, abs=1e-5)
        assert 0 <= reading.confidence <= digit.confidence <= 1


def test_a_decimal_point_is_no_digit_and_is_not_lost():
    """Between digits on the line, a point is in `full_text` and `marks` alone."""
    page = Image.fromarray(write_page("52 68"))
    ImageDraw.Draw(page).ellipse((187, 88, 196, 97), fill=20)

    reading = read(page)

    assert (reading.text, reading.full_text) == ("5268", "52.68")
    (mark,) = reading.lines[0].marks
    assert (mark.value, holds_its_boxes(reading)) == (".", True)
    assert np.allclose(mark.box, (187, 88, 197, 98), atol=NEAR)


@pytest.mark.parametrize("gray", [20, 190])
def test_a_point_is_read_where_digits_make_room_for_it(gray):
    """A faint point above the foot of the line is one in a gap between digits, not beside them."""
    narrower = np.delete(write_page("52 68"), slice(150, 224), axis=1)  # half a digit's height wide
    between, after = (Image.fromarray(narrower) for _ in range(2))
    ImageDraw.Draw(between).ellipse((150, 77, 156, 83), fill=gray)
    ImageDraw.Draw(after).ellipse((276, 77, 282, 83), fill=gray)

    assert read(between).full_text == "52.68"
    assert read(after).full_text == read(narrower).full_text == "5268"


# What changes nothing but the boxes


def test_margins_and_the_negative_change_nothing(reading):
    """White around a page moves the boxes by as much; bright ink is read as dark ink is."""
    padded = read(np.pad(PAGE, ((40, 40), (90, 57)), constant_values=255))
    negative = read(255 - PAGE)

    assert padded.text == negative.text == TEXT
    expected = boxes_of(reading) + np.array([90, 40, 90, 40])
    assert np.allclose(boxes_of(padded), expected, atol=NEAR)
    assert np.allclose(boxes_of(negative), boxes_of(reading), atol=NEAR)


@pytest.mark.parametrize(("ink", "ground"), [(250, 160), (190, 20), (5, 95), (60, 230)])
def test_ink_may_be_brighter_or_darker_than_any_ground(ink, ground):
    """White on a light card is read as chalk on a board, black on a dark one as ink on paper."""
    cover = 1 - write_page("3057") / 255

    assert read((ground + cover * (ink - ground)).astype(np.uint8)).text == "3057"


@pytest.mark.parametrize("factor", [0.5, 0.75, 1.4, 2.0])
def test_scaling_scales_the_boxes(reading, factor):
    """From half to twice the size, the text is the same."""
    resized = read(scaled(PAGE, factor))

    assert resized.text == TEXT
    assert np.allclose(boxes_of(resized), boxes_of(reading) * factor, atol=NEAR * max(1, factor))


@pytest.mark.parametrize("degrees", [-26, -17, -8, 8, 13, 22])
def test_a_picture_held_askew_is_read(reading, degrees):
    """Up to some 25 degrees the text is the same, and the boxes lie where the digits went."""
    side = 300
    frame = Image.new("L", (2 * side, 2 * side), 255)
    corner = side - PAGE.shape[1] // 2, side - PAGE.shape[0] // 2
    frame.paste(Image.fromarray(PAGE), corner)

    askew = read(frame.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=255))

    assert (askew.text, askew.size) == (TEXT, frame.size)
    assert holds_its_boxes(askew)
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middles, expected = (
        boxes.reshape(-1, 2, 2).mean(axis=1) for boxes in (boxes_of(askew), boxes_of(reading))
    )
    assert np.allclose(middles - side, (expected + corner - side) @ turn, atol=NEAR)


def test_pages_side_by_side_give_both_texts():
    """What stands beside goes on with the line, what stands below with the next one."""
    one, other = write_page("407"), write_page("968")

    assert read(np.hstack([one, other])).text == "407968"
    assert read(np.vstack([one, other])).text == "407\n968"


# Forms of input


def sideways(picture):
    """Encode a picture as a phone held sideways does: turned, and with a tag that says so."""
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    return encode(picture.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)


FORMS = {
    "file": lambda picture: io.BytesIO(encode(picture, "PNG")),
    "colour": lambda picture: picture.convert("RGB"),
    "array of four channels": lambda picture: np.asarray(picture.convert("RGBA")),
    "16 bits": lambda picture: np.asarray(picture).astype(np.uint16) * 257,
    "turned by EXIF": sideways,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_reading(reading, form):
    """A picture reads the same in whatever form it comes, upright as a person sees it."""
    assert_same(read(FORMS[form](Image.fromarray(PAGE))), reading)


def assert_same(one, other):
    """Compare two readings of the same pixels."""
    assert (one.full_text, one.size) == (other.full_text, other.size)
    assert np.allclose(boxes_of(one), boxes_of(other), atol=0.5)
    assert one.confidence == pytest.approx(other.confidence, abs=0.02)


def test_many_give_a_list(reading):
    """Of many, each is read as it is alone, in its place; of none the list is empty."""
    other = write_page("31")

    readings = read([other, PAGE, other[:, :, None]])

    assert [each.text for each in readings] == ["31", TEXT, "31"]
    assert_same(readings[1], reading)
    assert [each.text for each in read(np.stack([PAGE, 255 - PAGE]))] == [TEXT, TEXT]
    assert read([]) == []


def test_streams_are_read_one_by_one(reading):
    """`iter_read` opens a picture when its reading is asked for."""
    opened = []

    def pictures():
        for picture in (PAGE, PAGE):
            opened.append(picture)
            yield picture

    readings = DigitReader().iter_read(pictures())

    assert_same(next(readings), reading)
    assert len(opened) == 1


# Options


def test_more_confidence_leaves_fewer_digits(reading):
    """`min_confidence` leaves out what is less sure, and only that."""
    for least in (0.0, 0.6, 0.9, 0.95, 1.0):
        surer = read(PAGE, min_confidence=least)
        expected = [digit.box for digit in reading.digits if digit.confidence >= least]
        assert [digit.box for digit in surer.digits] == expected
        assert all(line.digits for line in surer.lines)


@pytest.mark.parametrize(("length", "lengths"), [(3, [3, 3]), ((3, 5), [3, 5]), ((1, 2), [2, 2])])
def test_lines_have_the_length_that_is_known(length, lengths):
    """With `length` each line has so many digits, in their order."""
    lines = read(PAGE, length=length).text.split("\n")

    assert [len(line) for line in lines] == lengths
    for line, whole in zip(lines, TEXT.split("\n"), strict=True):
        left = iter(whole)
        assert all(digit in left for digit in line)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"min_confidence": 1.5}, "`min_confidence` must"),
        ({"model": 7}, "`model` must be"),
        *[({"length": length}, "`length` must") for length in (0, 100, 2.5, "5", (5, 4), ())],
    ],
)
def test_options_are_checked_before_anything_is_read(options, told):
    """A wrong option is refused although the picture is missing."""
    with pytest.raises(InvalidArgumentError, match=told):
        read("missing.png", **options)


def test_bad_pictures_may_be_values():
    """With errors="return", a reading that says why stands in the place of a bad picture."""
    bad, good, broken = read(["missing.png", PAGE, b"no picture"], errors="return")

    assert isinstance(bad.error, ImageReadError)
    assert isinstance(broken.error, ImageReadError)
    assert (bad.text, bad.lines, bad.confidence) == ("", (), 0.0)
    assert bad.to_dict()["error"] == str(bad.error)
    assert repr(bad) == "<Reading: ImageReadError>"
    assert (good.text, good.error) == (TEXT, None)
    with pytest.raises(ImageReadError, match="`images` must name existing files"):
        read("missing.png")
    with pytest.raises(InvalidImageError, match=r"`images\[1\]` must"):
        read([PAGE, np.full((4, 4), np.nan)])


def test_a_reader_is_shared_and_sent(reading, tmp_path, monkeypatch):
    """It answers on several threads, and after it was pickled, from another folder too."""
    (tmp_path / "own.onnx").write_bytes(resolve("reader").read_bytes())
    monkeypatch.chdir(tmp_path)
    reader = DigitReader("own.onnx", threads=1)
    content = pickle.dumps(reader)
    monkeypatch.chdir(tmp_path.parent)

    with ThreadPoolExecutor(3) as pool:
        readings = list(pool.map(reader.read, [PAGE] * 3))
    readings.append(pickle.loads(content).read(PAGE))
    readings.append(read(PAGE, model=reader))

    for each in readings:
        assert_same(each, reading)


# Nothing to read, too much, and odd shapes


BLANK = {
    "white": np.full((120, 160), 255, np.uint8),
    "black": np.zeros((120, 160), np.uint8),
    "one colour": np.full((120, 160, 3), (200, 180, 90), np.uint8),
    "a pixel": np.zeros((1, 1), np.uint8),
    "a row": np.full((1, 10_000), 255, np.uint8),
    "a column": np.zeros((10_000, 1), np.uint8),
}


@pytest.mark.parametrize("kind", BLANK)
def test_without_digits_the_text_is_empty(kind):
    """A picture with nothing in it gives an empty text and no confidence, and its size."""
    reading = read(BLANK[kind])

    assert (reading.text, reading.full_text, reading.lines, reading.digits) == ("", "", (), ())
    assert reading.confidence == 0.0
    assert reading.size == BLANK[kind].shape[1::-1]


def test_boxes_lie_in_the_picture():
    """However tightly a page is cut, and in noise, no box reaches out of it."""
    tight = read(write_page("407", margin=0)[6:58, 4:])
    noise = np.random.default_rng(0).integers(0, 256, (180, 240), dtype=np.uint8)

    assert len(tight.digits) == 3
    assert holds_its_boxes(tight)
    assert holds_its_boxes(read(noise))


def test_forty_megapixels_are_read():
    """A page of 40 megapixels with a number on a part of it is read."""
    page = np.full((5_000, 8_000), 255, np.uint8)
    number = scaled(write_page("407"), 4)
    page[1_000 : 1_000 + number.shape[0], 3_000 : 3_000 + number.shape[1]] = number

    reading = read(page)

    assert (reading.text, reading.size) == ("407", (8_000, 5_000))
    assert all(3_000 < digit.box[0] < digit.box[2] < 5_000 for digit in reading.digits)


LABELS = ("Street Name Room:", "Bill Total Amount:", "Left Room Street:", "Price Total:", "Hotel:")


def printed(width, height, *, pitch, size):
    """Print a page full of words."""
    page = Image.new("L", (width, height), 255)
    font = ImageFont.load_default(size)
    for row, top in enumerate(range(100, height - 100, pitch)):
        text = " ".join(["Total amount of all visits", "to the left hotel", "bill"][row % 3 :])
        ImageDraw.Draw(page).text((100, top), text * 4, fill=20, font=font)
    return page


@pytest.mark.parametrize("degrees", [-20, -12])
def test_print_that_is_held_askew_is_not_turned_and_read(degrees):
    """Of hundreds of letters, level or not, few are taken for digits."""
    page = printed(700, 500, pitch=40, size=24)

    askew = read(page.rotate(degrees, fillcolor=255))

    assert len(askew.digits) < 20


def test_a_small_number_on_a_printed_sheet_is_read():
    """A sheet of A4 at 300 dots an inch: letters of another height do not outvote the number."""
    sheet = np.asarray(printed(2480, 3508, pitch=70, size=44)).copy()
    sheet[2_500:] = 255
    number = scaled(write_page("4072"), 1.5)
    sheet[2_800 : 2_800 + number.shape[0], 700 : 700 + number.shape[1]] = number

    assert read(sheet).text == "4072"


def test_a_printed_label_takes_nothing_from_the_number_beside_it():
    """A form's labels in the same lines, nearly as tall as the numbers, are not read; these are."""
    form = Image.new("L", (1240, 1000), 245)
    numbers = ["4072", "13", "806", "9415", "27"]
    for top, number, label in zip(range(60, 900, 180), numbers, LABELS, strict=True):
        ImageDraw.Draw(form).text((60, top + 24), label, fill=30, font=ImageFont.load_default(30))
        form.paste(Image.fromarray(scaled(write_page(number), 0.7)), (700, top))

    assert read(form).text.splitlines() == numbers
    assert read(form, length=(2, 4)).text.splitlines() == numbers


@pytest.mark.parametrize("size", [0.25, 0.4])
@pytest.mark.parametrize(
    ("place", "expected"), [((90, 200), ["4072", "815"]), ((340, 60), ["4072815"])]
)
def test_numbers_of_another_size_are_read_too(size, place, expected):
    """A small number below large ones is a line of its own, one beside them stands in theirs."""
    page = Image.new("L", (480, 300), 255)
    page.paste(Image.fromarray(write_page("4072")), (20, 20))
    page.paste(Image.fromarray(scaled(write_page("815", margin=8), size)), place)

    reading = read(page)

    assert reading.text.splitlines() == expected
    assert holds_its_boxes(reading)


@pytest.mark.parametrize("number", ["250", "4072", "68", "93"])
def test_a_number_in_brackets_is_read(number):
    """As a negative amount in a book: brackets are no 1s, and 1s are no brackets."""
    ink = np.pad(write_page(number), ((0, 0), (40, 40)), constant_values=255)
    page = Image.fromarray(ink)
    middle, down = ink.shape[0] / 2, np.linspace(-1, 1, 20)
    for left, side in ((62, 1), (page.width - 62, -1)):
        points = np.column_stack([left + 11 * side * down**2, middle + 40 * down])
        ImageDraw.Draw(page).line(points.ravel().tolist(), fill=30, width=4, joint="curve")

    assert read(page).text == number
    assert read(write_page(f"1{number}1")).text == f"1{number}1"


def test_a_cups_stain_does_not_hide_a_number():
    """A ring much larger than the digits looks like a 0, and is none beside them."""
    page = Image.new("L", (900, 600), 245)
    ImageDraw.Draw(page).ellipse((400, 250, 640, 490), outline=190, width=12)
    page.paste(Image.fromarray(write_page("4072")), (80, 80))

    assert read(page).text == "4072"


@pytest.mark.parametrize("digit", "0123456789")
def test_a_digit_in_a_ring_is_read(digit):
    """As on a form where the right answer is marked: the ring is no 0 around it."""
    page = Image.new("L", (190, 190), 245)
    page.paste(Image.fromarray(write_page(digit)).crop((36, 36, 108, 108)), (59, 59))
    ImageDraw.Draw(page).ellipse((20, 20, 170, 170), outline=30, width=4)

    assert read(page).text == digit


def through_paper(page, other, strength):
    """Lay the mirror image of another page under one, so pale, as thin paper shows it."""
    shown = 255 - strength * (255.0 - other[:, ::-1])
    return (page * shown / 255).astype(np.uint8)


@pytest.mark.parametrize("strength", [0.1, 0.2, 0.3])
@pytest.mark.parametrize("other", [("", "3864"), (" 5 27", ""), ("64", "  93")])
def test_what_shows_through_the_paper_is_not_read(strength, other):
    """Digits on the other side are left out, in the same line and in one of their own."""
    page = write_page("3 0 5", "    ")
    back = write_page(*(line.ljust(5) for line in other))

    assert read(through_paper(page, back, strength)).text == "305"


def test_a_line_in_pencil_is_read_beside_one_in_ink():
    """What is pale but plain is writing: a line of its own is kept."""
    page = write_page("4921", "8035").astype(float)
    half = page.shape[0] // 2
    page[half:] = 255 - 0.3 * (255 - page[half:])

    assert read(page.astype(np.uint8)).text == "4921\n8035"


@pytest.mark.parametrize("place", [0.2, 0.5, 0.8])
def test_a_lamps_reflection_is_no_digit(place):
    """A white spot beside the writing on a gray board changes nothing."""
    page = 0.65 * write_page("4921", margin=90)
    y, x = np.mgrid[: page.shape[0], : page.shape[1]]
    away = np.hypot((x - place * page.shape[1]) / 50, (y - 45) / 30)
    page += (255 - page) * (1.5 - away).clip(0, 1)

    assert read(page.astype(np.uint8)).text == "4921"


@pytest.mark.parametrize(("shade", "across"), [(90, 30), (40, 30), (90, 50), (200, 34)])
def test_holes_punched_into_a_page_are_no_zeros(shade, across):
    """A filled disc beside a number is none, a 0 of the same size is one."""
    page = Image.new("L", (420, 300), 245)
    page.paste(Image.fromarray(write_page("407")), (120, 90))
    pen = ImageDraw.Draw(page)
    for top in (20, 220):
        pen.ellipse((15, top, 15 + across, top + across), fill=shade)

    assert read(page).text == "407"
    pen.ellipse((15, 20, 60, 80), outline=30, width=5, fill=245)
    assert read(page).text.splitlines() == ["0", "407"]


def test_a_page_of_print_takes_no_more_than_five_seconds():
    """Hundreds of letters are not corrected one by one."""
    page = printed(1240, 1754, pitch=40, size=24)
    begun = time.process_time()

    read(page)

    assert time.process_time() - begun < 5  # seconds


# Readings as data


def test_a_reading_becomes_json(reading):
    """`to_dict` is plain JSON: it comes back the same, and holds what the reading holds."""
    record = reading.to_dict()

    assert json.loads(json.dumps(record)) == record
    assert record["text"] == TEXT
    assert record["size"] == list(reading.size)
    digits = [digit for line in record["lines"] for digit in line["digits"]]
    assert [digit["value"] for digit in digits] == [digit.value for digit in reading.digits]
    assert np.allclose([digit["box"] for digit in digits], boxes_of(reading), atol=0.05)
    assert repr(reading).startswith(f"<Reading {TEXT!r}, confidence ")
    assert repr(reading).endswith(f"%, of {PAGE.shape[1]} x {PAGE.shape[0]}>")


def test_a_dollars_sign_is_mostly_no_digit():
    """Amounts are read without the sign of money before them, which looks like a 5 or an 8."""
    numbers = ["1250", "349", "806", "27", "95", "4418", "630", "78"]
    read_rightly = 0
    for number in numbers:
        ink = np.pad(write_page(number), ((0, 0), (120, 0)), constant_values=255)
        page = Image.fromarray(ink)
        pen = ImageDraw.Draw(page)
        curve = [(108, 52), (92, 41), (78, 54), (92, 72), (107, 85), (92, 103), (75, 92)]
        pen.line(curve, fill=30, width=4, joint="curve")
        pen.line([(92, 36), (92, 110)], fill=30, width=4)
        read_rightly += read(page).text == number

    assert read_rightly >= 6


def test_signs_stand_where_they_were_found():
    """`full_text` puts signs among the digits by their places; `text` leaves them out."""
    row = np.full(10, 0.1, np.float32)
    digits = [
        Digit(value, (x, 10, x + 8, 30), 0.9, row) for value, x in ((1, 20), (2, 30), (5, 50))
    ]
    marks = [Mark("-", (5, 18, 12, 21), 0.8), Mark(",", (42, 26, 46, 34), 0.7)]

    line = Line(tuple(digits), tuple(marks))

    assert (line.text, line.full_text) == ("125", "-12,5")
    assert line.box == (5, 10, 58, 34)
    assert line.confidence == pytest.approx(0.9**3)
    assert Reading((line, line), (60, 40)).full_text == "-12,5\n-12,5"


# One digit asked for, several shown


@pytest.mark.parametrize("text", ["40", "52968"])
def test_several_digits_are_no_answer_for_predict(text):
    """A picture that plainly holds several is refused, with `read` named as the cure, or a -1."""
    pages = [write_page("4"), write_page(text), write_page("7")]
    with pytest.raises(SeveralDigitsError, match=r"images\[1\].*digitcnn\.read\(\)") as raised:
        predict(pages)

    assert raised.value.code == "several_digits"
    assert predict(pages, errors="return").tolist() == [4, -1, 7]
    assert np.isnan(predict_proba(pages, errors="return")).all(axis=1).tolist() == [0, 1, 0]


def test_one_digit_is_not_taken_for_several():
    """A single digit, however tightly it is cut, is named by `predict` and by `read`."""
    for margin in (40, 0):
        pages = [write_page(str(digit), margin=margin) for digit in range(10)]

        assert predict(pages).tolist() == list(range(10))
        assert [reading.text for reading in read(pages)] == list("0123456789")
