# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: PTH100, PTH113, PTH118, PTH120, UP031
"""Sets up Motion Latent Diffusion; runs its demo and its tests; builds the extension for Blender.

    python3 install_deps.py                     make the engine's environment, print its Python last
    python3 install_deps.py --demo "a man waves"    from a prompt to a character that moves, and a picture
    python3 install_deps.py --test              run every test
    python3 install_deps.py --build             write the extension zip to dist/

Needs only Python 3.10 or newer: everything else is fetched into virtual environments beside this file.
This file itself stays readable for older Pythons, so that they can say what is missing.
"""

import os
import sys

MINIMUM_PYTHON = (3, 10)
HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    # type: () -> int
    if sys.version_info < MINIMUM_PYTHON:
        sys.stderr.write("Error: this is Python %d.%d; " % sys.version_info[:2])
        sys.stderr.write("Motion Latent Diffusion needs Python 3.10 or newer.\n")
        sys.stderr.write("Install one from https://www.python.org/downloads/ and run, for example:\n")
        sys.stderr.write("  python3.11 install_deps.py\n")
        return 1
    if not os.path.isfile(os.path.join(HERE, "mld_engine", "setup", "__init__.py")):
        sys.stderr.write("Error: the folder mld_engine is missing in " + HERE + "\n")
        sys.stderr.write("Get the whole program again: this file does nothing by itself.\n")
        return 1
    sys.path.insert(0, HERE)
    from mld_engine.setup.command_line import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
