"""Records of published weights, and the way from a name to a checked file."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import re
import shutil
import socket
import stat
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from unittest.mock import Mock

import platformdirs
import pooch
import pytest
import registry
from loopback import Reply, serve
from processes import started, wait_until

from digitcnn import _downloads, weights
from digitcnn.errors import (
    CorruptFileError,
    InvalidArgumentError,
    UnavailableError,
    UnknownWeightsError,
)
from digitcnn.weights import PublishedFile, Weights

RELEASE_ASSETS = Path(__file__).parents[1] / "weights"
FORMATS = ("onnx", "h5")


def content(weights_id: str, form: str) -> bytes:
    """Make up the bytes of a published file."""
    return f"{weights_id} in {form}. ".encode() * 5_000


def make_record(name: str, version: int) -> Weights:
    """Make up a record that tells the truth about the made-up files."""
    files = {}
    for form in FORMATS:
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


def write(folder: Path, weights_id: str, form: str = "onnx", body: bytes | None = None) -> Path:
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
    for variable in ("WEIGHTS_DIR", "CACHE_DIR", "BASE_URL", "OFFLINE"):
        monkeypatch.delenv(f"DIGITCNN_{variable}", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home-cache"))
    monkeypatch.setattr(pooch.core, "time", Mock())  # it sleeps between attempts


@pytest.fixture
def bundle(monkeypatch, tmp_path):
    """Make a package folder that brings along the newest `base` of a made-up registry."""
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "registry.json").write_text("[]")
    monkeypatch.setattr(weights, "BUNDLE", folder)
    for name, version in [("base", 1), ("base", 2), ("large", 1)]:
        registry.add_record(make_record(name, version))
    for form in FORMATS:
        write(folder, "base", form)
    return folder


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """Choose an empty cache, the folder of weights in it not created yet."""
    monkeypatch.setenv("DIGITCNN_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "weights"


@pytest.fixture
def mirror(monkeypatch, tmp_path):
    """Name a read-only mirror, not there yet."""
    monkeypatch.setenv("DIGITCNN_WEIGHTS_DIR", str(tmp_path / "mirror"))
    return tmp_path / "mirror"


LARGE = "/digitcnn-large-v1.onnx"
GOOD = Reply(content("large-v1", "onnx"))


@pytest.fixture
def server(monkeypatch):
    """Run the server that downloads go to, which has `large`."""
    with serve() as running:
        monkeypatch.setenv("DIGITCNN_BASE_URL", running.url)
        running.replies[LARGE] = [GOOD]
        yield running


# The records.


@pytest.mark.usefixtures("bundle")
def test_a_name_means_its_newest_version():
    """A bare name is the newest version, one with a version stays with it, none means `base`."""
    assert [record.id for record in weights.list_weights()] == ["base-v1", "base-v2", "large-v1"]
    assert weights.get_weights() == weights.get_weights("base") == weights.get_weights("base-v2")
    assert weights.get_weights("base-v1").version == 1
    for version in range(2, 11):
        registry.add_record(make_record("large", version))
    assert weights.get_weights("large").version == 10  # compared as numbers


@pytest.mark.usefixtures("bundle")
def test_a_record_is_as_good_as_its_name():
    """A record is taken wherever a name is; it is hashable and picklable, and never changes."""
    record = weights.get_weights("base")

    assert weights.resolve(record) == weights.resolve("base") == weights.resolve()
    assert weights.verify(record) == weights.verify("base")
    assert {pickle.loads(pickle.dumps(record)): 1}[record] == 1
    with pytest.raises(FrozenInstanceError, match="version"):
        record.version = 2


@pytest.mark.usefixtures("bundle")
@pytest.mark.parametrize("call", [weights.get_weights, weights.resolve, weights.verify])
def test_what_names_no_weights_is_refused(call):
    """A wrong name is told with all right ones and the nearest; a number is neither."""
    with pytest.raises(UnknownWeightsError, match=r"got 'xyz'. Known names: base, base-v1, base-v"):
        call("xyz")
    with pytest.raises(ValueError, match="Did you mean 'large'"):
        call("lagre")
    with pytest.raises(InvalidArgumentError, match=r"must be a published name.*got int"):
        call(7)


# Publishing.


def test_a_published_version_is_never_overwritten(bundle):
    """Only the next version is entered, under its own name, and reads back equal."""
    record, before = replace(make_record("base", 3), multiply_adds=99), all_files(bundle)
    for version in (1, 2, 4):
        with pytest.raises(SystemExit, match=f"base-v{version} must be base-v3, the next"):
            registry.add_record(make_record("base", version))
    with pytest.raises(SystemExit, match=r"mine\.h5 must be called digitcnn-base-v3\.weights\.h5"):
        registry.add_record(replace(record, h5=replace(record.h5, filename="mine.h5")))
    assert weights.get_weights("base").version == 2

    registry.add_record(record)

    assert weights.get_weights("base") == record
    assert all_files(bundle) == before


@pytest.mark.parametrize("name", ["", "Base", "../base", "base-v1", "base_1", "-base", "base\n"])
def test_a_name_that_makes_no_file_name_is_refused(name):
    """A name is lower-case words, so that it is safe in a path and not taken for a version."""
    with pytest.raises(SystemExit, match="must be lower-case words"):
        registry.published_filename(name, 1, "onnx")


# The order of look-up.


def test_the_nearest_copy_is_used(bundle, mirror, cache, server, tmp_path):
    """The package comes first, then the mirror, the cache, and the network last, asked once."""
    write(mirror, "base")
    write(cache, "base")
    assert weights.resolve("base") == bundle / "digitcnn-base-v2.onnx"
    assert weights.resolve("base", format="h5") == bundle / "digitcnn-base-v2.weights.h5"

    mirrored = write(mirror, "large")
    assert weights.resolve("large") == mirrored
    mirrored.unlink()
    cached = write(cache, "large")
    assert weights.resolve("large") == cached
    assert not server.visits
    cached.unlink()
    assert [weights.resolve("large"), weights.resolve("large")] == [cached, cached]
    assert (cached.read_bytes(), server.visits) == (GOOD.body, {LARGE: 1})
    mine = weights.resolve("large", cache_dir=tmp_path / "mine")
    assert mine == tmp_path / "mine" / "weights" / cached.name
    assert all_files(mirror) == ["digitcnn-base-v2.onnx"]


@pytest.mark.usefixtures("bundle")
def test_fetch_brings_both_files(cache, server):
    """After `fetch_weights` both formats are there to be verified offline."""
    server.replies["/digitcnn-large-v1.weights.h5"] = [Reply(content("large-v1", "h5"))]

    paths = weights.fetch_weights("large")

    assert all_files(cache) == ["digitcnn-large-v1.onnx", "digitcnn-large-v1.weights.h5"]
    assert weights.verify("large") == paths


@pytest.mark.usefixtures("bundle")
def test_a_tilde_in_a_folder_setting_means_home(monkeypatch, server, tmp_path):
    """Variables may be set where no shell expands them."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("DIGITCNN_CACHE_DIR", "~/kept")

    assert weights.resolve("large").parent == tmp_path / "kept" / "weights"
    assert server.visits == {LARGE: 1}


