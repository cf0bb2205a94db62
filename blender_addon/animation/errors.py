# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error of this package."""

from __future__ import annotations


class AnimationError(Exception):
    """Keys, takes or strips that cannot be made. `message` says what is wrong, `hint` what the animator can do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.message = message
        self.hint = hint
