# SPDX-License-Identifier: GPL-3.0-or-later
"""Teaching a pack a move that it does not know: both arms that circle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from synthetic_motion import FPS
from torch import Tensor

from mld_engine.augment.around import sentences_around
from mld_engine.augment.grammar import Grammar
from mld_engine.checkpoints.pack import Pack
from mld_engine.cli import main
from mld_engine.contract.skeleton import JOINT_INDEX, REST_OFFSETS
from mld_engine.data.store import ClipRecord, DatasetWriter
from mld_engine.evaluate.batches import BatchGenerator, Wishes
from mld_engine.models.denoiser import Kind
from mld_engine.motion import Motion
from mld_engine.pipeline import MotionPipeline

CPU = torch.device("cpu")
FRAMES = 40


def _circling(phase: float, tempo: float) -> tuple[np.ndarray, np.ndarray]:
    """Both arms held out, each circling about the axis of its shoulder: rotations (T, 22, 4), root (T, 3)."""
    angle = 2 * np.pi * tempo * np.arange(60) / FPS + phase
    vectors = np.zeros((60, 22, 3))
    for side in ("left", "right"):
        vectors[:, JOINT_INDEX[f"{side}_shoulder"], 1] = 0.6 * np.cos(angle)
        vectors[:, JOINT_INDEX[f"{side}_shoulder"], 2] = 0.6 * np.sin(angle)
    half = np.linalg.norm(vectors, axis=-1, keepdims=True) / 2
    rotations = np.concatenate([np.cos(half), np.sinc(half / np.pi) * vectors / 2], -1)
    return rotations.astype(np.float32), np.tile(np.float32([0.0, 0.92, 0.0]), (60, 1))


@pytest.fixture(scope="module")
def clips_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight clips of the move, as a user would have them: one label, one caption."""
    folder = tmp_path_factory.mktemp("clips") / "mine"
    with DatasetWriter(folder, name="mine", fps=FPS, offsets=REST_OFFSETS) as writer:
        for number in range(8):
            rotations, root = _circling(0.8 * number, 0.8 + 0.05 * number)
            clip = ClipRecord(f"c{number}", rotations, root, action="arm_circles", captions=("^circle both arms",))
            writer.add(clip)
    return folder


def _teach(pack: Pack, clips: Path, out: Path, *more: str) -> Pack:
    command = ["train", "teach", "--pack", str(pack.directory), "--data", str(clips), "--out", str(out)]
    assert main([*command, "--preset", "tiny", "--device", "cpu", "--steps", "250", *more]) == 0
    return Pack.open(out)


