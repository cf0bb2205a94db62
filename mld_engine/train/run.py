# SPDX-License-Identifier: GPL-3.0-or-later
"""A training run: data set -> VAE -> denoiser -> pack, in one folder.

config.toml       the configuration, complete
vae/, denoiser/   log.csv, checkpoints, final weights of each stage
evaluator/        the same of the evaluator, where one was trained, and the evaluator itself
report.json       a first look at held-out clips
pack/             the pack
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from ..checkpoints.config import PackConfig, VaeConfig
from ..checkpoints.pack import Pack
from ..checkpoints.writer import write_pack
from ..data.embeddings import TextTable, complete_text_table
from ..data.store import Dataset
from ..errors import RequestError
from ..models.harmonics import HarmonicSynthesis
from ..models.loading import build
from ..models.vae import MotionEncoder
from ..representations.registry import make_representation
from ..setup.lock import held
from . import denoiser_stage, evaluator_stage, vae_stage
from .card import licence_text, model_card
from .checkpoint import load_final, part
from .conditions import ConditionSampler
from .config import dump, parse
from .denoiser_stage import DenoiserStage
from .evaluator_stage import EvaluatorStage, evaluator_config
from .feature_groups import feature_groups
from .harmonic_fit import component_sizes
from .latents import LatentBank
from .loop import seconds_left
from .losses import feature_weights
from .model_config import continued_config, model_config, text_encoder_config
from .motions import Motions, load_motions
from .pack_base import PackBase
from .pack_texts import licence_of
from .record import Say
from .report import measure, table
from .runner import prepare_cuda
from .vae_stage import VaeStage
from .windows import WindowSampler

CONFIG_FILE: Final = "config.toml"
_LOCK_FILE: Final = ".lock"
_RESERVED_SECONDS: Final = 25.0
"""Of the time box, for measuring and for writing the pack."""
_ENCODED_BATCHES: Final = 4
"""Without gradients so many times the frames of a training step fit."""


@contextmanager
def sole_run(folder: Path) -> Iterator[None]:
    """Keep other processes out of a run folder, which is made if it is not there. Raises RequestError (run_busy)."""
    folder.mkdir(parents=True, exist_ok=True)
    with held(folder / _LOCK_FILE) as alone:
        if not alone:
            raise RequestError(
                "run_busy", f"Another process is training in {folder}.", "Wait for its end, or give another folder."
            )
        yield


class TrainingRun:
    """One run folder. Everything is computed by `train_vae`, `train_denoiser` and `write`."""

    def __init__(self, folder: Path, values: Mapping[str, Any], data: Path, device: torch.device, say: Say) -> None:
        """Load the data onto the device. Raises RequestError for a configuration or data that do not work."""
        self._started = time.monotonic()
        self.folder, self._values, self._device, self._say = folder, values, device, say
        self._options = options = parse(values)
        self._dataset = dataset = Dataset.open(data)
        self._base = PackBase(Pack.open(options.pack.start), options, device) if options.pack.start else None
        if self._base is None:
            encoder = text_encoder_config(options.data.text_encoder)
            self.config: PackConfig = model_config(options, dataset, encoder)
        else:
            encoder = self._base.text_encoder
            self.config = continued_config(self._base.pack, dataset, options)
        self._texts: TextTable = complete_text_table(data, ["", *dataset.texts()], encoder)
        prepare_cuda()
        self._motions, self._sampler = self._load()

    def _load(self) -> tuple[Motions, WindowSampler]:
        dataset, options, representation = self._dataset, self._options, self.config.representation
        if self._base is not None:
            return self._base.motions(dataset, self._texts, self.config.actions, mirror=options.data.mirror)
        motions = load_motions(
            dataset,
            self._texts,
            make_representation(representation),
            feature_groups(representation.name, representation.features),
            self._device,
            mirror=options.data.mirror,
            shortest=options.data.lengths[0],
        )
        return motions, WindowSampler(motions, options.data)

    def describe(self) -> str:
        """What is trained on, in a line."""
        dataset, splits = self._dataset, self._motions.splits
        counts = ", ".join(f"{len(clips)} {split}" for split, clips in splits.items())
        return (
            f"{dataset.name}: {dataset.seconds / 3600:.2f} h, clips: {counts}; {len(dataset.actions)} actions, "
            f"{len(dataset.styles)} styles, {len(self._texts.texts)} texts; ready in "
            f"{time.monotonic() - self._started:.0f} s"
        )

    @property
    def keeps_latents(self) -> bool:
        """Whether the denoiser of the pack that the training starts from fits the trained VAE."""
        return self._base is not None and not self._options.train_vae.encoder

    def train_vae(self, only: bool = False) -> None:
        """Stage one, unless it is done. With `only`, the whole time box is its own. Raises CaptureError."""
        folder = self.folder / vae_stage.STAGE
        if load_final(folder) is not None:
            return
        assert self.config.vae is not None, "the configuration of a training run has a VAE"
        fps = self.config.representation.fps
        stage = VaeStage(
            self.config.vae,
            self._options,
            self._motions,
            self._sampler,
            fps,
            self._say,
            self._start("encoder", "decoder"),
            None if self._base is None else self._base.normalisation("latent").std,
        )
        box = self._box_left(0.0)
        stage.train(folder, box if only else box * self._options.train_vae.share)
        self._say(table(self._measure()))

    def train_denoiser(self, only: bool = False) -> None:
        """Stage two, unless it is done. With `only`, the whole time box is its own.

        Raises RequestError (no_vae) before stage one is done, CaptureError.
        """
        folder = self.folder / denoiser_stage.STAGE
        if load_final(folder) is not None:
            return
        vae_tensors = self._vae_tensors()
        vae = self.config.vae
        assert vae is not None, "the configuration of a training run has a VAE"
        encoder = build(lambda: MotionEncoder(vae), part(vae_tensors, "encoder"), "encoder").to(self._device)
        training = self._options.train_denoiser
        bank = LatentBank(
            encoder,
            self._sampler,
            self._device,
            size=training.bank,
            frames=_ENCODED_BATCHES * self._options.train_vae.frames,
            seed=self._options.seed,
        )
        conditions = ConditionSampler(
            self._motions, training, no_style=self.config.denoiser.styles, empty=self._empty_text()
        )
        config, weights = self.config, self._start("denoiser")
        if self._base is not None:
            bank.statistics = self._base.normalisation("latent")
        stage = DenoiserStage(
            config.denoiser, config.schedule, self._options, bank, conditions, self._device, self._say,
            None if weights is None else part(weights, "denoiser"), self._component_sizes(vae, vae_tensors),
        )  # fmt: skip
        stage.train(folder, self._box_left(0.0 if only else self._vae_seconds()))

    def _component_sizes(self, vae: VaeConfig, tensors: dict[str, Tensor]) -> Tensor | None:
        spectrum = self._options.train_denoiser.spectrum
        if not vae.harmonics or spectrum == 0:
            return None
        synthesis = build(lambda: HarmonicSynthesis(vae), part(tensors, "decoder.harmonics"), "decoder")
        weights = feature_weights(self._options.losses, self._motions.groups)
        return component_sizes(synthesis, weights).to(self._device) ** spectrum

    def train_evaluator(self) -> None:
        """The network to judge motion with, unless it is done; it stays in a folder of its own. Raises CaptureError."""
        folder = self.folder / evaluator_stage.STAGE
        if load_final(folder) is not None:
            return
        config = evaluator_config(self.config, self._dataset, self._options)
        stage = EvaluatorStage(config, self._options, self._motions, self._sampler, self._say)
        stage.train(folder, self._box_left(0.0))

    def write(self) -> Path:
        """Measure and write the pack; returns its folder. Raises RequestError (no_vae, no_denoiser)."""
        tensors = {**self._vae_tensors(), **self._denoiser_tensors()}
        report = self._measure()
        self._say(table(report))
        (self.folder / "report.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
        base = None if self._base is None else self._base.pack
        target = self.folder / "pack"
        write_pack(
            target,
            self.config,
            encoder=part(tensors, "encoder"),
            decoder=part(tensors, "decoder"),
            denoiser=part(tensors, "denoiser"),
            statistics=part(tensors, "statistics"),
            model_card=model_card(self.config, self._dataset, table(report), base),
            licence_text=licence_text(self.config, self._dataset) + (licence_of(base) if base else ""),
            extra_files={CONFIG_FILE: dump(self._values).encode("utf-8")},
            half=self._options.pack.half,
            overwrite=True,
        )
        return target

    def _measure(self) -> dict[str, dict[str, dict[str, float]]]:
        trained = load_final(self.folder / denoiser_stage.STAGE)
        tensors = {**self._vae_tensors(), **(trained or (self._denoiser_tensors() if self.keeps_latents else {}))}
        return measure(self.config, tensors, self._motions, self._empty_text())

    def _box_left(self, spent_before: float) -> float:
        """Seconds of the time box that are left, `spent_before` in earlier processes; 0 where there is no box."""
        spent = max(time.monotonic() - self._started, spent_before)
        return seconds_left(self._options.minutes, spent, _RESERVED_SECONDS)

    def _vae_seconds(self) -> float:
        """Seconds that stage one took, as its last checkpoint says."""
        states = sorted((self.folder / vae_stage.STAGE).glob("checkpoint-*/state.json"))
        return float(json.loads(states[-1].read_text(encoding="utf-8"))["seconds"]) if states else 0.0

    def _vae_tensors(self) -> dict[str, Tensor]:
        """Weights and statistics of stage one, or those of the pack that the training starts from."""
        start = self._start("encoder", "decoder", "statistics")
        if start is not None and load_final(self.folder / vae_stage.STAGE) is None:
            return start
        return self._stage_tensors(vae_stage.STAGE, "vae")

    def _start(self, *names: str) -> dict[str, Tensor] | None:
        """Parts of the pack that the training starts from, their names as prefixes; None where there is none."""
        if self._base is None:
            return None
        return {
            f"{name}.{key}": tensor.float() for name in names for key, tensor in self._base.pack.tensors(name).items()
        }

    def _denoiser_tensors(self) -> dict[str, Tensor]:
        """Of stage two, or of the pack that the training starts from, if its latents are still the same."""
        start = self._start("denoiser", "statistics")
        if start is not None and self.keeps_latents and load_final(self.folder / denoiser_stage.STAGE) is None:
            return start
        return self._stage_tensors(denoiser_stage.STAGE, "denoiser")

    def _stage_tensors(self, stage: str, command: str) -> dict[str, Tensor]:
        tensors = load_final(self.folder / stage)
        if tensors is None:
            message = f"{self.folder} has no trained {stage} yet."
            raise RequestError(f"no_{stage}", message, f"Run `train {command}` with this folder first.")
        return tensors

    def _empty_text(self) -> Tensor | None:
        """The empty text's embedding, where that stands for "no condition"."""
        if self.config.denoiser.null_condition != "empty_text":
            return None
        return self._motions.captions.embeddings[self._texts.rows()[""]]
