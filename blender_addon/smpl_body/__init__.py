# SPDX-License-Identifier: GPL-3.0-or-later
"""A skinned body of the user's own SMPL file: made by the engine, built as mesh and armature, shaped by sliders.

`conversion` runs the engine's command and `stature` is numpy; the files named blender_* build and change the objects.
"""
