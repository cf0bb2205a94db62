# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment that child Pythons start in: nothing of Blender's own Python may leak into them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_OF_ANOTHER_PYTHON: Final = (
    "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONEXECUTABLE", "PYTHONSAFEPATH", "PYTHONINSPECT",
    "PYTHONOPTIMIZE", "PYTHONPLATLIBDIR", "__PYVENV_LAUNCHER__", "VIRTUAL_ENV",
)  # fmt: skip


def child_environment(inherited: Mapping[str, str], source_root: Path | None = None) -> dict[str, str]:
    """`inherited` without the variables that steer a Python, plus what makes output readable.

    With `source_root` the child can import `mld_engine` from there, and nothing from the user's site.
    """
    environment = {name: value for name, value in inherited.items() if name not in _OF_ANOTHER_PYTHON}
    environment |= {"PYTHONNOUSERSITE": "1", "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
    if source_root:
        environment["PYTHONPATH"] = str(source_root)
    return environment


def hidden_window() -> dict[str, Any]:
    """Keyword arguments for Popen that keep Windows from opening a console."""
    if os.name != "nt":
        return {}
    return {"creationflags": getattr(subprocess, "CREATE_NO_WINDOW", 0)}
