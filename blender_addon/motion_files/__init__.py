# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion as files in AMASS's layout: read for a take, written from one. No bpy."""
