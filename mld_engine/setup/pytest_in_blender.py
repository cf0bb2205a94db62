# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs pytest inside an installed Blender: `blender --background --python THIS -- ENGINE_PYTHON [PYTEST ARGS]`.

Blender brings no pytest; the pure Python one of the engine's environment is borrowed, behind
everything that Blender has itself.
"""

from __future__ import annotations

import subprocess
import sys


def main() -> int:
    engine_python, *arguments = sys.argv[sys.argv.index("--") + 1 :]
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    told = subprocess.run([engine_python, "-I", "-c", code], capture_output=True, text=True, check=True)
    sys.path.append(told.stdout.strip())
    import pytest

    return int(pytest.main(arguments))


if __name__ == "__main__":
    sys.exit(main())
