# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error that retargeting raises on its own account."""

from __future__ import annotations

from ..errors import AddonError


class RetargetError(AddonError):
    """A motion that cannot be put on the rig. `message` says what is wrong, `hint` what the animator can do."""
