# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests are checked before anything is computed; every refusal has a code and says what to do."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from mld_engine.checkpoints.pack import Pack
from mld_engine.errors import RequestError
from mld_engine.request import MAX_SEED, Request


def test_what_is_left_out_is_the_packs_default(pack: Pack) -> None:
    request = Request.resolve(pack, text="  a person walks  ")
    assert request == Request(
        text="a person walks",
        action=None,
        style=None,
        seconds=4.0,
        frames=120,
        segments=(120,),
        seed=0,
        count=1,
        guidance=4.0,
        steps=50,
    )
    assert request.condition == "text"


def test_label_with_and_without_a_style_and_nothing(pack: Pack) -> None:
    request = Request.resolve(pack, action="walk", style="tired", seconds=2, seed=5, count=3, guidance=2, steps=10)
    assert (request.condition, request.action, request.style) == ("action", "walk", "tired")
    assert (request.frames, request.seed, request.count, request.guidance, request.steps) == (60, 5, 3, 2.0, 10)
    assert Request.resolve(pack, action="walk").style is None
    assert Request.resolve(pack).condition == "unconditional"


@pytest.mark.parametrize(
    ("seconds", "frames"),
    [(0.8, 24), (10.0, 300), (10, 300), (2.52, 76), (np.float32(0.8).item(), 24), (10.00005, 300)],
)
def test_seconds_become_the_nearest_number_of_frames(pack: Pack, seconds: float, frames: int) -> None:
    assert Request.resolve(pack, seconds=seconds).frames == frames


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ({"text": ""}, "empty_prompt"),
        ({"text": " \n\t"}, "empty_prompt"),
        ({"text": "walk " * 2000}, "prompt_too_long"),
        ({"text": "🕺💃"}, "prompt_without_words"),
        ({"text": "123 !?"}, "prompt_without_words"),
        ({"text": "一个人向前走"}, "prompt_not_english"),
        ({"text": "человек идёт"}, "prompt_not_english"),
        ({"text": 5}, "malformed"),
        ({"text": ["walk"]}, "malformed"),
        ({"action": True}, "malformed"),
        ({"text": "walk", "action": "walk"}, "malformed"),
        ({"text": "walk", "style": "tired"}, "malformed"),
        ({"style": "tired"}, "malformed"),
        ({"action": "wlak"}, "unknown_action"),
        ({"action": "Walk"}, "unknown_action"),
        ({"action": ""}, "unknown_action"),
        ({"action": "walk", "style": "weary"}, "unknown_style"),
        ({"seconds": 0}, "bad_seconds"),
        ({"seconds": -1.5}, "bad_seconds"),
        ({"seconds": math.nan}, "bad_seconds"),
        ({"seconds": math.inf}, "bad_seconds"),
        ({"seconds": "4"}, "bad_seconds"),
        ({"seconds": True}, "bad_seconds"),
        ({"seconds": 0.5}, "seconds_too_short"),
        ({"seconds": 10.5}, "seconds_over_limit"),
        ({"seconds": 10**400}, "bad_seconds"),
        ({"seed": -1}, "bad_seed"),
        ({"seed": 2**31}, "bad_seed"),
        ({"seed": 1.0}, "bad_seed"),
        ({"seed": True}, "bad_seed"),
        ({"count": 0}, "bad_count"),
        ({"count": 65}, "bad_count"),
        ({"count": "2"}, "bad_count"),
        ({"guidance": -0.1}, "bad_guidance"),
        ({"guidance": 30.1}, "bad_guidance"),
        ({"guidance": math.nan}, "bad_guidance"),
        ({"guidance": False}, "bad_guidance"),
        ({"steps": 0}, "bad_steps"),
        ({"steps": 1001}, "bad_steps"),
        ({"steps": 50.0}, "bad_steps"),
    ],
)
def test_a_wrong_value_is_named(pack: Pack, raw: dict[str, Any], code: str) -> None:
    with pytest.raises(RequestError) as caught:
        Request.resolve(pack, **raw)
    assert caught.value.code == code
    assert caught.value.message.endswith(".")
    assert len(caught.value.message) < 200


def test_over_the_limit_offers_the_limit(pack: Pack) -> None:
    with pytest.raises(RequestError, match="at most 10 s") as caught:
        Request.resolve(pack, seconds=20)
    assert caught.value.details == {"limit_seconds": 10.0, "segments": 3}
    assert "Ask for 10 s" in caught.value.hint
    assert "have 3 segments chained" in caught.value.hint
    with pytest.raises(RequestError) as caught:
        Request.resolve(pack, seconds=61)
    assert caught.value.details == {"limit_seconds": 10.0, "segments": 0}
    assert caught.value.hint == "Ask for 10 s or less, or chain up to 60 s."


def test_an_unknown_label_lists_those_close_to_it(pack: Pack) -> None:
    for label, expected in (
        ("wlak", "walk"),
        ("Turn Left", "turn_left"),
        ("wave", "wave_right"),
        ("sword", "sword_slash"),
    ):
        with pytest.raises(RequestError) as caught:
            Request.resolve(pack, action=label)
        assert expected in caught.value.details["close"]
        assert expected in caught.value.hint
    with pytest.raises(RequestError) as caught:
        Request.resolve(pack, action="xxxxx")
    assert "ballet" in caught.value.hint


def test_a_condition_that_the_pack_does_not_take_is_refused(pack: Pack, tmp_path: Any) -> None:
    import json

    values = json.loads(pack.read("config.json"))
    values["conditions"] = ["action"]
    (tmp_path / "config.json").write_text(json.dumps(values))
    only_actions = Pack.open(tmp_path)
    for raw in ({"text": "walk"}, {}):
        with pytest.raises(RequestError) as caught:
            Request.resolve(only_actions, **raw)
        assert caught.value.code == "condition_not_supported"
        assert caught.value.details == {"conditions": ["action"]}
    assert Request.resolve(only_actions, action="walk").action == "walk"


def test_a_lone_surrogate_never_gets_into_a_request(pack: Pack) -> None:
    request = Request.resolve(pack, text="a person \ud83d walks")
    assert request.text is not None
    request.text.encode("utf-8")


def test_the_seeds_of_a_batch_follow_each_other_and_stay_in_range(pack: Pack) -> None:
    request = Request.resolve(pack, seed=MAX_SEED - 1, count=4)
    assert [request.seed_of(take) for take in range(4)] == [MAX_SEED - 1, MAX_SEED, 0, 1]
