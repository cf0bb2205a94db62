# SPDX-License-Identifier: GPL-3.0-or-later
"""TakeOptions: how a motion is put on an armature, as the panel holds it and as the take remembers it. No bpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from .control_rigs.description import Mode as ControlMode
from .retarget.composition import RootTarget, TakeShape
from .retarget.key_reduction import HandleType
from .retarget.key_reduction import Mode as KeyReduction
from .retarget.options import RetargetOptions


@dataclass(frozen=True)
class TakeOptions:
    """The names are those of the panel's properties and of the fields of `mld_options`."""

    in_place: bool
    in_place_axes: str
    """X sideways, Y forward, as the character faces: those of the two that `in_place` leaves out."""
    foot_lock: bool
    scale_root: bool
    root_target: RootTarget
    blend_in_frames: int
    blend_out_frames: int
    relax_fingers: bool
    control_mode: ControlMode
    key_reduction: KeyReduction
    key_handles: HandleType
    key_error_degrees: float

    @classmethod
    def of(cls, settings: Any) -> TakeOptions:
        """From `Scene.mld`."""
        values = {field.name: getattr(settings, field.name) for field in fields(cls)}
        return cls(**{**values, "in_place_axes": "".join(sorted(settings.in_place_axes))})

    def to_properties(self) -> Mapping[str, bool | int | float | str]:
        """What the take keeps."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def retargeting(self, scene_fps: float, seconds: float) -> RetargetOptions:
        return RetargetOptions(
            scene_fps=scene_fps,
            in_place=self.in_place,
            in_place_axes=self.in_place_axes,
            foot_lock=self.foot_lock,
            scale_root=self.scale_root,
            seconds=seconds,
        )

    @property
    def shape(self) -> TakeShape:
        return TakeShape(
            root_target=self.root_target,
            blend_in_frames=self.blend_in_frames,
            blend_out_frames=self.blend_out_frames,
            relax_fingers=self.relax_fingers,
        )
