# SPDX-License-Identifier: GPL-3.0-or-later
"""The bench as it is run by hand, on two characters and one short take: its figures keep to their bars."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("bpy")

from tests.bench import retarget

RIGS = ["mannequin", "mixamo"]


def test_figures_keep_to_their_bars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLD_ENGINE_PYTHON", raising=False)
    file = tmp_path / "bench.json"
    arguments = ["--rigs", *RIGS, "--takes", "stroll", "--synthetic", "0", "--runs", "1", "--json", "--out", str(file)]
    assert retarget.main(arguments) == 0
    rows = json.loads(file.read_text(encoding="utf-8"))
    assert [row["rig"] for row in rows] == RIGS
    for row in rows:
        quality, costs = row["quality"], row["costs"]
        assert not row["problem"]
        assert quality["limb_mean_free"] < 1.0
        assert quality["limb_max_free"] < 3.0
        assert quality["slide_locked"] < 1.0 < quality["slide_free"]
        assert quality["sink_locked"] <= 5.0
        assert quality["knee_ratio"] <= 1.3
        assert 0.0 < quality["reduction_degrees"] < 0.6
        assert quality["key_ratio"] > 2.0
        assert costs["bones"] == 22
        assert 0.0 < costs["write"]["cpu"] < costs["write_bezier"]["cpu"]
