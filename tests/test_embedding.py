"""Inside another program: right answers from anywhere in it, and nothing of it changed."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import statistics
import sys
import time

import numpy as np
import pytest
from processes import memory_mib, run_python
from strategies import encode

from digitcnn import DigitClassifier, build_model, predict, predict_proba
from digitcnn.errors import NoDigitError
from digitcnn.synthesis import draw_digits

PICTURES = list(draw_digits(8, seed=3, side=40)[0])


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_a_pool_of_processes_predicts(network, method):
    """Workers that are forked, spawned or served answer as this process does, more than once."""
    if method == "fork" and sys.version_info >= (3, 12):
        pytest.skip("Python warns of forking where there are threads, whoever started them")
    classifier = DigitClassifier(network, threads=2)
    expected = [classifier.predict(picture) for picture in PICTURES]

    with concurrent.futures.ProcessPoolExecutor(
        2, mp_context=multiprocessing.get_context(method)
    ) as pool:
        answers = list(pool.map(classifier.predict, PICTURES * 2, timeout=120))

    assert expected * 2 == answers


FIRST_USE = """
import threading
from concurrent.futures import ThreadPoolExecutor
from digitcnn.synthesis import draw_digits
from digitcnn import predict
images, _ = draw_digits(8, seed=3)
barrier = threading.Barrier(8)
def work(_):
    barrier.wait()
    return tuple(predict(images))
with ThreadPoolExecutor(8) as pool:
    answers = list(pool.map(work, range(8)))
print(len(answers), len(set(answers)))
"""


def test_eight_threads_may_make_the_first_call():
    """Where nothing is loaded yet, eight threads that start at once get the same answers."""
    assert run_python(FIRST_USE, options=("-W", "error")) == "8 1\n"


SIGNALLED = """
import os, signal, sys
from digitcnn.synthesis import draw_digits
from digitcnn import DigitClassifier
images, _ = draw_digits(1, seed=3)
heard = []
def answer(*_):
    heard.append(classifier.predict(images[0]))
    # The next one comes when this is done: a busy machine would never get anywhere else.
    if len(heard) < 50:
        signal.setitimer(signal.ITIMER_REAL, 0.005)
signal.signal(signal.SIGALRM, answer)
classifier = DigitClassifier(sys.argv[1], threads=2)
expected = classifier.predict(images[0])
signal.setitimer(signal.ITIMER_REAL, 0.005)
while len(heard) < 50:
    # Opened anew, so that signals arrive while a session is being made, too.
    assert DigitClassifier(sys.argv[1], threads=2).predict(images[0]) == expected
print(set(heard) == {expected})
"""


@pytest.mark.skipif(os.name != "posix", reason="this system has no timer signals")
def test_a_signal_handler_predicts_at_any_moment(network):
    """Fifty signals, a few of them in the middle of opening a network: no deadlock."""
    assert run_python(SIGNALLED, network) == "True\n"


STATE = """
import locale, logging, os, random, signal, sys, threading, warnings
import numpy as np
from PIL import Image, ImageFile

def state():
    return {
        "warnings": (list(warnings.filters), warnings.showwarning),
        "environment": dict(os.environ),
        "random": random.getstate(),
        "numpy.random": [str(part) for part in np.random.get_state()],
        "numpy": (np.geterr(), np.get_printoptions()),
        "limits": (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, ImageFile.MAXBLOCK),
        "logging": (logging.root.level, logging.root.handlers, logging.root.filters,
                    logging.raiseExceptions, logging.root.manager.disable,
                    logging.getLogger("PIL").level, logging.getLogger("digitcnn").handlers),
        "signals": [signal.getsignal(number) for number in sorted(signal.valid_signals())
                    if number not in (signal.SIGKILL, signal.SIGSTOP)],
        "folder": os.getcwd(),
        "umask": (os.umask(0o22), os.umask(0o22))[1],
        "locale": locale.setlocale(locale.LC_ALL),
        "hooks": (sys.excepthook, sys.displayhook, threading.excepthook, sys.gettrace()),
        "path": list(sys.path),
        "recursion": sys.getrecursionlimit(),
        "streams": (sys.stdout, sys.stderr, sys.stdin),
    }

before = state()
import digitcnn
from digitcnn import DigitClassifier, evaluate, explain, predict, preprocess
from digitcnn.errors import DigitcnnError
from digitcnn.synthesis import draw_digits
def changed():
    now = state()
    return [name for name in before if before[name] != now[name]]
print("import", changed())
images, labels = draw_digits(4, seed=1, side=50)
preprocess(images)
explain(images[0])
print("preprocess", changed())
classifier = DigitClassifier(sys.argv[1])
predict(images, model=classifier)
predict(sys.argv[2], model=classifier)
evaluate(classifier, images, labels)
print("predict", changed())
for junk in (b"junk", None, "nowhere.png", [images[0], np.nan], images * 0):
    try:
        predict(junk, model=classifier)
    except DigitcnnError:
        continue
    sys.exit("an answer to junk")
print("errors", changed())
"""


def test_the_program_around_stays_as_it_was(network, tmp_path):
    """Import, preprocess, predict, evaluate and errors change none of fifteen kinds of state."""
    path = tmp_path / "digit.png"
    path.write_bytes(encode(PICTURES[0]))

    printed = run_python(STATE, network, path)

    assert printed == "import []\npreprocess []\npredict []\nerrors []\n"


def test_keras_settings_stay():
    """Building a model and predicting with it leave Keras' policy and epsilon, whichever they are.

    Keras itself draws from Python's random numbers for a model's first weights.
    """
    keras = pytest.importorskip("keras", reason="needs digitcnn[tensorflow]")
    settings = keras.config.dtype_policy(), keras.config.epsilon()
    keras.config.set_dtype_policy("mixed_float16")
    keras.config.set_epsilon(1e-5)
    try:
        predict(PICTURES, model=build_model("conv-pool"))
        after = keras.config.dtype_policy().name, keras.config.epsilon(), keras.config.floatx()
    finally:
        keras.config.set_dtype_policy(settings[0])
        keras.config.set_epsilon(settings[1])

    assert after == ("mixed_float16", 1e-5, "float32")


def test_no_thread_spins_on_after_an_answer(network):
    """Threads wait asleep for the next call: ONNX Runtime's own way takes 10 ms of CPU and more."""
    classifier = DigitClassifier(network, threads=2)
    classifier.predict(PICTURES)
    used = []
    for _ in range(15):
        classifier.predict(PICTURES)
        before = time.process_time()
        time.sleep(0.02)
        used.append(time.process_time() - before)
    assert statistics.median(used) < 0.003


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads memory in /proc")
def test_memory_does_not_grow(network):
    """After 100,000 calls of every form, errors among them, the process is as large as before."""
    classifier = DigitClassifier(network, threads=1)
    files = [encode(picture) for picture in PICTURES]

    def call_all(times):
        for index in range(times):
            picture, file = PICTURES[index % 8], files[index % 8]
            classifier.predict([picture, picture])
            predict_proba(file, model=classifier)
            with pytest.raises(OSError, match="must"):
                predict(file[:-30], model=classifier)
            with pytest.raises(NoDigitError, match="blank"):
                predict(np.zeros((30, 30)), model=classifier)
        return memory_mib("VmRSS")

    before = call_all(1_000)

    assert call_all(25_000) - before < 8
