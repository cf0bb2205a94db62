# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows of the training split: whose they are, how fast they play, what words go with them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from synthetic_motion import CAPTIONS, FPS, synthetic_records

from mld_engine.data.mirror import mirror_motion
from mld_engine.models.denoiser import Kind
from mld_engine.representations.smpl203 import Smpl203, integrate_root
from mld_engine.train.conditions import ConditionSampler
from mld_engine.train.config import load_values, parse
from mld_engine.train.motions import Motions, fit_statistics
from mld_engine.train.options import DataOptions
from mld_engine.train.windows import WindowSampler, clip_weights, read_window


def test_features_are_those_of_each_clip_alone_and_normalised(motions: Motions) -> None:
    record = synthetic_records()[7]
    rotations, root = torch.from_numpy(record.rotations), torch.from_numpy(record.root)
    for side, (turned, moved) in enumerate([(rotations, root), mirror_motion(rotations, root)]):
        expected = Smpl203(FPS).from_motion(turned, moved, motions.offsets)
        start, frames = int(motions.start[7]), int(motions.frames[7])
        found = motions.statistics.denormalize(motions.features[side, start : start + frames])
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    train = torch.cat([motions.features[:, motions.start[c] : motions.start[c] + motions.frames[c]].flatten(0, 1)
                       for c in motions.splits["train"]])  # fmt: skip
    torch.testing.assert_close(train.mean(0), torch.zeros(203), atol=1e-3, rtol=0)


def test_deviations_are_shared_inside_a_group(motions: Motions) -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(5000, 203, generator=generator) * torch.linspace(1, 3, 203) + 7
    statistics = fit_statistics([values[:2000], values[2000:]], motions.groups)
    positions = motions.groups.slices["positions"]
    expected = values[:, positions].double().std(0, correction=0).mean().float()
    torch.testing.assert_close(statistics.std[positions], expected.expand(63))
    torch.testing.assert_close(statistics.mean, values.double().mean(0).float())


def test_only_training_clips_are_drawn_and_windows_stay_inside_of_them(
    motions: Motions, data_options: DataOptions
) -> None:
    torch.manual_seed(0)
    sampler = WindowSampler(motions, data_options)
    train = set(motions.splits["train"])
    for length in data_options.lengths:
        windows = sampler.draw(length, 300)
        assert windows.features.shape == (300, length, 203)
        drawn = set(windows.clips.tolist())
        assert drawn <= train
        assert all(motions.frames[clip] >= length for clip in drawn)
        assert set(windows.sides.tolist()) == {0, 1}


def test_without_time_scale_a_window_is_a_piece_of_its_clip(motions: Motions, data_options: DataOptions) -> None:
    torch.manual_seed(1)
    windows = WindowSampler(motions, replace(data_options, time_scale=0.0)).draw(24, 20)
    for features, clip, side in zip(windows.features, windows.clips, windows.sides, strict=True):
        start, frames = int(motions.start[clip]), int(motions.frames[clip])
        source = motions.features[side, start : start + frames]
        assert any(torch.equal(source[at : at + 24], features) for at in range(frames - 23))


@pytest.mark.parametrize("speed", [0.85, 1.2])
def test_time_scaled_windows_walk_the_same_path_at_another_speed(motions: Motions, speed: float) -> None:
    clip = next(number for number in motions.splits["train"] if synthetic_records()[number].action == "walk")
    length, one = 24, torch.ones(1)
    chosen, side = torch.tensor([clip]), torch.tensor([0])
    scaled = read_window(motions, chosen, side, 3.0 * one, speed * one, length, scaled=True)[0]
    features = motions.statistics.denormalize(scaled)
    # 1.2 m/s forward, 0.3 rad/s of turn, both times the playback speed.
    torch.testing.assert_close(features[:-1, 1:3].norm(dim=-1) * FPS, torch.full((23,), 1.2 * speed), atol=0.01, rtol=0)
    torch.testing.assert_close(features[:-1, 0] * FPS, torch.full((23,), 0.3 * speed), atol=0.01, rtol=0)
    original = motions.statistics.denormalize(motions.clip(clip, 300))[3:]
    heading, ground = integrate_root(features)
    real_heading, real_ground = integrate_root(original)
    end = speed * (length - 1)
    whole, share = int(end), end - int(end)
    for made, real in ((heading, real_heading), (ground, real_ground)):
        torch.testing.assert_close(made[-1], torch.lerp(real[whole], real[whole + 1], share), atol=0.01, rtol=0)


def test_every_clip_has_its_weight_whatever_the_batch_sizes(motions: Motions, data_options: DataOptions) -> None:
    weights = clip_weights(motions, data_options)
    assert weights[:, motions.splits["val"] + motions.splits["test"]].sum() == 0
    train = motions.splits["train"]
    often = torch.tensor([6.0 if synthetic_records()[clip].action == "walk" else 3.0 for clip in train])
    expected = (often**-0.5 * (motions.frames[train] / data_options.crop).clamp(1, 4).sqrt()).double()
    torch.testing.assert_close(weights.sum(0)[train], expected, atol=1e-6, rtol=1e-6)
    sampler = WindowSampler(motions, data_options)
    probabilities = torch.from_numpy(sampler.length_probabilities(384, 16))
    sizes = torch.tensor([sampler.batch_size(length, 384, 16) for length in data_options.lengths])
    share = (probabilities * sizes)[:, None] * weights / weights.sum(1, keepdim=True)
    torch.testing.assert_close(share.sum(0) / share.sum(), weights.sum(0) / weights.sum())


def test_a_mirrored_clip_gets_mirrored_words_and_labels(motions: Motions) -> None:
    torch.manual_seed(0)
    training = replace(
        parse(load_values("tiny")).train_denoiser, drop=0.2, action=0.3, style=1.0, text_noise=0.0, text_mix=0.0
    )
    sampler = ConditionSampler(motions, training, no_style=2, empty=None)
    records = synthetic_records()
    left = next(n for n, record in enumerate(records) if record.action == "wave_left")
    clips, sides = torch.full((4000,), left), torch.arange(4000) % 2
    kind, text, action, style = sampler.draw(clips, sides)
    shares = torch.bincount(kind, minlength=3) / 4000
    torch.testing.assert_close(shares, torch.tensor([0.2, 0.5, 0.3]), atol=0.03, rtol=0)
    rows = ["", *sorted({words for captions in CAPTIONS.values() for words in captions})]
    embeddings = motions.captions.embeddings
    for side, word in enumerate(["left", "right"]):
        expected = embeddings[rows.index(f"a person waves with the {word} hand")]
        assert torch.equal(text[side], expected)
        assert (action[sides == side] == ["walk", "wave_left", "wave_right"].index(f"wave_{word}")).all()
    assert set(style.tolist()) == {["happy", "old"].index(records[left].style)}
    assert int(Kind.NULL) == 0


def test_the_empty_text_stands_for_no_condition_where_a_model_wants_it(motions: Motions) -> None:
    torch.manual_seed(0)
    training = replace(parse(load_values("tiny")).train_denoiser, drop=1.0, action=0.0)
    empty = motions.captions.embeddings[0]
    kind, text, _, _ = ConditionSampler(motions, training, no_style=2, empty=empty).draw(
        torch.zeros(8, dtype=torch.long), torch.zeros(8, dtype=torch.long)
    )
    assert (kind == int(Kind.TEXT)).all()
    assert torch.equal(text, empty.expand(8, -1))
