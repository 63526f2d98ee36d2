"""What each worker process needs, loaded once by the process that they fork from."""

import contextlib
import importlib

for _name in ("digitcnn.bulk.shards", "onnxruntime", "pyarrow.parquet", "pandas"):
    # A worker that needs what does not load says so itself; pandas is only loaded by PyArrow.
    with contextlib.suppress(Exception):
        importlib.import_module(_name)
