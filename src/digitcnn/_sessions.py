"""Opens a network in ONNX Runtime, the same way on each machine and after each fork."""

from __future__ import annotations

import ctypes
import math
import os
import sys
import weakref
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from digitcnn._weight_files import read_network
from digitcnn.errors import CorruptFileError
from digitcnn.weights import Weights, resolve

# What a network takes and gives, beyond the number of images; None is a side left open.
Form = Literal["digits", "maps", "lines", "ink"]
_SHAPES: dict[Form, tuple[tuple[int | None, ...], tuple[int | None, ...]]] = {
    "digits": ((28, 28, 1), (10,)),
    "maps": ((None, None, 1), (None, None, 37)),
    "lines": ((32, None, 2), (1, None, 18)),
    "ink": ((96, 96, 1), (48, 48, 4)),
}
_CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")

_ERRORS_ONLY = 3
_TELEMETRY_SWITCH = "ORT_DISABLE_TELEMETRY"

_FIRST_WITH_SPIN_LIMIT = (1, 26)
_SPIN_US = 100


class LazySession:
    """A network of the user's or of this library, to be run on the CPU.

    It is opened at its first use, and anew in a forked or unpickling process.
    """

    def __init__(
        self, weights: str | Path | Weights, threads: int | None, *, form: Form = "digits"
    ) -> None:
        self._weights = weights
        self._threads = threads
        self._form = form
        self._opened: tuple[Any, str, Path] | None = None

    def open(self) -> tuple[Any, str, Path]:
        """Return ONNX Runtime's session, the name of its input, and the file."""
        # No lock, which a fork could leave held: two threads at once open two sessions, and the
        # second stays.
        opened = self._opened
        if opened is None:
            path = resolve(self._weights, format="onnx")
            session = _open(path, self._threads)
            try:
                name = _checked_input_name(session, self._form)
            except ValueError as error:
                raise _refused(path, error) from error
            _open_ones.add(self)
            opened = self._opened = session, name, path
        return opened

    def run(self, batch: npt.NDArray[np.float32]) -> Any:
        """Return what the network makes of a batch."""
        session, name, path = self.open()
        try:
            return session.run(None, {name: batch})[0]
        except Exception as error:
            raise _refused(path, error) from error

    def abandon(self) -> None:
        """Forget the session without destroying it."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._opened))
        self._opened = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave the session behind."""
        return {**self.__dict__, "_opened": None}


def _open(path: Path, threads: int | None) -> Any:
    """Open a file in ONNX Runtime."""
    onnxruntime = _import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or available_cpus()
    options.inter_op_num_threads = 1
    _limit_spinning(options, onnxruntime.__version__)
    # The format that was checked, whatever else the bytes may look like.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    options.log_severity_level = _ERRORS_ONLY
    content = read_network(path)
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own have no common base
        raise _refused(path, error) from error


def _limit_spinning(options: Any, version: str) -> None:
    """Let threads wait for the next operator awake, but not for the next run.

    To be woken costs each thread more than most operators of a small network take. But a thread
    that spins takes a CPU from the program around, and by default does so for 10 ms and more.
    """
    release = tuple(int(part) for part in version.split(".")[:2])
    can_limit = release >= _FIRST_WITH_SPIN_LIMIT
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if can_limit else "0")
    if can_limit:
        options.add_session_config_entry("session.intra_op.spin_duration_us", str(_SPIN_US))


def _refused(path: Path, error: Exception) -> CorruptFileError:
    """Return why a network is of no use, with what ONNX Runtime or a check says to it."""
    reason = " ".join(str(error).split())
    return CorruptFileError(
        argument="weights",
        rule="be a network that ONNX Runtime can run",
        got=repr(str(path)),
        reason=f"which fails with: {reason}",
        remedy="Export the network again.",
    )


def _import_onnxruntime() -> Any:
    """Import ONNX Runtime without its telemetry.

    From version 1.29 on it otherwise writes a device's identity into the home folder and sends
    events to Microsoft, from a thread that hangs each forked child at its end [1]_. It looks at the
    variable once, at its import; a program that sets it, or imports ONNX Runtime before, decides
    for itself.

    References
    ----------
    .. [1] https://github.com/microsoft/onnxruntime/pull/27379
    """
    if "onnxruntime" in sys.modules or _TELEMETRY_SWITCH in os.environ:
        import onnxruntime
    else:
        os.environ[_TELEMETRY_SWITCH] = "1"
        try:
            import onnxruntime
        finally:
            os.environ.pop(_TELEMETRY_SWITCH, None)
    return onnxruntime


def available_cpus() -> int:
    """Count the CPUs that this process may use, a container's quota counted in."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:  # macOS and Windows
        count = os.cpu_count() or 1
    try:
        quota, period = map(int, _CPU_QUOTA.read_text(encoding="ascii").split())
    except (OSError, ValueError):  # no such file, or "max 100000"
        return count
    return max(1, min(count, math.ceil(quota / period)))


def _checked_input_name(session: Any, form: Form) -> str:
    """Return the input's name of a network with the promised signature, or refuse the network."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    takes, gives = _SHAPES[form]
    if not (_fits(inputs, takes) and _fits(outputs, gives)):
        raise ValueError(
            f"it must take one float32 input of shape {_worded(takes)}, N left open, and give one "
            f"float32 output of shape {_worded(gives)}; got one that takes {_signature(inputs)} "
            f"and gives {_signature(outputs)}"
        )
    return str(inputs[0].name)


def _fits(values: list[Any], shape: tuple[int | None, ...]) -> bool:
    """Return whether there is one value, float32, of so many images of this shape."""
    if len(values) != 1 or values[0].type != "tensor(float)":
        return False
    number, *sides = values[0].shape or [0]
    known = [side if isinstance(side, int) else None for side in sides]
    return not isinstance(number, int) and tuple(known) == shape


def _worded(shape: tuple[int | None, ...]) -> str:
    return f"({', '.join(['N', *('?' if side is None else str(side) for side in shape)])})"


def _signature(values: list[Any]) -> str:
    return " and ".join(f"{each.type} {each.shape}" for each in values) or "nothing"


_open_ones: weakref.WeakSet[LazySession] = weakref.WeakSet()


def _abandon_inherited() -> None:
    """Keep the parent's sessions from being run or destroyed in this child process.

    Their threads stayed behind. ONNX Runtime 1.31 crashes where a session without its threads is
    destroyed, at the latest when the child exits [1]_; a reference that nobody gives back prevents
    it.

    References
    ----------
    .. [1] https://github.com/microsoft/onnxruntime/pull/31961
    """
    for each in list(_open_ones):
        each.abandon()
    _open_ones.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_inherited)
