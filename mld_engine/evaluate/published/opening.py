# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds out which evaluator a folder holds, and makes it ready to judge a pack on a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ...checkpoints.official.action_names import HUMANACT12, UESTC
from ...checkpoints.pack import Pack
from ...data.store import Dataset
from ...errors import RequestError
from ...representations.registry import FORMATS
from ..evaluator import CONFIG_FILE, load_evaluator
from ..held_out import Wanted
from ..judge import Judge, OwnJudge
from . import humanact12, uestc
from .actions import FRAMES, PAIRS, ActionJudge
from .features import EvaluatorFeatures
from .glove import read_tokens, read_words
from .joint_vecs import JointVecs
from .loading import read_statistics
from .t2m import DATA_SETS, T2mJudge, load_networks

_ACTION_FILES = {"humanact12": humanact12.FILE, "uestc": uestc.FILE}
_MATCHING = Path("text_mot_match", "model", "finest.tar")
_STATISTICS = ("Comp_v6_KLD01", "Comp_v6_KLD005", "text_mot_match")
"""Folders whose meta/mean.npy and std.npy are the evaluator's, as the published evaluations take them."""


@dataclass(frozen=True)
class EvaluatorChoice:
    """What the user says of the evaluator: `kind` auto, own or a published one; folders of the published data."""

    kind: str = "auto"
    texts: Path | None = None
    joint_vecs: Path | None = None
    glove: Path | None = None


def open_judge(
    folder: Path, choice: EvaluatorChoice, pack: Pack, dataset: Dataset, splits: Sequence[str], device: torch.device
) -> Judge:
    """The evaluator in `folder`, for `pack` and the clips of `splits`.

    Raises PackError for our own (see `load_evaluator`), and RequestError: ambiguous_evaluator,
    bad_evaluator, glove_missing, texts_missing and what else is missing, by name.
    """
    kind, path = _recognised(folder, choice.kind)
    if kind == "own":
        return OwnJudge(load_evaluator(folder, device))
    if kind in DATA_SETS:
        return _open_t2m(kind, path, choice, pack, dataset, splits, device)
    return _open_actions(kind, path, pack, dataset, device)


def _recognised(folder: Path, kind: str) -> tuple[str, Path]:
    """Kind, and the file of its networks."""
    files = {name: path for name in (*DATA_SETS, *_ACTION_FILES) if (path := _file(folder, name)).is_file()}
    if kind == "auto":
        if (folder / CONFIG_FILE).is_file() or not files:
            return "own", folder
        if len(files) > 1:
            raise RequestError(
                "ambiguous_evaluator",
                f"{folder} holds several evaluators: {', '.join(files)}.",
                "Choose one with --evaluator-kind.",
            )
        kind = next(iter(files))
    if kind != "own" and kind not in files:
        raise RequestError(
            "evaluator_missing",
            f"{folder} has no evaluator of the kind {kind}: {_file(folder, kind).name} is not there.",
            "Name the folder that holds t2m/text_mot_match, kit/text_mot_match or actionrecognition.",
        )
    return kind, files.get(kind, folder)


def _file(folder: Path, kind: str) -> Path:
    """Where the networks of a kind are, or would be: published folders lie in each other by habit."""
    if kind in _ACTION_FILES:
        bases = (folder, folder / "actionrecognition", folder / "models" / "actionrecognition")
        places = [base / _ACTION_FILES[kind] for base in bases]
    else:
        own = (folder,) if folder.name == kind else ()
        places = [base / _MATCHING for base in (*own, folder / kind, folder / "t2m" / kind)]
    return next((place for place in places if place.is_file()), places[-1])


