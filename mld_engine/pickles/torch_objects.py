# SPDX-License-Identifier: GPL-3.0-or-later
"""What torch.save's pickles say: tensors as descriptions that were checked against the size of the file.

Known are tensors, storages, dtypes and OrderedDict. A name that could start a program is refused, any other is left
inert: training checkpoints hold objects of many classes that no pack needs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import torch

from .machine import Inert, PickleMachine, RefusedPickle, plain_items

MAX_DIMENSIONS: Final = 8
_MAX_SIZE: Final = 1 << 48
_STORAGE_KEY: Final = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True)
class StorageRecord:
    """A run of `count` numbers of one type in the archive's entry `data/<key>`."""

    key: str
    dtype: torch.dtype
    count: int


@dataclass(frozen=True)
class TensorRecord:
    """A view into a storage, in elements of `dtype`, known to lie inside it."""

    storage: StorageRecord
    dtype: torch.dtype
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def count(self) -> int:
        return math.prod(self.size)


_STORAGE_TYPES: Final = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "UntypedStorage": torch.uint8,
}
_DTYPES: Final = {
    name: getattr(torch, name)
    for name in ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
}
_RUNS_PROGRAMS: Final = frozenset(
    {"os", "posix", "nt", "subprocess", "pty", "sys", "socket", "shutil", "importlib", "runpy", "ctypes", "webbrowser"}
)
_RUNS_TEXT: Final = frozenset({"eval", "exec", "execfile", "compile", "open", "__import__", "input", "breakpoint"})


@dataclass(frozen=True)
class _Known:
    """One of the few names that mean something here; `read` makes its object from checked arguments."""

    name: str
    read: Callable[[tuple[Any, ...]], Any] | None = None
    dtype: torch.dtype | None = None


def read_torch_objects(data: bytes, storage_bytes: Callable[[str], int | None]) -> tuple[Any, tuple[str, ...]]:
    """The object in `data`, and the names of the classes and functions that were left inert, sorted.

    `storage_bytes(key)` is the size of the archive's entry `data/<key>`, or None where there is none. Containers hold
    plain values, `TensorRecord` and `Inert`.

    Raises RefusedPickle for a pickle that names functions that start programs, contradicts the file's size, or is
    damaged.
    """
    machine = _TorchMachine(storage_bytes)
    return machine.read(data), tuple(sorted(machine.inert))


class _TorchMachine(PickleMachine):
    def __init__(self, storage_bytes: Callable[[str], int | None]) -> None:
        super().__init__()
        self.inert: set[str] = set()
        self._storage_bytes = storage_bytes

    def look_up(self, module: str, attribute: str) -> Any:
        full = f"{module}.{attribute}"
        if (
            module.partition(".")[0] in _RUNS_PROGRAMS
            or full.startswith("torch.hub.")
            or (module in ("builtins", "__builtin__") and attribute in _RUNS_TEXT)
        ):
            raise RefusedPickle(f"it asks for {full[:80]}, which no model needs")
        if full not in _KNOWN:
            self.inert.add(full[:80])
            return Inert(full)
        return _KNOWN[full]

    def call(self, target: Any, arguments: Any) -> Any:
        if isinstance(target, _Known) and target.read is not None and isinstance(arguments, tuple):
            return target.read(arguments)
        return super().call(target, arguments)

    def outside_data(self, identity: Any) -> StorageRecord:
        """('storage', type, key, device, number of elements)."""
        match identity:
            case ("storage", _Known(dtype=torch.dtype() as dtype), str(key), _, int(count)) if count >= 0:
                pass
            case _:
                raise RefusedPickle("it refers to data in a way that torch.save never writes")
        if not _STORAGE_KEY.fullmatch(key):
            raise RefusedPickle(f"it refers to data by the name {key[:40]!r}")
        held = self._storage_bytes(key)
        if held is None:
            raise RefusedPickle(f"it refers to data/{key}, which is not in the file")
        if count * dtype.itemsize > held:
            raise RefusedPickle(f"data/{key} holds {held} bytes, but {count * dtype.itemsize} are asked of it")
        return StorageRecord(key, dtype, count)


def _read_ordered_dict(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    match arguments:
        case ():
            return {}
        case (list(pairs),) if all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs):
            return plain_items(pairs)
    raise RefusedPickle("an OrderedDict in it is no list of pairs")


def _read_tensor(arguments: tuple[Any, ...], dtype: torch.dtype | None = None) -> TensorRecord:
    """(storage, offset, size, stride, ...): checked to lie inside its storage, and to be no larger than it."""
    match arguments:
        case (StorageRecord() as storage, int(offset), tuple(size), tuple(stride), *_) if len(size) == len(stride):
            pass
        case _:
            raise RefusedPickle("a tensor in it is described in a way that torch.save never writes")
    if len(size) > MAX_DIMENSIONS or not all(type(x) is int and 0 <= x < _MAX_SIZE for x in (offset, *size, *stride)):
        raise RefusedPickle("a tensor in it has an impossible shape")
    record = TensorRecord(storage, dtype or storage.dtype, offset, size, stride)
    last = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True))
    held = storage.count * storage.dtype.itemsize // record.dtype.itemsize
    if record.count > held or (record.count and last >= held):
        raise RefusedPickle(f"a tensor of shape {list(size)} in it is larger than its data")
    return record


def _read_typed_tensor(arguments: tuple[Any, ...]) -> TensorRecord:
    match arguments:
        case (_, _, _, _, _, _, _Known(dtype=torch.dtype() as dtype), *_):
            return _read_tensor(arguments, dtype)
    raise RefusedPickle("a tensor in it is described in a way that torch.save never writes")


def _read_parameter(arguments: tuple[Any, ...]) -> Any:
    return arguments[0]


_KNOWN: Final = {
    known.name: known
    for known in (
        _Known("collections.OrderedDict", _read_ordered_dict),
        _Known("torch._utils._rebuild_tensor_v2", _read_tensor),
        _Known("torch._utils._rebuild_tensor_v3", _read_typed_tensor),
        _Known("torch._utils._rebuild_parameter", _read_parameter),
        *(_Known(f"torch.{name}", dtype=dtype) for name, dtype in {**_STORAGE_TYPES, **_DTYPES}.items()),
        *(_Known(f"torch.cuda.{name}", dtype=dtype) for name, dtype in _STORAGE_TYPES.items()),
        _Known("torch.storage.UntypedStorage", dtype=torch.uint8),
    )
}
