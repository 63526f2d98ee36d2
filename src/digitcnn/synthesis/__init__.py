"""Digits, and things that are none, drawn from vector strokes: every common way of writing each."""

from __future__ import annotations

from digitcnn.synthesis.generator import draw_digits, draw_nondigits

__all__ = ["draw_digits", "draw_nondigits"]
