"""Drawn digits, things that are none, and pages of them: what networks learn from."""

from __future__ import annotations

from digitcnn.synthesis.generator import draw_digits, draw_nondigits
from digitcnn.synthesis.glyphs import GlyphBank
from digitcnn.synthesis.pages import Page, draw_page

__all__ = ["GlyphBank", "Page", "draw_digits", "draw_nondigits", "draw_page"]
