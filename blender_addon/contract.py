# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the engine's source and loads `mld_engine.contract` from it, without touching `sys.path`.

In an installed extension the engine's source lies inside the add-on's folder; in a checkout it
lies beside it. Either way protocol, skeleton, axes and file layouts are the engine's own modules, so
add-on and engine cannot differ.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mld_engine.contract import amass, axes, body, contacts, protocol, skeleton

_ADDON_DIR = Path(__file__).resolve().parent


def source_root() -> Path:
    """The folder that holds `mld_engine/` and `install_deps.py`.

    Raises FileNotFoundError when the add-on was copied without its engine.
    """
    for root in (_ADDON_DIR, _ADDON_DIR.parent):
        if (root / "mld_engine" / "contract" / "__init__.py").is_file():
            return root
    raise FileNotFoundError(
        f"The engine's source is missing beside {_ADDON_DIR}: install the add-on from its zip file again."
    )


if not TYPE_CHECKING:
    _name = f"{__name__}_modules"
    if _name not in sys.modules:
        _folder = source_root() / "mld_engine" / "contract"
        _spec = importlib.util.spec_from_file_location(
            _name, _folder / "__init__.py", submodule_search_locations=[str(_folder)]
        )
        sys.modules[_name] = importlib.util.module_from_spec(_spec)
        _spec.loader.exec_module(sys.modules[_name])
    amass = importlib.import_module(f"{_name}.amass")
    axes = importlib.import_module(f"{_name}.axes")
    body = importlib.import_module(f"{_name}.body")
    contacts = importlib.import_module(f"{_name}.contacts")
    protocol = importlib.import_module(f"{_name}.protocol")
    skeleton = importlib.import_module(f"{_name}.skeleton")

__all__ = ["amass", "axes", "body", "contacts", "protocol", "skeleton", "source_root"]
