# SPDX-License-Identifier: GPL-3.0-or-later
"""Arrays out of a pickle's tree: numpy's, scipy's sparse matrices, and those inside chumpy objects.

SMPL's published files wrap some arrays in classes of chumpy, an old library for derivatives. A leaf of it keeps its
numbers as `x`; `Select` and `Reshape` are a view on another object `a`.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .pickle_tree import Call, Name, refused

_ARRAY: Final = re.compile(r"numpy(\._?core)?\.multiarray\._reconstruct")
_SPARSE: Final = re.compile(r"scipy\.sparse\.(_?cs[cr]\.)?(cs[cr])_(matrix|array)")
_CHUMPY: Final = re.compile(r"chumpy\.(\w+\.)?(\w+)")
_DTYPES: Final = frozenset({"f4", "f8", "i4", "i8", "u4", "u8", "i2", "u2", "i1", "u1", "b1"})
_MAX_DIMENSIONS: Final = 4
_MAX_VIEWS: Final = 8
_MAX_SPARSE: Final = 1 << 24
"""Entries of a sparse matrix, zeros included. The largest of a body, 55 joints by 10475 vertices, has 576125."""


def array_of(name: str, value: Any) -> NDArray[Any]:
    """The array that a node of the tree stands for, dense. Raises RequestError (`bad_body_file`) for any other."""
    try:
        return _array(value, _MAX_VIEWS)
    except (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError) as error:
        raise refused(f"its {name} are damaged, or stored in a way that is not known") from error


def _array(value: Any, depth: int) -> NDArray[Any]:
    if not isinstance(value, Call):
        raise TypeError("no array")
    made = _class(value)
    if _ARRAY.fullmatch(made):
        return _dense(value.state)
    if match := _SPARSE.fullmatch(made):
        return _sparse(value.state, match[2])
    if match := _CHUMPY.fullmatch(made):
        return _chumpy(match[2], value.state, depth - 1)
    raise TypeError(f"an object of {made}")


def _class(value: Call) -> str:
    """What the object is one of; Python 2 makes objects of any class by copy_reg._reconstructor(class, base, state)."""
    if value.target.text in ("copy_reg._reconstructor", "copyreg._reconstructor"):
        named = value.arguments[0]
        return named.text if isinstance(named, Name) else ""
    return value.target.text


def _dense(state: Any) -> NDArray[Any]:
    """(version, shape, dtype, Fortran order, bytes), as numpy.ndarray's __setstate__ takes it."""
    _, shape, dtype, fortran, raw = state
    if len(shape) > _MAX_DIMENSIONS or not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError("an impossible shape")
    values = np.frombuffer(_bytes(raw), _dtype(dtype))
    if values.size != math.prod(shape):
        raise ValueError("its numbers do not fill it")
    return values.reshape(shape, order="F" if fortran else "C")


def _dtype(value: Any) -> np.dtype[Any]:
    """numpy.dtype('f8', ...) with the byte order in its state (version, '<', ...)."""
    if not isinstance(value, Call) or value.target.text != "numpy.dtype" or value.arguments[0] not in _DTYPES:
        raise TypeError("no plain numbers")
    order = value.state[1] if isinstance(value.state, tuple) and value.state[1] in ("<", ">", "|") else "<"
    dtype: np.dtype[Any] = np.dtype(order + value.arguments[0])
    return dtype


def _bytes(raw: Any) -> bytes:
    """Python 2's byte string arrives as text; Python 3 writes one for Python 2 as _codecs.encode(text, 'latin1')."""
    if isinstance(raw, Call) and raw.target.text == "_codecs.encode":
        raw = raw.arguments[0]
    if isinstance(raw, str):
        return raw.encode("latin-1")
    if isinstance(raw, bytes):
        return raw
    raise TypeError("no bytes")


def _sparse(state: Any, layout: str) -> NDArray[np.float64]:
    """Compressed columns (csc) or rows (csr): data, and for each its row or column, between the bounds in indptr."""
    rows, columns = state["_shape"] if "_shape" in state else state["shape"]
    data, inner, bounds = (_dense(state[name].state) for name in ("data", "indices", "indptr"))
    lines, width = (columns, rows) if layout == "csc" else (rows, columns)
    if lines * width > _MAX_SPARSE:
        raise ValueError("a matrix that no body has")
    if len(bounds) != lines + 1 or bounds[0] != 0 or bounds[-1] != len(data) or (np.diff(bounds) < 0).any():
        raise ValueError("its bounds do not fit")
    if len(inner) != len(data) or (len(inner) and not 0 <= inner.min() <= inner.max() < width):
        raise ValueError("its indices do not fit")
    dense = np.zeros((lines, width))
    np.add.at(dense, (np.repeat(np.arange(lines), np.diff(bounds)), inner), data)
    return dense.T if layout == "csc" else dense


def _chumpy(kind: str, state: Any, depth: int) -> NDArray[Any]:
    if depth < 0:
        raise ValueError("too many views of views")
    if kind == "Ch":
        return _array(state["x"], depth)
    if kind == "Select":
        chosen = _array(state["a"], depth).ravel()[_indices(state["idxs"])]
        return chosen.reshape(state["preferred_shape"]) if "preferred_shape" in state else chosen
    if kind == "Reshape":
        return _array(state["a"], depth).reshape(state["newshape"])
    raise TypeError(f"chumpy's {kind}")


def _indices(value: Any) -> NDArray[np.int64]:
    if not isinstance(value, Call):
        raise TypeError("no indices")
    indices = _dense(value.state)
    if indices.dtype.kind not in "iu":
        raise TypeError("no indices")
    return indices.astype(np.int64)
