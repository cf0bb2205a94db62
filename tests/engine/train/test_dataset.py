# SPDX-License-Identifier: GPL-3.0-or-later
"""The data set format, cached embeddings, the packed layout, mirroring."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from synthetic_motion import FPS, synthetic_records

from mld_engine.checkpoints.config import TextEncoderConfig
from mld_engine.cli import main
from mld_engine.contract.skeleton import MIRRORED_JOINTS, REST_OFFSETS
from mld_engine.data.embeddings import complete_text_table, read_text_table
from mld_engine.data.mirror import mirror_motion
from mld_engine.data.store import ClipRecord, Dataset, DatasetWriter
from mld_engine.errors import RequestError
from mld_engine.kinematics import forward_kinematics
from mld_engine.rotations import quaternion_to_matrix


def test_what_was_written_is_read(dataset_folder: Path) -> None:
    dataset, records = Dataset.open(dataset_folder), synthetic_records()
    assert dataset.fps == FPS
    assert dataset.actions == ("walk", "wave_left", "wave_right")
    assert dataset.styles == ("happy", "old")
    assert dataset.licences == ("CC0",)
    assert [clip.name for clip in dataset.clips] == [record.name for record in records]
    np.testing.assert_array_equal(dataset.offsets, REST_OFFSETS)
    for clip, record in zip(dataset.clips, records, strict=True):
        frames = slice(clip.start, clip.start + clip.frames)
        np.testing.assert_array_equal(dataset.rotations[frames], record.rotations)
        np.testing.assert_array_equal(dataset.root[frames], record.root)
        assert clip.captions_mirrored == record.captions_mirrored


def test_a_clip_without_mirrored_words_keeps_its_own(tmp_path: Path) -> None:
    record = replace(synthetic_records()[0], captions_mirrored=(), action_mirrored="")
    with DatasetWriter(tmp_path / "data", name="one", fps=FPS, offsets=REST_OFFSETS) as writer:
        writer.add(record)
    clip = Dataset.open(tmp_path / "data").clips[0]
    assert clip.captions_mirrored == clip.captions == record.captions
    assert clip.action_mirrored == "walk"


def test_an_interrupted_writer_leaves_nothing(tmp_path: Path) -> None:
    def write_half() -> None:
        with DatasetWriter(tmp_path / "data", name="one", fps=FPS, offsets=REST_OFFSETS) as writer:
            writer.add(synthetic_records()[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
def test_a_full_disk_leaves_nothing(dataset_folder: Path, tmp_path: Path) -> None:
    limited = (
        "import resource, sys; from mld_engine.cli import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000)); sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", limited, "prepare", "augment", str(dataset_folder), str(tmp_path / "more")]
    done = subprocess.run(command, cwd=Path(__file__).resolve().parents[3], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "free disk space" in line
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(RequestError) as caught:
        DatasetWriter(tmp_path, name="one", fps=FPS, offsets=REST_OFFSETS)
    assert caught.value.code == "output_exists"
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"split": "holdout"}, "split"),
        ({"root": np.zeros((3, 3), np.float32)}, "arrays"),
        ({"root": np.full((40, 3), np.nan, np.float32)}, "finite"),
        ({"rotations": np.zeros((40, 22, 4), np.float32)}, "unit length"),
    ],
)
def test_an_unusable_clip_is_named(tmp_path: Path, change: dict[str, object], words: str) -> None:
    record: ClipRecord = replace(synthetic_records()[0], **change)  # type: ignore[arg-type]
    with DatasetWriter(tmp_path / "data", name="one", fps=FPS, offsets=REST_OFFSETS) as writer:
        writer.add(synthetic_records()[1])
        with pytest.raises(RequestError, match=words) as caught:
            writer.add(record)
    assert "clip00" in caught.value.message


def test_a_damaged_data_set_is_refused(dataset_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(dataset_folder, folder)
    clips = json.loads((folder / "clips.json").read_text())
    clips[-1]["frames"] += 1
    (folder / "clips.json").write_text(json.dumps(clips))
    with pytest.raises(RequestError, match="clip17") as caught:
        Dataset.open(folder)
    assert caught.value.code == "bad_dataset"


def test_pickled_arrays_are_refused(dataset_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pickled"
    shutil.copytree(dataset_folder, folder)
    np.save(folder / "root.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(RequestError, match="damaged"):
        Dataset.open(folder)


def test_captions_that_nobody_can_embed_are_counted(dataset_folder: Path, tmp_path: Path) -> None:
    table = read_text_table(dataset_folder, "all-MiniLM-L6-v2")
    assert table is not None
    absent = TextEncoderConfig(**{**table.encoder.__dict__, "name": "no-such-encoder"})
    with pytest.raises(RequestError, match="2 of 2 captions") as caught:
        complete_text_table(tmp_path, ["a", "b"], absent)
    assert caught.value.code == "texts_not_embedded"
    assert complete_text_table(dataset_folder, ["", "a person walks"], table.encoder).texts == table.texts


def test_mirroring_twice_gives_the_motion_back_and_once_reflects_every_joint() -> None:
    record = synthetic_records()[1]
    rotations, root = torch.from_numpy(record.rotations), torch.from_numpy(record.root)
    mirrored = mirror_motion(rotations, root)
    for twice, original in zip(mirror_motion(*mirrored), (rotations, root), strict=True):
        assert torch.equal(twice, original)
    offsets = torch.tensor(REST_OFFSETS)
    _, joints = forward_kinematics(quaternion_to_matrix(rotations), root, offsets)
    _, reflected = forward_kinematics(quaternion_to_matrix(mirrored[0]), mirrored[1], offsets)
    expected = joints[:, list(MIRRORED_JOINTS)] * torch.tensor([-1.0, 1.0, 1.0])
    # The body is symmetric but for rounding of its measures.
    torch.testing.assert_close(reflected, expected, atol=1e-5, rtol=0)


def test_the_packed_layout_becomes_a_data_set(shared_dir: Path, tmp_path: Path) -> None:
    source = shared_dir / "data" / "motion"
    if not source.is_dir():
        pytest.skip(f"no packed motion in {source}")
    assert main(["prepare", "packed", str(source), str(tmp_path / "data")]) == 0
    dataset = Dataset.open(tmp_path / "data")
    assert len(dataset.clips) == 3986
    assert dataset.seconds / 3600 == pytest.approx(4.93, abs=0.005)
    assert sum(clip.split == "test" for clip in dataset.clips) == 192
    assert dataset.licences == ("ACCAD", "BANDAI-NC", "CC0", "CMU")
    turn = next(clip for clip in dataset.clips if clip.name == "bandai2/walk-turn-left_normal_004")
    assert (turn.action, turn.action_mirrored, turn.frames) == ("turn_left", "turn_right", 145)
    assert any("left" in text for text in turn.captions)
    assert any("right" in text for text in turn.captions_mirrored)
    root = dataset.root[turn.start : turn.start + turn.frames]
    assert 0.7 < root[:, 1].mean() < 1.1
    table = read_text_table(tmp_path / "data", "all-MiniLM-L6-v2")
    assert table is not None
    assert set(dataset.texts()) <= set(table.texts)
    np.testing.assert_allclose(np.linalg.norm(table.embeddings, axis=1), 1, atol=2e-3)


def test_a_folder_of_another_layout_is_said_to_be_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", "packed", str(tmp_path), str(tmp_path / "data")]) == 2
    assert "packed layout" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()
