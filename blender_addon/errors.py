# SPDX-License-Identifier: GPL-3.0-or-later
"""What every refusal of the add-on says."""

from __future__ import annotations


class AddonError(Exception):
    """Something that cannot be done. `message` says what and why, `hint` what the animator can do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.message = message
        self.hint = hint
