# SPDX-License-Identifier: GPL-3.0-or-later
"""Which parts of the test run the arguments of --test choose."""

from __future__ import annotations

from pathlib import Path

import pytest

from mld_engine.setup.testing import one_process_each, select


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("tests/blender/test_demo.py", "tests/engine/test_cli.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_everything_without_arguments(tree: Path) -> None:
    chosen = select(tree, [])
    assert chosen.lint
    assert chosen.engine == ("tests", "--ignore=tests/blender")
    assert chosen.blender == ("tests/blender",)
    assert not chosen.narrowed


def test_options_go_to_every_pytest(tree: Path) -> None:
    chosen = select(tree, ["-x", "-k", "walk"])
    assert chosen.lint
    assert chosen.engine == ("-x", "-k", "walk", "tests", "--ignore=tests/blender")
    assert chosen.blender == ("-x", "-k", "walk", "tests/blender")


def test_a_path_chooses_its_environment_and_skips_the_lint(tree: Path) -> None:
    chosen = select(tree, ["tests/engine/test_cli.py::test_help", "-q"])
    assert not chosen.lint
    assert chosen.engine == ("-q", "tests/engine/test_cli.py::test_help", "--ignore=tests/blender")
    assert chosen.blender is None
    only_blender = select(tree, ["tests/blender"])
    assert (only_blender.engine, only_blender.blender) == (None, ("tests/blender",))
    both = select(tree, ["tests/blender/test_demo.py", "tests/engine"])
    assert both.engine == ("tests/engine", "--ignore=tests/blender")
    assert both.blender == ("tests/blender/test_demo.py",)


def test_the_blender_folder_goes_file_by_file(repository: Path) -> None:
    parts = one_process_each(repository, ("-x", "tests/blender"))
    files = sorted(file.name for file in (repository / "tests" / "blender").glob("test_*.py"))
    assert [Path(part[-1]).name for part in parts] == files
    assert all(part[0] == "-x" for part in parts)


def test_chosen_blender_tests_stay_in_one_process(repository: Path) -> None:
    chosen = ("tests/blender/test_nla.py", "tests/blender/test_takes.py")
    assert one_process_each(repository, chosen) == [chosen]
