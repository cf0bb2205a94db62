# SPDX-License-Identifier: GPL-3.0-or-later
"""A pickle as a tree of what it says, and nothing of what it asks for.

A pickle is a program: Python's own unpickler imports what it names and calls what it asks to call. Here a name stays
a `Name`, a call stays a `Call` with its arguments, and an object's state stays beside it. Nothing is imported or
called, whatever the file says; `pickled_arrays` reads the few arrays that it wants out of the tree.

SMPL's files come from Python 2: protocol 2, or protocol 0, whose text strings hold arbitrary bytes.
"""

from __future__ import annotations

import codecs
import io
import pickletools
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from ..errors import RequestError

_BY_CODE: Final = {operation.code.encode("latin-1"): operation for operation in pickletools.opcodes}
MAX_OPERATIONS: Final = 5_000_000
MAX_DEPTH: Final = 200
_PACKAGES: Final = frozenset(
    {"numpy", "scipy", "chumpy", "copy_reg", "copyreg", "__builtin__", "builtins", "collections", "_codecs", "weakref"}
)
_BUILTINS: Final = frozenset({"object", "set", "frozenset", "list", "dict", "tuple", "bytearray", "complex", "slice"})


@dataclass(frozen=True)
class Name:
    """A class or function that the file names; never looked up."""

    text: str


@dataclass(eq=False)
class Call:
    """What the file wants made by a call: of what, from what, and the state it then wants to put in."""

    target: Name
    arguments: tuple[Any, ...]
    state: Any = None


def refused(reason: str) -> RequestError:
    """The error for a body file that is not read."""
    return RequestError(
        "bad_body_file",
        f"The body file is refused, and nothing in it was run: {reason}.",
        "Give the file of an SMPL, SMPL-H or SMPL-X body, .npz or .pkl. They are had from smpl.is.tue.mpg.de, "
        "mano.is.tue.mpg.de and smpl-x.is.tue.mpg.de by those who accept their licence.",
    )


def read_tree(data: bytes) -> Any:
    """The object in `data`: plain values, containers, `Name` and `Call`. Byte strings of Python 2 come as Latin-1 text.

    Raises RequestError (`bad_body_file`) for a pickle that names what no body needs, uses operations that no body
    file has, or is damaged.
    """
    machine = _Machine()
    try:
        for name, argument in _operations(data):
            if name == "STOP":
                return machine.stack[-1]
            machine.run(name, argument)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, struct.error) as error:
        raise refused("its pickle is damaged") from error
    raise refused("its pickle has no end")


def _operations(data: bytes) -> Iterator[tuple[str, Any]]:
    """As pickletools.genops, which cannot read the text strings of Python 2 that hold other than ASCII."""
    stream = io.BytesIO(data)
    for _ in range(MAX_OPERATIONS):
        code = stream.read(1)
        if not code:
            return
        operation = _BY_CODE[code]
        if operation.name == "STRING":
            yield operation.name, _quoted(stream.readline())
        else:
            yield operation.name, None if operation.arg is None else operation.arg.reader(stream)
    raise refused(f"it consists of more than {MAX_OPERATIONS} operations")


def _quoted(line: bytes) -> str:
    text = line.strip()
    if len(text) < 2 or text[:1] != text[-1:] or text[:1] not in (b"'", b'"'):
        raise ValueError("a string without quotes")
    return codecs.escape_decode(text[1:-1])[0].decode("latin-1")


