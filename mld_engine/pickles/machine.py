# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out the operations of a pickle without being able to run anything in it.

A pickle is a program: Python's own unpickler imports what it names and calls what it asks to call. This one is a
small stack machine for plain containers. What a name in the file means is decided by a subclass, which knows a few
and refuses others or leaves them `Inert`; calling, building or filling something inert yields something inert again.
Nothing is imported, and no function of the file's choosing is called.

Every protocol is read, that of Python 2 included, whose text strings hold arbitrary bytes.
"""

from __future__ import annotations

import codecs
import io
import pickletools
import struct
from collections.abc import Callable, Iterator
from typing import Any, Final

MAX_OPERATIONS: Final = 5_000_000
MAX_DEPTH: Final = 1000
_MAX_PROTOCOL: Final = 5
_BY_CODE: Final = {operation.code.encode("latin-1"): operation for operation in pickletools.opcodes}
_RECONSTRUCTORS: Final = ("copy_reg._reconstructor", "copyreg._reconstructor")


class RefusedPickle(Exception):  # noqa: N818  (the file is at fault, and its reader says which file and what to do)
    """A pickle that is not read. Its text is the reason, a clause about the file: "it asks for os.system, ..."."""


class Inert:
    """Stands for a name that is not looked up, or an object of it. `state` is what the file wanted to put in it."""

    __slots__ = ("name", "state")

    def __init__(self, name: str) -> None:
        self.name: str = name
        self.state: Any = None


class PickleMachine:
    """The stack machine. A subclass says what names mean (`look_up`), and may know calls, states and outside data."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def look_up(self, module: str, attribute: str) -> Any:
        """What the file's `module.attribute` stands for. Raises RefusedPickle for what it must not name."""
        raise NotImplementedError

    def call(self, target: Any, arguments: Any) -> Any:
        """What the file calls a call; of something inert, an inert object of that class."""
        if not isinstance(target, Inert):
            raise RefusedPickle("its pickle calls something that is no function")
        # Python 2 makes an object of any class by copy_reg._reconstructor(class, base, state).
        if target.name in _RECONSTRUCTORS and arguments and isinstance(arguments[0], Inert):
            return Inert(arguments[0].name)
        return Inert(target.name)

    def set_state(self, target: Any, state: Any) -> None:
        """What the file calls filling an object: only inert ones take it."""
        if isinstance(target, Inert):
            target.state = state

    def outside_data(self, identity: Any) -> Any:
        """What the file refers to outside of its pickle."""
        raise RefusedPickle("its pickle refers to data outside of itself")

    def read(self, data: bytes) -> Any:
        """The object in `data`. Dictionary items whose key is no text or number are dropped.

        Raises RefusedPickle for a pickle that is damaged or cut short, that uses operations no data needs, or that
        the subclass refuses.
        """
        try:
            for name, argument in _operations(data):
                if name == "STOP":
                    return self.stack[-1]
                self._run(name, argument)
        except (ValueError, IndexError, KeyError, TypeError, OverflowError, struct.error) as error:
            raise RefusedPickle("its pickle is damaged") from error
        raise RefusedPickle(f"it consists of more than {MAX_OPERATIONS} operations")

    def _run(self, name: str, argument: Any) -> None:
        if name in _PUSHES:
            self.stack.append(argument)
        elif name in _OPERATIONS:
            _OPERATIONS[name](self, argument)
        else:
            raise RefusedPickle(f"its pickle holds the operation {name}, which no data needs")

    def _proto(self, version: int) -> None:
        if version > _MAX_PROTOCOL:
            raise RefusedPickle(f"its pickle has protocol {version}")

    def _mark(self, _: Any) -> None:
        if len(self._marks) >= MAX_DEPTH:
            raise RefusedPickle(f"its containers are nested deeper than {MAX_DEPTH} levels")
        self._marks.append(len(self.stack))

    def _pop_to_mark(self) -> list[Any]:
        start = self._marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def _drop_to_mark(self, _: Any) -> None:
        self._pop_to_mark()

    def _memoize(self, _: Any) -> None:
        self._memo[len(self._memo)] = self.stack[-1]

    def _put(self, index: int) -> None:
        self._memo[index] = self.stack[-1]

    def _get(self, index: int) -> None:
        self.stack.append(self._memo[index])

    def _collect(self, count: int) -> None:
        """The last `count` values become one tuple."""
        items = tuple(self.stack[-count:])
        if len(items) != count:
            raise IndexError
        del self.stack[-count:]
        self.stack.append(items)

    def _append(self, items: list[Any]) -> None:
        if isinstance(self.stack[-1], list):
            self.stack[-1].extend(items)

    def _set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, dict):
            target.update(plain_items(list(zip(items[::2], items[1::2], strict=True))))

    def _dictionary(self, _: Any) -> None:
        items = self._pop_to_mark()
        self.stack.append({})
        self._set_items(items)

    def _name(self, text: str) -> None:
        """`module attribute`."""
        module, _, attribute = text.partition(" ")
        self.stack.append(self.look_up(module, attribute))

    def _stack_name(self, _: Any) -> None:
        attribute, module = self.stack.pop(), self.stack.pop()
        if not isinstance(module, str) or not isinstance(attribute, str):
            raise RefusedPickle("its pickle names something that is no text")
        self.stack.append(self.look_up(module, attribute))

    def _call(self, _: Any) -> None:
        arguments, target = self.stack.pop(), self.stack.pop()
        self.stack.append(self.call(target, arguments))

    def _call_with_keywords(self, _: Any) -> None:
        self.stack.pop()
        self._call(None)

    def _instance(self, name: str) -> None:
        arguments = tuple(self._pop_to_mark())
        self._name(name)
        self.stack.append(self.call(self.stack.pop(), arguments))

    def _object(self, _: Any) -> None:
        target, *arguments = self._pop_to_mark()
        self.stack.append(self.call(target, tuple(arguments)))

    def _build(self, _: Any) -> None:
        state = self.stack.pop()
        self.set_state(self.stack[-1], state)

    def _persistent_id(self, _: Any) -> None:
        self.stack.append(self.outside_data(self.stack.pop()))


