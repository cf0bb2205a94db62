# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion files: AMASS `.npz` (written and read) and BVH (written)."""
