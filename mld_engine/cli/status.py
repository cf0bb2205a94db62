# SPDX-License-Identifier: GPL-3.0-or-later
"""Exit statuses of the command line."""

from __future__ import annotations

from typing import Final

EXIT_FAILURE: Final = 1
EXIT_BAD_INPUT: Final = 2
EXIT_INTERRUPTED: Final = 130
"""128 + SIGINT, as shells have it."""
