# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the pickle inside a PyTorch checkpoint without being able to run anything in it.

A pickle is a program: Python's own unpickler imports what it names and calls what it asks to call.
This one is a small stack machine that knows tensors, storages, dtypes, OrderedDict and the plain
containers. Every other name becomes an `Inert` object; calling one, building one or filling one
yields an inert object again. Nothing is imported, no function of the file's choosing is called, and
tensors stay descriptions (`TensorRecord`) that were checked against the size of the file.
"""

from __future__ import annotations

import math
import pickletools
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import torch

from ...errors import RequestError

MAX_OPERATIONS: Final = 5_000_000
MAX_DEPTH: Final = 1000
MAX_DIMENSIONS: Final = 8
_MAX_SIZE: Final = 1 << 48
_MAX_PROTOCOL: Final = 5
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


class Inert:
    """Stands for an object of a class that is not read. `state` is what the file wanted to put in it."""

    __slots__ = ("name", "state")

    def __init__(self, name: str) -> None:
        self.name, self.state = name, None


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


def read_pickle(data: bytes, storage_bytes: Callable[[str], int | None]) -> tuple[Any, tuple[str, ...]]:
    """The object in `data`, and the names of the classes and functions that were left inert, sorted.

    `storage_bytes(key)` is the size of the archive's entry `data/<key>`, or None where there is none.
    Containers hold plain values, `TensorRecord` and `Inert`; dictionary items whose key is no text or
    number are dropped.

    Raises RequestError (bad_checkpoint) for a pickle that names functions that start programs, uses
    operations that torch.save never writes, contradicts the file's size, or is cut short.
    """
    machine = PickleMachine(storage_bytes)
    return run_pickle(machine, data), tuple(sorted(machine.inert))


def run_pickle(machine: PickleMachine, data: bytes) -> Any:
    """The object that the machine makes of a pickle. Raises RequestError (bad_checkpoint) as `read_pickle` does."""
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(data)):
            if opcode.name == "STOP":
                return machine.stack[-1]
            if count >= MAX_OPERATIONS:
                raise refused(f"it consists of more than {MAX_OPERATIONS} operations")
            machine.run(opcode.name, argument)
    except (ValueError, IndexError, KeyError, OverflowError, struct.error) as error:
        raise refused("its pickle is damaged or was not written by torch.save") from error
    raise refused("its pickle has no end")


def refused(reason: str) -> RequestError:
    """The error for a checkpoint that is not read."""
    return RequestError(
        "bad_checkpoint",
        f"The checkpoint is refused, and nothing in it was run: {reason}.",
        "Get the file again from its authors' page.",
        {"reason": reason},
    )


class PickleMachine:
    """The stack machine; `run` carries out one operation.

    A machine for other pickles than torch.save's overrides `look_up`, `call` and `set_state`.
    """

    def __init__(self, storage_bytes: Callable[[str], int | None]) -> None:
        self.stack: list[Any] = []
        self.inert: set[str] = set()
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self._storage_bytes = storage_bytes

    def run(self, name: str, argument: Any) -> None:
        if name in _PUSHES:
            self.stack.append(argument)
        elif name in _OPERATIONS:
            _OPERATIONS[name](self, argument)
        else:
            raise refused(f"its pickle holds the operation {name}, which torch.save never writes")

    def proto(self, version: int) -> None:
        if version > _MAX_PROTOCOL:
            raise refused(f"its pickle has protocol {version}")

    def mark(self, _: Any) -> None:
        if len(self._marks) >= MAX_DEPTH:
            raise refused(f"its containers are nested deeper than {MAX_DEPTH} levels")
        self._marks.append(len(self.stack))

    def pop_to_mark(self) -> list[Any]:
        start = self._marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def drop_to_mark(self, _: Any) -> None:
        self.pop_to_mark()

    def memoize(self, _: Any) -> None:
        self._memo[len(self._memo)] = self.stack[-1]

    def put(self, index: int) -> None:
        self._memo[index] = self.stack[-1]

    def get(self, index: int) -> None:
        self.stack.append(self._memo[index])

    def collect(self, count: int) -> None:
        """The last `count` values become one tuple."""
        items = tuple(self.stack[-count:])
        if len(items) != count:
            raise IndexError
        del self.stack[-count:]
        self.stack.append(items)

    def append(self, items: list[Any]) -> None:
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(items)

    def set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, dict):
            target.update(_plain_items(list(zip(items[::2], items[1::2], strict=True))))

    def look_up(self, name: str) -> Any:
        """`module.name` as one of the known names, or inert."""
        module, _, attribute = name.partition(" ")
        full = f"{module}.{attribute}"
        if module.partition(".")[0] in _RUNS_PROGRAMS or full.startswith("torch.hub."):
            raise refused(f"it asks for {full[:80]}, which no model needs")
        if module in ("builtins", "__builtin__") and attribute in _RUNS_TEXT:
            raise refused(f"it asks for {full[:80]}, which no model needs")
        if full not in _KNOWN:
            self.inert.add(full[:80])
            return Inert(full)
        return _KNOWN[full]

    def stack_global(self, _: Any) -> None:
        attribute, module = self.stack.pop(), self.stack.pop()
        if not isinstance(module, str) or not isinstance(attribute, str):
            raise refused("its pickle names something that is no text")
        self.stack.append(self.look_up(f"{module} {attribute}"))

    def call(self, target: Any, arguments: Any) -> Any:
        """What the file calls a function: known names read their arguments, all others stay inert."""
        if isinstance(target, Inert):
            return Inert(target.name)
        if not isinstance(target, _Known) or target.read is None or not isinstance(arguments, tuple):
            raise refused("its pickle calls something that is no function")
        return target.read(arguments)

    def reduce(self, _: Any) -> None:
        arguments, target = self.stack.pop(), self.stack.pop()
        self.stack.append(self.call(target, arguments))

    def new_object_with_keywords(self, _: Any) -> None:
        self.stack.pop()
        self.reduce(None)

    def instance(self, name: str) -> None:
        arguments = tuple(self.pop_to_mark())
        self.stack.append(self.call(self.look_up(name), arguments))

    def object(self, _: Any) -> None:
        target, *arguments = self.pop_to_mark()
        self.stack.append(self.call(target, tuple(arguments)))

    def build(self, _: Any) -> None:
        state = self.stack.pop()
        self.set_state(self.stack[-1], state)

    def set_state(self, target: Any, state: Any) -> None:
        """What the file calls filling an object: only inert ones take it."""
        if isinstance(target, Inert):
            target.state = state

    def persistent_id(self, _: Any) -> None:
        """('storage', type, key, device, number of elements) -> StorageRecord."""
        match self.stack.pop():
            case ("storage", _Known(dtype=torch.dtype() as dtype), str(key), _, int(count)) if count >= 0:
                pass
            case _:
                raise refused("it refers to data in a way that torch.save never writes")
        if not _STORAGE_KEY.fullmatch(key):
            raise refused(f"it refers to data by the name {key[:40]!r}")
        held = self._storage_bytes(key)
        if held is None:
            raise refused(f"it refers to data/{key}, which is not in the file")
        if count * dtype.itemsize > held:
            raise refused(f"data/{key} holds {held} bytes, but {count * dtype.itemsize} are asked of it")
        self.stack.append(StorageRecord(key, dtype, count))


def _plain_items(pairs: list[Any]) -> dict[Any, Any]:
    """Items with plain keys only: hashing a nested key could exhaust the interpreter's stack."""
    return {key: value for key, value in pairs if key is None or isinstance(key, (str, int, float))}


