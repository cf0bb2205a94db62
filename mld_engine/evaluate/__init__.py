# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures a pack: how well it rebuilds motion, how well it makes motion, and what an animator would see."""
