# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error of this package."""

from __future__ import annotations

from ..errors import AddonError


class AnimationError(AddonError):
    """Keys, takes or strips that cannot be made. `message` says what is wrong, `hint` what the animator can do."""