# Files of the user's own.


def test_own_files_and_published_names_are_told_apart(tmp_path, monkeypatch):
    """A published name comes before a folder of that name; a path is one's own file."""
    monkeypatch.chdir(tmp_path)
    for folder in ("base", "mine"):
        Path(folder).mkdir()
    Path("mine.weights.h5").write_bytes(b"anything")

    assert weights.identify("base") == weights.get_weights("base")
    for own in ("mine", "./base", Path("base"), "some.onnx"):
        assert weights.identify(own) == Path(own)
    for own in ("mine.weights.h5", str(tmp_path / "mine.weights.h5"), Path("mine.weights.h5")):
        assert weights.resolve(own, format="h5") == Path(own)
    with pytest.raises(UnknownWeightsError, match="got 'nine'"):
        weights.identify("nine")
    with pytest.raises(CorruptFileError, match="`weights` must be the folder of a finished"):
        weights.resolve("mine", format="h5")
    with pytest.raises(InvalidArgumentError, match=r"must be a file in \.onnx here; got .*mine"):
        weights.resolve("mine.weights.h5")
    with pytest.raises(InvalidArgumentError, match=r'`format` must be "onnx" or "h5"; got \'pt\''):
        weights.resolve("base", format="pt")
    with pytest.raises(InvalidArgumentError, match="`cache_dir` must be a folder; got int"):
        weights.resolve("large", cache_dir=7)


