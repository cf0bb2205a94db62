# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a JSON object key by key and complains in words about whatever is not as expected."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Collection, Mapping
from typing import Any

from ..errors import PackError


class Section:
    """One JSON object of a configuration file, read strictly.

    Every accessor raises PackError (pack_corrupt) for a missing key or a value of another type or
    range; `done` raises it for keys that nobody read, which are misspelt or from a newer format.
    """

    def __init__(self, values: object, file: str, path: str = "") -> None:
        self._file, self._path = file, path
        if not isinstance(values, Mapping):
            raise self._error(path or "the file", "is no JSON object")
        self._values: Mapping[str, Any] = values
        self._read: set[str] = set()

    def _error(self, where: str, problem: str) -> PackError:
        return PackError(
            "pack_corrupt",
            f"{self._file}: {where} {problem}.",
            "Copy the pack again from where you got it; a pack made for a newer engine needs that engine.",
            {"file": self._file, "key": where},
        )

    def _name(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def _take(self, key: str) -> Any:
        if key not in self._values:
            raise self._error(self._name(key), "is missing")
        self._read.add(key)
        return self._values[key]

    def wrong(self, key: str, problem: str) -> PackError:
        """An error about `key` for a check that spans several values: `raise section.wrong(...)`."""
        return self._error(self._name(key), problem)

    def has(self, key: str) -> bool:
        return key in self._values

    def names(self) -> tuple[str, ...]:
        """The keys of an object where they are names of something; their values are still to be read."""
        return tuple(self._values)

    def text(self, key: str, choices: Collection[str] = ()) -> str:
        value = self._take(key)
        if not isinstance(value, str) or not value or not _is_plain(value):
            raise self._error(self._name(key), f"is {value!r}, not a text")
        if choices and value not in choices:
            raise self._error(self._name(key), f"is {value!r}; this engine knows {', '.join(sorted(choices))}")
        return value

    def flag(self, key: str) -> bool:
        value = self._take(key)
        if not isinstance(value, bool):
            raise self._error(self._name(key), f"is {value!r}, not true or false")
        return value

    def integer(self, key: str, lowest: int = 0) -> int:
        value = self._take(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
            raise self._error(self._name(key), f"is {value!r}, not a whole number of at least {lowest}")
        return value

    def number(self, key: str, lowest: float = 0.0) -> float:
        value = self._take(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < lowest:
            raise self._error(self._name(key), f"is {value!r}, not a number of at least {lowest:g}")
        return float(value)

    def texts(self, key: str, choices: Collection[str] = ()) -> tuple[str, ...]:
        value = self._take(key)
        if not isinstance(value, list) or not all(isinstance(item, str) and item and _is_plain(item) for item in value):
            raise self._error(self._name(key), "is no list of texts")
        unknown = [item for item in value if choices and item not in choices]
        if unknown or len(set(value)) != len(value):
            raise self._error(self._name(key), f"holds {unknown[0]!r}" if unknown else "names something twice")
        return tuple(value)

    def integers(self, key: str) -> tuple[int, ...]:
        value = self._take(key)
        if not isinstance(value, list) or not all(type(item) is int for item in value):
            raise self._error(self._name(key), "is no list of whole numbers")
        return tuple(value)

    def vectors(self, key: str, count: int) -> tuple[tuple[float, float, float], ...]:
        """`count` vectors of three finite numbers."""
        value = self._take(key)
        if not isinstance(value, list) or len(value) != count or not all(map(_is_vector, value)):
            raise self._error(self._name(key), f"is no list of {count} vectors of three numbers")
        return tuple((float(x), float(y), float(z)) for x, y, z in value)

    def section(self, key: str) -> Section:
        return Section(self._take(key), self._file, self._name(key))

    def sections(self, key: str) -> list[Section]:
        """A list of objects."""
        value = self._take(key)
        if not isinstance(value, list):
            raise self._error(self._name(key), "is no list of objects")
        return [Section(item, self._file, f"{self._name(key)}[{index}]") for index, item in enumerate(value)]

    def done(self) -> None:
        """Raises PackError when the object holds keys that were not read."""
        unread = sorted(set(self._values) - self._read)
        if unread:
            raise self._error(self._name(unread[0]), "is not a key that this engine knows")


def _is_plain(text: str) -> bool:
    """Without what could command a terminal, and without half characters, which no file can hold."""
    return not any(unicodedata.category(letter) in ("Cc", "Cs") and letter not in "\n\t" for letter in text)


def _is_vector(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(isinstance(x, (int, float)) and not isinstance(x, bool) and math.isfinite(x) for x in value)
    )
