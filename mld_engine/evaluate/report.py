# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole evaluation: which rows, in which tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..checkpoints.pack import Pack
from ..data.embeddings import TextTable, complete_text_table
from ..data.store import Dataset
from ..errors import RequestError
from ..models.denoiser import Kind
from ..request import resolve_guidance, resolve_steps
from .batches import BatchGenerator
from .free_text import FreeTextResult, measure_free_text, read_sentences
from .held_out import held_out
from .judge import Judge, OwnJudge
from .metrics.interval import Interval
from .published.opening import EvaluatorChoice, open_judge
from .runner import ACTION_GUIDANCE, Measurement, Settings
from .speed import Speed, measure_speed
from .tables import Row, as_markdown, as_values

Say = Callable[[str], None]


@dataclass(frozen=True)
class Choices:
    """What is measured, and by what; None is the pack's own setting. `free_text` takes a free sentence, 0 for none."""

    splits: tuple[str, ...] = ("val", "test")
    clips: int = 1000
    repeats: int = 20
    guidance: float | None = None
    steps: int | None = None
    free_text: int = 0
    multimodality: bool = False
    speed: bool = True
    evaluator: EvaluatorChoice = field(default_factory=EvaluatorChoice)


@dataclass
class Report:
    """Tables by their heading, and what else was measured, in sentences."""

    title: str
    tables: dict[str, list[Row]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        parts = [f"# {self.title}"]
        parts += [f"## {heading}\n\n{as_markdown(rows)}" for heading, rows in self.tables.items()]
        return "\n\n".join([*parts, *self.notes])

    def values(self) -> dict[str, Any]:
        """JSON values."""
        tables = {heading: as_values(rows) for heading, rows in self.tables.items()}
        return {"title": self.title, "tables": tables, "notes": self.notes}


def evaluate(
    pack: Pack, dataset: Dataset, evaluator_folder: Path, device: torch.device, choices: Choices, say: Say
) -> Report:
    """Every table of one pack. Raises RequestError and PackError."""
    guidance, steps = _sampling(pack, choices)
    measurement, generator, judge = open_measurement(pack, dataset, evaluator_folder, device, choices)
    report = Report(f"{pack.name} on held-out clips of {dataset.name}")
    report.notes.append(
        f"{_clips_note(measurement, choices)}; {choices.repeats} repeats, ± is the 95 % interval. The captured row's "
        "FID is that between its own halves."
    )
    report.notes += judge.notes
    say("captured motion")
    rows = [measurement.real()]
    say("reconstruction")
    errors, rebuilt = measurement.reconstruction()
    rows.append(rebuilt)
    for name, kind, scale in _askable(measurement, pack, guidance):
        say(f"generation from {name}")
        rows.append(measurement.generation(f"from {name}, guidance {scale:g}", kind, scale, steps))
    report.tables = {"Reconstruction": [errors], "Generation": rows}
    if choices.multimodality and "text" in pack.conditions and measurement.asks(Kind.TEXT):
        say("multimodality")
        spread = measurement.multimodality(guidance, steps)
        report.notes.append(f"MultiModality from text: {spread.mean:.3f} ± {spread.half_width:.3f}.")
    if choices.free_text and "text" in pack.conditions:
        say("free sentences")
        found = _free_text(pack, dataset, generator, judge, choices, guidance, steps)
        worst = ", ".join(f"“{text}” {rate:.0%}" for text, rate in found.by_sentence[:8])
        report.notes.append(f"Free sentences: {found.rate:.1%} of takes show what was asked; worst: {worst}.")
    if choices.speed:
        say("speed")
        report.notes.append(_speed_note(measure_speed(pack, device), device))
    return report


def compare(
    packs: Sequence[Pack],
    dataset: Dataset,
    evaluator_folder: Path | None,
    device: torch.device,
    choices: Choices,
    say: Say,
) -> Report:
    """One row a pack, as in an ablation: its VAE, and generation by its first way.

    Raises RequestError (no_evaluator) where none was named: packs can be compared by one only.
    """
    if evaluator_folder is None:
        raise RequestError(
            "no_evaluator", "A comparison needs one evaluator for all packs.", "Name it with --evaluator."
        )
    for pack in packs:
        _check_frame_rate(pack, dataset)
    report = Report(f"{len(packs)} packs on held-out clips of {dataset.name}")
    errors: list[Row] = []
    made: list[Row] = []
    for pack in packs:
        name = pack.directory.parent.name if pack.directory.name == "pack" else pack.directory.name
        say(name)
        guidance, steps = _sampling(pack, choices)
        measurement, _, judge = open_measurement(pack, dataset, evaluator_folder, device, choices)
        if not made:
            made.append(measurement.real())
            report.notes += [f"{_clips_note(measurement, choices)}; {choices.repeats} repeats.", *judge.notes]
        (_, error), (_, rebuilt) = measurement.reconstruction()
        errors.append((name, {**_shape(pack), **error}))
        made.append((f"{name}, VAE", rebuilt))
        way, kind, scale = _askable(measurement, pack, guidance)[0]
        made.append((f"{name}, from {way}", measurement.generation("", kind, scale, steps)[1]))
    report.tables = {"Reconstruction": errors, "Generation": made}
    return report


def _check_frame_rate(pack: Pack, dataset: Dataset) -> None:
    if dataset.fps != pack.fps:
        raise RequestError("bad_dataset", f"The pack {pack.name!r} has {pack.fps:g} fps, the data set {dataset.fps:g}.")


def open_measurement(
    pack: Pack, dataset: Dataset, folder: Path, device: torch.device, choices: Choices
) -> tuple[Measurement, BatchGenerator, Judge]:
    """What measures `pack` on the chosen clips by the evaluator in `folder`. Raises RequestError and PackError."""
    generator = BatchGenerator(pack, device)
    _check_frame_rate(pack, dataset)
    judge = open_judge(folder, choices.evaluator, pack, dataset, choices.splits, device)
    clips = held_out(
        dataset,
        _texts(pack, dataset, choices.splits) if judge.wanted.captioned else None,
        generator.representation,
        judge.actions,
        shortest=pack.config.min_frames,
        longest=pack.config.max_frames,
        splits=choices.splits,
        at_most=choices.clips,
        wanted=judge.wanted,
        text_dim=pack.config.denoiser.text_dim,
    )
    guidance, steps = _sampling(pack, choices)
    return Measurement(generator, judge, clips, Settings(guidance, steps, choices.repeats)), generator, judge


def _clips_note(measurement: Measurement, choices: Choices) -> str:
    clips = measurement.held_out
    left_out = f" ({clips.left_out} more cannot be judged)" if clips.left_out else ""
    groups = f", R-precision in groups of {measurement.group}" if measurement.asks(Kind.TEXT) else ""
    return f"{len(clips.clips)} clips of {', '.join(choices.splits)}{left_out}{groups}"


def _texts(pack: Pack, dataset: Dataset, splits: Sequence[str]) -> TextTable:
    encoder = pack.config.text_encoder
    if encoder is None:
        raise RequestError(
            "bad_pack", f"The pack {pack.name!r} reads no text; `evaluate` compares motion with captions."
        )
    said = [text for clip in dataset.clips if clip.split in splits for text in clip.captions]
    return complete_text_table(dataset.folder, said, encoder)


def _sampling(pack: Pack, choices: Choices) -> tuple[float, int]:
    steps = resolve_steps(pack, choices.steps)
    return resolve_guidance(pack, choices.guidance, steps), steps


def ways(pack: Pack, guidance: float) -> list[tuple[str, Kind, float]]:
    """What the pack makes motion from: name, kind, and the guidance scale that suits it, of `guidance` at most."""
    ways = {
        "text": ("text", Kind.TEXT, guidance),
        "action": ("action", Kind.ACTION, min(guidance, ACTION_GUIDANCE)),
        "unconditional": ("nothing", Kind.NULL, 1.0),
    }
    return [ways[condition] for condition in pack.conditions]


def _askable(measurement: Measurement, pack: Pack, guidance: float) -> list[tuple[str, Kind, float]]:
    return [way for way in ways(pack, guidance) if measurement.asks(way[1])]


def _free_text(
    pack: Pack,
    dataset: Dataset,
    generator: BatchGenerator,
    judge: Judge,
    choices: Choices,
    guidance: float,
    steps: int,
) -> FreeTextResult:
    if not isinstance(judge, OwnJudge):
        raise RequestError(
            "free_text_unsupported",
            "Free sentences are judged by the action classifier of our own evaluator.",
            "Leave out --free-text, or name our own evaluator.",
        )
    encoder = pack.config.text_encoder
    assert encoder is not None, "a pack that reads texts has a text encoder"
    sentences = read_sentences()
    table = complete_text_table(dataset.folder, [sentence.text for sentence in sentences], encoder)
    rows = table.rows()

    def embed(text: str) -> Tensor:
        return torch.tensor(table.embeddings[rows[text]])

    return measure_free_text(
        generator, judge.evaluator, sentences, embed, takes=choices.free_text, guidance=guidance, steps=steps
    )


def _shape(pack: Pack) -> dict[str, Interval]:
    vae, denoiser = pack.config.vae, pack.config.denoiser
    assert vae is not None, "packs without a VAE are refused before"
    figures = {"tokens": vae.tokens, "latent dim": vae.latent_dim, "skips": denoiser.skips}
    return {name: Interval(float(value), 0.0) for name, value in figures.items()}


def _speed_note(speed: Speed, device: torch.device) -> str:
    return (
        f"AITS on this {device.type}: {1000 * speed.seconds:.0f} ms a take from {speed.condition}, batch 1, encoding "
        f"included; {speed.gigaflops:.1f} GFLOPs a take."
    )
