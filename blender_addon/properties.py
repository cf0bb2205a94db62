# SPDX-License-Identifier: GPL-3.0-or-later
"""Scene.mld: what the animator asks for. Object.mld: an armature's bone map and its list of takes.

Limits are soft where a wrong value deserves a sentence: a script's `seconds = -1` must reach the
check that explains it, and not become another number silently.
"""

from __future__ import annotations

from collections.abc import Iterable

import bpy

from . import runtime
from .animation import takes
from .engine_client.vocabulary import DEFAULT_PACK
from .rig import roles
from .targets import BY_HAND


def _matching(labels: Iterable[str], typed: str) -> list[str]:
    wanted = typed.casefold().replace(" ", "_")
    return [label for label in labels if wanted in label.casefold()]


def search_actions(_self: object, context: bpy.types.Context, typed: str) -> list[str]:
    return _matching(runtime.current().vocabulary(context.scene).actions, typed)


def search_styles(_self: object, context: bpy.types.Context, typed: str) -> list[str]:
    return _matching(runtime.current().vocabulary(context.scene).styles, typed)


class MLD_PG_scene(bpy.types.PropertyGroup):
    pack: bpy.props.StringProperty(name="Model", description="What makes the motion", default=DEFAULT_PACK)
    condition: bpy.props.EnumProperty(
        name="Condition",
        description="What the motion is made from",
        items=(
            ("TEXT", "Text", "A sentence in English"),
            ("ACTION", "Action", "One of the model's action labels, with a style where wanted"),
            ("UNCONDITIONAL", "None", "Nothing: any motion the model knows"),
        ),
        default="TEXT",
    )
    prompt: bpy.props.StringProperty(
        name="Prompt",
        description="What the character does, in plain English: “an old man walks slowly”",
        options={"TEXTEDIT_UPDATE"},
    )
    action_label: bpy.props.StringProperty(
        name="Action", description="Action label of the model; type to search", search=search_actions
    )
    style_label: bpy.props.StringProperty(
        name="Style",
        description="Mood or build in which the action is done. Empty: any that it was recorded in, drawn by the seed",
        search=search_styles,
    )
    seconds: bpy.props.FloatProperty(
        name="Seconds",
        description="Length of the take in seconds, whatever the scene's frame rate",
        default=4.0,
        soft_min=0.8,
        soft_max=10.0,
        step=50,
        precision=2,
    )
    chain_segments: bpy.props.BoolProperty(
        name="Chain Segments",
        description="Make motion that is longer than the model's limit from segments that fade into each other",
        default=False,
    )
    use_random_seed: bpy.props.BoolProperty(
        name="Random Seed", description="Draw a new seed for every request; it is kept with the take", default=True
    )
    seed: bpy.props.IntProperty(
        name="Seed",
        description="The same seed and request give the same take. Further variations use the following seeds",
        default=0,
        soft_min=0,
    )
    guidance_scale: bpy.props.FloatProperty(
        name="Guidance Scale",
        description="How closely the motion follows the prompt: 1 is free, much above 7 exaggerates",
        default=4.0,
        soft_min=1.0,
        soft_max=7.5,
        step=10,
        precision=1,
    )
    steps: bpy.props.IntProperty(
        name="Steps",
        description="Denoising steps: 20 are as good for most prompts, and faster",
        default=50,
        soft_min=4,
        soft_max=100,
    )
    variations: bpy.props.IntProperty(
        name="Variations", description="Takes to make at once, each with its own seed", default=1, min=1, max=8
    )
    start_at_playhead: bpy.props.BoolProperty(
        name="Start at Playhead",
        description="First key on the current frame, instead of the scene's first frame",
        default=False,
    )
    in_place: bpy.props.BoolProperty(
        name="In Place", description="Leave out the travel over the ground; the hips still rise and fall", default=False
    )
    in_place_axes: bpy.props.EnumProperty(
        name="Directions",
        description="Which part of the travel In Place leaves out, as the character faces at the start",
        items=(("X", "Sideways", "Travel to the left and right"), ("Y", "Forward", "Travel forward and backward")),
        options={"ENUM_FLAG"},
        default={"X", "Y"},
    )
    foot_lock: bpy.props.BoolProperty(
        name="Foot Lock", description="Keep planted feet from sliding, on this character's own legs", default=True
    )
    scale_root: bpy.props.BoolProperty(
        name="Scale Travel",
        description="Travel in proportion to the character's legs, instead of the motion's own metres",
        default=True,
    )
    root_target: bpy.props.EnumProperty(
        name="Root",
        description="What carries the travel over the ground. The character moves the same in each case",
        items=(
            ("HIPS", "Hips", "The bone of the hips, which also has the rise and fall"),
            ("ROOT_BONE", "Root Bone", "The bone above the hips that carries the whole character"),
            ("OBJECT", "Object", "The armature object; its location is keyed in the take"),
        ),
        default="HIPS",
    )
    blend_in_frames: bpy.props.IntProperty(
        name="Blend In Frames",
        description="Frames in which the take starts off from the pose that the character has before it; 0 for none",
        default=0,
        min=0,
        soft_max=60,
    )
    blend_out_frames: bpy.props.IntProperty(
        name="Blend Out Frames",
        description="Last frames in which the take goes back to that pose, where it has travelled to; 0 for none",
        default=0,
        min=0,
        soft_max=60,
    )
    relax_fingers: bpy.props.BoolProperty(
        name="Relax Fingers",
        description="Bend the fingers a little, as of a hand at ease; one key that holds for the whole take",
        default=False,
    )
    control_mode: bpy.props.EnumProperty(
        name="Drive",
        description="Which controls of a control rig are keyed. Its switches are keyed in the take to suit",
        items=(
            ("FK", "FK", "Arms and legs by the rotation of each of their bones"),
            ("IK", "IK", "Hands and feet by their place, elbows and knees by their poles"),
        ),
        default="FK",
    )
    key_reduction: bpy.props.EnumProperty(
        name="Keys",
        description="How many keys the take gets",
        items=(
            ("NONE", "Every Frame", "One key on each frame"),
            ("LINEAR", "Reduced, Linear", "Few keys joined by straight lines"),
            ("BEZIER", "Reduced, Bezier", "Few keys with handles, to be edited by hand"),
        ),
        default="NONE",
    )
    key_handles: bpy.props.EnumProperty(
        name="Handles",
        description="How the handles of reduced Bezier keys are set",
        items=(
            ("MIXED", "Auto Clamped and Fitted", "Auto clamped handles, and fitted ones where that saves keys"),
            ("AUTO_CLAMPED", "Auto Clamped", "All handles follow when a key is moved: twice as many keys"),
            ("ALIGNED", "Fitted", "Handles as they come nearest to the take: the fewest keys"),
        ),
        default="MIXED",
    )
    key_error_degrees: bpy.props.FloatProperty(
        name="Largest Error",
        description="How far reduced curves may turn a bone away from the full take, in degrees",
        default=0.5,
        min=0.0,
        soft_min=0.05,
        soft_max=5.0,
        step=10,
        precision=2,
    )


