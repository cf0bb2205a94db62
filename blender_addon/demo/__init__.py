# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo of install_deps.py: a character, its take, a small studio around it, and a picture strip.

`launch.py` is the script that Blender's Python runs; everything it needs is reached from there.
"""