@pytest.fixture(scope="module")
def taught(tiny_pack: Pack, clips_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """The tiny pack after its lesson."""
    return _teach(tiny_pack, clips_folder, tmp_path_factory.mktemp("taught") / "tiny-mine", "--licence", "CC0")


def _made(pack: Pack, label: str, count: int = 32) -> Tensor:
    """Latents (count, numbers) for a label, from the same noise for every pack."""
    generator, row = BatchGenerator(pack, CPU), pack.actions.index(label)
    text, style = torch.zeros(count, pack.config.denoiser.text_dim), torch.full((count,), generator.no_style)
    wishes = Wishes(torch.full((count,), int(Kind.ACTION)), text, torch.full((count,), row), style, (FRAMES,) * count)
    return generator.latents(wishes, guidance=1.5, steps=10, seed=1).flatten(1)


def _drift(before: Pack, after: Pack) -> float:
    """How far takes of the old labels moved, as a share of how far two labels are apart."""
    old = {label: _made(before, label) for label in before.actions}
    moved = torch.stack([(_made(after, label) - made).norm(dim=1).mean() for label, made in old.items()]).mean()
    apart = torch.cdist(old["walk"], old["wave_left"]).mean()
    return float(moved / apart)


def test_takes_of_the_new_label_are_near_the_clips(tiny_pack: Pack, taught: Pack) -> None:
    assert taught.actions == (*tiny_pack.actions, "arm_circles")
    assert taught.config.action_styles == tiny_pack.config.action_styles != ()
    pipeline = MotionPipeline.from_pack(tiny_pack, "cpu")
    offsets = tiny_pack.offsets
    unseen = []
    for number in range(8):
        rotations, root = _circling(0.8 * number + 0.4, 0.83 + 0.05 * number)
        motion = Motion(rotations[:FRAMES], root[:FRAMES], np.zeros((FRAMES, 4), np.float32), offsets, FPS, {})
        unseen.append(pipeline.encode(motion).flatten())
    clips = torch.stack(unseen)

    def distance(made: Tensor) -> float:
        return float(torch.cdist(made, clips).min(1).values.mean())

    nearest_of_old = min(distance(_made(tiny_pack, label)) for label in tiny_pack.actions)
    assert distance(_made(taught, "arm_circles")) < 0.6 * nearest_of_old


def test_old_labels_are_kept(tiny_pack: Pack, taught: Pack, clips_folder: Path, tmp_path: Path) -> None:
    forgetful = _teach(tiny_pack, clips_folder, tmp_path / "forgetful", "--keep", "0")
    assert _drift(tiny_pack, taught) < 0.3
    assert _drift(tiny_pack, taught) < 0.5 * _drift(tiny_pack, forgetful)


def test_the_pack_says_what_it_learned(tiny_pack: Pack, taught: Pack) -> None:
    assert taught.name == "tiny-mine"
    assert taught.licence == f"{tiny_pack.licence}; taught with motion of mine (CC0)"
    card = taught.read("MODEL_CARD.md").decode("utf-8")
    assert "`arm_circles` (new): 8 clips" in card
    assert tiny_pack.sha256[:12] in card
    assert taught.licence in taught.read("LICENSE.txt").decode("utf-8")
    # Nothing else is left where it was made, and all but the denoiser is the base pack's.
    assert [path.name for path in taught.directory.parent.iterdir()] == ["tiny-mine"]
    for component in ("encoder", "decoder", "statistics"):
        mine, theirs = taught.tensors(component), tiny_pack.tensors(component)
        assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    assert MotionPipeline.from_pack(taught, "cpu")(action="arm_circles", seconds=1.5)[0].frames == 45


def test_what_cannot_be_taught_is_refused(
    tiny_pack: Pack, taught: Pack, clips_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "teach", "--pack", str(tiny_pack.directory), "--preset", "tiny", "--device", "cpu"]
    assert main([*command, "--data", str(clips_folder), "--out", str(taught.directory)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    nameless = tmp_path / "nameless"
    with DatasetWriter(nameless, name="nameless", fps=FPS, offsets=REST_OFFSETS) as writer:
        writer.add(ClipRecord("unknown", *_circling(0.0, 1.0)))
    assert main([*command, "--data", str(nameless), "--out", str(tmp_path / "pack")]) == 2
    assert "--label" in capsys.readouterr().err
    slow = tmp_path / "slow"
    with DatasetWriter(slow, name="slow", fps=20.0, offsets=REST_OFFSETS) as writer:
        writer.add(ClipRecord("slow", *_circling(0.0, 1.0)))
    assert main([*command, "--data", str(slow), "--label", "slow", "--out", str(tmp_path / "pack")]) == 2
    assert "The pack has 30 fps, the data set 20" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nameless", "slow"]
    assert main([*command, "--data", str(clips_folder), "--out", "."]) == 2
    assert "no name" in capsys.readouterr().err


def test_a_refused_option_does_not_cost_what_a_killed_run_left(
    tiny_pack: Pack, clips_folder: Path, tmp_path: Path
) -> None:
    left = tmp_path / ".mine.teach" / "teach" / "log.csv"
    left.parent.mkdir(parents=True)
    left.write_text("step")
    command = ["train", "teach", "--pack", str(tiny_pack.directory), "--preset", "tiny", "--device", "cpu"]
    command += ["--data", str(clips_folder), "--out", str(tmp_path / "mine")]
    assert main([*command, "--keep", "1"]) == 2
    assert left.is_file()
    assert main([*command, "--steps", "2"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_sentences_around_a_caption_keep_its_meaning() -> None:
    grammar, generator = Grammar.read(), np.random.default_rng(0)
    phrase = sentences_around("^circle both arms", grammar, 12, generator)
    assert len(phrase) == 12
    assert all("both arms" in text and "^" not in text for text in phrase)
    assert any("circles" in text for text in phrase)
    said = sentences_around("a man circles both arms", grammar, 5, generator)
    assert said[0] == "a man circles both arms"
    assert len(said) == len(set(said)) == 5
    assert all(text.endswith(" circles both arms") for text in said)
    assert sentences_around("both arms circle", grammar, 5, generator) == ["both arms circle"]
