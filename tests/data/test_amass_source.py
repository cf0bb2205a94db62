# SPDX-License-Identifier: GPL-3.0-or-later
"""AMASS folders with a table of captions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mld_engine.contract.contacts import TOE_HEIGHT
from mld_engine.contract.skeleton import CONTACT_JOINTS, REST_OFFSETS
from mld_engine.data.store import Dataset
from mld_engine.export.amass import write_amass
from mld_engine.motion import Motion
from tests.data.comparing import degrees_apart, joints_of


@pytest.fixture
def amass(walk: Motion, tmp_path: Path) -> Path:
    """Two subjects: a walk at 120 frames a second half a metre over the floor, another, and a body shape."""
    folder = tmp_path / "AMASS"
    (folder / "KIT" / "3").mkdir(parents=True)
    (folder / "KIT" / "4").mkdir()
    turned = walk.root[:, [2, 1, 0]] * np.float32([1, 1, -1]) + np.float32([4, 0.5, -2])
    half = np.float32(np.sqrt(0.5))
    w, x, y, z = np.moveaxis(walk.rotations[:, 0], -1, 0)
    pelvis = np.stack([half * (w - y), half * (x + z), half * (y + w), half * (z - x)], -1)
    rotations = np.concatenate([pelvis[:, None], walk.rotations[:, 1:]], 1)
    write_amass(
        folder / "KIT" / "3" / "walk_fast-01_poses.npz", replace(walk, fps=120.0, rotations=rotations, root=turned)
    )
    write_amass(folder / "KIT" / "4" / "turn_left02_poses.npz", replace(walk, root=walk.root * np.float32(0.9)))
    np.savez(folder / "KIT" / "4" / "shape.npz", betas=np.zeros(16), gender=np.array("neutral"))
    return folder


def test_rotations_stay_and_every_fourth_frame_is_taken(amass: Path, walk: Motion, tmp_path: Path, prepare) -> None:
    status, told = prepare("amass", amass, tmp_path / "data", "--captions-from-names")
    assert status == 0, told
    assert "KIT/4/shape.npz: no motion in AMASS's layout: it has no poses" in told
    dataset = Dataset.open(tmp_path / "data")
    clip = dataset.clips[0]
    assert (clip.name, clip.captions) == ("KIT/3/walk_fast-01_poses", ("walk fast",))
    assert clip.frames == (walk.frames + 3) // 4
    rotations, root = (np.array(part[: clip.frames]) for part in (dataset.rotations, dataset.root))
    assert degrees_apart(rotations, walk.rotations[::4]).max() < 0.1
    # The walk was turned by 90 degrees and moved; it starts again over the origin, facing +Z, on the floor.
    np.testing.assert_allclose(root[:, [0, 2]], walk.root[::4][:, [0, 2]] - walk.root[0, [0, 2]], atol=2e-3)
    toes = joints_of(rotations, root, REST_OFFSETS)[:, list(CONTACT_JOINTS)][..., 1].amin()
    assert float(toes) == pytest.approx(TOE_HEIGHT, abs=0.02)
    assert dataset.clips[1].captions_mirrored == ("turn right",)


def test_rows_cut_files_into_clips_with_splits_and_labels(amass: Path, tmp_path: Path, prepare) -> None:
    (tmp_path / "labels.csv").write_text(
        "file,captions,action,start,end,split,licence\n"
        'KIT/4/turn_left02_poses.npz,"a man walks, then turns left | he goes",turn_left,0.5,2,val,X\n'
        "KIT/4/turn_left02_poses.npz,he stands,stand,2,,test,\n"
        "KIT/5/none.npz,nothing,,,,,\n",
        encoding="utf-8",
    )
    status, told = prepare(
        "amass",
        amass,
        tmp_path / "data",
        "--captions",
        tmp_path / "labels.csv",
        "--licence",
        "AMASS",
        "--source-name",
        "KIT",
    )
    assert status == 0, told
    assert "KIT/5/none.npz: the CSV names it, but it is not there" in told
    assert "KIT/3/walk_fast-01_poses: it has no caption and no action" in told
    clips = {clip.name: clip for clip in Dataset.open(tmp_path / "data").clips}
    cut = clips["KIT/4/turn_left02_poses@0.5"]
    assert cut.frames == 45
    assert cut.captions == ("a man walks, then turns left", "he goes")
    assert cut.captions_mirrored == ("a man walks, then turns right", "he goes")
    assert (cut.action, cut.action_mirrored, cut.split, cut.licence) == ("turn_left", "turn_right", "val", "X")
    rest = clips["KIT/4/turn_left02_poses@2"]
    assert (rest.split, rest.licence, rest.source) == ("test", "AMASS", "KIT")


def test_held_out_files_are_the_same_each_time(walk: Motion, tmp_path: Path, prepare) -> None:
    for number in range(40):
        root = walk.root[:30] * np.float32(1 + number / 1000)
        part = replace(walk, rotations=walk.rotations[:30], root=root, contacts=walk.contacts[:30])
        write_amass(tmp_path / f"clip{number}.npz", part)
    splits = []
    for name in ("one", "two"):
        assert prepare("amass", tmp_path, tmp_path / "out" / name, "--held-out", 0.4)[0] == 0
        splits.append({clip.name: clip.split for clip in Dataset.open(tmp_path / "out" / name).clips})
    assert splits[0] == splits[1]
    held_out = [split for split in splits[0].values() if split != "train"]
    assert 8 <= len(held_out) <= 24
    assert {"val", "test"} <= set(held_out)


def test_a_path_in_centimetres_is_told(amass: Path, walk: Motion, tmp_path: Path, prepare) -> None:
    file = amass / "KIT" / "3" / "walk_fast-01_poses.npz"
    write_amass(file, replace(walk, root=walk.root * np.float32(100)))
    _, told = prepare("amass", amass, tmp_path / "data")
    assert "m/s; if its path is in centimetres, use --scale 0.01" in told


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("caption\nx\n", "no column 'file'"),
        ("file,start\nx.npz,soon\n", "line 2: start 'soon' is no number of seconds"),
        ("file,start,end\nx.npz,3,2\n", "line 2 has no file, an unknown split, or an end before its start"),
        ("file,split\nx.npz,dev\n", "an unknown split"),
        ("file,captions\nx.npz,one, two\n", "line 2 has more cells than the header"),
    ],
)
def test_what_is_wrong_with_a_table_is_told(amass: Path, tmp_path: Path, prepare, table: str, said: str) -> None:
    (amass / "captions.csv").write_text(table, encoding="utf-8")
    status, told = prepare("amass", amass, tmp_path / "data")
    assert status == 2
    assert said in told
