# SPDX-License-Identifier: GPL-3.0-or-later
"""Packs: the weights, their configuration, and the proof that they are intact."""
