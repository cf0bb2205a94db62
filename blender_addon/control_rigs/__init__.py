# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs that are animated through controls: the motion goes onto the controls, never onto the bones these move.

A family of control rigs is described as data (`description`, `families`). The motion is retargeted onto the rig's
plain body, as if it had no mechanism, and the controls are then placed so that the mechanism repeats that body.
Everything here is numpy only, but for `blender_mechanism`.
"""
