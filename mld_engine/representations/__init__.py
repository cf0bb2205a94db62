# SPDX-License-Identifier: GPL-3.0-or-later
"""How a motion is written as one row of numbers a frame, and read back."""
