"""The published files that lie in this checkout, for those networks that are not in the package."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "weights"


def use_published_files() -> None:
    """Have published networks read from this checkout, unless the user named another folder.

    Nothing is downloaded then: what is measured are the files that stand beside the benchmark.
    """
    if not os.environ.get("DIGITCNN_WEIGHTS_DIR"):
        os.environ["DIGITCNN_WEIGHTS_DIR"] = str(FOLDER)