@pytest.mark.parametrize("missing", ["no/such.onnx", Path("such.onnx"), "nul\0.onnx"])
def test_a_missing_own_file_is_an_os_error(missing):
    """A path that leads nowhere is named."""
    with pytest.raises(UnavailableError, match=r"must be an existing file.*which is no file"):
        weights.resolve(missing)


# What can go wrong on the way.


BY_HAND = r"To place it by hand, download .* on any machine and copy it to "


@pytest.mark.usefixtures("bundle")
def test_a_missing_release_is_explained(cache, server):
    """The error says what to do by hand."""
    server.replies.clear()

    with pytest.raises(OSError, match=f"404 Client Error.*{BY_HAND}") as caught:
        weights.resolve("large")
    told = str(caught.value)
    assert f"{server.url}{LARGE} on any machine" in told
    assert f"copy it to {cache / 'digitcnn-large-v1.onnx'}, or into a folder that you name" in told
    assert (caught.value.code, caught.value.argument) == ("unavailable", "weights")


@pytest.mark.usefixtures("bundle", "cache")
def test_the_error_names_the_folder_that_holds_the_file(tmp_path, monkeypatch):
    """Until there is a release that is one of the repository, or in a checkout its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIGITCNN_OFFLINE", "1")

    with pytest.raises(UnavailableError, match="repository holds it in its folder `weights`"):
        weights.resolve("large")
    write(tmp_path / "weights", "large")
    with pytest.raises(UnavailableError, match=r"here holds it: set DIGITCNN_WEIGHTS_DIR"):
        weights.resolve("large")


BAD_REPLIES = {
    "cut": (Reply(GOOD.body, cut=1_000), "IncompleteRead|hash"),
    "wrong bytes": (Reply(b"?" * len(GOOD.body)), "hash"),
    "too long": (Reply(GOOD.body + b"!"), "hash"),
    "server error": (Reply(status=500), "500 Server Error"),
    "silence": (Reply(hangs=True), "[Tt]imed out"),
    "reset": (Reply(GOOD.body, cut=1_000, resets=True), "Connection"),
    "redirect to a file": (Reply(status=302, location="file:///etc/hostname"), "InvalidSchema"),
}


@pytest.mark.usefixtures("bundle")
@pytest.mark.parametrize(("reply", "reason"), BAD_REPLIES.values(), ids=BAD_REPLIES)
def test_a_bad_download_never_gets_the_real_name(cache, server, monkeypatch, reply, reason):
    """It is asked for three times, then refused and not kept; a failure that passes is overcome."""
    monkeypatch.setattr(_downloads, "TIMEOUT_S", 0.3 if reply.hangs else 30)
    server.replies[LARGE] = [reply] * 4 + [GOOD]

    with pytest.raises(UnavailableError, match=reason):
        weights.resolve("large")
    assert (all_files(cache), server.visits) == ([], {LARGE: 3})
    assert weights.resolve("large").read_bytes() == GOOD.body
    assert (all_files(cache), server.visits) == (["digitcnn-large-v1.onnx"], {LARGE: 5})


@pytest.mark.usefixtures("bundle", "cache")
def test_redirects_and_compression_are_followed(server):
    """Release pages redirect to where files lie, which a server may pack on the way."""
    server.replies[LARGE] = [Reply(status=302, location=f"{server.url}/elsewhere")]
    server.replies["/elsewhere"] = [Reply(GOOD.body, gzipped=True)]

    assert weights.resolve("large").read_bytes() == GOOD.body


@pytest.mark.usefixtures("bundle", "cache")
@pytest.mark.parametrize("address", ["localhost", "gopher://localhost", "http://a..b", "closed"])
def test_an_address_that_nobody_answers_is_explained(monkeypatch, address):
    """A malformed address in the variable fails as one does where no server listens."""
    if address == "closed":
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    monkeypatch.setenv("DIGITCNN_BASE_URL", address)

    with pytest.raises(UnavailableError, match="must be downloaded once; got"):
        weights.resolve("large")


@pytest.mark.usefixtures("bundle")
def test_offline_mode_touches_no_network(monkeypatch, server, cache):
    """With DIGITCNN_OFFLINE, and to verify, the server is not asked; a no is as good as unset."""
    for value in ("1", "true", "YES"):
        monkeypatch.setenv("DIGITCNN_OFFLINE", value)
        with pytest.raises(UnavailableError, match="while DIGITCNN_OFFLINE is set; got") as caught:
            weights.fetch_weights("large")
        assert f"got none in {cache}." in str(caught.value)
    for value in ("", "0", "false", "No", "off"):
        monkeypatch.setenv("DIGITCNN_OFFLINE", value)
        with pytest.raises(UnavailableError, match="where nothing may be downloaded; got none in"):
            weights.verify("large")
    assert server.connections == 0
    assert weights.resolve("large").is_file()


@pytest.mark.usefixtures("bundle")
def test_a_damaged_cached_file_is_replaced_or_refused(monkeypatch, cache, server, caplog):
    """Damage in the cache is said and mended; offline it is an error, and the file stays."""
    path = write(cache, "large", body=b"?" * len(GOOD.body))
    assert weights.resolve("large") == path
    assert path.read_bytes() == GOOD.body
    assert f"{path} is damaged (sha256" in caplog.text

    path.write_bytes(b"short")
    monkeypatch.setenv("DIGITCNN_OFFLINE", "1")
    with pytest.raises(CorruptFileError, match=r"got 5 bytes instead of .* Delete it"):
        weights.resolve("large")
    assert (path.read_bytes(), server.visits) == (b"short", {LARGE: 1})


@pytest.mark.usefixtures("cache")
def test_damage_where_nothing_is_written_is_refused(bundle, mirror, server):
    """In the installation, or a mirror, no other copy covers it up, and it is not replaced."""
    write(bundle, "base", body=b"short")
    path = write(mirror, "large", body=b"short")

    with pytest.raises(CorruptFileError, match="Reinstall digitcnn"):
        weights.resolve("base")
    with pytest.raises(CorruptFileError, match="or unset DIGITCNN_WEIGHTS_DIR"):
        weights.resolve("large")
    assert (path.read_bytes(), dict(server.visits)) == (b"short", {})


@pytest.mark.usefixtures("bundle", "server")
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_cached_file_can_be_shared(cache):
    """Other users of a shared cache can read what one of them has fetched."""
    path = weights.resolve("large")

    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert all_files(cache) == [path.name]


@pytest.mark.parametrize(
    "user_cache_dir", [Mock(side_effect=RuntimeError("no home")), "~/.cache/{}".format]
)
def test_a_missing_home_is_explained(bundle, server, tmp_path, monkeypatch, user_cache_dir):
    """Without a home, what is bundled is found, and a download names the variable to set."""
    monkeypatch.setattr(platformdirs, "user_cache_dir", user_cache_dir)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.chdir(tmp_path)

    assert weights.resolve("base").parent == bundle
    with pytest.raises(UnavailableError, match=r"no home directory\. Name .* DIGITCNN_CACHE_DIR"):
        weights.resolve("large")
    assert not list(tmp_path.glob("~*"))
    assert not server.visits


@pytest.mark.usefixtures("bundle", "server")
def test_a_cache_that_is_no_folder_is_explained(tmp_path):
    """A cache that cannot be written names the variable that moves it."""
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(UnavailableError, match=r"must be a folder to write to; got .*Error"):
        weights.resolve("large", cache_dir=tmp_path / "file")


IN_A_CHILD = """
import resource, sys
from pathlib import Path
from digitcnn import weights
weights.BUNDLE = Path({bundle!r})
{more}
try:
    print(len(weights.resolve("large").read_bytes()))
