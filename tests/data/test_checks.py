# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks: each flaw, put into a clean motion, is found and named; real motion passes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mld_engine.cli import main
from mld_engine.contract.skeleton import JOINT_INDEX, REST_OFFSETS
from mld_engine.data.checks import Checker, Finding
from mld_engine.data.mirror import mirror_motion
from mld_engine.data.prepare import prepare as write
from mld_engine.data.sources.source import Source
from mld_engine.data.store import ClipRecord, Dataset
from mld_engine.errors import RequestError
from mld_engine.motion import Motion
from mld_engine.rotations import multiply_quaternions

FPS = 30.0


@pytest.fixture
def clip(walk: Motion) -> ClipRecord:
    return ClipRecord("walk", walk.rotations.copy(), walk.root.copy(), captions=("a person walks",), action="walk")


def found(record: ClipRecord, offsets=REST_OFFSETS) -> list[Finding]:
    return Checker(FPS, offsets).check(record)


def turned(record: ClipRecord, joint: str, axis: tuple[float, float, float], degrees: float, frames=slice(None)):
    """The clip with one joint turned further."""
    half = np.radians(degrees) / 2
    direction = np.array(axis) / np.linalg.norm(axis)
    turn = torch.tensor([np.cos(half), *(np.sin(half) * direction)], dtype=torch.float32)
    rotations = torch.from_numpy(record.rotations.copy())
    index = JOINT_INDEX[joint]
    rotations[frames, index] = multiply_quaternions(rotations[frames, index], turn.expand_as(rotations[frames, index]))
    return replace(record, rotations=rotations.numpy())


def test_a_clean_clip_has_no_findings(clip: ClipRecord) -> None:
    assert found(clip) == []


@pytest.mark.parametrize(
    ("spoil", "check", "level", "said"),
    [
        (lambda c: _with_nan(c, 2), "numbers", "error", "2 frames hold numbers that are not finite"),
        (lambda c: replace(c, rotations=c.rotations[:9], root=c.root[:9]), "length", "error", "it lasts 0.30 s"),
        (lambda c: _repeated(c, 7), "length", "warning", "it lasts 28 s"),
        (lambda c: _teleported(c, 50, 2.0), "jump", "error", "it jumps at frame 50: 60 m/s"),
        (lambda c: _raised(c, 0.3), "ground", "warning", "it floats: the soles stay 0.3"),
        (lambda c: _raised(c, -0.2), "ground", "warning", "it sinks: the soles lie 0."),
        (
            lambda c: turned(c, "left_elbow", tuple(REST_OFFSETS[JOINT_INDEX["left_wrist"]]), 160.0),
            "twist", "warning", "the left forearm is turned about itself by 1",
        ),
        (
            lambda c: turned(c, "right_shoulder", tuple(REST_OFFSETS[JOINT_INDEX["right_elbow"]]), 170.0),
            "twist", "warning", "the right upper arm is turned about itself by 1",
        ),
        (lambda c: turned(c, "left_knee", (1, 0, 0), -100.0), "twist", "warning", "the left knee bends backwards by"),
        (
            lambda c: turned(c, "head", (0, 1, 0), 150.0, slice(60, None)),
            "flip", "warning", "head turns by 150 degrees in one frame at frame 60",
        ),
        (lambda c: replace(c, captions=(), action=""), "captions", "warning", "it has no caption and no action"),
        (lambda c: replace(c, captions=("человек идёт",)), "captions", "warning", "is not English"),
        (lambda c: replace(c, captions=("a naïve walk",)), "captions", "warning", "letters that English has not: ï"),
        (lambda c: replace(c, captions=("...",)), "captions", "warning", "has no words"),
    ],
)  # fmt: skip
def test_a_flaw_is_found_and_nothing_else(clip: ClipRecord, spoil, check: str, level: str, said: str) -> None:
    findings = [finding for finding in found(spoil(clip)) if finding.check != "ground" or check == "ground"]
    assert [(finding.check, finding.level) for finding in findings] == [(check, level)]
    assert findings[0].clip == "walk"
    assert said in findings[0].message


def test_a_cut_to_another_pose_keeps_the_clip_out(clip: ClipRecord) -> None:
    cut = clip
    for joint in ("left_hip", "right_hip", "left_shoulder", "right_shoulder", "spine1"):
        cut = turned(cut, joint, (0, 0, 1), 130.0, slice(70, None))
    assert [(finding.check, finding.level) for finding in found(cut) if finding.check != "ground"] == [
        ("jump", "error")
    ]
    assert "from frame 70 on" in found(cut)[0].message


