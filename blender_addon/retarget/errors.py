# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error that retargeting raises on its own account."""

from __future__ import annotations


class RetargetError(Exception):
    """A motion that cannot be put on the rig. `message` says what is wrong, `hint` what the animator can do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.message = message
        self.hint = hint
