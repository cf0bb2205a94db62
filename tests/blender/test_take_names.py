# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of takes: readable, within Blender's limit, cut between characters."""

from __future__ import annotations

import pytest

from blender_addon.animation.names import trim
from blender_addon.animation.take import write_take
from tests.blender.tracks import metadata, pose_track, write


class TestNames:
    def test_named_by_its_request_with_room_for_the_seed(self, chain):
        action = write_take(chain, pose_track(), start_frame=1, metadata=metadata(prompt="a person " * 40, seed=123456))
        assert len(action.name.encode()) <= 63
        assert action.name.startswith("a person a person")
        assert action.name.endswith("… · seed 123456")

    @pytest.mark.parametrize(
        ("changes", "name"),
        [
            ({"prompt": "", "action": "walk", "style": "happy"}, "walk, happy · seed 42"),
            ({"prompt": ""}, "free motion · seed 42"),
            ({"prompt": " a man\n\twaves \x00"}, "a man waves · seed 42"),
            ({"prompt": "lone \ud800 surrogate"}, "lone surrogate · seed 42"),
        ],
    )
    def test_other_requests(self, changes, name):
        assert metadata(**changes).name() == name

    @pytest.mark.parametrize(
        "name",
        ["老人がゆっくり歩く。" * 9, "👨‍👩‍👧" * 12, "x" + "👍🏽" * 30, "e\u0301" * 50, "ab" * 60],
        ids=["japanese", "family", "skin tone", "accents", "latin"],
    )
    def test_long_names_are_cut_between_characters_and_never_collide(self, chain, name):
        actions = [write(chain, name=name) for _ in range(3)]
        unit = {"老": "老人がゆっくり歩く。", "👨": "👨‍👩‍👧", "x": "👍🏽", "e": "e\u0301", "a": "a"}[name[0]]
        for action in actions:
            base = action.name.removesuffix(".001").removesuffix(".002")
            assert len(action.name.encode()) <= 63
            assert name.startswith(base)
            if name[0] in "👨xe":
                assert name[len(base) :].startswith(unit)
        assert len({action.name for action in actions}) == 3

    def test_trim_leaves_short_text_alone(self):
        assert trim("a person waves", 14) == "a person waves"
        assert trim("👨‍👩‍👧", 5) == ""
