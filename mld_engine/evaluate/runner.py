# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures a pack on held-out clips: reconstruction, generation and what an animator sees, a row each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..conditions.action import style_of_take
from ..errors import RequestError
from ..models.denoiser import Kind
from .batches import BatchGenerator, Wishes
from .held_out import HeldOut, by_length
from .joints import world_joints
from .judge import Judge
from .metrics.animator import (
    FootSliding,
    GroundFloat,
    GroundPenetration,
    Jitter,
    LoopSeam,
    RootDrift,
    SkatingRatio,
)
from .metrics.distribution import diversity, frechet_distance, multimodality, spread_in_groups
from .metrics.interval import Interval
from .metrics.matching import GROUP, accuracy, retrieval
from .metrics.reconstruction import AccelerationError, AlignedJointError, JointError
from .tables import Row

ACTION_GUIDANCE: Final = 2.5
_ANIMATOR: Final = (FootSliding, SkatingRatio, Jitter, GroundPenetration, GroundFloat, RootDrift, LoopSeam)
_EMBEDDED_AT_ONCE: Final = 256
_FEWEST: Final = 4
"""Clips; the captured row compares two halves, and a distribution takes two clips."""
Embed = Callable[[Tensor], tuple[Tensor, Tensor | None]]


@dataclass(frozen=True)
class Settings:
    """`repeats` of everything that is random, each with its own seed; `captions` x `takes` for multimodality."""

    guidance: float
    steps: int
    repeats: int = 20
    captions: int = 100
    takes: int = 30
    seed: int = 0


