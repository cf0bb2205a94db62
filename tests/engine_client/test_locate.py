# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the engine's Python is looked for, and the environment that it gets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from blender_addon.engine_client.environment import child_environment
from blender_addon.engine_client.locate import ENVIRONMENT_VARIABLE, EngineMissing, engine_python, venv_python
from mld_engine.setup import stamp


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder that looks like an environment which install_deps.py has finished."""
    venv = tmp_path / "engine" / "venv"
    venv_python(venv).parent.mkdir(parents=True)
    venv_python(venv).touch()
    stamp.write(venv, stamp.Stamp(complete=True))
    return venv


def test_environment_comes_before_preference_before_install(tmp_path: Path, installed: Path) -> None:
    named, preferred = tmp_path / "named", tmp_path / "preferred"
    named.touch()
    preferred.touch()
    environment = {ENVIRONMENT_VARIABLE: str(named)}
    assert engine_python(environment, str(preferred), installed).python == named
    assert engine_python({}, str(preferred), installed).python == preferred
    assert engine_python({}, "", installed).python == venv_python(installed)
    assert [
        engine_python(env, preference, installed).source
        for env, preference in ((environment, ""), ({}, str(preferred)), ({}, " "))
    ] == ["environment", "preference", "install"]


def test_nothing_installed(tmp_path: Path) -> None:
    with pytest.raises(EngineMissing) as missing:
        engine_python({}, "", tmp_path / "venv")
    assert missing.value.message == "The engine is not installed yet."
    assert "Install" in missing.value.hint


def test_interrupted_installation_is_no_engine(installed: Path) -> None:
    stamp.write(installed, stamp.Stamp(complete=False))
    with pytest.raises(EngineMissing, match="not finished"):
        engine_python({}, "", installed)
    (installed / stamp.NAME).unlink()
    with pytest.raises(EngineMissing, match="go on with it"):
        engine_python({}, "", installed)


@pytest.mark.parametrize(
    ("environment", "preference", "named_in"),
    [
        ({ENVIRONMENT_VARIABLE: "/no/python"}, "", ENVIRONMENT_VARIABLE),
        ({}, "/no/python", "preferences"),
        ({}, "~nobody-of-that-name/no/python", "preferences"),
        ({}, "x" * 5000 + "/no/python", "preferences"),
    ],
)
def test_a_named_python_that_is_gone_is_not_replaced_by_another(
    installed: Path, environment: dict[str, str], preference: str, named_in: str
) -> None:
    with pytest.raises(EngineMissing, match=named_in) as missing:
        engine_python(environment, preference, installed)
    assert "/no/python" in missing.value.message


def test_child_python_is_free_of_the_parents(tmp_path: Path) -> None:
    """A Python that inherits Blender's PYTHONHOME does not even start."""
    inherited = {"PYTHONHOME": str(tmp_path), "PYTHONPATH": str(tmp_path), "PYTHONSTARTUP": "x", "LANG": "C"}
    environment = child_environment(inherited, source_root=tmp_path / "source")
    assert environment["LANG"] == "C"
    program = "import sys, site; print(sys.path[0] if sys.path[0] else sys.path[1], site.ENABLE_USER_SITE)"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == [str(tmp_path / "source"), "False"]