def _chosen_by_hand(self: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    self.id_data.mld.bones_source = BY_HAND


def _bone_property(label: str) -> object:
    return bpy.props.StringProperty(
        name=label,
        description=f"Bone of this armature that is the character's {label.lower()}",
        override={"LIBRARY_OVERRIDABLE"},
        update=_chosen_by_hand,
    )


MLD_PG_bones = type(
    "MLD_PG_bones",
    (bpy.types.PropertyGroup,),
    {
        "__doc__": "Role -> bone name; all empty means that the bones are detected at each request.",
        "__annotations__": {role: _bone_property(roles.LABELS[role]) for role in roles.ROLES},
    },
)


def _get_take_index(self: MLD_PG_armature) -> int:
    return takes.active_index(self.id_data)


def _set_take_index(self: MLD_PG_armature, index: int) -> None:
    takes.activate_index(self.id_data, index)


class MLD_PG_armature(bpy.types.PropertyGroup):
    bones: bpy.props.PointerProperty(type=MLD_PG_bones, override={"LIBRARY_OVERRIDABLE"})
    bones_source: bpy.props.StringProperty(
        name="Bones From",
        description="How the bones were found: a table of names, the rig's structure, or by hand",
        override={"LIBRARY_OVERRIDABLE"},
    )
    bones_confidence: bpy.props.FloatProperty(
        name="Confidence",
        description="How sure the detection was of these bones, from 0 to 1",
        default=1.0,
        min=0.0,
        max=1.0,
        override={"LIBRARY_OVERRIDABLE"},
    )
    role_index: bpy.props.IntProperty(
        name="Role",
        description="Click to choose this role's bone below the list",
        default=len(bpy.types.PropertyGroup.bl_rna.properties),
        override={"LIBRARY_OVERRIDABLE"},
    )
    take_index: bpy.props.IntProperty(
        name="Take",
        description="Click to play this take",
        get=_get_take_index,
        set=_set_take_index,
    )


CLASSES = (MLD_PG_scene, MLD_PG_bones, MLD_PG_armature)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.mld = bpy.props.PointerProperty(type=MLD_PG_scene)
    bpy.types.Object.mld = bpy.props.PointerProperty(type=MLD_PG_armature, override={"LIBRARY_OVERRIDABLE"})


def unregister() -> None:
    del bpy.types.Object.mld
    del bpy.types.Scene.mld
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
