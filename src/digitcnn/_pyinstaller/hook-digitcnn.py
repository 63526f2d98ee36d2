"""What PyInstaller cannot see in this package: its data, and rooms that are imported by name.

A program that trains imports TensorFlow itself; one that reads shall not carry it along because it
happens to be installed.
"""

from __future__ import annotations

from pathlib import Path

import digitcnn

_PACKAGE = Path(digitcnn.__file__).parent

datas = [(str(_PACKAGE / each), f"digitcnn/{each}") for each in ("_weights", "serve/static")]
hiddenimports = [f"digitcnn.{room}" for room in digitcnn._MODULES]
excludedimports = [
    "dask",
    "distributed",
    "fastapi",
    "fsspec",
    "h5py",
    "keras",
    "matplotlib",
    "onnx",
    "optuna",
    "pandas",
    "pyarrow",
    "pydantic",
    "seaborn",
    "starlette",
    "tensorflow",
    "tf2onnx",
    "uvicorn",
]
