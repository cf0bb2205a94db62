# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipeline with the default pack: what comes out, seeds, cancelling, other packs, missing parts."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from mld_engine import __version__
from mld_engine.checkpoints.pack import HASH_FILE, Pack, model_files
from mld_engine.conditions.action import style_of_take
from mld_engine.device import choose_device, limit_threads
from mld_engine.errors import Cancelled, EngineError, PackError, RequestError
from mld_engine.kinematics import joint_positions
from mld_engine.motion import Motion
from mld_engine.pipeline import MotionPipeline
from mld_engine.request import Request

PELVIS, HEAD, LEFT_WRIST, RIGHT_WRIST = 0, 15, 20, 21
FEET = (7, 8, 10, 11)
STEPS = 10


def same(first: Motion, second: Motion) -> bool:
    return all(
        np.array_equal(getattr(first, name), getattr(second, name)) for name in ("rotations", "root", "contacts")
    )


def test_a_walk_goes_forward_on_two_feet(pipeline: MotionPipeline) -> None:
    motion = pipeline("a person walks forward", seconds=4.0, seed=7, steps=20)[0]
    assert (motion.frames, motion.fps, motion.seconds) == (120, 30.0, 4.0)
    joints = joint_positions(motion)
    travel = joints[-1, PELVIS] - joints[0, PELVIS]
    assert travel[2] > 2.0
    assert abs(travel[0]) < travel[2]
    assert (joints[:, HEAD, 1] > 1.3).all()
    lowest_foot = joints[:, FEET, 1].min(1)
    assert (np.abs(lowest_foot) < 0.12).all()
    assert 0.3 < motion.contacts.mean() < 0.95
    np.testing.assert_allclose(np.linalg.norm(motion.rotations, axis=-1), 1.0, atol=1e-5)


def test_words_and_labels_choose_the_side(pipeline: MotionPipeline) -> None:
    for raised, other, motion in (
        (RIGHT_WRIST, LEFT_WRIST, pipeline("someone waves with the right hand", seed=3, steps=STEPS)[0]),
        (LEFT_WRIST, RIGHT_WRIST, pipeline("someone waves with the left hand", seed=3, steps=STEPS)[0]),
        (RIGHT_WRIST, LEFT_WRIST, pipeline(action="raise_right", seed=3, steps=STEPS)[0]),
    ):
        joints = joint_positions(motion)
        assert joints[:, raised, 1].max() > joints[:, other, 1].max() + 0.2


def test_the_meta_data_make_the_take_again(pipeline: MotionPipeline, pack: Pack) -> None:
    motion = pipeline(action="walk", style="old", seconds=1.0, seed=11, count=2, guidance=2.5, steps=STEPS)[1]
    assert motion.meta == {
        "text": None,
        "action": "walk",
        "style": "old",
        "style_drawn": False,
        "seed": 12,
        "guidance": 2.5,
        "steps": STEPS,
        "seconds": 1.0,
        "pack": "research",
        "pack_sha256": pack.sha256,
        "engine_version": __version__,
        "device": "cpu",
        "warnings": [],
    }
    meta = json.loads(json.dumps(motion.meta))
    names = ("text", "action", "style", "seconds", "seed", "guidance", "steps")
    again = pipeline(**{name: meta[name] for name in names})[0]
    assert same(motion, again)


def test_each_seed_draws_a_style_for_a_label_without_one(pipeline: MotionPipeline, pack: Pack) -> None:
    seen = next(dict(found.counts) for found in pack.config.action_styles if found.action == "walk")
    batch = pipeline(action="walk", seconds=1.0, seed=20, count=4, steps=2)
    styles = [motion.meta["style"] for motion in batch]
    assert set(styles) <= seen.keys()
    assert len(set(styles)) > 1
    for seed, motion in enumerate(batch, 20):
        alone = pipeline(action="walk", seconds=1.0, seed=seed, steps=2)[0]
        assert same(alone, motion)
        assert alone.meta == motion.meta
        assert motion.meta["style_drawn"]
        named = pipeline(action="walk", style=motion.meta["style"], seconds=1.0, seed=seed, steps=2)[0]
        assert same(named, motion)
        assert named.meta == {**motion.meta, "style_drawn": False}
    other = next(style for style in seen if style != styles[0])
    assert not same(pipeline(action="walk", style=other, seconds=1.0, seed=20, steps=2)[0], batch[0])


