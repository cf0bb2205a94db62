# SPDX-License-Identifier: GPL-3.0-or-later
"""From a request to motion: load a pack once, call it many times.

pipeline = MotionPipeline.from_pack("research")
motion = pipeline("a person walks forward", seconds=4.0, seed=7)[0]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from . import __version__
from .chaining import chain as chain_segments
from .checkpoints.pack import DEFAULT_PACK, Pack
from .conditions.action import label_row, style_of_take
from .conditions.prompt import plain_text, prompt_warnings
from .conditions.text import CachedTextEncoder, load_text_encoder
from .deferred import Deferred
from .device import choose_device, device_name, limit_threads
from .errors import Cancelled, EngineError
from .models.denoiser import Kind
from .motion import Motion
from .representations.base import MotionTensors
from .request import MAX_SEED, Request
from .segments import overlap_frames, segment_seed
from .synthesis import NOTHING, Condition, Synthesis

OnStep = Callable[[int, int, int], None]
"""(take from 0, step from 1, number of steps)."""

_CPU: Final = torch.device("cpu")
Result = TypeVar("Result")


class _Told(NamedTuple):
    """What the denoiser is told, what stands for no condition, and warnings about the words."""

    condition: Condition | None
    unconditional: Condition
    notes: list[str]


class MotionPipeline:
    """A pack that is loaded and ready. Make one with `from_pack`.

    `warnings` are sentences that concern every motion from now on, such as a GPU given up.
    """

    def __init__(self, pack: Pack, device: torch.device, text_encoder: Deferred[CachedTextEncoder] | None) -> None:
        self.pack = pack
        self.warnings: list[str] = []
        self._text_encoder = text_encoder
        self._synthesis = Synthesis(pack, _CPU)
        self._or_on_cpu(lambda: self._synthesis.move(device))

    @classmethod
    def from_pack(
        cls,
        pack: Pack | str | Path = DEFAULT_PACK,
        device: str = "auto",
        *,
        share: MotionPipeline | None = None,
        on_stage: Callable[[str], None] | None = None,
    ) -> MotionPipeline:
        """Load a pack by name, by directory, or as it is, onto `device` (auto, cpu, cuda, mps).

        The text encoder waits until a text needs it, see `prepare`. A pipeline given as `share`
        lends its own, where both packs use the same. `on_stage` gets a line for people before each
        slow part. PyTorch's number of threads is set, see `limit_threads`. Raises PackError, and
        RequestError (bad_device).
        """
        limit_threads()
        chosen = choose_device(device)
        opened = pack if isinstance(pack, Pack) else Pack.open(pack)
        if on_stage is not None:
            on_stage(f"Loading the model {opened.name}")
        config = opened.config.text_encoder
        if config is None:
            return cls(opened, chosen, None)
        if share is not None and share.pack.config.text_encoder == config:
            return cls(opened, chosen, share._text_encoder)
        return cls(opened, chosen, Deferred(lambda: load_text_encoder(config, chosen)))

    @property
    def device(self) -> torch.device:
        """Where it computes now: a GPU that runs out of memory is left for the CPU."""
        return self._synthesis.device

    @property
    def device_name(self) -> str:
        """The device's name for people."""
        return device_name(self.device)

    @property
    def text_encoder_ready(self) -> bool:
        """Whether a text costs no waiting for its encoder to load."""
        return self._text_encoder is None or self._text_encoder.ready

    def prepare(self) -> None:
        """Make the first request fast: compute a short motion now, and load the text encoder in the background.

        Importing the text encoder's library takes longer than all the rest of the start, so nobody
        waits for it who makes motion from labels, and most animators are still typing meanwhile. An
        encoder that cannot be loaded shows at the first request that has a text.
        """
        config = self.pack.config
        condition = Condition(Kind.TEXT if config.denoiser.text_dim else Kind.ACTION)
        told = _Told(condition, condition if self._null_is_text else NOTHING, [])
        steps = min(config.schedule.step_choices, default=min(2, config.schedule.max_steps))
        self._synthesize(0, config.min_frames, told, 2.0, steps, None, None)
        if self._text_encoder is not None:
            self._text_encoder.start()

    def __call__(
        self,
        text: str | None = None,
        *,
        action: str | None = None,
        style: str | None = None,
        seconds: float | None = None,
        seed: int = 0,
        count: int = 1,
        guidance: float | None = None,
        steps: int | None = None,
        chain: bool = False,
    ) -> list[Motion]:
        """One motion a take; what is left out is the pack's default. Raises RequestError and PackError."""
        request = Request.resolve(
            self.pack,
            text=text,
            action=action,
            style=style,
            seconds=seconds,
            seed=seed,
            count=count,
            guidance=guidance,
            steps=steps,
            chain=chain,
        )
        return list(self.takes(request))

    def takes(
        self,
        request: Request,
        on_step: OnStep | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[Motion]:
        """The request's takes, each computed by itself: take k is bit for bit the take of its own seed alone.

        A take of an action without a style has one that its seed draws, see `style_of_take`, in all of its
        segments; the motion's meta names it, and asking for it by name gives the same motion.
        `on_step` is called after every denoising step. `cancelled` is asked before every step; when
        it says so, Cancelled is raised, and takes that were handed out stay valid. Raises PackError
        when the text encoder cannot be loaded, EngineError (out_of_memory).
        """
        # Words are embedded and checked once for all takes.
        tell = cache(partial(self._told, request))

        def before_step(_: int) -> None:
            if cancelled is not None and cancelled():
                raise Cancelled

        for take in range(request.count):
            seed = request.seed_of(take)
            style = self._style(request, seed)
            told = tell(style)
            segments: list[Motion] = []
            for number, frames in enumerate(request.segments):

                def after_step(step: int, take: int = take, number: int = number) -> None:
                    if on_step is not None:
                        total = request.steps * len(request.segments)
                        on_step(take, number * request.steps + step + 1, total)

                own_seed = segment_seed(seed, number, MAX_SEED + 1)
                tensors = self._synthesize(
                    own_seed, frames, told, request.guidance, request.steps, before_step, after_step
                )
                segments.append(self._motion(tensors, self._meta(request, seed, style, told.notes)))
            yield chain_segments(segments, overlap_frames(self.pack.fps))

    def encode(self, motion: Motion) -> Tensor:
        """Normalised latent (tokens, latent_dim) of a motion at the pack's frame rate: the posterior's mean.

        Raises ValueError for another frame rate, a length that the pack does not take, or a pack
        without a VAE.
        """
        config = self.pack.config
        if motion.fps != self.pack.fps or not config.min_frames <= motion.frames <= config.max_frames:
            raise ValueError(
                f"{motion.frames} frames at {motion.fps:g} fps; the pack {self.pack.name!r} takes "
                f"{config.min_frames} to {config.max_frames} frames at {self.pack.fps:g} fps"
            )
        arrays = (torch.from_numpy(array) for array in (motion.rotations, motion.root, motion.offsets))
        features = self._synthesis.representation.from_motion(*arrays)
        return self._synthesis.normalize_latent(self._synthesis.posterior(features).mean)

    def decode(self, latent: Tensor, frames: int) -> Motion:
        """Normalised latent (tokens, latent_dim) -> motion that starts over the origin, facing +Z."""
        return self._motion(self._synthesis.decode(latent, frames), {"pack": self.pack.name})

    def _style(self, request: Request, seed: int) -> str | None:
        """That of the request's take with this seed."""
        if request.action is None or request.style is not None:
            return request.style
        return style_of_take(self.pack.config, request.action, seed)

    def _told(self, request: Request, style: str | None) -> _Told:
        nothing = Condition(Kind.TEXT, text=self._text_encoder_now().embed("")) if self._null_is_text else NOTHING
        if request.text is not None:
            encoder = self._text_encoder_now()
            notes = prompt_warnings(request.text, encoder.count_pieces, encoder.max_pieces)
            return _Told(Condition(Kind.TEXT, text=encoder.embed(plain_text(request.text))), nothing, notes)
        if request.action is None:
            return _Told(None, nothing, [])
        action = label_row("action", request.action, self.pack.actions, self.pack.name)
        row = None if style is None else label_row("style", style, self.pack.styles, self.pack.name)
        return _Told(Condition(Kind.ACTION, action=action, style=row), nothing, [])

    @property
    def _null_is_text(self) -> bool:
        """Whether "no condition" is the embedding of the empty text."""
        return self.pack.config.denoiser.null_condition == "empty_text"

    def _text_encoder_now(self) -> CachedTextEncoder:
        assert self._text_encoder is not None, "a pack that reads texts names its text encoder"
        return self._text_encoder.get()

    def _synthesize(
        self,
        seed: int,
        frames: int,
        told: _Told,
        guidance: float,
        steps: int,
        before_step: Callable[[int], None] | None,
        after_step: Callable[[int], None] | None,
    ) -> MotionTensors:
        def compute() -> MotionTensors:
            generator = torch.Generator(device="cpu").manual_seed(seed)
            latent = self._synthesis.latent(
                self._synthesis.noise(generator, frames),
                frames,
                told.condition,
                guidance=guidance,
                steps=steps,
                unconditional=told.unconditional,
                generator=generator,
                before_step=before_step,
                after_step=after_step,
            )
            return self._synthesis.decode(latent, frames)

        return self._or_on_cpu(compute)

    def _or_on_cpu(self, compute: Callable[[], Result]) -> Result:
        """`compute()`, on the CPU from now on where the GPU has no memory left.

        Raises EngineError (out_of_memory) where the CPU has none either.
        """
        try:
            return compute()
        except (RuntimeError, MemoryError) as error:
            if not _is_out_of_memory(error):
                raise
            if self.device.type == "cpu":
                raise EngineError(
                    "out_of_memory", "The computer ran out of memory.", "Close other programs and try again."
                ) from error
            self.warnings.append(f"{self.device_name} ran out of memory: the engine computes on the CPU now.")
        self._synthesis.move(_CPU)
        torch.cuda.empty_cache()
        return compute()

    def _motion(self, tensors: MotionTensors, meta: dict[str, Any]) -> Motion:
        rotations, root, contacts = (np.ascontiguousarray(tensor.numpy(), dtype=np.float32) for tensor in tensors)
        return Motion(rotations, root, contacts, self.pack.offsets, self.pack.fps, meta)

    def _meta(self, request: Request, seed: int, style: str | None, notes: list[str]) -> dict[str, Any]:
        return {
            "text": request.text,
            "action": request.action,
            "style": style,
            "style_drawn": style != request.style,
            "seed": seed,
            "guidance": request.guidance,
            "steps": request.steps,
            "seconds": request.seconds,
            "pack": self.pack.name,
            "pack_sha256": self.pack.sha256,
            "engine_version": __version__,
            "device": self.device.type,
            "warnings": [*notes, *self.warnings],
        }


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    # MPS and the CPU's allocator raise a plain RuntimeError.
    return "out of memory" in str(error) or "can't allocate memory" in str(error)
