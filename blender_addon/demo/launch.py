# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender runs this file: `python launch.py ARGS` with the bpy wheel, or `blender --python launch.py -- ARGS`.

It loads the add-on as a package from wherever it lies, in a checkout or in an installed extension,
without installing or enabling it.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

PACKAGE = "mld_demo_addon"
ADDON = Path(__file__).resolve().parent.parent


def load_package() -> None:
    """Make the add-on's folder importable as PACKAGE, whatever the folder is called."""
    spec = importlib.util.spec_from_file_location(
        PACKAGE, ADDON / "__init__.py", submodule_search_locations=[str(ADDON)]
    )
    assert spec
    assert spec.loader
    sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[PACKAGE])


def main() -> int:
    arguments = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    load_package()
    status: int = importlib.import_module(f"{PACKAGE}.demo.show").main(arguments)
    return status


if __name__ == "__main__":
    status = main()
    if status:
        sys.exit(status)