def test_a_label_of_one_style_has_that_one(pipeline: MotionPipeline) -> None:
    takes = pipeline(action="kick", seconds=1.0, seed=1, count=3, steps=2)
    assert [take.meta["style"] for take in takes] == ["neutral"] * 3


def test_styles_are_drawn_as_often_as_training_saw_them(pack: Pack) -> None:
    counts = next(dict(found.counts) for found in pack.config.action_styles if found.action == "walk")
    drawn = Counter(style_of_take(pack.config, "walk", seed) for seed in range(4000))
    shares = {style: count / sum(counts.values()) for style, count in counts.items()}
    assert {style: drawn[style] / 4000 for style in shares} == pytest.approx(shares, abs=0.03)
    assert drawn.total() == sum(drawn[style] for style in counts)


def test_without_counts_no_style_is_drawn(pack: Pack, copy_pack: Callable[..., Path], pipeline: MotionPipeline) -> None:
    folder = copy_pack(*model_files(pack.config))
    values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    values["action_styles"] = {"walk": {"old": 3}}
    (folder / "config.json").write_text(json.dumps(values), encoding="utf-8")
    other = MotionPipeline.from_pack(folder, "cpu", share=pipeline)
    walk, bow = (other(action=action, seconds=1.0, seed=4, steps=2)[0] for action in ("walk", "bow"))
    assert (walk.meta["style"], walk.meta["style_drawn"]) == ("old", True)
    assert (bow.meta["style"], bow.meta["style_drawn"]) == (None, False)
    assert same(walk, pipeline(action="walk", style="old", seconds=1.0, seed=4, steps=2)[0])
    assert not any(
        same(bow, pipeline(action="bow", style=style, seconds=1.0, seed=4, steps=2)[0]) for style in pack.styles
    )


def test_a_seed_is_the_same_take_alone_in_a_batch_and_in_another_process_state(pipeline: MotionPipeline) -> None:
    batch = pipeline("a person kicks", seconds=1.5, seed=20, count=3, steps=STEPS)
    torch.manual_seed(999)
    alone = [pipeline("a person kicks", seconds=1.5, seed=20 + k, steps=STEPS)[0] for k in range(3)]
    assert all(same(first, second) for first, second in zip(batch, alone, strict=True))
    assert not same(batch[0], batch[1])
    fresh = MotionPipeline.from_pack("research", "cpu", share=pipeline)
    assert same(fresh("a person kicks", seconds=1.5, seed=21, steps=STEPS)[0], batch[1])


def test_a_seed_is_the_same_take_in_another_process(pipeline: MotionPipeline, repository: Path) -> None:
    program = (
        "import hashlib; from mld_engine.pipeline import MotionPipeline;"
        "motion = MotionPipeline.from_pack('research', 'cpu')(action='punch', seconds=1.0, seed=5, steps=10)[0];"
        "print(hashlib.sha256(motion.rotations.tobytes() + motion.root.tobytes()).hexdigest())"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], cwd=repository, capture_output=True, text=True, check=True
    )
    motion = pipeline(action="punch", seconds=1.0, seed=5, steps=10)[0]
    assert printed.stdout.strip() == hashlib.sha256(motion.rotations.tobytes() + motion.root.tobytes()).hexdigest()


def test_guidance_one_skips_a_half_that_would_change_nothing(pipeline: MotionPipeline) -> None:
    exact = pipeline(action="run", seconds=1.0, guidance=1.0, steps=STEPS)[0]
    both_halves = pipeline(action="run", seconds=1.0, guidance=1.0 + 1e-9, steps=STEPS)[0]
    np.testing.assert_allclose(exact.root, both_halves.root, atol=1e-4)
    guided = pipeline(action="run", seconds=1.0, guidance=4.0, steps=STEPS)[0]
    assert np.abs(guided.root - exact.root).max() > 1e-2