@pytest.mark.parametrize("limb", ["arm", "leg"])
def test_words_that_name_the_side_that_does_not_move(clip: ClipRecord, limb: str) -> None:
    still = np.zeros_like(clip.root)
    still[:, 1] = clip.root[0, 1]
    rotations = np.repeat(clip.rotations[:1], len(still), axis=0)
    standing = replace(clip, rotations=rotations, root=still)
    joint = "left_shoulder" if limb == "arm" else "left_hip"
    moving = standing
    for frame in range(len(still)):
        moving = turned(moving, joint, (1, 0, 0), 40.0 * np.sin(frame / 8.0), slice(frame, frame + 1))
    wrong = replace(moving, captions=(f"a person swings his right {limb}", "somebody moves"))
    assert [finding.check for finding in found(wrong)] == ["sides"]
    assert "moves far more than the right one" in found(wrong)[0].message
    for fine in (f"a person swings his left {limb}", f"he swings his left and right {limb}", "a right turn"):
        assert found(replace(moving, captions=(fine,))) == []
    mirrored = mirror_motion(torch.from_numpy(moving.rotations), torch.from_numpy(moving.root))
    other = replace(wrong, rotations=mirrored[0].numpy(), root=mirrored[1].numpy())
    assert found(other) == []


def test_the_same_motion_twice_is_left_out(clip: ClipRecord) -> None:
    checker = Checker(FPS, REST_OFFSETS)
    assert checker.check(clip) == []
    (finding,) = checker.check(replace(clip, name="copy", captions=("other words",)))
    assert (finding.check, finding.level, finding.message) == ("duplicate", "error", "it is the same motion as walk")


def test_a_body_in_centimetres_is_an_error_of_the_whole(clip: ClipRecord) -> None:
    checker = Checker(FPS, REST_OFFSETS * 100)
    checker.check(replace(clip, root=clip.root))
    (finding,) = [finding for finding in checker.report("set").findings if finding.check == "units"]
    assert "81.3 m long, which looks like centimetres: use --scale 0.01" in finding.message


def test_bodies_that_walk_backwards_are_told(clip: ClipRecord) -> None:
    checker = Checker(FPS, REST_OFFSETS)
    for number in range(40):
        backwards = clip.root[::-1] * np.float32(1 + number / 1000)
        assert checker.check(replace(clip, name=str(number), root=np.ascontiguousarray(backwards))) == []
    report = checker.report("set")
    assert [finding.check for finding in report.findings] == ["facing"]
    assert "only 0% of the way is walked forwards" in report.findings[0].message
    assert "40 clips" in report.facts[0]


def test_a_source_that_twists_one_arm_is_told(clip: ClipRecord) -> None:
    checker = Checker(FPS, REST_OFFSETS)
    axis = tuple(REST_OFFSETS[JOINT_INDEX["left_wrist"]])
    for number in range(8):
        one = turned(clip, "left_elbow", axis, 60.0)
        checker.check(replace(one, name=f"a{number}", root=one.root * np.float32(1 + number / 1000), source="A"))
        checker.check(replace(clip, name=f"b{number}", root=clip.root * np.float32(1 + number / 1000), source="B"))
    (finding,) = checker.report("set").findings
    assert finding.message.startswith("source 'A': the left forearm is turned about itself by")


def test_the_known_flaw_of_a_capture_is_found_and_no_other(captured: dict[str, ClipRecord]) -> None:
    checker = Checker(FPS, REST_OFFSETS)
    chosen = [record for record in captured.values() if record.source in ("accad_m1", "accad_m2", "cmu_mb")][::3]
    assert not [finding for record in chosen for finding in checker.check(record) if finding.level == "error"]
    whole = [finding for finding in checker.report("captured").findings if not finding.clip]
    assert len(whole) == 1
    assert whole[0].message.startswith("source 'accad_m1': the left forearm is turned about itself by 4")


def test_the_report_is_stored_and_printed_again(clip: ClipRecord, tmp_path: Path, prepare) -> None:
    records = [clip, _with_nan(replace(clip, name="nan")), replace(_raised(clip, 0.3), name="high")]
    report = write(Source("made up", FPS, REST_OFFSETS, iter(records)), tmp_path / "data")
    assert [record.name for record in Dataset.open(tmp_path / "data").clips] == ["walk", "high"]
    status, told = prepare("check", tmp_path / "data")
    assert status == 0
    assert told.strip() == report.text()
    assert "nan: 2 frames hold numbers that are not finite" in told
    assert "high: it floats" in told
    assert prepare("check", tmp_path / "data", "--strict")[0] == 1


