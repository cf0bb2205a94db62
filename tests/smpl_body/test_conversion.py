# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's run of the engine's `body` command: it never makes the caller wait, and leaves nothing behind."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from blender_addon.smpl_body.conversion import BodyError, Conversion
from tests import body_files


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary folders go; every test leaves it empty."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def start(file: Path, repository: Path, python: str = sys.executable) -> Conversion:
    return Conversion(Path(python), file, source_root=repository, environment=os.environ)


def test_a_body_arrives_while_the_caller_goes_on(scratch: Path, tmp_path: Path, repository: Path) -> None:
    file = body_files.write_npz(tmp_path / "mödel 試し.npz", "SMPL")
    begun = time.monotonic()
    run = start(file, repository)
    assert time.monotonic() - begun < 1.0
    turns = 0
    while run.running:
        turns += 1
        time.sleep(0.02)
        assert time.monotonic() - begun < 120.0
    assert turns > 5
    assert run.result().model == "SMPL"
    run.close()


def test_giving_up_ends_the_process(scratch: Path, tmp_path: Path, repository: Path) -> None:
    run = start(body_files.write_npz(tmp_path / "model.npz", "SMPL"), repository)
    assert run.running
    run.close()
    assert not run.running
    run.close()


def test_the_engines_reason_is_told(scratch: Path, tmp_path: Path, repository: Path) -> None:
    path = tmp_path / "notes.pkl"
    path.write_text("hello")
    run = start(path, repository)
    run.wait()
    with pytest.raises(BodyError, match=r"notes\.pkl cannot be read: it is neither \.npz nor \.pkl") as caught:
        run.result()
    assert "Traceback" not in str(caught.value)
    run.close()


def test_what_cannot_start_says_why(scratch: Path, tmp_path: Path, repository: Path) -> None:
    with pytest.raises(BodyError, match="There is no file"):
        start(tmp_path / "gone.npz", repository)
    file = tmp_path / "model.npz"
    file.touch()
    with pytest.raises(BodyError, match="cannot be started"):
        start(file, repository, python=str(tmp_path / "no python"))
