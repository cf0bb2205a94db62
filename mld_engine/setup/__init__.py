# SPDX-License-Identifier: GPL-3.0-or-later
"""What `install_deps.py` does: environments, torch choice, demo, test run, extension zip.

Standard library only: this package runs before anything is installed, also with Blender's own Python.
"""
