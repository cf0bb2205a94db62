# SPDX-License-Identifier: GPL-3.0-or-later
"""From the panel's settings to a request, and from an arrived motion to a take on the armature."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import bpy

from .animation import takes, undo
from .animation.editable import playback_obstacles
from .animation.errors import AnimationError
from .animation.metadata import TakeMetadata
from .animation.play import user_action
from .animation.source import SourceTake
from .animation.take import write_take
from .engine_client.events import MotionReady
from .keying import keyed_motion
from .notices import Notice
from .retarget.errors import RetargetError
from .rig.snapshot import RigError
from .take_options import TakeOptions
from .targets import ArmatureRef, ready_rig

SEED_LIMIT: Final = 2**31 - 1
"""Seeds stay below it: Blender's integer properties hold 31 bits."""


class NotPossible(Exception):  # noqa: N818 (a refusal with its reason)
    """A request that is refused before the engine is asked, or a motion that cannot be applied."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.notice = Notice("ERROR", message, hint)

    @classmethod
    def of(cls, notice: Notice) -> NotPossible:
        """With all that the notice offers."""
        refusal = cls(notice.message, notice.hint)
        refusal.notice = notice
        return refusal


@dataclass(frozen=True)
class Placement:
    """Where and how the keys go; fixed when the button is pressed."""

    start_frame: int
    scene_fps: float
    options: TakeOptions

    @classmethod
    def of(cls, scene: bpy.types.Scene, start_frame: int | None = None) -> Placement:
        settings = scene.mld
        if start_frame is None:
            start_frame = scene.frame_current if settings.start_at_playhead else scene.frame_start
        return cls(start_frame, scene.render.fps / scene.render.fps_base, TakeOptions.of(settings))


@dataclass
class Job:
    """One request under way."""

    request: dict[str, Any]
    """The fields of the protocol's `generate`, but for the id."""
    armature: ArmatureRef
    placement: Placement
    request_id: int = 0
    takes: list[str] = field(default_factory=list)
    """Names of the Actions made so far."""
    again_of: str = ""
    """SHA-256 of the model that made the take which this request makes again; empty for a new request."""
    pressed: float = field(default_factory=time.perf_counter)


def request_from_scene(scene: bpy.types.Scene, *, own_guidance: bool = False) -> dict[str, Any]:
    """The panel's request; with `own_guidance` the guidance scale is the model's own.

    Raises NotPossible for what can be seen to be wrong without the engine.
    """
    settings = scene.mld
    request: dict[str, Any] = {}
    if settings.condition == "TEXT":
        if not settings.prompt.strip():
            raise NotPossible("The prompt is empty.", "Type what the character should do, such as “a person waves”.")
        request["text"] = settings.prompt
    elif settings.condition == "ACTION":
        if not settings.action_label.strip():
            raise NotPossible("No action is chosen.", "Choose one of the action labels.")
        request["action"] = settings.action_label.strip()
        if settings.style_label.strip():
            request["style"] = settings.style_label.strip()
    if not math.isfinite(settings.seconds) or not math.isfinite(settings.guidance_scale):
        raise NotPossible("Seconds and guidance scale must be numbers.", "Correct them and try again.")
    return request | {
        "pack": settings.pack,
        "seconds": _plain(settings.seconds),
        "seed": settings.seed,
        "count": settings.variations,
        "guidance": None if own_guidance else _plain(settings.guidance_scale),
        "steps": settings.steps,
        "chain": settings.chain_segments,
    }


def with_new_seed(request: Mapping[str, Any]) -> dict[str, Any]:
    """The same request with another seed."""
    return {**request, "seed": random_seed(other_than=request.get("seed"))}


def random_seed(other_than: int | None = None) -> int:
    """A seed that leaves room for the following takes of a request."""
    while True:
        seed = random.randrange(SEED_LIMIT - 64)
        if seed != other_than:
            return seed


def new_job(armature: bpy.types.Object, request: dict[str, Any], placement: Placement) -> Job:
    """Raises NotPossible when the armature cannot take a motion, before anything is asked or keyed."""
    try:
        ready_rig(armature)
    except RigError as error:
        raise NotPossible(error.message, error.hint) from error
    return Job(request=request, armature=ArmatureRef.of(armature), placement=placement)


def apply_motion(job: Job, motion: MotionReady) -> Notice | None:
    """Key one take on the job's armature, as one undo step; returns what the animator should know, if anything.

    The first take of a request becomes the active one, further ones wait in the list. Raises NotPossible;
    nothing is keyed then.
    """
    armature = job.armature.find()
    if armature is None:
        raise NotPossible(
            f"The armature “{job.armature.name}” is gone, so the take could not be applied.",
            f"Select another armature and generate again with seed {motion.seed}.",
        )
    metadata = TakeMetadata.from_engine(motion.meta, job.placement.scene_fps)
    source = SourceTake(motion.rotations, motion.root, motion.contacts, motion.offsets, motion.fps)
    replaced = user_action(armature)
    try:
        with undo.step(f"Generate {metadata.name()}"):
            playing = takes.active_take(armature) if job.takes else None
            action, warnings = key_take(armature, source, metadata, job.placement, meta=motion.meta)
            if playing is not None:
                takes.activate_take(armature, playing)
    except (RigError, RetargetError, AnimationError) as error:
        raise NotPossible(error.message, error.hint) from error
    job.takes.append(action.name)
    sentences = [*motion.warnings, *warnings, *playback_obstacles(armature)]
    if job.again_of and job.again_of != metadata.pack_sha256:
        sentences.append(f"The files of the model “{metadata.pack}” have changed since it made the earlier take.")
    level = "WARNING" if sentences else "INFO"
    if replaced:
        sentences.append(f"Your own Action “{replaced.name}” stays in the file; the take plays in its place.")
    return Notice(level, " ".join(sentences)) if sentences else None


def key_take(
    armature: bpy.types.Object,
    source: SourceTake,
    metadata: TakeMetadata,
    placement: Placement,
    *,
    meta: Mapping[str, Any],
) -> tuple[bpy.types.Action, tuple[str, ...]]:
    """Key a motion as a new take, which the armature then plays; returns it and what could not be followed.

    `meta`: what the engine, or a file, says of the motion; kept with it. Raises RigError, RetargetError or
    AnimationError with nothing changed. The caller makes the undo step.
    """
    options = placement.options
    keyed = keyed_motion(
        armature,
        source,
        options,
        start_frame=placement.start_frame,
        scene_fps=placement.scene_fps,
        seconds=metadata.seconds,
    )
    action = write_take(
        armature,
        keyed.track,
        start_frame=placement.start_frame,
        metadata=metadata,
        source=source,
        source_meta=meta,
        options=options.to_properties(),
        key_reduction=options.key_reduction,
        key_handles=options.key_handles,
        key_error_degrees=options.key_error_degrees,
        rig=keyed.rig,
        bone_map=keyed.bone_map,
        before=keyed.before,
    )
    return action, keyed.track.warnings


def _plain(value: float) -> float:
    """A 32-bit float property as the decimal number that was typed: 3.3, not 3.299999952."""
    return float(f"{value:.6g}")
