"""Claims about lists of files, which several threads may open."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from strategies import encode

from digitcnn import DigitClassifier, NoDigitError, predict, preprocess
from digitcnn.errors import ImageReadError
from digitcnn.preprocessing import _batches, batches_of
from digitcnn.synthesis import draw_digits

DIGITS, LABELS = draw_digits(12, seed=21, side=90)


@pytest.fixture
def files(tmp_path):
    """Give digits as paths of files, as their names, and as bytes."""
    contents = [encode(digit) for digit in DIGITS]
    paths = [tmp_path / f"{index}.png" for index in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return [
        [path, str(path), content][index % 3]
        for index, (path, content) in enumerate(zip(paths, contents, strict=True))
    ]


class Watch:
    """Watches who opens pictures, each of whom waits until so many do so at once."""

    def __init__(self, open_picture):
        self.open_picture = open_picture
        self.threads = set()
        self.now = self.most = 0
        self.expected = 1
        self.changed = threading.Condition()

    def __call__(self, image):
        """Open a picture."""
        with self.changed:
            self.threads.add(threading.current_thread().name)
            self.now += 1
            self.most = max(self.most, self.now)
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.most >= self.expected, timeout=5)
        try:
            time.sleep(0.01)
            return self.open_picture(image)
        finally:
            with self.changed:
                self.now -= 1


@pytest.fixture
def opening(monkeypatch):
    """Give what watches who opens pictures."""
    watch = Watch(_batches.open_picture)
    monkeypatch.setattr(_batches, "open_picture", watch)
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
    threads = threading.active_count()

    with pytest.raises(NoDigitError, match=r"images\[6\]"):
        list(batches_of(files, threads=4))
    with pytest.raises(ImageReadError, match=r"images\[6\]"):
        list(batches_of(files[:6] + files[7:], chunk_size=5, threads=4))
    assert threading.active_count() <= threads