def _read_ordered_dict(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    match arguments:
        case ():
            return {}
        case (list(pairs),) if all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in pairs):
            return _plain_items(pairs)
    raise refused("an OrderedDict in it is no list of pairs")


def _read_tensor(arguments: tuple[Any, ...], dtype: torch.dtype | None = None) -> TensorRecord:
    """(storage, offset, size, stride, ...): checked to lie inside its storage, and to be no larger than it."""
    match arguments:
        case (StorageRecord() as storage, int(offset), tuple(size), tuple(stride), *_) if len(size) == len(stride):
            pass
        case _:
            raise refused("a tensor in it is described in a way that torch.save never writes")
    if len(size) > MAX_DIMENSIONS or not all(type(x) is int and 0 <= x < _MAX_SIZE for x in (offset, *size, *stride)):
        raise refused("a tensor in it has an impossible shape")
    record = TensorRecord(storage, dtype or storage.dtype, offset, size, stride)
    last = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True))
    held = storage.count * storage.dtype.itemsize // record.dtype.itemsize
    if record.count > held or (record.count and last >= held):
        raise refused(f"a tensor of shape {list(size)} in it is larger than its data")
    return record


def _read_typed_tensor(arguments: tuple[Any, ...]) -> TensorRecord:
    match arguments:
        case (_, _, _, _, _, _, _Known(dtype=torch.dtype() as dtype), *_):
            return _read_tensor(arguments, dtype)
    raise refused("a tensor in it is described in a way that torch.save never writes")


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