@dataclass
class _Machine:
    """The stack machine; `run` carries out one operation."""

    stack: list[Any] = field(default_factory=list)
    _marks: list[int] = field(default_factory=list)
    _memo: dict[int, Any] = field(default_factory=dict)

    def run(self, name: str, argument: Any) -> None:
        if name in _PUSHES:
            self.stack.append(argument)
        elif name in _OPERATIONS:
            _OPERATIONS[name](self, argument)
        else:
            raise refused(f"its pickle holds the operation {name}, which no body file has")

    def mark(self, _: Any) -> None:
        if len(self._marks) >= MAX_DEPTH:
            raise refused(f"its containers are nested deeper than {MAX_DEPTH} levels")
        self._marks.append(len(self.stack))

    def pop_to_mark(self) -> list[Any]:
        start = self._marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

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

    def extend(self, items: list[Any]) -> None:
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(items)

    def set_items(self, items: list[Any]) -> None:
        """Items with plain keys only: hashing a nested key could exhaust the interpreter's stack."""
        if isinstance(self.stack[-1], dict):
            pairs = zip(items[::2], items[1::2], strict=True)
            self.stack[-1].update({key: value for key, value in pairs if isinstance(key, (str, int, float))})

    def name(self, text: str) -> None:
        """`module attribute`."""
        module, _, attribute = text.partition(" ")
        package = module.partition(".")[0]
        if package not in _PACKAGES or (package in ("__builtin__", "builtins") and attribute not in _BUILTINS):
            raise refused(f"it asks for {module[:60]}.{attribute[:60]}, which no body needs")
        self.stack.append(Name(f"{module}.{attribute}"))

    def stack_name(self, _: Any) -> None:
        attribute, module = self.stack.pop(), self.stack.pop()
        if not isinstance(module, str) or not isinstance(attribute, str):
            raise refused("its pickle names something that is no text")
        self.name(f"{module} {attribute}")

    def call(self, _: Any) -> None:
        arguments, target = self.stack.pop(), self.stack.pop()
        if not isinstance(target, Name) or not isinstance(arguments, tuple):
            raise refused("its pickle calls something that is no function")
        self.stack.append(Call(target, arguments))

    def build(self, _: Any) -> None:
        state = self.stack.pop()
        if isinstance(self.stack[-1], Call):
            self.stack[-1].state = state


_PUSHES: Final = frozenset(
    {
        *("NONE", "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"),
        *("FLOAT", "BINFLOAT", "STRING", "SHORT_BINSTRING", "BINSTRING"),
        *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
        *("SHORT_BINBYTES", "BINBYTES", "BINBYTES8"),
    }
)
_OPERATIONS: Final[dict[str, Callable[[_Machine, Any], None]]] = {
    "PROTO": lambda machine, _: None,
    "FRAME": lambda machine, _: None,
    "MARK": _Machine.mark,
    "POP": lambda machine, _: machine.stack.__delitem__(-1),
    "NEWTRUE": lambda machine, _: machine.stack.append(True),
    "NEWFALSE": lambda machine, _: machine.stack.append(False),
    "MEMOIZE": _Machine.memoize,
    "PUT": _Machine.put,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "GET": _Machine.get,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "EMPTY_LIST": lambda machine, _: machine.stack.append([]),
    "EMPTY_DICT": lambda machine, _: machine.stack.append({}),
    "EMPTY_TUPLE": lambda machine, _: machine.stack.append(()),
    "EMPTY_SET": lambda machine, _: machine.stack.append([]),
    "LIST": lambda machine, _: machine.stack.append(machine.pop_to_mark()),
    "DICT": lambda machine, _: _dictionary(machine),
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.pop_to_mark())),
    "TUPLE1": lambda machine, _: machine.collect(1),
    "TUPLE2": lambda machine, _: machine.collect(2),
    "TUPLE3": lambda machine, _: machine.collect(3),
    "APPEND": lambda machine, _: machine.extend([machine.stack.pop()]),
    "APPENDS": lambda machine, _: machine.extend(machine.pop_to_mark()),
    "ADDITEMS": lambda machine, _: machine.extend(machine.pop_to_mark()),
    "SETITEM": lambda machine, _: machine.set_items([machine.stack.pop(-2), machine.stack.pop()]),
    "SETITEMS": lambda machine, _: machine.set_items(machine.pop_to_mark()),
    "GLOBAL": _Machine.name,
    "STACK_GLOBAL": _Machine.stack_name,
    "REDUCE": _Machine.call,
    "NEWOBJ": _Machine.call,
    "BUILD": _Machine.build,
}


def _dictionary(machine: _Machine) -> None:
    items = machine.pop_to_mark()
    machine.stack.append({})
    machine.set_items(items)
