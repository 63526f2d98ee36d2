"""Records of published weights, and the way from a name to a checked file."""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
import socket
import stat
import subprocess
import sys
import threading
import time
import types
from dataclasses import FrozenInstanceError, asdict, replace
from pathlib import Path

import platformdirs
import pooch
import pytest
from loopback import Reply, serve

from digitcnn import _downloads, weights
from digitcnn.errors import (
    CorruptFileError,
    InvalidArgumentError,
    UnavailableError,
    UnknownWeightsError,
)
from digitcnn.weights import PublishedFile, Weights

sys.path.append(str(Path(__file__).parents[1] / "tools"))
import registry

RELEASE_ASSETS = Path(__file__).parents[1] / "weights"
VARIABLES = (
    "DIGITCNN_WEIGHTS_DIR",
    "DIGITCNN_CACHE_DIR",
    "DIGITCNN_BASE_URL",
    "DIGITCNN_OFFLINE",
)


def content(weights_id: str, form: str) -> bytes:
    """Make up the bytes of a published file."""
    return f"{weights_id} in {form}. ".encode() * 5_000


def make_record(name: str, version: int) -> Weights:
    """Make up a record that tells the truth about the made-up files."""
    files = {}
    for form in ("onnx", "h5"):
        body = content(f"{name}-v{version}", form)
        files[form] = PublishedFile(
            filename=registry.published_filename(name, version, form),
            size=len(body),
            sha256=hashlib.sha256(body).hexdigest(),
        )
    return Weights(
        name=name,
        version=version,
        architecture=name,
        num_parameters=1_234,
        metrics={"mnist_test_accuracy": 0.5},
        recipe=name,
        date="2026-01-31",
        **files,
    )


def write(folder: Path, weights_id: str, form: str, body: bytes | None = None) -> Path:
    """Put a published file, or `body` in its place, into a folder."""
    record = weights.get_weights(weights_id)
    path = folder / record.file(form).filename
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content(record.id, form) if body is None else body)
    return path


def all_files(folder: Path) -> list[str]:
    """List the names of the files at any depth."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.fixture(autouse=True)
def no_settings(monkeypatch, tmp_path):
    """Let no variable of the machine count, and no test write to its real cache."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home-cache"))
    pauses = types.SimpleNamespace(sleep=lambda _: None)  # between attempts
    monkeypatch.setattr(pooch.core, "time", pauses)


