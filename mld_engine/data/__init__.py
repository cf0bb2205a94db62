# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion data sets: one format on disk, and the readers that fill it."""
