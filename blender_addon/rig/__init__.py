# SPDX-License-Identifier: GPL-3.0-or-later
"""The animator's armature: what it looks like at rest, and which of its bones plays which joint.

Everything here is numpy only, but for the modules named `blender_*`, which read and make armatures
through Blender's API.
"""
