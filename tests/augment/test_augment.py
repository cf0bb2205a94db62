# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips composed in space and in time, made faster and slower, with captions that say what they show."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from mld_engine.augment.body_parts import ARM_JOINTS
from mld_engine.augment.dataset import Amounts, augment
from mld_engine.augment.grammar import Grammar
from mld_engine.augment.paths import measure_path
from mld_engine.augment.space import with_arms
from mld_engine.augment.speed import at_speed
from mld_engine.augment.spoken import Spoken
from mld_engine.contract.skeleton import REST_OFFSETS
from mld_engine.data.store import ClipRecord, Dataset, DatasetWriter

FPS = 30.0


def clip(name: str, action: str, frames: int = 90, *, turn: float = 0.0, lift: float = 0.0, **labels) -> ClipRecord:
    """A walk of 1 m/s that turns by `turn` radians in all, the left shoulder lifted by `lift` radians."""
    share = np.arange(frames) / (frames - 1)
    rotations = np.zeros((frames, 22, 4), np.float32)
    rotations[..., 0] = 1.0
    rotations[:, 0] = np.stack([np.cos(turn * share / 2), 0 * share, np.sin(turn * share / 2), 0 * share], -1)
    rotations[:, 16] = [math.cos(lift / 2), 0.0, 0.0, math.sin(lift / 2)]
    step = np.stack([np.sin(turn * share), 0 * share, np.cos(turn * share)], -1) / FPS
    root = (np.cumsum(step, 0) - step[0] + [0.0, 0.9, 0.0]).astype(np.float32)
    return ClipRecord(name, rotations, root, action=action, captions=(f"own words of {name}",), **labels)


@pytest.fixture
def source(tmp_path: Path) -> Dataset:
    with DatasetWriter(tmp_path / "source", name="walks", fps=FPS, offsets=REST_OFFSETS) as writer:
        for split in ("train", "val"):
            for index in range(4):
                writer.add(clip(f"{split} walk {index}", "walk", style="old", split=split, licence="CC0"))
                writer.add(
                    clip(
                        f"{split} wave {index}",
                        "wave_left",
                        60,
                        lift=0.8,
                        action_mirrored="wave_right",
                        split=split,
                        licence="CC BY 4.0",
                    )
                )
    return Dataset.open(tmp_path / "source")


@pytest.fixture
def augmented(source: Dataset, tmp_path: Path) -> Dataset:
    with DatasetWriter(tmp_path / "more", name="more", fps=FPS, offsets=REST_OFFSETS) as writer:
        augment(source, writer, Grammar.read(), Spoken({}), Amounts(captions=12, space=20, time=20, speed=20), seed=5)
    return Dataset.open(tmp_path / "more")


def made(dataset: Dataset, kind: str, split: str = "train"):
    return [item for item in dataset.clips if item.name.startswith(f"{split}/{kind}/")]


def test_training_clips_get_sentences_and_held_out_ones_keep_their_own(augmented: Dataset) -> None:
    by_name = {item.name: item for item in augmented.clips}
    assert by_name["val wave 0"].captions == ("own words of val wave 0",)
    trained = by_name["train wave 0"]
    assert 8 < len(trained.captions) <= 13, "its own, and up to twelve different ones"
    assert any("left" in caption for caption in trained.captions)
    assert not any("right" in caption for caption in trained.captions)
    assert any("right" in caption for caption in trained.captions_mirrored)


def test_arms_on_legs(augmented: Dataset) -> None:
    for item in made(augmented, "space"):
        rotations = augmented.rotations[item.start : item.start + item.frames]
        lift = 2 * np.arctan2(rotations[:, 16, 3], rotations[:, 16, 0])
        assert lift[0] == pytest.approx(0.8, abs=1e-5), "the arm is the waving one"
        assert item.frames == 60 + 2 * 9, "it ends soon after the arms are done"
        assert lift[-1] == pytest.approx(0.0, abs=1e-5), "and the walker's own again when the wave is over"
        assert np.abs(np.diff(lift)).max() < 0.2
        assert augmented.root[item.start + 60, 2] > 1.9, "it walks"
        assert all("while" in caption or "at the same time" in caption for caption in item.captions)
        assert (item.action, item.style) == ("", "old")
        assert item.licence == "CC0, CC BY 4.0"


def test_one_after_the_other(augmented: Dataset) -> None:
    found = made(augmented, "time")
    assert len(found) == 20
    for item in found:
        assert item.frames == 90 + 60 - 15
        root = augmented.root[item.start : item.start + item.frames]
        assert np.abs(np.diff(root[:, 2]) - 1 / FPS).max() < 1e-4, "the walk goes on over the seam"
        assert item.action == ""


def test_faster_and_slower(augmented: Dataset) -> None:
    for item in made(augmented, "speed"):
        own = 90 if "walk" in item.name else 60
        fast = item.frames < own
        words = Grammar.read().speeds["fast" if fast else "slow"]
        assert item.frames == round((own - 1) / (1.35 if fast else 0.7)) + 1
        assert all(any(word in caption for word in words) for caption in item.captions)


def test_held_out_compositions_are_of_held_out_clips(augmented: Dataset) -> None:
    for kind in ("space", "time", "speed"):
        held_out = made(augmented, kind, "val")
        assert len(held_out) == 2
        assert all("train" not in item.name and item.split == "val" for item in held_out)
    assert not made(augmented, "space", "test")


def test_the_same_seed_makes_the_same(source: Dataset, augmented: Dataset, tmp_path: Path) -> None:
    with DatasetWriter(tmp_path / "again", name="more", fps=FPS, offsets=REST_OFFSETS) as writer:
        augment(source, writer, Grammar.read(), Spoken({}), Amounts(captions=12, space=20, time=20, speed=20), seed=5)
    again = Dataset.open(tmp_path / "again")
    assert again.clips == augmented.clips
    np.testing.assert_array_equal(again.rotations, augmented.rotations)


def test_measured_directions() -> None:
    def direction(turn: float, frames: int = 90) -> str:
        record = clip("walk", "walk", frames, turn=turn)
        return measure_path(torch.from_numpy(record.rotations), torch.from_numpy(record.root)).direction

    assert direction(1.2) == "left"
    assert direction(-1.2) == "right"
    assert direction(0.1) == "straight"
    assert direction(0.4) == "", "neither straight nor a clear turn"
    assert direction(0.0, frames=10) == "", "it stays where it is"


def test_a_longer_arm_clip_is_cut() -> None:
    body, arms = (
        torch.from_numpy(clip("", "", frames, lift=lift).rotations) for frames, lift in ((30, 0.0), (50, 0.8))
    )
    composed = with_arms(body, arms, ARM_JOINTS["wave_left"], 9)
    torch.testing.assert_close(composed[:, 16], arms[:30, 16])
    torch.testing.assert_close(composed[:, 17], body[:, 17])


def test_speed_keeps_the_path() -> None:
    record = clip("walk", "walk", 61, turn=0.5)
    rotations, root = at_speed(torch.from_numpy(record.rotations), torch.from_numpy(record.root), 2.0)
    np.testing.assert_allclose(root.numpy(), record.root[::2], atol=1e-6)
    np.testing.assert_allclose(rotations.numpy(), record.rotations[::2], atol=1e-6)