_PUSHES: Final = frozenset(
    {
        *("NONE", "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"),
        *("SHORT_BINSTRING", "BINSTRING", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
        *("SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    }
)
_OPERATIONS: Final[dict[str, Callable[[PickleMachine, Any], None]]] = {
    "PROTO": PickleMachine.proto,
    "FRAME": lambda machine, _: None,
    "MARK": PickleMachine.mark,
    "POP": lambda machine, _: machine.stack.pop(),
    "POP_MARK": PickleMachine.drop_to_mark,
    "DUP": lambda machine, _: machine.stack.append(machine.stack[-1]),
    "MEMOIZE": PickleMachine.memoize,
    "BINPUT": PickleMachine.put,
    "LONG_BINPUT": PickleMachine.put,
    "BINGET": PickleMachine.get,
    "LONG_BINGET": PickleMachine.get,
    "NEWTRUE": lambda machine, _: machine.stack.append(True),
    "NEWFALSE": lambda machine, _: machine.stack.append(False),
    "EMPTY_LIST": lambda machine, _: machine.stack.append([]),
    "EMPTY_DICT": lambda machine, _: machine.stack.append({}),
    "EMPTY_TUPLE": lambda machine, _: machine.stack.append(()),
    "EMPTY_SET": lambda machine, _: machine.stack.append(Inert("builtins.set")),
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.pop_to_mark())),
    "TUPLE1": lambda machine, _: machine.collect(1),
    "TUPLE2": lambda machine, _: machine.collect(2),
    "TUPLE3": lambda machine, _: machine.collect(3),
    "FROZENSET": lambda machine, _: machine.stack.append(Inert(f"builtins.frozenset of {len(machine.pop_to_mark())}")),
    "ADDITEMS": PickleMachine.drop_to_mark,
    "APPEND": lambda machine, _: machine.append([machine.stack.pop()]),
    "APPENDS": lambda machine, _: machine.append(machine.pop_to_mark()),
    "SETITEM": lambda machine, _: machine.set_items([machine.stack.pop(-2), machine.stack.pop()]),
    "SETITEMS": lambda machine, _: machine.set_items(machine.pop_to_mark()),
    "GLOBAL": lambda machine, name: machine.stack.append(machine.look_up(name)),
    "STACK_GLOBAL": PickleMachine.stack_global,
    "REDUCE": PickleMachine.reduce,
    "NEWOBJ": PickleMachine.reduce,
    "NEWOBJ_EX": PickleMachine.new_object_with_keywords,
    "INST": PickleMachine.instance,
    "OBJ": PickleMachine.object,
    "BUILD": PickleMachine.build,
    "BINPERSID": PickleMachine.persistent_id,
}