class Measurement:
    """One pack, one set of held-out clips, one evaluator. Raises RequestError (too_few_clips)."""

    def __init__(self, generator: BatchGenerator, judge: Judge, held_out: HeldOut, settings: Settings) -> None:
        if len(held_out.clips) < _FEWEST:
            raise RequestError(
                "too_few_clips",
                f"Only {len(held_out.clips)} held-out clips can be judged; a table needs {_FEWEST} or more.",
                "Prepare more, or name more splits with --splits.",
            )
        self._generator, self._judge = generator, judge
        self.held_out = self._clips = held_out
        self._settings = settings
        self._offsets = torch.tensor(generator.pack.offsets)
        text = judge.embed_text(held_out)
        self._text = None if text is None else text.cpu().numpy()
        captured = held_out.features if held_out.judged is None else held_out.judged
        self._real, self._real_action = self._embed(captured, judge.embed_judged)

    def asks(self, kind: Kind) -> bool:
        """Whether the clips say what motion of this kind is made from."""
        return kind != Kind.TEXT or self._text is not None

    @property
    def group(self) -> int:
        """Motions among which the R-precision finds a text's own."""
        return min(GROUP, len(set(self._clips.meanings) if self._judge.rules.meanings else self._clips.clips))

    def real(self) -> Row:
        """The captured clips themselves. Their FID is that between two random halves."""

        def once(seed: int) -> dict[str, float]:
            order = np.random.default_rng(seed).permutation(len(self._real))
            half = len(order) // 2
            figures = self._matching(self._real, self._real_action, seed)
            return {**figures, "FID": frechet_distance(self._real[order[:half]], self._real[order[half:]])}

        return "captured", {**self._repeated(once), **self._animator(self._clips.features)}

    def reconstruction(self) -> tuple[Row, Row]:
        """The VAE alone: a row of joint errors, and the row that generation is compared with."""
        rebuilt = self._generator.rebuild(self._clips.features)
        metrics = (JointError(), AlignedJointError(), AccelerationError())
        for predicted, original in zip(self._joints(rebuilt), self._joints(self._clips.features), strict=True):
            for metric in metrics:
                metric.add(predicted, original)
        errors = {f"{metric.name} {metric.unit}": Interval(metric.value(), 0.0) for metric in metrics}
        embedded, action = self._embed(rebuilt)
        figures = self._repeated(lambda seed: self._compared(embedded, action, seed))
        return ("VAE", errors), ("VAE", {**figures, **self._animator(rebuilt)})

    def generation(self, name: str, kind: Kind, guidance: float, steps: int) -> Row:
        """Generated from each clip's caption, label or nothing, as long as the clip.

        Raises RequestError (no_captions) for captions where the evaluator reads none.
        """
        if not self.asks(kind):
            raise RequestError(
                "no_captions", "This evaluator reads no captions.", "Measure generation from text with another one."
            )
        last: list[Tensor] = []

        def once(seed: int) -> dict[str, float]:
            last[:] = self._generator.generate(self._wishes(kind, seed), guidance=guidance, steps=steps, seed=seed)
            embedded, action = self._embed(last)
            return self._compared(embedded, action, seed)

        figures = self._repeated(once)
        return name, {**figures, **self._animator(last)}

    def multimodality(self, guidance: float, steps: int) -> Interval:
        """How much takes of one caption differ: `captions` of them, `takes` each, 10 pairs (Guo et al., 2022)."""
        settings = self._settings

        def once(seed: int) -> dict[str, float]:
            chosen = np.random.default_rng(seed).permutation(len(self._clips.clips))[: settings.captions]
            rows = np.repeat(chosen, settings.takes)
            wishes = self._wishes(Kind.TEXT, seed, rows)
            takes = self._generator.generate(wishes, guidance=guidance, steps=steps, seed=seed)
            embedded, _ = self._embed(takes)
            groups = list(embedded.reshape(len(chosen), settings.takes, -1))
            return {"MultiModality": multimodality(groups, seed=seed)}

        return self._repeated(once)["MultiModality"]

    def _wishes(self, kind: Kind, seed: int, rows: NDArray[np.integer] | None = None) -> Wishes:
        """A label's style is drawn as the pipeline does it, for takes of the seeds from `seed` on."""
        chosen = range(len(self._clips.clips)) if rows is None else [int(row) for row in rows]
        labels = self._generator.pack.actions
        asked = [self._clips.clips[row].action for row in chosen]
        action = [labels.index(label) if label in labels else 0 for label in asked]
        count, styles = len(action), torch.full((len(action),), self._generator.no_style)
        if kind == Kind.ACTION:
            config = self._generator.config
            for index, row in enumerate(action):
                style = style_of_take(config, labels[row], seed + index)
                if style is not None:
                    styles[index] = config.styles.index(style)
        return Wishes(
            torch.full((count,), int(kind)),
            self._clips.text[list(chosen)],
            torch.tensor(action),
            styles,
            tuple(self._clips.frames[row] for row in chosen),
        )

    def _compared(
        self, embedded: NDArray[np.floating], action: NDArray[np.integer] | None, seed: int
    ) -> dict[str, float]:
        return {**self._matching(embedded, action, seed), "FID": frechet_distance(embedded, self._real)}

    def _matching(
        self, embedded: NDArray[np.floating], action: NDArray[np.integer] | None, seed: int
    ) -> dict[str, float]:
        rules, figures = self._judge.rules, dict[str, float]()
        if self._text is not None:
            unit = _unit if rules.unit_length else np.asarray
            meanings = np.array(self._clips.meanings) if rules.meanings else None
            found = retrieval(unit(self._text), unit(embedded), seed=seed, meanings=meanings, group=self.group)
            figures |= {**{f"R@{k + 1}": found.top[k] for k in range(3)}, "MM-Dist": found.distance}
        figures["Diversity"] = diversity(embedded, rules.pairs, seed)
        wanted = np.array(self._clips.action)
        labelled = wanted >= 0
        if action is not None:
            right = accuracy(action[labelled], wanted[labelled]) if labelled.any() else float("nan")
            figures["Accuracy"] = right
        if rules.by_label and labelled.any():
            figures[rules.by_label] = spread_in_groups(embedded[labelled], wanted[labelled], seed=seed)
        return figures

    def _repeated(self, once: Callable[[int], dict[str, float]]) -> dict[str, Interval]:
        runs = [once(self._settings.seed + repeat) for repeat in range(self._settings.repeats)]
        return {name: Interval.of([run[name] for run in runs]) for name in runs[0]}

    def _embed(
        self, features: Sequence[Tensor], embed: Embed | None = None
    ) -> tuple[NDArray[np.floating], NDArray[np.integer] | None]:
        """Embeddings (N, dim) and, where the evaluator tells actions, their rows (N,)."""
        embed = embed or self._judge.embed_motion
        vectors, rows = [np.empty(0)] * len(features), np.full(len(features), -1)
        for chosen in by_length([len(item) for item in features]).values():
            for start in range(0, len(chosen), _EMBEDDED_AT_ONCE):
                part = chosen[start : start + _EMBEDDED_AT_ONCE]
                batch = torch.stack([features[row] for row in part]).to(self._generator.device)
                embedded, action = embed(batch)
                if action is not None:
                    rows[part] = action.cpu().numpy()
                for row, vector in zip(part, embedded.cpu().numpy(), strict=True):
                    vectors[row] = vector
        return np.stack(vectors), rows if self._judge.actions else None

    def _joints(self, features: Sequence[Tensor]) -> list[NDArray[np.floating]]:
        return world_joints(features, self._generator.representation, self._offsets)

    def _animator(self, features: Sequence[Tensor]) -> dict[str, Interval]:
        metrics = [metric() for metric in _ANIMATOR]
        for joints in self._joints(features):
            for metric in metrics:
                metric.add(joints, self._generator.pack.fps)
        return {f"{metric.name} {metric.unit}": Interval(metric.value(), 0.0) for metric in metrics}


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    unit: NDArray[np.floating] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
