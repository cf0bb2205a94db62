# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures that every test folder shares."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

# PyTorch's threads would spin while they wait, which on a busy machine costs many times the work itself.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# A shell that runs the tests in the background has them ignore Ctrl-C, and their child processes with them.
signal.signal(signal.SIGINT, signal.default_int_handler)

REPOSITORY = Path(__file__).resolve().parent.parent
if str(REPOSITORY) not in sys.path:
    sys.path.insert(0, str(REPOSITORY))


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout: the folder of `mld_engine`, `blender_addon` and `install_deps.py`."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Characters, motion and packs that are not part of the repository: `MLD_TEST_DATA`, or `shared` beside it."""
    folder = Path(os.environ.get("MLD_TEST_DATA") or REPOSITORY.parent / "shared")
    if not (folder / "rigs").is_dir():
        pytest.skip(f"no test characters and motion in {folder}; set MLD_TEST_DATA to their folder")
    return folder