@pytest.fixture
def bundle(monkeypatch, tmp_path):
    """Make a package folder that brings along the newest `base` of a made-up registry."""
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "registry.json").write_text("[]")
    monkeypatch.setattr(weights, "BUNDLE", folder)
    for name, version in [("base", 1), ("base", 2), ("large", 1)]:
        registry.add_record(make_record(name, version))
    for form in ("onnx", "h5"):
        write(folder, "base", form)
    return folder


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """Choose an empty cache, the folder of weights in it not created yet."""
    monkeypatch.setenv("DIGITCNN_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "weights"


@pytest.fixture
def server(monkeypatch):
    """Run the server that downloads go to, knowing no file yet."""
    with serve() as running:
        monkeypatch.setenv("DIGITCNN_BASE_URL", running.url)
        yield running


LARGE = "/digitcnn-large-v1.onnx"
GOOD = Reply(content("large-v1", "onnx"))


# The records.


@pytest.mark.usefixtures("bundle")
def test_records_are_sorted_by_name_then_version():
    """The listing holds each record once, in order."""
    assert [record.id for record in weights.list_weights()] == ["base-v1", "base-v2", "large-v1"]


@pytest.mark.usefixtures("bundle")
@pytest.mark.parametrize(
    ("name", "expected"), [("base", "base-v2"), ("base-v1", "base-v1"), ("large", "large-v1")]
)
def test_name_means_its_newest_version(name, expected):
    """A bare name is the newest version; one with a version stays with it."""
    assert weights.get_weights(name).id == expected


def test_tenth_version_is_newer_than_the_ninth(bundle):
    """Versions are compared as numbers."""
    for version in range(2, 11):
        registry.add_record(make_record("large", version))

    assert weights.get_weights("large").version == 10
    assert bundle.joinpath("registry.json").read_text().endswith("]\n")


@pytest.mark.usefixtures("bundle")
def test_default_weights_are_base():
    """Without a name, `base` is meant."""
    assert weights.get_weights() == weights.get_weights("base")
    assert weights.resolve() == weights.resolve("base")


@pytest.mark.usefixtures("bundle")
def test_unknown_name_lists_the_known_ones():
    """A wrong name is refused with all right ones."""
    with pytest.raises(UnknownWeightsError, match=r"got 'xyz'. Known names: base, base-v1, base-v"):
        weights.get_weights("xyz")


@pytest.mark.usefixtures("bundle")
def test_misspelt_name_gets_a_suggestion():
    """A name close to a known one is answered with that one."""
    with pytest.raises(ValueError, match="Did you mean 'large'"):
        weights.resolve("lagre")


def test_empty_registry_is_named_as_such(bundle):
    """Before the first publication the message says so."""
    (bundle / "registry.json").write_text("[]")
    weights.read_registry.cache_clear()

    with pytest.raises(UnknownWeightsError, match="Known names: none yet"):
        weights.get_weights("base")


@pytest.mark.parametrize("call", [weights.get_weights, weights.resolve, weights.verify])
def test_anything_but_a_name_is_refused(call):
    """A number is neither a name nor a path."""
    with pytest.raises(InvalidArgumentError, match=r"must be a published name.*got int"):
        call(7)


def test_record_is_frozen_hashable_and_picklable():
    """A record can be a dictionary key and cross to a worker process, but not change."""
    record = make_record("base", 1)

    assert pickle.loads(pickle.dumps(record)) == record
    assert {record: 1}[make_record("base", 1)] == 1
    with pytest.raises(FrozenInstanceError, match="version"):
        record.version = 2


# Publishing.


@pytest.mark.usefixtures("bundle")
def test_next_version_follows_the_newest():
    """A known name goes on counting, a new one starts at 1."""
    assert registry.next_version("base") == 3
    assert registry.next_version("new") == 1


def test_added_record_reads_back_equal(bundle):
    """What was entered comes back the same, and nothing else is left behind."""
    record = replace(make_record("base", 3), multiply_adds=99)
    before = all_files(bundle)

    registry.add_record(record)

    assert weights.get_weights("base") == record
    assert all_files(bundle) == before


def test_measures_must_be_numbers(bundle):
    """The registry is JSON, which knows no NaN; one that is refused leaves nothing behind."""
    before = (bundle / "registry.json").read_bytes()

    with pytest.raises(ValueError, match="not JSON compliant"):
        registry.add_record(replace(make_record("base", 3), metrics={"accuracy": float("nan")}))
    assert (bundle / "registry.json").read_bytes() == before
    assert not list(bundle.glob("*.part"))


@pytest.mark.parametrize("version", [1, 2, 4])
def test_published_version_is_never_overwritten(bundle, version):
    """Only the next version is accepted; the registry stays as it was."""
    before = (bundle / "registry.json").read_bytes()

    with pytest.raises(SystemExit, match=f"base-v{version} must be base-v3, the next"):
        registry.add_record(make_record("base", version))
    assert (bundle / "registry.json").read_bytes() == before


@pytest.mark.usefixtures("bundle")
def test_record_must_name_its_files_as_published():
    """A file under any other name is refused."""
    record = make_record("base", 3)
    record = replace(record, h5=replace(record.h5, filename="mine.h5"))

    with pytest.raises(SystemExit, match=r"mine\.h5 must be called digitcnn-base-v3\.weights\.h5"):
        registry.add_record(record)


@pytest.mark.parametrize("name", ["", "Base", "../base", "base-v1", "base_1", "-base", "base\n"])
def test_name_that_makes_no_file_name_is_refused(name):
    """A name is lower-case words, so that it is safe in a path and not taken for a version."""
    with pytest.raises(SystemExit, match="must be lower-case words"):
        registry.published_filename(name, 1, "onnx")


@pytest.mark.parametrize(("version", "form"), [(0, "onnx"), (-3, "h5"), (1, "pb")])
def test_impossible_versions_and_formats_name_no_file(version, form):
    """Versions count from 1, and there are two formats."""
    with pytest.raises(SystemExit, match="nothing is published as version"):
        registry.published_filename("base", version, form)


def test_file_describes_itself(tmp_path):
    """The record of a file is measured from its bytes."""
    path = tmp_path / "digits.onnx"
    path.write_bytes(b"abc")

    assert PublishedFile.of(path) == PublishedFile(
        filename="digits.onnx",
        size=3,
        sha256="ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    )


# The order of look-up.


def test_bundled_file_comes_first(bundle, cache, server, tmp_path, monkeypatch):
    """What the package brings along is used without looking anywhere else."""
    monkeypatch.setenv("DIGITCNN_WEIGHTS_DIR", str(tmp_path / "mirror"))
    write(tmp_path / "mirror", "base", "onnx")
    write(cache, "base", "onnx")

    assert weights.resolve("base") == bundle / "digitcnn-base-v2.onnx"
    assert weights.resolve("base", format="h5") == bundle / "digitcnn-base-v2.weights.h5"
    assert not server.visits


@pytest.mark.usefixtures("bundle")
def test_mirror_folder_comes_before_the_cache(cache, server, tmp_path, monkeypatch):
    """`DIGITCNN_WEIGHTS_DIR` wins over the cache, and nothing is written."""
    monkeypatch.setenv("DIGITCNN_WEIGHTS_DIR", str(tmp_path / "mirror"))
    mirrored = write(tmp_path / "mirror", "large", "onnx")

    assert weights.resolve("large") == mirrored
    assert not cache.exists()
    assert not server.visits


@pytest.mark.usefixtures("bundle")
def test_cache_comes_before_the_network(cache, server, tmp_path, monkeypatch):
    """A good cached file is used, also where the mirror folder lacks it."""
    monkeypatch.setenv("DIGITCNN_WEIGHTS_DIR", str(tmp_path / "missing-mirror"))
    cached = write(cache, "large", "onnx")

    assert weights.resolve("large") == cached
    assert not server.visits


@pytest.mark.usefixtures("bundle")
def test_missing_file_is_downloaded_once(cache, server):
    """The first call downloads, the second finds the file."""
    server.replies[LARGE] = [GOOD]

    paths = [weights.resolve("large") for _ in range(2)]

    assert paths == [cache / "digitcnn-large-v1.onnx"] * 2
    assert paths[0].read_bytes() == GOOD.body
    assert all_files(cache) == ["digitcnn-large-v1.onnx"]
    assert server.visits == {LARGE: 1}


@pytest.mark.usefixtures("bundle", "cache")
def test_cache_dir_argument_wins_over_the_variable(server, tmp_path):
    """The caller's own cache folder is the one used."""
    server.replies[LARGE] = [GOOD]

    path = weights.resolve("large", cache_dir=tmp_path / "mine")

    assert path == tmp_path / "mine" / "weights" / "digitcnn-large-v1.onnx"


@pytest.mark.usefixtures("bundle")
def test_wrong_cache_dir_is_refused():
    """A cache folder that is no path is named."""
    with pytest.raises(InvalidArgumentError, match="`cache_dir` must be a folder; got int"):
        weights.resolve("large", cache_dir=7)


@pytest.mark.usefixtures("bundle")
def test_default_cache_is_the_one_pooch_would_use():
    """Without a setting, files go where pooch puts them on this platform."""
    assert _downloads.cache_folder("weights", None) == pooch.os_cache("digitcnn") / "weights"


def test_tilde_in_a_folder_setting_means_home(monkeypatch, tmp_path):
    """Variables may be set where no shell expands them."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("DIGITCNN_CACHE_DIR", "~/kept")

    assert _downloads.cache_folder("weights", None) == tmp_path / "kept" / "weights"


@pytest.mark.usefixtures("bundle")
def test_record_is_as_good_as_its_name():
    """A record can be passed wherever a name can."""
    record = weights.get_weights("base")

    assert weights.resolve(record) == weights.resolve("base")
    assert weights.verify(record) == weights.verify("base")


@pytest.mark.usefixtures("bundle")
def test_fetch_brings_both_files(cache, server):
    """After `fetch_weights` both formats are there to be verified offline."""
    server.replies[LARGE] = [GOOD]
    server.replies["/digitcnn-large-v1.weights.h5"] = [Reply(content("large-v1", "h5"))]

    paths = weights.fetch_weights("large")

    assert paths == {
        "onnx": cache / "digitcnn-large-v1.onnx",
        "h5": cache / "digitcnn-large-v1.weights.h5",
    }
    assert weights.verify("large") == paths


# Files of the user's own.


@pytest.mark.parametrize("kind", [str, Path])
def test_own_file_is_given_back(tmp_path, kind):
    """A path to a file is that file, published or not."""
    path = tmp_path / "mine.weights.h5"
    path.write_bytes(b"anything")

    assert weights.resolve(kind(path), format="h5") == path


def test_own_file_may_be_named_without_a_folder(tmp_path, monkeypatch):
    """A string that ends as weights files do is a file, not a name."""
    monkeypatch.chdir(tmp_path)
    Path("mine.onnx").write_bytes(b"anything")

    assert weights.resolve("mine.onnx") == Path("mine.onnx")


@pytest.mark.parametrize("missing", ["no/such.onnx", Path("such.onnx"), "nul\0.onnx"])
def test_missing_own_file_is_an_os_error(missing):
    """A path that leads nowhere is named."""
    with pytest.raises(UnavailableError, match=r"must be an existing file.*which is no file"):
        weights.resolve(missing)


def test_own_file_in_the_other_format_is_refused(tmp_path):
    """Keras' file is not passed to ONNX Runtime."""
    path = tmp_path / "mine.weights.h5"
    path.write_bytes(b"anything")

    with pytest.raises(InvalidArgumentError, match=r"must be a file in \.onnx here; got .*mine"):
        weights.resolve(path)


def test_published_names_folders_and_files_are_told_apart(tmp_path, monkeypatch):
    """A published name comes before a folder of that name; a path is one's own."""
    monkeypatch.chdir(tmp_path)
    for folder in ("base", "mine"):
        Path(folder).mkdir()

    assert weights.identify("base") == weights.get_weights("base")
    for own in ("mine", "./base", Path("base"), "some.onnx"):
        assert weights.identify(own) == Path(own)
    with pytest.raises(UnknownWeightsError, match="got 'nine'"):
        weights.identify("nine")
    with pytest.raises(CorruptFileError, match="`weights` must be the folder of a finished"):
        weights.resolve("mine", format="h5")


def test_unknown_format_is_refused():
    """There are two formats."""
    with pytest.raises(InvalidArgumentError, match=r'`format` must be "onnx" or "h5"; got \'pt\''):
        weights.resolve("base", format="pt")


# What can go wrong on the way.


@pytest.mark.usefixtures("bundle")
def test_missing_release_is_explained(cache, server):
    """The error says what to do by hand."""
    with pytest.raises(OSError, match="404 Client Error") as caught:
        weights.resolve("large")

    message = str(caught.value)
    assert f"{server.url}{LARGE}" in message
    assert str(cache / "digitcnn-large-v1.onnx") in message
    assert "DIGITCNN_WEIGHTS_DIR" in message
    assert (caught.value.code, caught.value.argument) == ("unavailable", "weights")
    assert caught.value.remedy.startswith("To place it by hand, download http")


@pytest.mark.usefixtures("bundle", "cache")
def test_in_a_checkout_the_error_names_its_folder(tmp_path, monkeypatch):
    """Where the folder `weights` lies here with the file, the error says how to use it."""
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "digitcnn-large-v1.onnx").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIGITCNN_OFFLINE", "1")

    with pytest.raises(
        UnavailableError, match=r"`weights` here holds it: set DIGITCNN_WEIGHTS_DIR"
    ):
        weights.resolve("large")


BAD_BODIES = {
    "truncated": (Reply(GOOD.body, cut=1_000), "IncompleteRead|hash"),
    "wrong bytes": (Reply(b"?" * len(GOOD.body)), "hash"),
    "too long": (Reply(GOOD.body + b"!"), "hash"),
    "server error": (Reply(status=500), "500 Server Error"),
    "hang": (Reply(hangs=True), "[Tt]imed out"),
    "reset on the way": (Reply(GOOD.body, cut=1_000, resets=True), "Connection"),
    "gzip in name only": (Reply(GOOD.body, mislabelled=True), "Error"),
    "redirect to a file": (Reply(status=302, location="file:///etc/hostname"), "InvalidSchema"),
}
BAD_REPLIES = [pytest.param(*case, id=name) for name, case in BAD_BODIES.items()]
PASSING_REPLIES = [pytest.param(case[0], id=name) for name, case in BAD_BODIES.items()]


@pytest.mark.usefixtures("bundle")
@pytest.mark.parametrize(("reply", "reason"), BAD_REPLIES)
def test_bad_download_never_gets_the_real_name(cache, server, monkeypatch, reply, reason):
    """A file that is not the published one is asked for again, then refused, and not kept."""
    monkeypatch.setattr(_downloads, "TIMEOUT_S", 0.3 if reply.hangs else 30)
    server.replies[LARGE] = [reply]

    with pytest.raises(UnavailableError, match=reason):
        weights.resolve("large")
    assert all_files(cache) == []
    assert server.visits == {LARGE: 3}


@pytest.mark.usefixtures("bundle")
@pytest.mark.parametrize("reply", PASSING_REPLIES)
def test_passing_failure_is_overcome(cache, server, monkeypatch, reply):
    """When the second attempt gives the file, the caller notices nothing."""
    monkeypatch.setattr(_downloads, "TIMEOUT_S", 0.3 if reply.hangs else 30)
    server.replies[LARGE] = [reply, GOOD]

    assert weights.resolve("large").read_bytes() == GOOD.body
    assert all_files(cache) == ["digitcnn-large-v1.onnx"]


@pytest.mark.usefixtures("bundle", "cache")
def test_redirect_is_followed(server):
    """Release pages redirect to where the files lie."""
    server.replies[LARGE] = [Reply(status=302, location=f"{server.url}/elsewhere")]
    server.replies["/elsewhere"] = [GOOD]

    assert weights.resolve("large").read_bytes() == GOOD.body


@pytest.mark.usefixtures("bundle", "cache")
def test_compressed_transfer_is_unpacked(server):
    """A server that compresses on the way, though not asked to, does no harm."""
    server.replies[LARGE] = [Reply(GOOD.body, gzipped=True)]

    assert weights.resolve("large").read_bytes() == GOOD.body


@pytest.mark.usefixtures("bundle", "cache")
def test_refused_connection_is_explained(monkeypatch):
    """No server at all is an UnavailableError that says so."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    monkeypatch.setenv("DIGITCNN_BASE_URL", address)

    with pytest.raises(UnavailableError, match="ConnectionRefusedError"):
        weights.resolve("large")


@pytest.mark.usefixtures("bundle", "cache")
@pytest.mark.parametrize("address", ["localhost", "gopher://localhost", "http://a..b", "http://"])
def test_base_url_that_is_none_is_explained(monkeypatch, address):
    """A malformed address in the variable fails as an unreachable one does."""
    monkeypatch.setenv("DIGITCNN_BASE_URL", address)

    with pytest.raises(UnavailableError, match="must be downloaded once; got"):
        weights.resolve("large")


@pytest.mark.usefixtures("bundle")
@pytest.mark.parametrize("value", ["1", "true", "YES"])
def test_offline_mode_touches_no_network(monkeypatch, server, cache, value):
    """With DIGITCNN_OFFLINE the server is not asked, and the error names the variable."""
    server.replies[LARGE] = [GOOD]
    monkeypatch.setenv("DIGITCNN_OFFLINE", value)

    with pytest.raises(UnavailableError, match="while DIGITCNN_OFFLINE is set; got none") as caught:
        weights.fetch_weights("large")
    assert f"got none in {cache}." in str(caught.value)
    assert not server.visits
    assert server.connections == 0


@pytest.mark.usefixtures("bundle", "cache")
@pytest.mark.parametrize("value", ["", "0", "false", "No", "off"])
def test_offline_variable_can_say_no(monkeypatch, server, value):
    """The variable set to a no is as good as unset."""
    server.replies[LARGE] = [GOOD]
    monkeypatch.setenv("DIGITCNN_OFFLINE", value)

    assert weights.resolve("large").is_file()


@pytest.mark.usefixtures("bundle", "cache")
def test_verification_touches_no_network(server):
    """`verify` says what is missing instead of fetching it."""
    server.replies[LARGE] = [GOOD]

    with pytest.raises(UnavailableError, match="where nothing may be downloaded; got none in"):
        weights.verify("large")
    assert not server.visits


@pytest.mark.usefixtures("bundle")
def test_corrupt_cached_file_is_replaced_with_a_warning(cache, server, caplog):
    """Damage in the cache is said and mended."""
    server.replies[LARGE] = [GOOD]
    path = write(cache, "large", "onnx", b"?" * len(GOOD.body))

    assert weights.resolve("large") == path
    assert path.read_bytes() == GOOD.body
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"{path} is damaged (sha256" in caplog.text


@pytest.mark.usefixtures("bundle")
def test_corrupt_cached_file_is_refused_offline(monkeypatch, cache):
    """Damage that cannot be mended is an error, and the file stays for a look."""
    monkeypatch.setenv("DIGITCNN_OFFLINE", "1")
    path = write(cache, "large", "onnx", b"short")

    with pytest.raises(CorruptFileError, match=r"got 5 bytes instead of .* Delete it"):
        weights.resolve("large")
    assert path.read_bytes() == b"short"


@pytest.mark.usefixtures("cache")
def test_corrupt_bundled_file_is_refused(bundle, server):
    """Damage in the installation is never covered up by another copy."""
    write(bundle, "base", "onnx", b"short")

    with pytest.raises(CorruptFileError, match="Reinstall digitcnn"):
        weights.resolve("base")
    assert not server.visits


@pytest.mark.usefixtures("bundle", "cache")
def test_wrong_file_in_the_mirror_is_refused(monkeypatch, server, tmp_path):
    """A mirror is never written to; a wrong file in it is named."""
    monkeypatch.setenv("DIGITCNN_WEIGHTS_DIR", str(tmp_path / "mirror"))
    path = write(tmp_path / "mirror", "large", "onnx", b"short")

    with pytest.raises(CorruptFileError, match="or unset DIGITCNN_WEIGHTS_DIR"):
        weights.resolve("large")
    assert path.read_bytes() == b"short"
    assert not server.visits


@pytest.mark.usefixtures("bundle")
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_cached_file_can_be_shared(server, cache):
    """Other users of a shared cache can read what one of them has fetched."""
    server.replies[LARGE] = [GOOD]

    path = weights.resolve("large")

    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert all_files(cache) == [path.name]


@pytest.mark.usefixtures("bundle", "server")
def test_cache_that_is_no_folder_is_explained(tmp_path):
    """A cache that cannot be written names the variable that moves it."""
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(UnavailableError, match=r"must be a folder to write to; got .*Error"):
        weights.resolve("large", cache_dir=tmp_path / "file")


def raise_runtime_error(name):
    """Stand in for platformdirs 4.14 where there is no home."""
    raise RuntimeError(name)


@pytest.mark.parametrize("user_cache_dir", [raise_runtime_error, "~/.cache/{}".format])
def test_missing_home_is_explained(bundle, server, tmp_path, monkeypatch, user_cache_dir):
    """Without a home, what is bundled is found, and a download names the variable to set."""
    monkeypatch.setattr(platformdirs, "user_cache_dir", user_cache_dir)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.chdir(tmp_path)

    assert weights.resolve("base").parent == bundle
    with pytest.raises(UnavailableError, match=r"no home directory\. Name .* DIGITCNN_CACHE_DIR"):
        weights.resolve("large")
    assert not list(tmp_path.glob("~*"))
    assert not server.visits


def test_unreadable_file_is_a_defect(tmp_path):
    """A file that cannot be read is told apart from a wrong one."""
    file = make_record("base", 1).onnx

    assert (
        _downloads.find_defect(tmp_path / "gone", file) == "unreadable: No such file or directory"
    )


@pytest.mark.usefixtures("bundle")
def test_threads_fetching_at_once_all_succeed(server, cache):
    """Eight at once into an empty cache get the file, and leave nothing else behind."""
    server.replies[LARGE] = [GOOD]
    start, bodies = threading.Barrier(8), []

    def fetch():
        start.wait()
        bodies.append(weights.resolve("large").read_bytes())

    threads = [threading.Thread(target=fetch) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert bodies == [GOOD.body] * 8
    assert all_files(cache) == ["digitcnn-large-v1.onnx"]


IN_A_CHILD = """
import resource, signal, sys
from pathlib import Path
import pooch, types
from digitcnn import weights
weights.BUNDLE = Path({bundle!r})
pooch.core.time = types.SimpleNamespace(sleep=lambda _: None)
{before}
try:
    print(len(weights.resolve("large").read_bytes()))
except OSError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def child(bundle, cache, server):
    """Start a process that locates `large`, and give it back; it says what it got."""
    started = []

    def start(before="", prefix=()):
        code = IN_A_CHILD.format(bundle=str(bundle), before=before)
        environment = os.environ | {
            "PYTHONPATH": str(Path(weights.__file__).parents[1]),
            "DIGITCNN_CACHE_DIR": str(cache.parent),
            "DIGITCNN_BASE_URL": server.url,
        }
        started.append(
            subprocess.Popen(
                [*prefix, sys.executable, "-c", code],
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_processes_fetching_at_once_all_succeed(child, server, cache):
    """Eight processes that download into one empty cache get the file and leave nothing else."""
    server.replies[LARGE] = [GOOD]

    answers = [process.communicate()[0] for process in [child() for _ in range(8)]]

    assert answers == [f"{len(GOOD.body)}\n"] * 8
    assert all_files(cache) == ["digitcnn-large-v1.onnx"]
    assert server.visits[LARGE] >= 1


def test_killed_download_is_no_hindrance(child, server, cache):
    """What a killed download leaves has no real name, and the next call gets the file."""
    server.replies[LARGE] = [Reply(GOOD.body, cut=80_000, hangs=True), GOOD]
    process = child()
    wait_until(lambda: server.visits[LARGE] and all_files(cache))
    process.kill()
    process.wait()

    assert "digitcnn-large-v1.onnx" not in all_files(cache)
    assert child().communicate()[0] == f"{len(GOOD.body)}\n"
    assert (cache / "digitcnn-large-v1.onnx").read_bytes() == GOOD.body


def wait_until(is_so, limit_s=20):
    """Wait for another process or thread to get somewhere."""
    end = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no such limit")
def test_file_size_limit_is_explained(child, server, cache):
    """A disk that takes only so much is named with its reason, and nothing is left on it."""
    server.replies[LARGE] = [GOOD]
    limited = "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))"

    answer, _ = child(limited).communicate()

    assert answer.startswith(f"UnavailableError `{cache}` must be a folder to write to; got OSE")
    assert "File too large" in answer
    assert_says_how_to_place_it(answer, server, cache)
    assert all_files(cache) == []


def assert_says_how_to_place_it(message, server, cache):
    """Check that an error tells the URL, the path and what to do with them."""
    assert f"download {server.url}{LARGE} on any machine" in message
    assert str(cache / "digitcnn-large-v1.onnx") in message
    assert "DIGITCNN_CACHE_DIR" in message


@pytest.fixture
def mounted(child, cache):
    """Run a child in mounts of its own: `commands` first, its output then given back."""
    unshare = ["unshare", "--mount", *([] if os.getuid() == 0 else ["--map-root-user"])]
    probe = [*unshare, "mount", "-t", "tmpfs", "tmpfs", str(cache.parent)]
    cache.mkdir(parents=True)
    if shutil.which("unshare") is None or subprocess.run(probe, check=False).returncode:
        pytest.skip("nothing may be mounted here")

    def run(commands):
        shell = [*unshare, "sh", "-ec", f'{commands}; exec "$0" "$@"']
        return child(prefix=shell).communicate()[0]

    return run


def test_full_file_system_is_explained(mounted, server, cache):
    """A disk without room for the file is named."""
    server.replies[LARGE] = [GOOD]

    answer = mounted(f"mount -t tmpfs -o size=16k tmpfs {cache}")

    assert "got OSError: No space left on device" in answer
    assert_says_how_to_place_it(answer, server, cache)


def test_read_only_cache_serves_what_it_holds(mounted, server, cache):
    """From a read-only cache a file is read; what it lacks is explained."""
    server.replies[LARGE] = [GOOD]
    read_only = (
        f"mount --bind -o ro {cache.parent} {cache.parent}; mount -o remount,bind,ro {cache.parent}"
    )

    answer = mounted(read_only)
    cache.joinpath("digitcnn-large-v1.onnx").write_bytes(GOOD.body)

    assert "Read-only file system" in answer
    assert_says_how_to_place_it(answer, server, cache)
    visits = server.visits[LARGE]
    assert mounted(read_only) == f"{len(GOOD.body)}\n"
    assert server.visits[LARGE] == visits


def test_finding_local_files_loads_neither_pooch_nor_a_framework(tmp_path):
    """Importing the room and locating a cached file stays light, in a fresh interpreter."""
    registry.write_registry(tmp_path / "registry.json", [make_record("large", 1)])
    cached = tmp_path / "cache" / "weights" / "digitcnn-large-v1.onnx"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(GOOD.body)
    code = f"""
import sys
from pathlib import Path
from digitcnn import weights
weights.BUNDLE = Path({str(tmp_path)!r})
weights.resolve("large", cache_dir={str(tmp_path / "cache")!r})
heavy = {{"pooch", "requests", "numpy", "onnxruntime", "keras", "tensorflow"}}
print(sorted(heavy & set(sys.modules)))
"""
    source = str(Path(weights.__file__).parents[1])

    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "[]\n"


# The real registry.

PUBLISHED = [
    pytest.param(record, form, id=f"{record.id}-{form}")
    for record in weights.list_weights()
    for form in ("onnx", "h5")
]


def test_registry_file_is_as_publishing_writes_it():
    """The registry lists unique records in order, with no gap in any name's versions."""
    records = weights.list_weights()
    names = {record.name for record in records}

    assert [(record.name, record.version) for record in records] == [
        (name, version)
        for name in sorted(names)
        for version in range(1, registry.next_version(name))
    ]


def test_registry_written_anew_is_the_same_to_the_byte(tmp_path):
    """Publishing adds lines and changes none, whatever wrote the others."""
    path = tmp_path / "registry.json"

    registry.write_registry(path, weights.list_weights()[::-1])

    assert path.read_bytes() == (weights.BUNDLE / "registry.json").read_bytes()


@pytest.mark.parametrize(("record", "form"), PUBLISHED)
def test_release_asset_is_what_its_record_says(record, form):
    """Each published file lies in `weights/` with the recorded name, size and SHA-256."""
    if not RELEASE_ASSETS.is_dir():
        pytest.skip("the release's assets lie in a checkout, not in a source distribution")
    file = record.file(form)

    assert file.filename == registry.published_filename(record.name, record.version, form)
    assert asdict(PublishedFile.of(RELEASE_ASSETS / file.filename)) == asdict(file)


@pytest.mark.parametrize(("record", "form"), PUBLISHED)
def test_what_predicts_and_reads_alone_travels_in_the_package(record, form):
    """The package brings along both files of `base`, `tiny` and `reader`, and no others."""
    is_bundled = (weights.BUNDLE / record.file(form).filename).is_file()

    bundled = [weights.get_weights(name) for name in ("base", "tiny", "reader")]
    assert is_bundled == (record in bundled)
    if is_bundled:
        assert weights.verify(record)[form].parent == weights.BUNDLE