def _open_t2m(
    kind: str,
    path: Path,
    choice: EvaluatorChoice,
    pack: Pack,
    dataset: Dataset,
    splits: Sequence[str],
    device: torch.device,
) -> Judge:
    data_set = DATA_SETS[kind]
    if choice.texts is None:
        raise RequestError(
            "texts_missing",
            f"The evaluator of {data_set.name} reads the words' parts of speech, which {dataset.name} does not keep.",
            f"Name the folder texts of {data_set.name} with --texts.",
        )
    root = path.parents[2]
    metas = [meta for name in _STATISTICS if (meta := root / name / "meta").is_dir()]
    if not metas:
        raise RequestError(
            "evaluator_missing",
            f"{root} lacks the evaluator's statistics: mean.npy and std.npy in Comp_v6_KLD*/meta.",
            "They come in the same archive as text_mot_match; the data set's own Mean.npy and Std.npy are others.",
        )
    statistics = read_statistics(metas[0] / "mean.npy", metas[0] / "std.npy", data_set.features)
    places = [place for base in (root, *root.absolute().parents[:3]) for place in (base, base / "glove")]
    words = read_words([choice.glove] if choice.glove else places)
    said = {text for clip in dataset.clips if clip.split in splits for text in clip.captions}
    tokens = read_tokens(choice.texts, said)

    features = EvaluatorFeatures(FORMATS[data_set.representation].published, pack)
    captured = (
        f"Captured motion: joints of the data set's own motion, carried to the skeleton of {data_set.name}; its "
        "published features were not named (--joint-vecs)."
    )
    wanted = Wanted(
        f"with a caption that is in {choice.texts}",
        captions=tokens,
        judged=lambda clip, frames: features.of_clip(dataset, clip, frames),
        shares_features=features.same,
        shortest=data_set.shortest,
        longest=data_set.longest,
    )
    if choice.joint_vecs is not None:
        vecs = JointVecs(choice.joint_vecs, data_set.features, features.target.fps)
        captured = f"Captured motion: straight from {vecs.folder}."
        wanted = replace(
            wanted,
            description=f"{wanted.description} and motion that is in {vecs.folder}",
            has=vecs.has,
            judged=lambda clip, frames: vecs.read(clip, features.rows(frames)),
        )
    notes = (
        f"Evaluator: the published one of {data_set.name} ({kind}). Groups of the R-precision may hold paraphrases, "
        "and distances are those of the embeddings as they are, as published.",
        captured,
        features.note,
        f"Published for captured motion of the test set of {data_set.name}: {data_set.published}. A captured row far "
        "from it means other clips, captions or features than the published ones.",
    )
    return T2mJudge(load_networks(path, statistics, device), words, tokens, features, wanted, notes)


def _open_actions(kind: str, path: Path, pack: Pack, dataset: Dataset, device: torch.device) -> Judge:
    actions = HUMANACT12 if kind == "humanact12" else UESTC
    known = set(actions) & set(pack.actions)
    if not known:
        raise RequestError(
            "no_labels",
            f"The pack {pack.name!r} knows none of the actions that the evaluator tells apart: {', '.join(actions)}.",
            "Measure it with our own evaluator, or with --evaluator-kind t2m.",
        )
    features = EvaluatorFeatures(FORMATS["action150"].published, pack)
    read = humanact12.read_humanact12 if kind == "humanact12" else uestc.read_uestc
    wanted = Wanted(
        f"labelled {', '.join(sorted(known))}",
        captioned=False,
        labels=known,
        judged=lambda clip, frames: features.of_clip(dataset, clip, frames),
        shares_features=features.same,
    )
    seconds = FRAMES / features.target.fps
    notes = (
        f"Evaluator: the published one of {kind}, which judges {FRAMES} frames ({seconds:g} s) by {len(known)} of its "
        f"{len(actions)} actions. Diversity is that of {PAIRS} pairs, MultiModality that of motions of one "
        "label.",
        "FID is that to the captured clips of the splits above; published tables give it to the training set, too.",
        f"Captured motion: the data set's own, as {features.target.name}.",
        features.note,
    )
    return ActionJudge(read(path, device), actions, features, device, wanted, notes)