except OSError as error:
    print(type(error).__name__, error)
heavy = {{"pooch", "requests", "numpy", "onnxruntime", "keras", "tensorflow"}}
print(sorted(heavy & set(sys.modules)))
"""
FETCHED = f"{len(GOOD.body)}\n['pooch', 'requests']\n"


@pytest.fixture
def child(bundle, cache, server):  # noqa: ARG001 - the server's address is in the environment
    """Start a process that looks for `large`, and says what it got and what it loaded."""
    with contextlib.ExitStack() as stack:
        yield lambda more="", **options: stack.enter_context(
            started("-c", IN_A_CHILD.format(bundle=str(bundle), more=more), **options)
        )


def answer_of(process):
    """Wait for what a process says."""
    return process.communicate(timeout=120)[0]


def test_processes_fetching_at_once_all_succeed(child, cache):
    """Four processes that download into one empty cache get the file and leave nothing else."""
    assert [answer_of(process) for process in [child() for _ in range(4)]] == [FETCHED] * 4
    assert all_files(cache) == ["digitcnn-large-v1.onnx"]


def test_finding_local_files_loads_neither_pooch_nor_a_framework(child, cache):
    """Importing the room and locating a cached file stays light, in a fresh interpreter."""
    write(cache, "large")

    assert answer_of(child()) == f"{len(GOOD.body)}\n[]\n"


def test_a_killed_download_is_no_hindrance(child, server, cache):
    """What a killed download leaves has no real name, and the next call gets the file."""
    server.replies[LARGE] = [Reply(GOOD.body, cut=80_000, hangs=True), GOOD]
    process = child()
    wait_until(lambda: server.visits[LARGE] and all_files(cache))
    process.kill()
    process.wait()

    assert "digitcnn-large-v1.onnx" not in all_files(cache)
    assert answer_of(child()) == FETCHED


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no such limit")
def test_a_full_disk_is_explained(child, cache):
    """A disk that takes only so much is named with its reason, and nothing is left on it."""
    answer = answer_of(child("resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))"))

    told = f"UnavailableError `{re.escape(str(cache))}` must be a folder to write to; got OSE"
    assert re.match(f"{told}.*File too large.*{BY_HAND}", answer)
    assert all_files(cache) == []


@pytest.mark.skipif(sys.platform != "linux", reason="a folder is made read-only by way of mount")
def test_a_read_only_cache_serves_what_it_holds(child, cache):
    """From a read-only cache a file is read; what it lacks is explained."""
    cache.mkdir(parents=True)
    mount = f"mount --bind -o ro {cache} {cache}; mount -o remount,bind,ro {cache}"
    alone = ["unshare", "--mount", *([] if os.getuid() == 0 else ["--map-root-user"]), "sh", "-ec"]
    if not shutil.which("unshare") or subprocess.run([*alone, mount], check=False).returncode:
        pytest.skip("nothing may be mounted here")
    prefix = [*alone, f'{mount}; exec "$0" "$@"']

    assert re.search(f"Read-only file system.*{BY_HAND}", answer_of(child(prefix=prefix)))
    write(cache, "large")
    assert answer_of(child(prefix=prefix)) == f"{len(GOOD.body)}\n[]\n"


# The real registry.


def test_the_registry_is_as_publishing_writes_it(tmp_path):
    """Written anew it is the same to the byte, with no gap in any name's versions."""
    records = weights.list_weights()

    registry.write_registry(tmp_path / "registry.json", records[::-1])

    written = (tmp_path / "registry.json").read_bytes()
    assert written == (weights.BUNDLE / "registry.json").read_bytes()
    for name in {record.name for record in records}:
        versions = [record.version for record in records if record.name == name]
        assert versions == list(range(1, len(versions) + 1))


@pytest.mark.parametrize("record", weights.list_weights(), ids=lambda record: record.id)
def test_published_files_are_what_their_record_says(record):
    """Each lies in `weights/`; only those that `predict` and `read` use travel in the package."""
    bundled = [
        weights.get_weights(name) for name in ("base", "tiny", "reader", "lines", "signs", "ink")
    ]
    for form in FORMATS:
        file = record.file(form)
        assert file.filename == registry.published_filename(record.name, record.version, form)
        assert (weights.BUNDLE / file.filename).is_file() == (record in bundled)
        if RELEASE_ASSETS.is_dir():  # a checkout's, not a source distribution's
            assert PublishedFile.of(RELEASE_ASSETS / file.filename) == file
    if record in bundled:
        assert {path.parent for path in weights.verify(record).values()} == {weights.BUNDLE}
