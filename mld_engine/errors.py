# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors that a person reads: what happened, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class EngineError(Exception):
    """A failure with a stable `code` for programs and a `message` and `hint` for people.

    `details` holds plain JSON values that a program can act on, such as the limit that was passed.
    """

    def __init__(self, code: str, message: str, hint: str = "", details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.details: dict[str, Any] = dict(details or {})

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class RequestError(EngineError):
    """The request cannot be carried out as it stands; nothing was computed."""


class PackError(EngineError):
    """A pack, or the text encoder that it names, is missing or damaged."""


class Cancelled(Exception):  # noqa: N818  (an expected end, not an error)
    """The caller asked to stop; takes that were already handed out stay valid."""
