# SPDX-License-Identifier: GPL-3.0-or-later
"""Key reduction: few keys, and curves that stay within the bound of the dense take, hands and feet included."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blender_addon.retarget.bezier_fit import KeyColumns
from blender_addon.retarget.dense_take import LOCATION, DenseTake
from blender_addon.retarget.effector_error import body_scale
from blender_addon.retarget.key_reduction import CurveKeys, HandleType, reduce_track
from blender_addon.retarget.key_search import search_keys
from blender_addon.retarget.options import PoseTrack, RetargetOptions
from blender_addon.retarget.pipeline import retarget
from blender_addon.retarget.rig_pose import pose_world
from blender_addon.retarget.rotation_modes import rotation_channels
from blender_addon.rig.bone_map import BoneMap
from blender_addon.rig.snapshot import RigSnapshot
from tests.retarget import mocap, motions, rig_edits
from tests.retarget.curve_oracle import degrees_apart, played
from tests.rig.humanoids import Proportions, make_humanoid

DEGREES, METRES = 0.5, 0.002
ENDS = ("left_wrist", "right_wrist", "left_ankle", "right_ankle", "left_foot", "right_foot")
STYLES: dict[str, dict[str, Any]] = {
    "linear": {"mode": "LINEAR"},
    "mixed": {"mode": "BEZIER"},
    "automatic": {"mode": "BEZIER", "handles": "AUTO_CLAMPED"},
    "fitted": {"mode": "BEZIER", "handles": "ALIGNED"},
}

Rig = tuple[RigSnapshot, BoneMap]


@pytest.fixture
def rig() -> Rig:
    snapshot, roles = make_humanoid(rolls=np.random.default_rng(1))
    return snapshot, BoneMap(roles)


def dense(repository: Path, rig: Rig, take: int = motions.WALK, fps: float = 30.0) -> PoseTrack:
    return retarget(motions.golden_motion(repository, take), *rig, RetargetOptions(scene_fps=fps))


def reduced(track: PoseTrack, rig: Rig, effectors: bool = True, **style: Any) -> list[CurveKeys]:
    channels = rotation_channels(track, rig[0])
    return reduce_track(channels, track.locations, rig[0], rig[1] if effectors else None, **style)


def key_count(curves: list[CurveKeys]) -> int:
    return sum(len(keys.frames) for keys in curves)


def end_error(track: PoseTrack, rig: Rig, rotations: dict[str, np.ndarray], locations: dict[str, np.ndarray]) -> float:
    """Metres in the world: the furthest that a hand or foot is from where the dense take has it."""
    bones = [rig[1].bones[role] for role in ENDS]
    wanted = pose_world(rig[0], track.rotations, track.locations, bones, frames=track.frame_count)
    got = pose_world(rig[0], rotations, locations, bones, frames=track.frame_count)
    return max(float(np.linalg.norm((wanted[b] - got[b])[:, :3, 3], axis=-1).max()) for b in bones)


def assert_within(curves: list[CurveKeys], track: PoseTrack, rig: Rig, scale: float = 1.0) -> None:
    rotations, locations = played(curves, rig[0], track.frames)
    assert rotations.keys() == track.rotations.keys()
    for bone, wanted in track.rotations.items():
        assert degrees_apart(rotations[bone], wanted).max() <= DEGREES * 1.001, bone
    for bone, wanted in track.locations.items():
        metres = np.linalg.norm(locations[bone] - wanted, axis=-1) * rig[0].world_scale
        assert metres.max() <= METRES * scale * 1.001
    assert end_error(track, rig, rotations, locations) <= METRES * scale * 1.001


@pytest.mark.parametrize("take", [motions.WALK, motions.STROLL, motions.RAISED_ARM])
@pytest.mark.parametrize("style", STYLES)
def test_curves_stay_within_the_bound(style: str, take: int, rig: Rig, repository: Path) -> None:
    track = dense(repository, rig, take)
    curves = reduced(track, rig, **STYLES[style])
    assert_within(curves, track, rig, body_scale(*rig))
    assert all(keys.interpolation == ("LINEAR" if style == "linear" else "BEZIER") for keys in curves)


def test_bezier_needs_a_sixth_of_the_keys(rig: Rig, repository: Path) -> None:
    takes = [dense(repository, rig, take) for take in range(4)]
    full = sum(key_count(reduced(track, rig, mode="NONE")) for track in takes)
    keys = {
        style: sum(key_count(reduced(track, rig, **options)) for track in takes) for style, options in STYLES.items()
    }
    assert keys["mixed"] * 6 < full
    assert keys["fitted"] * 6.5 < full
    assert keys["automatic"] * 3 < full
    assert keys["fitted"] < keys["mixed"] < keys["automatic"] < keys["linear"] < full / 2


@pytest.mark.parametrize("take", [motions.WALK, motions.STROLL])
def test_most_handles_are_automatic(take: int, rig: Rig, repository: Path) -> None:
    """Channel by channel; all of them where that is asked for, none where handles are to be fitted."""
    share = {}
    for handles in ("MIXED", "AUTO_CLAMPED", "ALIGNED"):
        kinds = [keys.automatic for keys in reduced(dense(repository, rig, take), rig, handles=handles)]
        share[handles] = np.mean(np.concatenate([kind for kind in kinds if kind is not None]))
    assert share["AUTO_CLAMPED"] == 1.0
    assert share["ALIGNED"] == 0.0
    assert share["MIXED"] > 0.5


@pytest.mark.parametrize("legs", [0.45, 1.0])
def test_short_legs_do_not_cost_keys(legs: float, repository: Path) -> None:
    """The bound goes by arms and legs: a figure that is all arms and trunk still has a fifth of the keys."""
    snapshot, roles = make_humanoid(proportions=Proportions().scaled(legs=legs))
    stocky = (snapshot, BoneMap(roles))
    assert body_scale(*stocky) == pytest.approx((2 * 0.54 + 2 * 0.85 * legs) / (2 * 0.527 + 2 * 0.813), rel=0.01)
    track = dense(repository, stocky, motions.STROLL)
    assert 5 * key_count(reduced(track, stocky)) < key_count(reduced(track, stocky, mode="NONE"))


def test_more_frames_a_second_need_hardly_more_keys(rig: Rig, repository: Path) -> None:
    at_30, at_60 = (key_count(reduced(dense(repository, rig, fps=fps), rig)) for fps in (30.0, 60.0))
    assert at_60 < 1.25 * at_30


def test_without_a_bone_map_hands_and_feet_are_not_watched(rig: Rig, repository: Path) -> None:
    track = dense(repository, rig)
    free = reduced(track, rig, effectors=False)
    rotations, locations = played(free, rig[0], track.frames)
    assert max(degrees_apart(rotations[b], q).max() for b, q in track.rotations.items()) <= DEGREES * 1.001
    assert end_error(track, rig, rotations, locations) > 2 * METRES
    assert key_count(free) < key_count(reduced(track, rig))


@pytest.mark.parametrize("style", STYLES)
def test_keys_lie_in_shared_columns_and_the_ends_on_the_take(style: str, rig: Rig, repository: Path) -> None:
    """Fitted keys in between may leave the samples; linear and automatic ones do not."""
    track = dense(repository, rig)
    columns: dict[str, np.ndarray] = {}
    for keys in reduced(track, rig, **STYLES[style]):
        assert (keys.frames[0], keys.frames[-1]) == (track.frames[0], track.frames[-1])
        assert np.array_equal(columns.setdefault(keys.bone, keys.frames), keys.frames)
        source = track.locations if keys.data_path == "location" else track.rotations
        samples = source[keys.bone][keys.frames.astype(int), keys.index]
        assert np.array_equal(keys.values[[0, -1]], samples[[0, -1]])
        if style in ("linear", "automatic"):
            assert np.array_equal(keys.values, samples)
    assert len({len(frames) for frames in columns.values()}) > 3


@pytest.mark.parametrize("handles", ["MIXED", "ALIGNED"])
def test_keys_among_noise_leave_the_samples_within_the_bound(handles: HandleType) -> None:
    """Two cubics with noise of half the bound on them: hardly more keys than without the noise."""
    rig, _ = make_humanoid()
    bound, frames = 0.01, np.arange(121.0)
    position = frames / 120.0
    smooth = 3.0 * np.stack([position**3 - position, np.abs(position - 0.5) ** 3, np.zeros(121)], axis=-1)
    noise = np.random.default_rng(6).uniform(-0.5, 0.5, smooth.shape) * bound / np.sqrt(3.0)
    counts = []
    for samples in (smooth, smooth + noise):
        curves = reduce_track({}, {"pelvis": samples}, rig, max_metres=bound, handles=handles)
        _, locations = played(curves, rig, frames)
        assert np.linalg.norm(locations["pelvis"] - samples, axis=-1).max() <= bound * 1.001
        counts.append(len(curves[0].frames))
    inner = np.stack([keys.values for keys in curves], axis=-1)[1:-1]
    at = curves[0].frames[1:-1].astype(int)
    assert 2 < counts[1] <= counts[0] + 3
    assert (np.linalg.norm(inner - samples[at], axis=-1) > 0.01 * bound).all()


@pytest.mark.parametrize("style", STYLES)
def test_channels_that_do_not_move_keep_their_value(style: str) -> None:
    """Exactly, in all keys of their bone, and with flat handles; a bone none of whose channels move has two keys."""
    rig, _ = make_humanoid()
    turns = motions.rotation_vectors(np.sin(np.linspace(0.0, 9.0, 120))[:, None] * [0.0, 0.0, 1.0])
    still = np.tile(motions.rotation_vectors(np.array([[0.3, -0.2, 0.1]])), (120, 1))
    shifts = np.stack([np.full(120, 0.1), np.sin(np.linspace(0.0, 9.0, 120)), np.full(120, -1.0 / 3.0)], axis=-1)
    curves = reduce_track(
        {"head": ("rotation_quaternion", turns), "neck": ("rotation_quaternion", still)},
        {"pelvis": shifts},
        rig,
        **STYLES[style],
    )
    found = {(keys.bone, keys.index): keys for keys in curves}
    wanted = {("head", 1): 0.0, ("head", 2): 0.0, ("pelvis", 0): 0.1, ("pelvis", 2): -1.0 / 3.0}
    wanted |= {("neck", channel): still[0, channel] for channel in range(4)}
    for name, value in wanted.items():
        assert (found[name].values == value).all(), name
        for handles in (found[name].left_handles, found[name].right_handles):
            assert handles is None or (handles[:, 1] == value).all(), name
    assert {len(found["neck", channel].frames) for channel in range(4)} == {2}
    assert len(found["head", 0].frames) > 4


@pytest.mark.parametrize("style", ["mixed", "automatic", "fitted"])
def test_handles_are_straight_and_stay_between_their_keys(style: str, rig: Rig, repository: Path) -> None:
    for keys in reduced(dense(repository, rig), rig, **STYLES[style]):
        assert keys.left_handles is not None
        assert keys.right_handles is not None
        assert (keys.left_handles[1:, 0] >= keys.frames[:-1]).all()
        assert (keys.right_handles[:-1, 0] <= keys.frames[1:]).all()
        left = (keys.values - keys.left_handles[:, 1]) / (keys.frames - keys.left_handles[:, 0])
        right = (keys.right_handles[:, 1] - keys.values) / (keys.right_handles[:, 0] - keys.frames)
        np.testing.assert_allclose(left, right, atol=1e-9)


def test_none_keys_every_frame(rig: Rig, repository: Path) -> None:
    track = dense(repository, rig)
    for keys in reduced(track, rig, mode="NONE"):
        assert np.array_equal(keys.frames, track.frames)
        assert (keys.interpolation, keys.left_handles, keys.automatic) == ("LINEAR", None, None)


@pytest.mark.parametrize("mode", ["XYZ", "ZXY", "AXIS_ANGLE"])
def test_other_rotation_modes_keep_the_same_bound(mode: str, rig: Rig, repository: Path) -> None:
    other = (rig_edits.modes(rig[0], mode), rig[1])
    track = dense(repository, other)
    curves = reduced(track, other)
    assert {keys.data_path for keys in curves} == {
        "location",
        "rotation_axis_angle" if mode == "AXIS_ANGLE" else "rotation_euler",
    }
    assert_within(curves, track, other, body_scale(*other))
    assert key_count(curves) < key_count(reduced(track, other, mode="NONE")) / 3


@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_the_bound_grows_with_the_character(factor: float, rig: Rig, repository: Path) -> None:
    world = np.diag([factor, factor, factor, 1.0])
    scaled = (replace(rig[0], world=world), rig[1])
    track = dense(repository, scaled)
    curves = reduced(track, scaled)
    assert_within(curves, track, scaled, body_scale(*scaled))
    assert key_count(curves) == pytest.approx(key_count(reduced(dense(repository, rig), rig)), rel=0.05)


def test_a_wider_bound_needs_fewer_keys_and_a_bound_of_zero_needs_all(rig: Rig, repository: Path) -> None:
    track = dense(repository, rig, motions.STROLL)
    tight, wide = (
        key_count(reduced(track, rig, max_degrees=degrees, max_metres=metres))
        for degrees, metres in ((0.1, 0.0005), (3.0, 0.02))
    )
    assert 3 * wide < tight
    curves = reduced(track, rig, max_degrees=0.0, max_metres=0.0)
    assert {keys.bone for keys in curves if len(keys.frames) == track.frame_count} >= {rig[1].bones["left_hip"]}
    rotations, _ = played(curves, rig[0], track.frames)
    assert max(degrees_apart(rotations[b], q).max() for b, q in track.rotations.items()) < 1e-4


def test_what_does_not_move_has_two_keys(rig: Rig) -> None:
    track = retarget(motions.still_motion(40), *rig, RetargetOptions(scene_fps=30.0))
    assert {len(keys.frames) for keys in reduced(track, rig)} == {2}


class TestTheSearchEnds:
    """Also where it is the keys themselves that miss the bound."""

    def test_where_only_keys_are_off(self) -> None:
        """Curves that miss every sample that has a key, unless all have: the worst that a fit could do."""
        take = DenseTake(
            bones=("hips", "head"),
            rows=np.array([0, 1]),
            modes=(LOCATION, LOCATION),
            samples=np.zeros((4, 2, 50)),
            limits=np.array([0.1, 0.1]),
        )

        def shape(columns: KeyColumns, samples: np.ndarray, _: np.ndarray) -> np.ndarray:
            off = np.zeros(samples.shape[1:])
            off.ravel()[columns.keys] = 1.0
            off[off.all(axis=1) | (np.arange(len(off)) > 0)] = 0.0
            return samples + off

        keys = search_keys(take, shape).sum(axis=1)
        assert keys[0] == 50
        assert keys[1] < 10

    @pytest.mark.parametrize("handles", ["MIXED", "ALIGNED", "AUTO_CLAMPED"])
    def test_on_noise_and_on_spikes_at_the_first_keys(self, handles: HandleType) -> None:
        rig, _ = make_humanoid()
        rng = np.random.default_rng(8)
        spikes = np.zeros((90, 3))
        spikes[::10] = 1.0
        for samples in (rng.normal(size=(90, 3)), spikes):
            curves = reduce_track({}, {"pelvis": samples}, rig, max_metres=0.01, handles=handles)
            _, locations = played(curves, rig, np.arange(90.0))
            assert np.linalg.norm(locations["pelvis"] - samples, axis=-1).max() <= 0.01 * 1.001

    @pytest.mark.parametrize("handles", ["MIXED", "ALIGNED", "AUTO_CLAMPED"])
    def test_where_only_hands_and_feet_are_bound(self, handles: HandleType, rig: Rig, repository: Path) -> None:
        """To nothing: every bone that moves them and moves at all then has a key on every frame."""
        track = dense(repository, rig)
        curves = reduced(track, rig, handles=handles, max_degrees=5.0, max_metres=0.0)
        assert end_error(track, rig, *played(curves, rig[0], track.frames)) < 1e-7
        keys = {keys.bone: len(keys.frames) for keys in curves}
        assert keys[rig[1].bones["left_knee"]] == track.frame_count
        assert keys[rig[1].bones["head"]] < track.frame_count / 5


@pytest.mark.parametrize("frames", [1, 2, 3])
@pytest.mark.parametrize("style", STYLES)
def test_the_shortest_takes(style: str, frames: int) -> None:
    rig, _ = make_humanoid()
    turn = motions.rotation_vectors(np.linspace(0.0, 1.0, frames)[:, None] * [0.0, 0.0, 1.0])
    curves = reduce_track({"head": ("rotation_quaternion", turn)}, {}, rig, **STYLES[style])
    rotations, _ = played(curves, rig, np.arange(frames, dtype=np.float64))
    assert degrees_apart(rotations["head"], turn).max() < 1e-4
    assert all(np.isfinite(keys.values).all() for keys in curves)


def test_samples_may_lie_further_apart_than_a_frame(rig: Rig, repository: Path) -> None:
    track = dense(repository, rig, motions.STROLL)
    plain, wide = reduced(track, rig), reduced(track, rig, frame_step=2.5)
    for one, other in zip(plain, wide, strict=True):
        np.testing.assert_allclose(other.frames, 2.5 * one.frames)
        assert one.left_handles is not None
        assert other.left_handles is not None
        np.testing.assert_allclose(other.left_handles, one.left_handles * [2.5, 1.0])


def test_nothing_to_key_and_nonsense() -> None:
    rig, _ = make_humanoid()
    assert reduce_track({}, {}, rig) == []
    still = np.tile([1.0, 0.0, 0.0, 0.0], (4, 1))
    with pytest.raises(ValueError, match="numbers of samples"):
        reduce_track({"head": ("rotation_quaternion", still)}, {"pelvis": np.zeros((5, 3))}, rig)
    with pytest.raises(ValueError, match="CUBIC"):
        reduce_track({"head": ("rotation_quaternion", still)}, {}, rig, mode="CUBIC")  # type: ignore[arg-type]


def test_captured_motion_stays_within_the_bound_too(rig: Rig, shared_dir: Path) -> None:
    track = retarget(mocap.clip(shared_dir, "kick"), *rig, RetargetOptions(scene_fps=30.0))
    assert_within(reduced(track, rig), track, rig, body_scale(*rig))


def test_ten_seconds_take_a_moment(rig: Rig, repository: Path) -> None:
    """The requirement is 150 ms on a free machine; the bound here leaves room for a busy one."""
    motion = motions.golden_motion(repository, motions.WALK)
    track = retarget(motion, *rig, RetargetOptions(scene_fps=30.0, seconds=10.0))
    durations = []
    for _ in range(5):
        begin = time.process_time()
        curves = reduced(track, rig)
        durations.append((time.process_time() - begin) * 1000.0)
    share = track.frame_count * len(curves) / key_count(curves)
    print(
        f"{track.frame_count} frames x {len(track.rotations)} bones: {min(durations):.0f} ms, {share:.1f} x fewer keys"
    )
    assert min(durations) < 450.0
