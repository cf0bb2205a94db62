# SPDX-License-Identifier: GPL-3.0-or-later
"""Pickles of numpy arrays, lists, dictionaries, texts and numbers.

Known is what numpy itself writes for arrays, dtypes and scalars. Everything else that a file names is refused, but
for names that the reader asks to be left inert.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .machine import Inert, PickleMachine, RefusedPickle

_MAX_DIMENSIONS: Final = 8
_MAX_LISTED: Final = 1 << 24
_DTYPE: Final = re.compile(r"[fiub][1248]|f16|O8?")
_BYTE_ORDERS: Final = ("<", ">", "|", "=")
_NAMES: Final = {
    f"numpy{core}.multiarray.{name}": name for core in (".core", "._core") for name in ("_reconstruct", "scalar")
} | {
    "numpy.core.numeric._frombuffer": "_frombuffer",
    "numpy._core.numeric._frombuffer": "_frombuffer",
    "numpy.ndarray": "ndarray",
    "numpy.dtype": "dtype",
    "_codecs.encode": "encode",
    "collections.OrderedDict": "dict",
}
"""What a file may name -> what it means here. Nothing of that name is ever called."""


class PickledArray:
    """An array of the file. `items` holds what an array of objects holds, one after the other."""

    def __init__(self) -> None:
        self.array: NDArray[Any] | None = None
        self.items: list[Any] = []


def read_numpy_objects(data: bytes, leave_inert: Callable[[str, str], bool] = lambda module, attribute: False) -> Any:
    """The object in `data`: plain containers, numbers, texts, `PickledArray`, and `Inert` where it was asked for.

    `leave_inert(module, attribute)` tells of a name that is not known whether the file may hold objects of it, or of
    numpy's in another form than arrays of numbers; without it, such a file is refused.

    Raises RefusedPickle for a file that names anything else, that is damaged, or whose arrays do not fit their data.
    """
    return _NumpyMachine(leave_inert).read(data)


def listed(value: Any) -> list[Any]:
    """The members of a list, a tuple or an array of objects; the rows of an array of numbers. Raises ValueError."""
    if isinstance(value, PickledArray):
        return value.items if value.array is None else list(value.array)
    if isinstance(value, (list, tuple)):
        return list(value)
    raise ValueError("a list is expected")


def numbers(value: Any) -> NDArray[np.float32]:
    """An array of numbers, float32; what is too large for it becomes infinite. Raises ValueError for anything else."""
    array = value.array if isinstance(value, PickledArray) else value
    if isinstance(array, (list, tuple)) and _listed_size(array, {}, _MAX_DIMENSIONS) > _MAX_LISTED:
        raise ValueError(f"its lists hold more than {_MAX_LISTED} numbers")
    if not isinstance(array, (np.ndarray, list, tuple, int, float)):
        raise ValueError("an array of numbers is expected")
    try:
        with np.errstate(over="ignore"):
            return np.asarray(array, np.float32)
    except (OverflowError, TypeError, ValueError) as error:
        raise ValueError("an array of numbers is expected") from error


def _listed_size(value: Any, known: dict[int, int], depth: int) -> int:
    """How many numbers lists of lists hold. A pickle can name one list many times over, so that a few bytes of it
    would fill any memory; each is counted once."""
    if not isinstance(value, (list, tuple)):
        return 1
    if depth == 0:
        raise ValueError("its lists are nested too deep")
    if id(value) not in known:
        known[id(value)] = sum(_listed_size(item, known, depth - 1) for item in value)
    return known[id(value)]


class _Name:
    def __init__(self, full: str) -> None:
        self.full, self.meaning = full, _NAMES[full]


class _DType:
    """A dtype of numbers, or "O" for objects."""

    def __init__(self, code: str) -> None:
        self.code, self.order = code, "<"

    def numpy(self) -> np.dtype[Any]:
        if self.code.startswith("O"):
            raise RefusedPickle("it has objects where numbers are expected")
        return np.dtype(f"{self.order if self.order in '<>' else '<'}{self.code}")


class _NumpyMachine(PickleMachine):
    def __init__(self, leave_inert: Callable[[str, str], bool]) -> None:
        super().__init__()
        self._leave_inert = leave_inert

    def look_up(self, module: str, attribute: str) -> Any:
        full = f"{module}.{attribute}"
        if full in _NAMES:
            return _Name(full)
        if self._leave_inert(module, attribute):
            return Inert(full)
        raise RefusedPickle(f"it asks for {full[:80]}, which no arrays need")

    def call(self, target: Any, arguments: Any) -> Any:
        match target, arguments:
            case _Name(meaning="_reconstruct"), (_Name(meaning="ndarray"), *_):
                return PickledArray()
            case _Name(meaning="_frombuffer"), (data, _DType() as dtype, shape, "C" | "F" as order):
                made = PickledArray()
                made.array = _array(data, dtype.numpy(), shape, fortran=order == "F")
                return made
            case _Name(meaning="dtype"), (str(code), *_) if _DTYPE.fullmatch(code.lstrip("<>|=")):
                return _DType(code.lstrip("<>|="))
            case _Name(meaning="scalar"), (_DType() as dtype, data):
                return _array(data, dtype.numpy(), (), fortran=False).item()
            case _Name(meaning="encode"), (str(text), str(encoding)) if encoding in ("latin1", "latin-1"):
                return text.encode("latin-1", "strict")
            case _Name(meaning="dict"), ():
                return {}
            case _Name(full=full), _ if self._leave_inert(*full.rsplit(".", 1)):
                return Inert(full)
            case Inert(), _:
                return super().call(target, arguments)
        raise RefusedPickle("it makes an object in a way that numpy never writes")

    def set_state(self, target: Any, state: Any) -> None:
        match target, state:
            case _DType(), (int(), str(order), *_) if order in _BYTE_ORDERS:
                target.order = order
            case PickledArray(), (int(), tuple(shape), _DType(code="O" | "O8"), _, list(items)):
                if math.prod(_checked(shape)) != len(items):
                    raise RefusedPickle("an array of objects in it does not have as many as it says")
                target.items = items
            case PickledArray(), (int(), tuple(shape), _DType() as dtype, fortran, data):
                target.array = _array(data, dtype.numpy(), shape, fortran=bool(fortran))
            case (PickledArray(), (int(), tuple(), Inert(), *_)) | (Inert(), _):
                super().set_state(target, state)
            case _:
                raise RefusedPickle("it fills an object in a way that numpy never writes")


def _checked(shape: Any) -> tuple[int, ...]:
    if not isinstance(shape, tuple) or len(shape) > _MAX_DIMENSIONS:
        raise RefusedPickle("an array in it has an impossible shape")
    if not all(type(size) is int and size >= 0 for size in shape):
        raise RefusedPickle("an array in it has an impossible shape")
    return shape


def _array(data: Any, dtype: np.dtype[Any], shape: Any, *, fortran: bool) -> NDArray[Any]:
    """A copy of the bytes as an array. Texts are what Python 2 wrote for bytes."""
    raw = data.encode("latin-1", "replace") if isinstance(data, str) else data
    if not isinstance(raw, (bytes, bytearray)):
        raise RefusedPickle("an array in it has no bytes")
    if math.prod(_checked(shape)) * dtype.itemsize != len(raw):
        raise RefusedPickle(f"an array of shape {list(shape)} in it does not fit its {len(raw)} bytes")
    flat = np.frombuffer(raw, dtype)
    return flat.reshape(shape, order="F" if fortran else "C").astype(dtype.newbyteorder("="))
