"""What lies beside the benchmarks in this checkout: `tools`, which they import, and `weights`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tools"))


def use_published_files() -> None:
    """Have published networks read from this checkout, unless the user named another folder.

    Nothing is downloaded then: what is measured are the files that stand beside the benchmark.
    """
    if not os.environ.get("DIGITCNN_WEIGHTS_DIR"):
        os.environ["DIGITCNN_WEIGHTS_DIR"] = str(ROOT / "weights")
