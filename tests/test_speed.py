"""Speed is kept: ratios of processor time, with wide margins, whatever the machine.

`python benchmarks/speed.py` measures how fast the library is; these fail only where something has
become several times as slow. Processor time of single threads, the least of several runs, is nearly
the same on a busy machine and on an idle one.
"""

from __future__ import annotations

import io
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image
from processes import run_python
from strategies import encode

from digitcnn import DigitClassifier, preprocess, train
from digitcnn.cli._process import kept_memory
from digitcnn.synthesis import draw_digits
from digitcnn.weights import resolve

PICTURE = Path(__file__).parents[1] / "examples" / "zero-canvas.png"
PREDICT = f"from digitcnn import predict; print(predict({str(PICTURE)!r}))"
BARE = f"""
import os
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import numpy, PIL.Image, onnxruntime
path = {str(resolve("base", format="onnx"))!r}
session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
print(session.run(None, {{"images": numpy.zeros((1, 28, 28, 1), numpy.float32)}})[0].shape)
"""
# What no prediction needs, and what takes long to import.
NEEDLESS = (
    "PIL.JpegImagePlugin", "h5py", "keras", "matplotlib", "multiprocessing.pool", "numpy.ma",
    "numpy.random", "platformdirs", "pooch", "requests", "subprocess", "tensorflow",
)  # fmt: skip
ROUNDS = 4


@pytest.fixture(scope="module")
def classifier():
    """Give a classifier of one thread, whose time is all its processor's."""
    return DigitClassifier(threads=1)


@pytest.fixture(scope="module")
def digits():
    """Give images as MNIST would hold them: uint8, shape (512, 28, 28)."""
    batch = preprocess(draw_digits(64, seed=3)[0])
    return np.tile(np.rint(batch[..., 0] * 255).astype(np.uint8), (8, 1, 1))


@pytest.fixture
def run_network():
    """Give what runs a ready batch in a bare session of one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    path = str(resolve("base", format="onnx"))
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda batch: session.run(None, {"images": batch})


def child_ratio(code, yardstick):
    """Give the ratio of what two programs need, in fresh processes without coverage's tracing."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    least = {}
    for _ in range(ROUNDS):
        for each in (code, yardstick):
            before = os.times()
            subprocess.run(
                [sys.executable, "-c", each], check=True, capture_output=True, env=environment
            )
            after = os.times()
            spent = (
                after.children_user
                + after.children_system
                - before.children_user
                - before.children_system
            )
            least[each] = min(spent, least.get(each, spent))
    return least[code] / least[yardstick]


def ratio(job, yardstick, *, loops=1):
    """Give the ratio of what two functions need of this thread's time."""
    if sys.gettrace() is not None:
        pytest.skip("what traces each line takes more time than what is measured")
    least = {}
    job()
    yardstick()
    for _ in range(ROUNDS):
        for each in (job, yardstick):
            start = time.thread_time()
            for _ in range(loops):
                each()
            spent = time.thread_time() - start
            least[each] = min(spent, least.get(each, spent))
    return least[job] / least[yardstick]


needs_children = pytest.mark.skipif(os.name == "nt", reason="Windows does not count children")


@needs_children
def test_the_first_answer_costs_little_more_than_opening_the_network():
    """Most of it goes to importing NumPy, Pillow and ONNX Runtime, `import digitcnn` to nothing."""
    assert child_ratio("import digitcnn", "import numpy") < 1
    assert child_ratio(PREDICT, BARE) < 2


def test_a_first_answer_loads_nothing_needless():
    """What NumPy loads by itself, more of it in old versions, is not the library's doing."""
    loaded = f"import sys; print(*sorted(set({NEEDLESS!r}) & set(sys.modules)))"

    answer = run_python(f"{PREDICT}\n{loaded}")

    assert answer == "0\n" + run_python(f"import numpy\n{loaded}")


def test_one_array_costs_little_beside_the_network(classifier, digits, run_network):
    """Reading one array of MNIST's form is mostly running the network."""
    batch = preprocess(digits[0])

    found = ratio(lambda: classifier.predict(digits[0]), lambda: run_network(batch), loops=50)

    assert found < 5


def test_time_grows_with_the_number_of_images(classifier, digits):
    """Eight times as many images take about eight times as long."""
    few, many = digits[:256], np.tile(digits, (4, 1, 1))

    assert ratio(lambda: classifier.predict(many), lambda: classifier.predict(few)) < 2 * 8


def test_a_large_jpeg_is_decoded_small(classifier):
    """A photo of 12 megapixels costs a small part of what decoding all of it would."""
    page = Image.fromarray(255 - draw_digits(1, seed=4, side=1000)[0][0]).convert("RGB")
    content = encode(page.resize((4000, 3000)), "JPEG")

    found = ratio(
        lambda: classifier.predict(content), lambda: Image.open(io.BytesIO(content)).load()
    )

    assert found < 1.5


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="others keep memory as they do")
def test_a_step_of_training_takes_the_memory_of_the_step_before(digits):
    """Left alone, glibc would have thousands of pages filled with zeros in each step."""
    keras = pytest.importorskip("keras", reason="training needs digitcnn[tensorflow]")
    import resource  # on Unix only

    page_faults = []
    watch = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda *_, **__: page_faults.append(
            resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        )
    )
    images = np.tile(digits, (4, 1, 1))
    labels = np.arange(len(images)) % 10
    with kept_memory():  # as `digitcnn train` has it
        train(images, labels, recipe="fast", validation_size=0, verbose=0, callbacks=[watch])

    assert np.median(np.diff(page_faults)) < 1000


@pytest.mark.parametrize(("chosen", "found"), [(None, "1"), ("0", "0")])
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="others have no choice")
def test_tensorflow_computes_by_onednn_unless_told_otherwise(chosen, found, monkeypatch):
    """On the command line, what speeds up training is on, but where the user has chosen."""
    pytest.importorskip("keras", reason="building needs digitcnn[tensorflow]")
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    if chosen is not None:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", chosen)
    script = (
        "import os; from digitcnn.cli._process import import_quietly; import_quietly();"
        "print(os.environ['TF_ENABLE_ONEDNN_OPTS'])"
    )

    assert run_python(script).split() == [found]
