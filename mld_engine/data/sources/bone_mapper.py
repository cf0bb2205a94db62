# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's bone mapper and retarget alignment, for reading motion of any humanoid skeleton.

They are pure numpy and live in the add-on, which must run without the engine; a second copy here
would drift from what animators see. So they are loaded from the add-on's folder, as the add-on loads
`mld_engine.contract` from ours: beside this package in a checkout, around it in an installed
extension. The add-on's own `__init__` and everything on Blender's API stay unloaded.
"""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ...errors import EngineError

if TYPE_CHECKING:
    from blender_addon.retarget import alignment, errors, plan, quaternion, root
    from blender_addon.rig import bone_map, snapshot

_PACKAGE: Final = "mld_bone_mapper"


def addon_folder() -> Path:
    """Where the add-on lies. Raises EngineError (addon_missing) where the engine was copied without it."""
    above = Path(__file__).resolve().parents[3]
    for folder in (above / "blender_addon", above):
        if (folder / "rig" / "bone_map.py").is_file() and (folder / "contract.py").is_file():
            return folder
    raise EngineError(
        "addon_missing",
        f"The bone mapper is missing: there is no add-on beside {above / 'mld_engine'}.",
        "Use the engine of a whole checkout or of the installed extension.",
    )


if not TYPE_CHECKING:
    if _PACKAGE not in sys.modules:
        sys.modules[_PACKAGE] = types.ModuleType(_PACKAGE, __doc__)
        sys.modules[_PACKAGE].__path__ = [str(addon_folder())]
    bone_map = importlib.import_module(f"{_PACKAGE}.rig.bone_map")
    snapshot = importlib.import_module(f"{_PACKAGE}.rig.snapshot")
    alignment = importlib.import_module(f"{_PACKAGE}.retarget.alignment")
    errors = importlib.import_module(f"{_PACKAGE}.retarget.errors")
    plan = importlib.import_module(f"{_PACKAGE}.retarget.plan")
    quaternion = importlib.import_module(f"{_PACKAGE}.retarget.quaternion")
    root = importlib.import_module(f"{_PACKAGE}.retarget.root")

__all__ = ["addon_folder", "alignment", "bone_map", "errors", "plan", "quaternion", "root", "snapshot"]
