# SPDX-License-Identifier: GPL-3.0-or-later
"""The arrays in SMPL's pickles: numpy's, scipy's sparse matrices, and those inside chumpy objects.

SMPL's published files wrap some arrays in classes of chumpy, an old library for derivatives. A leaf of it keeps its
numbers as `x`; `Select` and `Reshape` are a view on another object `a`. Neither library is needed or called.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..pickles.machine import Inert, RefusedPickle
from ..pickles.numpy_objects import PickledArray, read_numpy_objects

_SPARSE: Final = re.compile(r"scipy\.sparse\.(_?cs[cr]\.)?(cs[cr])_(matrix|array)")
_CHUMPY: Final = re.compile(r"chumpy\.(\w+\.)?(\w+)")
_PACKAGES: Final = frozenset({"numpy", "scipy", "chumpy", "copy_reg", "copyreg", "collections", "weakref"})
_BUILTINS: Final = frozenset({"object", "set", "frozenset", "list", "dict", "tuple", "bytearray", "complex", "slice"})
_MAX_VIEWS: Final = 8
_MAX_SPARSE: Final = 1 << 24
"""Entries of a sparse matrix, zeros included. The largest of a body, 55 joints by 10475 vertices, has 576125."""


def read_smpl_pickle(data: bytes, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Those of the named arrays that the pickled dictionary has, dense.

    Raises RefusedPickle for a pickle that names what no body needs, or that is damaged, and for an array that is
    stored in a way that is not known.
    """
    root = read_numpy_objects(data, _is_needed)
    if not isinstance(root, dict):
        raise RefusedPickle("its pickle is no dictionary of arrays")
    return {name: _named_array(name, root[name]) for name in names if name in root}


def _is_needed(module: str, attribute: str) -> bool:
    if module in ("__builtin__", "builtins"):
        return attribute in _BUILTINS
    return module.partition(".")[0] in _PACKAGES


def _named_array(name: str, value: Any) -> NDArray[Any]:
    try:
        return _array(value, _MAX_VIEWS)
    except (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError) as error:
        raise RefusedPickle(f"its {name} are damaged, or stored in a way that is not known") from error


def _array(value: Any, depth: int) -> NDArray[Any]:
    if isinstance(value, PickledArray) and value.array is not None:
        return value.array
    if not isinstance(value, Inert):
        raise TypeError("no array of numbers")
    if match := _SPARSE.fullmatch(value.name):
        return _sparse(value.state, match[2])
    if match := _CHUMPY.fullmatch(value.name):
        return _chumpy(match[2], value.state, depth - 1)
    raise TypeError(f"an object of {value.name}")


def _sparse(state: Any, layout: str) -> NDArray[np.float64]:
    """Compressed columns (csc) or rows (csr): data, and for each its row or column, between the bounds in indptr."""
    rows, columns = state["_shape"] if "_shape" in state else state["shape"]
    data, inner, bounds = (_array(state[name], 0) for name in ("data", "indices", "indptr"))
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
        indices = _array(state["idxs"], 0)
        if indices.dtype.kind not in "iu":
            raise TypeError("no indices")
        chosen: NDArray[Any] = _array(state["a"], depth).ravel()[indices]
        return chosen.reshape(state["preferred_shape"]) if "preferred_shape" in state else chosen
    if kind == "Reshape":
        return _array(state["a"], depth).reshape(state["newshape"])
    raise TypeError(f"chumpy's {kind}")
