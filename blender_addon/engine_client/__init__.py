# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's side of the pipes: find the engine's Python, run the process, speak the protocol, install it.

Standard library and numpy only, but for `timer`, which joins the session to Blender's main loop.
"""