def test_strict_and_empty_leave_no_folder_and_tell_why(clip: ClipRecord, tmp_path: Path) -> None:
    broken = _with_nan(clip)
    for strict, code in ((True, "checks_failed"), (False, "no_clips")):
        source = Source("made up", FPS, REST_OFFSETS, iter([broken]))
        with pytest.raises(RequestError) as caught:
            write(source, tmp_path / "data", strict=strict)
        assert caught.value.code in (code, "no_clips")
        assert "walk: 2 frames hold numbers" in caught.value.details["report"]
        assert list(tmp_path.iterdir()) == []


def test_augment_keeps_the_clips_and_adds_words_and_motion(clip: ClipRecord, tmp_path: Path, prepare) -> None:
    records = [replace(clip, name=f"w{n}", root=clip.root * np.float32(1 + n / 1000)) for n in range(3)]
    write(Source("made up", FPS, REST_OFFSETS, iter(records)), tmp_path / "data")
    (tmp_path / "data" / "text_any.npy").write_bytes(b"table")
    status, told = prepare(
        "augment", tmp_path / "data", tmp_path / "more", "--captions", 5, "--space", 0, "--time", 0, "--speed", 4,
        "--seed", 3,
    )  # fmt: skip
    assert status == 0, told
    clips = Dataset.open(tmp_path / "more").clips
    assert len(clips) == 7
    assert all(set(clips[n].captions) > {"a person walks"} for n in range(3))
    assert all(made.name.startswith("train/speed/") for made in clips[3:])
    assert (tmp_path / "more" / "text_any.npy").read_bytes() == b"table"
    (tmp_path / "words.json").write_text("{}")
    status, told = prepare("augment", tmp_path / "data", tmp_path / "none", "--words", tmp_path / "words.json")
    assert status == 2
    assert "lacks 'subjects'" in told


def test_select_takes_the_clips_of_some_licences(clip: ClipRecord, tmp_path: Path, prepare) -> None:
    licences = ("free", "not to be sold", "free", "with a name")
    records = [
        replace(clip, name=f"w{n}", root=clip.root * np.float32(1 + n / 1000), action=f"walk_{n}", licence=licence)
        for n, licence in enumerate(licences)
    ]
    source = tmp_path / "data"
    write(Source("made up", FPS, REST_OFFSETS, iter(records)), source)
    (source / "text_any.npy").write_bytes(b"table")
    status, told = prepare("select", source, tmp_path / "some", "--licence", "free", "--licence", "with a name")
    assert status == 0, told
    chosen, everything = Dataset.open(tmp_path / "some"), Dataset.open(source)
    assert [made.name for made in chosen.clips] == ["w0", "w2", "w3"]
    assert chosen.licences == ("free", "with a name")
    assert chosen.actions == ("walk_0", "walk_2", "walk_3")
    for made in chosen.clips:
        original = next(one for one in everything.clips if one.name == made.name)
        np.testing.assert_array_equal(chosen.record(made).root, everything.record(original).root)
        np.testing.assert_array_equal(chosen.record(made).rotations, everything.record(original).rotations)
    assert (tmp_path / "some" / "text_any.npy").read_bytes() == b"table"
    status, told = prepare("select", source, tmp_path / "none", "--licence", "unheard of")
    assert status == 2
    assert "'unheard of'" in told
    assert "with a name" in told
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    "layout",
    ["humanml3d", "kit", "humanact12", "uestc", "amass", "bvh", "blend", "packed", "augment", "select", "check"],
)
def test_every_layout_explains_itself(capsys: pytest.CaptureFixture[str], layout: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["prepare", layout, "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert ("DATASET" if layout == "check" else "DST") in told
    assert "None" not in told


def _with_nan(record: ClipRecord, frames: int = 2) -> ClipRecord:
    root = record.root.copy()
    root[5 : 5 + frames, 0] = np.nan
    return replace(record, root=root)


def _repeated(record: ClipRecord, times: int) -> ClipRecord:
    """There and back again, so that nothing jumps."""
    rotations = np.concatenate([record.rotations, record.rotations[::-1]] * times)[: times * len(record.root)]
    root = np.concatenate([record.root, record.root[::-1]] * times)[: times * len(record.root)]
    return replace(record, rotations=rotations, root=root)


def _teleported(record: ClipRecord, frame: int, metres: float) -> ClipRecord:
    root = record.root.copy()
    root[frame:, 0] += metres
    return replace(record, root=root)


def _raised(record: ClipRecord, metres: float) -> ClipRecord:
    return replace(record, root=record.root + np.float32([0, metres, 0]))
