"""What a training survives: being killed while it writes, a disk that takes no more, odd files."""

import contextlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from trainings import short_recipe

from digitcnn import train
from digitcnn.errors import CorruptFileError, UnavailableError
from digitcnn.synthesis import draw_digits

keras = pytest.importorskip("keras", reason="training needs digitcnn[tensorflow]")

SHORT = short_recipe()


@pytest.fixture(scope="module")
def digits():
    """Sixty drawn digits and their labels."""
    return draw_digits(60, seed=11)


@pytest.fixture(scope="module")
def undisturbed(digits, tmp_path_factory):
    """Train from beginning to end without a break."""
    return train(*digits, recipe=SHORT, run_dir=tmp_path_factory.mktemp("run"), verbose=0)


class Killed(BaseException):
    """What a test stops a training with: nothing catches it, as nothing catches SIGKILL."""


@contextlib.contextmanager
def death_while_writing(name):
    """Stop, as dead, where a file of that name is half written; expect it to happen."""

    def replace(partial, path, real=Path.replace):
        if path.name != name:
            return real(partial, path)
        partial.write_bytes(partial.read_bytes()[: partial.stat().st_size // 2])
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        with pytest.raises(Killed):
            yield


@pytest.mark.parametrize(
    "names",
    [
        ["epoch-002.weights.h5", "final.weights.h5"],
        pytest.param(
            ["plan.json", "pools.npz", "epoch-001.weights.h5", "best-001.weights.h5", "history.csv",
             "run.json"],
            marks=pytest.mark.slow,
        ),
    ],
    ids=["checkpoint", "other files"],
)  # fmt: skip
def test_killed_while_writing_resumes_to_the_same_weights(digits, undisturbed, tmp_path, names):
    """Killed in the middle of one write after the other, a training ends as if never disturbed."""
    options = {"recipe": SHORT, "run_dir": tmp_path, "verbose": 0}

    for name in names:
        with death_while_writing(name):
            train(*digits, **options)
        assert (tmp_path / f"partial-{name}").exists()
    resumed = train(*digits, **options)

    assert_same(undisturbed, resumed)
    assert names_in(tmp_path) == names_in(undisturbed.run_dir)


def assert_same(expected, run):
    """Check that two trainings ended with the very same numbers."""
    assert run.history == expected.history
    for one, other in zip(expected.model.get_weights(), run.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def names_in(folder):
    """List the files of a folder, but for the logs, of which each start writes one."""
    return {path.name for path in folder.iterdir() if path.is_file()}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit to a file's size")
# h5py cannot give back a file whose last bytes it could not write.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_full_disk_keeps_the_last_checkpoint(digits, undisturbed, tmp_path):
    """Where a checkpoint cannot be written, the error says so, and the one before serves."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    class FillDisk(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            del logs
            if epoch == 1:
                resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))

    options = {"recipe": SHORT, "run_dir": tmp_path, "verbose": 0}
    try:
        with pytest.raises(UnavailableError, match=r"room to write to; got .*: File too large"):
            train(*digits, callbacks=[FillDisk()], **options)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert {"epoch-001.weights.h5", "history.csv"} <= names_in(tmp_path)
    resumed = train(*digits, **options)

    assert_same(undisturbed, resumed)


ODD_FILES = [
    ("plan.json", b"{"),
    ("plan.json", b"[" * 100_000),
    ("plan.json", b"{}"),
    ("history.csv", b"\xff"),
    ("history.csv", b"epoch,loss\n1,no number\n"),
    ("history.csv", b"epoch,loss\n1\n"),
    ("history.csv", b"epoch,loss\n1,0.5,0.5\n"),
    ("history.csv", b"epoch,loss\n1,0.5\n"),
    ("pools.npz", b"PK\3\4 and no more"),
    ("pools.npz", b"cos\nsystem\n(S'true'\ntR."),
]


def test_odd_run_folder_is_refused(digits, tmp_path):
    """What is not as a training wrote it is named before anything is made of it."""
    options = {"recipe": SHORT, "run_dir": tmp_path / "run", "verbose": 0}
    with death_while_writing("pools.npz"):
        train(*digits, **options)
    for name, content in ODD_FILES:
        options["run_dir"] = tmp_path / "odd"
        shutil.rmtree(options["run_dir"], ignore_errors=True)
        shutil.copytree(tmp_path / "run", options["run_dir"])
        (options["run_dir"] / name).write_bytes(content)

        with pytest.raises(CorruptFileError, match=r"`run_dir` must .*Train anew in another fold"):
            train(*digits, **options)


def test_crafted_checkpoint_is_refused(digits, tmp_path):
    """A checkpoint is plain arrays, too, before Keras reads it."""
    h5py = pytest.importorskip("h5py")
    options = {"recipe": SHORT, "run_dir": tmp_path, "verbose": 0}
    with death_while_writing("epoch-002.weights.h5"):
        train(*digits, **options)
    with h5py.File(tmp_path / "epoch-001.weights.h5", "r+") as file:
        file["layers/more"] = h5py.ExternalLink("/etc/passwd", "/")

    with pytest.raises(CorruptFileError, match="ExternalLink at 'layers/more'"):
        train(*digits, **options)
