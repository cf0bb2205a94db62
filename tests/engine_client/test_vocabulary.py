# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panel knows about the default pack without an engine."""

from __future__ import annotations

from pathlib import Path

from blender_addon.contract import source_root
from blender_addon.engine_client.vocabulary import read_vocabulary


def test_default_pack() -> None:
    vocabulary = read_vocabulary(source_root())
    assert len(vocabulary.actions) == 51
    assert {"walk", "wave_right", "salsa"} <= set(vocabulary.actions)
    assert len(vocabulary.styles) == 17
    assert (vocabulary.min_seconds, vocabulary.max_seconds) == (0.8, 10.0)
    assert vocabulary.licence_line == "Model: research — non-commercial (CC BY-NC 4.0)"


def test_unreadable_pack_is_empty(tmp_path: Path) -> None:
    vocabulary = read_vocabulary(tmp_path)
    assert vocabulary.actions == vocabulary.styles == ()
    assert vocabulary.licence_line == "Model: research"