def test_without_a_condition_guidance_means_nothing(pipeline: MotionPipeline) -> None:
    first, second = (pipeline(seconds=1.0, seed=2, guidance=scale, steps=STEPS)[0] for scale in (1.0, 9.0))
    assert same(first, second)
    zero = pipeline(action="run", seconds=1.0, seed=2, guidance=0.0, steps=STEPS)[0]
    np.testing.assert_allclose(zero.root, first.root, atol=1e-4)


def test_every_length_from_the_shortest_to_the_longest(pipeline: MotionPipeline, pack: Pack) -> None:
    for seconds in (pack.min_seconds, 3.3, pack.max_seconds):
        motion = pipeline(action="walk", seconds=seconds, steps=2)[0]
        assert motion.frames == round(seconds * 30)
        assert np.isfinite(motion.root).all()


def test_steps_are_told_one_by_one(pipeline: MotionPipeline, pack: Pack) -> None:
    seen: list[tuple[int, int, int]] = []
    request = Request.resolve(pack, action="bow", seconds=1.0, count=2, steps=3)
    assert len(list(pipeline.takes(request, lambda *step: seen.append(step)))) == 2
    assert seen == [(0, 1, 3), (0, 2, 3), (0, 3, 3), (1, 1, 3), (1, 2, 3), (1, 3, 3)]


def test_cancelling_stops_before_the_next_step_and_keeps_finished_takes(pipeline: MotionPipeline, pack: Pack) -> None:
    request = Request.resolve(pack, action="bow", seconds=1.0, count=3, steps=5)
    seen: list[tuple[int, int, int]] = []
    finished: list[Motion] = []
    takes = pipeline.takes(request, lambda *step: seen.append(step), lambda: len(seen) >= 7)
    with pytest.raises(Cancelled):
        finished.extend(takes)
    assert seen[-1] == (1, 2, 5)
    assert len(finished) == 1
    assert same(finished[0], pipeline(action="bow", seconds=1.0, steps=5)[0])


def test_warnings_about_words_come_with_the_motion(pipeline: MotionPipeline) -> None:
    motion = pipeline("une personne marche avec 🙂", seconds=1.0, steps=2)[0]
    assert len(motion.meta["warnings"]) == 2
    assert motion.meta["text"] == "une personne marche avec 🙂"
    assert pipeline("a person walks", seconds=1.0, steps=2)[0].meta["warnings"] == []


def test_emoji_change_nothing_but_the_warning(pipeline: MotionPipeline) -> None:
    assert same(
        pipeline("a person walks 🙂", seconds=1.0, steps=2)[0], pipeline("a person walks", seconds=1.0, steps=2)[0]
    )


def test_a_bad_request_computes_nothing(pipeline: MotionPipeline) -> None:
    with pytest.raises(RequestError, match="at most 10 s"):
        pipeline("a person walks", seconds=11.0)
    with pytest.raises(RequestError, match="no device"):
        MotionPipeline.from_pack("research", "tpu")


def test_a_motion_survives_its_latent(pipeline: MotionPipeline) -> None:
    motion = pipeline("a person walks forward", seconds=2.0, seed=7, steps=20)[0]
    latent = pipeline.encode(motion)
    assert latent.shape == (4, 128)
    back = pipeline.decode(latent, motion.frames)
    error = np.linalg.norm(joint_positions(back) - joint_positions(motion), axis=-1).mean()
    assert error < 0.05


def test_only_motion_like_the_packs_own_is_encoded(pipeline: MotionPipeline) -> None:
    motion = pipeline(action="walk", seconds=1.0, steps=2)[0]
    faster = Motion(motion.rotations, motion.root, motion.contacts, motion.offsets, 60.0)
    with pytest.raises(ValueError, match="30 fps"):
        pipeline.encode(faster)


