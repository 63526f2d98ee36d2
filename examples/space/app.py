"""A page to draw on with Gradio, as a Hugging Face Space runs it.

    pip install digitcnn gradio && python examples/space/app.py

A Space needs this file, and a `requirements.txt` that names digitcnn or its wheel. The page of
`digitcnn serve` answers sooner, works offline and needs a tenth of the room.
"""

import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # it calls home else

import gradio as gr
from PIL import Image

from digitcnn import DigitReader

reader = DigitReader(threads=1)


def read_picture(picture: Image.Image | None) -> tuple[str, tuple[Image.Image, list] | None]:
    """Return the text of a picture, and the picture with a box around each digit."""
    if picture is None:
        return "", None
    reading = reader.read(picture, errors="return")
    if reading.error:
        return str(reading.error), None
    boxes = [
        (tuple(map(round, digit.box)), f"{digit.value} ({digit.confidence:.0%})")
        for digit in reading.digits
    ]
    return reading.text or "no digit", (picture.convert("RGB"), boxes)


def read_sheet(sheet: dict) -> tuple[str, tuple[Image.Image, list] | None]:
    """Return the same of what was drawn, on white."""
    drawn = sheet["composite"]
    if drawn is None:
        return "", None
    white = Image.new("RGBA", drawn.size, "white")
    white.alpha_composite(drawn.convert("RGBA"))
    return read_picture(white.convert("L"))


with gr.Blocks(title="digitcnn") as demo:
    gr.Markdown("# Write a number, or show a picture of one")
    with gr.Row():
        with gr.Column():
            sheet = gr.Sketchpad(
                label="Write",
                type="pil",
                canvas_size=(560, 320),
                layers=False,
                brush=gr.Brush(default_size=12, colors=["#101010"]),
            )
            picture = gr.Image(
                label="Picture", type="pil", sources=["upload", "webcam", "clipboard"]
            )
        with gr.Column():
            text = gr.Textbox(label="Read", lines=2)
            boxes = gr.AnnotatedImage(label="How sure")
    sheet.change(read_sheet, sheet, [text, boxes], show_progress="hidden")
    picture.change(read_picture, picture, [text, boxes])

if __name__ == "__main__":
    demo.launch()
