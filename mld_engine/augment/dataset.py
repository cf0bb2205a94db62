# SPDX-License-Identifier: GPL-3.0-or-later
"""A data set with more words and more motion, made from another one.

Every split is augmented from its own clips, so held-out compositions are of held-out motion. The
captions that the clips of `val` and `test` came with stay alone, so that figures can be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
import torch
from torch import Tensor

from ..chaining import chain
from ..data.store import Clip, ClipRecord, Dataset, DatasetWriter
from ..motion import Motion
from ..segments import overlap_frames
from .body_parts import ARM_JOINTS, LEG_ACTIONS
from .grammar import Grammar
from .paths import measure_path
from .space import with_arms
from .speed import at_speed
from .spoken import Dealer, Spoken

_CAPTIONS: Final = 4
"""Sentences of a composed clip, and as many of its mirror image."""
_FADE_SECONDS: Final = 0.3
_PART_SECONDS: Final = 3.0
"""The longest part of two that are done one after the other: training keeps almost all of a clip below 6 s in a
window, and a caption that says both is true of a window that shows both."""
_SEAM_METRES: Final = 0.12
_SEAM_RADIANS: Final = 1.4
"""How far two poses may be apart where one clip goes over into another: the pelvis' height, any joint's turn."""
_TRIES: Final = 40
_SPEEDS: Final = {"fast": 1.35, "slow": 0.7}


@dataclass(frozen=True)
class Amounts:
    """How much is added: `captions` and `spoken` sentences a training clip, then numbers of composed training clips.

    `captions` are the grammar's: all clips of one action and style share `pool` different ones, because
    each has to be embedded once. `spoken` are those that were written one by one. `space`: the arms of
    one clip on the body of another. `time`: one clip after another. `speed`: clips made faster or slower.
    The held-out splits get a tenth of each.
    """

    captions: int = 16
    pool: int = 48
    spoken: int = 20
    space: int = 300
    time: int = 300
    speed: int = 200


class _Sentences:
    """Pools of sentences, made when they are first asked for."""

    def __init__(self, grammar: Grammar, size: int) -> None:
        self._grammar, self._size = grammar, size
        self._pools: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}

    def draw(self, action: str, style: str, manners: tuple[str, ...], generator: np.random.Generator) -> str | None:
        """A sentence for the action in the style, or in one of the `manners`; None where there are no words for it."""
        key = (action, style, manners)
        if key not in self._pools:
            self._pools[key] = self._grammar.sentences(action, style, self._size, generator, manners)
        pool = self._pools[key]
        return pool[int(generator.integers(len(pool)))] if pool else None


def augment(
    source: Dataset, writer: DatasetWriter, grammar: Grammar, spoken: Spoken, amounts: Amounts, seed: int = 0
) -> None:
    """Write the clips of `source` and what is made of them; the same seed writes the same."""
    generator = np.random.default_rng(seed)
    sentences, dealer = _Sentences(grammar, amounts.pool), Dealer(spoken, source, generator)
    for clip in source.clips:
        record = _with_sentences(source, clip, grammar, sentences, amounts.captions, generator)
        writer.add(_with_spoken(record, dealer, amounts.spoken))
    makers: tuple[tuple[int, Callable[..., ClipRecord | None]], ...] = (
        (amounts.space, _compose_in_space),
        (amounts.time, _compose_in_time),
        (amounts.speed, _change_speed),
    )
    for split in ("train", "val", "test"):
        clips = [clip for clip in source.clips if clip.split == split]
        for wanted, make in makers:
            count = wanted if split == "train" else wanted // 10
            for record in _made(partial(make, source, clips, grammar, generator), count):
                writer.add(replace(record, name=f"{split}/{record.name}", split=split))


def _made(make: Callable[[], ClipRecord | None], count: int) -> Iterator[ClipRecord]:
    """`count` records, fewer where the clips do not give as many."""
    made = 0
    for _ in range(count * 4):
        if made == count:
            return
        record = make()
        if record is not None:
            made += 1
            yield replace(record, name=f"{record.name}_{made}")


def _with_sentences(
    source: Dataset,
    clip: Clip,
    grammar: Grammar,
    sentences: _Sentences,
    count: int,
    generator: np.random.Generator,
) -> ClipRecord:
    record = source.record(clip)
    if clip.split != "train":
        return record
    direction = measure_path(*_tensors(source, clip)).direction
    mirrored = {"left": "right", "right": "left"}.get(direction, direction)

    def drawn(action: str, way: str) -> tuple[str, ...]:
        # One sentence in six tells the way that was measured.
        ways = grammar.directions.get(way, ()) if action in ("walk", "run") else ()
        told = [ways if generator.random() < 1 / 6 else () for _ in range(count)]
        said = (sentences.draw(action, clip.style, manners, generator) for manners in told)
        return tuple(dict.fromkeys(sentence for sentence in said if sentence is not None))

    return replace(
        record,
        captions=(*clip.captions, *drawn(clip.action, direction)),
        captions_mirrored=(*clip.captions_mirrored, *drawn(clip.action_mirrored, mirrored)),
    )


def _with_spoken(record: ClipRecord, dealer: Dealer, count: int) -> ClipRecord:
    if record.split != "train":
        return record
    return replace(
        record,
        captions=(*record.captions, *dealer.deal(record.action, record.style, count)),
        captions_mirrored=(*record.captions_mirrored, *dealer.deal(record.action_mirrored, record.style, count)),
    )


def _compose_in_space(
    source: Dataset, clips: list[Clip], grammar: Grammar, generator: np.random.Generator
) -> ClipRecord | None:
    body = _drawn([clip for clip in clips if clip.action in LEG_ACTIONS], generator)
    arms = _drawn([clip for clip in clips if clip.action in ARM_JOINTS], generator)
    if body is None or arms is None:
        return None
    (rotations, root), (moving, _) = _tensors(source, body), _tensors(source, arms)
    fade, longest = round(_FADE_SECONDS * source.fps), round(2 * _PART_SECONDS * source.fps) - 1
    # What follows long after the arms are done is not what the caption says.
    frames = min(body.frames, arms.frames + 2 * fade, longest)
    rotations, root = rotations[:frames], root[:frames]
    composed = with_arms(rotations, moving, ARM_JOINTS[arms.action], fade)
    return _composed(source, "space", composed, root, (body, arms), grammar.meanwhile, generator)


def _compose_in_time(
    source: Dataset, clips: list[Clip], grammar: Grammar, generator: np.random.Generator
) -> ClipRecord | None:
    overlap, longest = overlap_frames(source.fps), round(_PART_SECONDS * source.fps)
    able = [clip for clip in clips if clip.frames > 2 * overlap and grammar.phrases.get(clip.action)]
    first = _drawn(able, generator)
    for _ in range(_TRIES):
        second = _drawn(able, generator)
        if first is None or second is None or second.action == first.action:
            continue
        before, after = _motion(source, first, longest), _motion(source, second, longest)
        if _poses_apart(before, after, overlap):
            continue
        joined = chain([before, after], overlap)
        rotations, root = torch.from_numpy(joined.rotations), torch.from_numpy(joined.root)
        return _composed(source, "time", rotations, root, (first, second), grammar.afterwards, generator)
    return None


def _change_speed(
    source: Dataset, clips: list[Clip], grammar: Grammar, generator: np.random.Generator
) -> ClipRecord | None:
    clip = _drawn([clip for clip in clips if grammar.phrases.get(clip.action)], generator)
    if clip is None:
        return None
    speed = ("fast", "slow")[int(generator.integers(2))]
    rotations, root = at_speed(*_tensors(source, clip), _SPEEDS[speed])

    def sentences(action: str) -> tuple[str, ...]:
        drawn = (grammar.sentence(action, "", generator, grammar.speeds[speed]) for _ in range(_CAPTIONS))
        return tuple(sentence for sentence in drawn if sentence is not None)

    return replace(
        source.record(clip),
        name=f"speed/{clip.name}",
        rotations=rotations.numpy(),
        root=root.numpy(),
        style="",
        captions=sentences(clip.action),
        captions_mirrored=sentences(clip.action_mirrored),
    )


def _composed(
    source: Dataset,
    kind: str,
    rotations: Tensor,
    root: Tensor,
    parts: tuple[Clip, Clip],
    sentence: Callable[[str, str, str, np.random.Generator], str | None],
    generator: np.random.Generator,
) -> ClipRecord:
    """A clip of two actions: no single label fits it, so it has none and speaks by its captions."""
    one, two = parts

    def sentences(first: str, second: str) -> tuple[str, ...]:
        drawn = (sentence(first, second, one.style, generator) for _ in range(_CAPTIONS))
        return tuple(said for said in drawn if said is not None)

    return ClipRecord(
        name=f"{kind}/{one.name}+{two.name}",
        rotations=rotations.numpy(),
        root=root.numpy(),
        style=one.style,
        captions=sentences(one.action, two.action),
        captions_mirrored=sentences(one.action_mirrored, two.action_mirrored),
        source=one.source if one.source == two.source else f"{one.source}, {two.source}",
        licence=one.licence if one.licence == two.licence else f"{one.licence}, {two.licence}",
    )


def _poses_apart(before: Motion, after: Motion, overlap: int) -> bool:
    """Whether the two are too different where one would go over into the other."""
    end, start = before.frames - overlap // 2, overlap // 2
    if abs(float(before.root[end, 1] - after.root[start, 1])) > _SEAM_METRES:
        return True
    cosine = np.abs((before.rotations[end, 1:] * after.rotations[start, 1:]).sum(-1)).clip(max=1.0)
    return float((2 * np.arccos(cosine)).max()) > _SEAM_RADIANS


def _drawn(clips: list[Clip], generator: np.random.Generator) -> Clip | None:
    """One of the clips; every action is as likely as the others."""
    actions = sorted({clip.action for clip in clips})
    if not actions:
        return None
    action = actions[int(generator.integers(len(actions)))]
    of_action = [clip for clip in clips if clip.action == action]
    return of_action[int(generator.integers(len(of_action)))]


def _tensors(source: Dataset, clip: Clip) -> tuple[Tensor, Tensor]:
    record = source.record(clip)
    return torch.from_numpy(record.rotations), torch.from_numpy(record.root)


def _motion(source: Dataset, clip: Clip, longest: int) -> Motion:
    """The clip's first `longest` frames."""
    record = source.record(clip)
    contacts = np.zeros((min(clip.frames, longest), 4), np.float32)
    return Motion(record.rotations[:longest], record.root[:longest], contacts, source.offsets, source.fps)