def plain_items(pairs: list[Any]) -> dict[Any, Any]:
    """Items with plain keys only: hashing a nested key could exhaust the interpreter's stack."""
    return {key: value for key, value in pairs if key is None or isinstance(key, (str, int, float))}


def _operations(data: bytes) -> Iterator[tuple[str, Any]]:
    """As pickletools.genops, which cannot read the text strings of Python 2 that hold other than ASCII."""
    stream = io.BytesIO(data)
    for _ in range(MAX_OPERATIONS):
        operation = _BY_CODE[stream.read(1)]
        if operation.name == "STRING":
            yield operation.name, _quoted(stream.readline())
        else:
            yield operation.name, None if operation.arg is None else operation.arg.reader(stream)


def _quoted(line: bytes) -> str:
    text = line.strip()
    if len(text) < 2 or text[:1] != text[-1:] or text[:1] not in (b"'", b'"'):
        raise ValueError("a string without quotes")
    return codecs.escape_decode(text[1:-1])[0].decode("latin-1")


_PUSHES: Final = frozenset(
    {
        *("NONE", "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("STRING", "SHORT_BINSTRING", "BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
        *("SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    }
)
_OPERATIONS: Final[dict[str, Callable[[PickleMachine, Any], None]]] = {
    "PROTO": PickleMachine._proto,
    "FRAME": lambda machine, _: None,
    "MARK": PickleMachine._mark,
    "POP": lambda machine, _: machine.stack.__delitem__(-1),
    "POP_MARK": PickleMachine._drop_to_mark,
    "DUP": lambda machine, _: machine.stack.append(machine.stack[-1]),
    "MEMOIZE": PickleMachine._memoize,
    "PUT": PickleMachine._put,
    "BINPUT": PickleMachine._put,
    "LONG_BINPUT": PickleMachine._put,
    "GET": PickleMachine._get,
    "BINGET": PickleMachine._get,
    "LONG_BINGET": PickleMachine._get,
    "NEWTRUE": lambda machine, _: machine.stack.append(True),
    "NEWFALSE": lambda machine, _: machine.stack.append(False),
    "EMPTY_LIST": lambda machine, _: machine.stack.append([]),
    "EMPTY_DICT": lambda machine, _: machine.stack.append({}),
    "EMPTY_TUPLE": lambda machine, _: machine.stack.append(()),
    "EMPTY_SET": lambda machine, _: machine.stack.append(Inert("builtins.set")),
    "LIST": lambda machine, _: machine.stack.append(machine._pop_to_mark()),
    "DICT": PickleMachine._dictionary,
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine._pop_to_mark())),
    "TUPLE1": lambda machine, _: machine._collect(1),
    "TUPLE2": lambda machine, _: machine._collect(2),
    "TUPLE3": lambda machine, _: machine._collect(3),
    "FROZENSET": lambda machine, _: machine.stack.append(Inert(f"builtins.frozenset of {len(machine._pop_to_mark())}")),
    "ADDITEMS": PickleMachine._drop_to_mark,
    "APPEND": lambda machine, _: machine._append([machine.stack.pop()]),
    "APPENDS": lambda machine, _: machine._append(machine._pop_to_mark()),
    "SETITEM": lambda machine, _: machine._set_items([machine.stack.pop(-2), machine.stack.pop()]),
    "SETITEMS": lambda machine, _: machine._set_items(machine._pop_to_mark()),
    "GLOBAL": PickleMachine._name,
    "STACK_GLOBAL": PickleMachine._stack_name,
    "REDUCE": PickleMachine._call,
    "NEWOBJ": PickleMachine._call,
    "NEWOBJ_EX": PickleMachine._call_with_keywords,
    "INST": PickleMachine._instance,
    "OBJ": PickleMachine._object,
    "BUILD": PickleMachine._build,
    "BINPERSID": PickleMachine._persistent_id,
}