def test_making_motion_needs_no_encoder(copy_pack: Callable[..., Path], pipeline: MotionPipeline) -> None:
    folder = copy_pack(
        "config.json", "decoder.safetensors", "denoiser.safetensors", "statistics.safetensors", HASH_FILE
    )
    without = MotionPipeline.from_pack(folder, "cpu", share=pipeline)
    motion = without(action="walk", seconds=1.0, seed=4, steps=2)[0]
    assert same(motion, pipeline(action="walk", seconds=1.0, seed=4, steps=2)[0])
    with pytest.raises(PackError, match=r"lacks encoder\.safetensors"):
        without.encode(motion)


def test_a_missing_text_encoder_leaves_the_labels(copy_pack: Callable[..., Path]) -> None:
    folder = copy_pack("config.json", "decoder.safetensors", "denoiser.safetensors", "statistics.safetensors")
    values = json.loads((folder / "config.json").read_text())
    values["text_encoder"]["package"] = "gt-no-such-encoder"
    (folder / "config.json").write_text(json.dumps(values))
    (folder / "encoder.safetensors").write_bytes(b"")
    pipeline = MotionPipeline.from_pack(folder, "cpu")
    pipeline.prepare()
    assert pipeline(action="walk", seconds=1.0, steps=2)[0].frames == 30
    with pytest.raises(PackError) as caught:
        pipeline("a person walks", seconds=1.0)
    assert caught.value.code == "text_encoder_missing"


def test_another_pack_shares_the_text_encoder(pipeline: MotionPipeline) -> None:
    studio = MotionPipeline.from_pack("studio", "cpu", share=pipeline)
    motion = studio("a person walks forward", seconds=2.0, seed=7, steps=STEPS)[0]
    assert motion.meta["pack"] == "studio"
    assert not same(motion, pipeline("a person walks forward", seconds=2.0, seed=7, steps=STEPS)[0])
    with pytest.raises(RequestError) as caught:
        studio(action="carry")
    assert caught.value.code == "unknown_action"


def test_threads_leave_cores_to_blender_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    try:
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
        torch.set_num_threads(3)
        limit_threads()
        assert torch.get_num_threads() == 3
        monkeypatch.delenv("OMP_NUM_THREADS")
        limit_threads()
        assert 1 <= torch.get_num_threads() <= max(1, (os.cpu_count() or 1) // 2)
    finally:
        torch.set_num_threads(before)


def test_auto_finds_a_device_that_works() -> None:
    assert choose_device("auto").type in ("cuda", "mps", "cpu")
    assert choose_device("cpu").type == "cpu"


@pytest.mark.skipif(torch.cuda.is_available(), reason="this computer has CUDA")
def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(RequestError, match="CUDA") as caught:
        choose_device("cuda")
    assert caught.value.code == "bad_device"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_seed_is_the_same_take_on_the_gpu(pipeline: MotionPipeline) -> None:
    on_gpu = MotionPipeline.from_pack("research", "cuda", share=pipeline)
    first = on_gpu("a person walks forward", seconds=2.0, seed=7)[0]
    second = pipeline("a person walks forward", seconds=2.0, seed=7)[0]
    assert first.meta["device"] == "cuda"
    np.testing.assert_allclose(joint_positions(first), joint_positions(second), atol=5e-3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_full_gpu_is_left_for_the_cpu(pipeline: MotionPipeline) -> None:
    on_gpu = MotionPipeline.from_pack("research", "cuda", share=pipeline)
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(1e-4)
    try:
        motion = on_gpu(action="walk", seconds=10.0, seed=1)[0]
    except EngineError as error:
        pytest.fail(f"no fallback: {error}")
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert on_gpu.device.type == motion.meta["device"] == "cpu"
    assert any("ran out of memory" in warning for warning in motion.meta["warnings"])
    assert same(motion, pipeline(action="walk", seconds=10.0, seed=1)[0])
