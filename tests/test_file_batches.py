"""Claims about lists of files, which several threads may open."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import ImageFile
from strategies import encode

from digitcnn import DigitClassifier, NoDigitError, predict, preprocess
from digitcnn.errors import ImageReadError
from digitcnn.synthesis import draw_digits

DIGITS, LABELS = draw_digits(12, seed=21, side=90)


@pytest.fixture
def files(tmp_path):
    """Give digits as paths of files, as their names, and as bytes."""
    files = []
    for index, digit in enumerate(DIGITS):
        path, content = tmp_path / f"{index}.png", encode(digit)
        path.write_bytes(content)
        files.append([path, str(path), content][index % 3])
    return files


@pytest.fixture
def opening(monkeypatch):
    """Watch who decodes pictures, each of whom waits until `expected` do so at once."""
    watch = SimpleNamespace(threads=set(), now=0, most=0, expected=1)
    changed = threading.Condition()

    def load(image, real=ImageFile.ImageFile.load):
        with changed:
            watch.threads.add(threading.current_thread().name)
            watch.now += 1
            watch.most = max(watch.most, watch.now)
            changed.notify_all()
            changed.wait_for(lambda: watch.most >= watch.expected, timeout=5)
        time.sleep(0.01)
        with changed:
            watch.now -= 1
        return real(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    return watch


@pytest.mark.parametrize(("threads", "most"), [(1, 1), (3, 3), (9, 4)])
def test_a_classifier_opens_files_by_so_many_threads(threads, most, files, opening):
    """As many as are allowed, but no more than four: each holds a whole picture."""
    opening.expected = most
    classifier = DigitClassifier(threads=threads)

    assert classifier.predict(files).tolist() == LABELS.tolist()
    assert (threading.main_thread().name in opening.threads) == (threads == 1)
    assert predict(files, model=classifier).tolist() == LABELS.tolist()
    assert len(list(classifier.iter_proba(files, chunk_size=5))) == len(files)
    assert opening.most == most


@pytest.mark.parametrize(
    "collect", [iter, lambda files: [*files, DIGITS[0]]], ids=["iterator", "not all files"]
)
def test_anything_else_is_opened_one_after_the_other(collect, files, opening):
    """An iterator may give the next only when the last has been read."""
    assert len(preprocess(collect(files))) >= len(files)

    assert opening.most == 1
    assert opening.threads == {threading.main_thread().name}


def test_the_first_of_several_errors_counts(files, tmp_path):
    """Its index is named, though a later file may have failed before; no thread stays behind."""
    blank = encode(np.zeros((600, 600), np.uint8))
    files[6:6] = [blank, b"no picture", tmp_path / "missing.png"]
    classifier, threads = DigitClassifier(threads=4), threading.active_count()

    with pytest.raises(NoDigitError, match=r"images\[6\]"):
        classifier.predict(files)
    with pytest.raises(ImageReadError, match=r"images\[6\]"):
        list(classifier.iter_proba(files[:6] + files[7:], chunk_size=5))
    assert threading.active_count() <= threads
