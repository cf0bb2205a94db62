# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine and the Blender add-on must agree on: message frames, skeleton, axes.

Standard library and numpy only. The add-on loads this very package (see
`blender_addon/contract.py`), so that nothing here is written twice.
"""
