# SPDX-License-Identifier: GPL-3.0-or-later
"""From the description of a family to one rig: which of its controls are there, and what carries what."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ..rig import roles
from ..rig.bone_map import BoneMap
from ..rig.snapshot import FloatArray, RigSnapshot
from ..rig.trunk import spread_spine
from .description import ControlRig, Limb, Mode, Segment, Switch
from .families import FAMILIES
from .mechanism import Mechanism
from .rehang import rehang

_LIMB_PARTS: Final = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")


@dataclass(frozen=True)
class Follower:
    """A control that is keyed: it keeps the place relative to a bone of the body that it has at rest."""

    control: str
    body: str
    moves: bool = False
    """Whether its location is keyed as well as its rotation."""
    holds: str | None = None
    """A follower that this one carries and whose head decides where this one goes."""


@dataclass(frozen=True)
class Pole:
    """The control that a limb bends towards, and the bones of the body at the limb's three joints."""

    control: str
    joints: tuple[str, str, str]


@dataclass(frozen=True, eq=False)
class FittedRig:
    """One control rig, ready to be driven."""

    body: RigSnapshot
    """The plain body: joints where the mechanism has them, parents as in a human, nothing constrained."""
    body_map: BoneMap
    controls: RigSnapshot
    """The controls, each hung from what its channels start from."""
    control_map: BoneMap
    """Role -> the control that carries the joint."""
    followers: tuple[Follower, ...]
    """Parents before children."""
    idle: frozenset[str]
    """Controls, and bones with settings, that do not tell what is seen before the take: those of limbs that it
    switches over."""
    fk_bones: tuple[tuple[str, str], ...]
    """Upper and middle control of the limbs that are driven on FK."""
    poles: tuple[Pole, ...]
    switches: tuple[tuple[Switch, float], ...]
    """The switches that this rig has, with the value they must have."""
    neutral: Mapping[str, str]
    """Controls that must be at rest, with their rotation modes."""
    rigid: tuple[str, ...]
    """Bones of IK chains that must not stretch."""
    shown: Mapping[str, tuple[str, FloatArray]]
    """Bone of the body -> the bone that tells where it is at present, and (4, 4) its place relative to that one."""
    notes: tuple[str, ...]
    """Sentences for the animator."""


def find_family(rig: RigSnapshot, bone_map: BoneMap) -> ControlRig | None:
    """The family of control rigs whose limbs the bone map names, by their controls or by the bones that these move.

    None for a plain skeleton, and for a map that names other bones of a control rig: that is the animator's choice.
    """
    return next((family for family in FAMILIES if _is_of(family, rig, bone_map)), None)


def control_modes(rig: RigSnapshot, bone_map: BoneMap) -> tuple[Mode, ...]:
    """How the controls of this rig can be driven; empty for a rig that is no control rig of a known family."""
    family = find_family(rig, bone_map)
    if family is None:
        return ()
    return ("FK", "IK") if any(_ik_controls(limb, rig) for limb in family.limbs) else ("FK",)


def fit(family: ControlRig, rig: RigSnapshot, bone_map: BoneMap, mode: Mode, mechanism: Mechanism) -> FittedRig:
    """What to key on this rig, whose family `find_family` has found by the same map.

    Roles that the map leaves out get no keys. Limbs without IK controls are driven on their FK controls, and a note
    says so.
    """
    spine = _spine(family, rig)
    controls = {role: bone for role, bone in family.controls.items() if bone in rig and role in bone_map}
    properties = mechanism.properties
    on_ik = [limb for limb in family.limbs if mode == "IK" and _can_ik(limb, rig, properties)]
    on_fk = [limb for limb in family.limbs if limb not in on_ik]
    keyed = {**controls, **_goals(on_ik, rig, controls)}
    poles = tuple(Pole(limb.pole, _joints(limb, controls)) for limb in on_ik)
    hanging = [family.torso, *(s.control for s in spine), *controls.values(), *keyed.values()]
    hanging += [pole.control for pole in poles]
    carriers = _carriers(family, rig, dict.fromkeys(hanging), mechanism.hung_from)
    hung = _hung(family, rig, carriers)
    body, body_map = _body(family, rig, spine, controls)
    trunk = {s.body: s.control for s in spine}
    followers = _trunk(family, spine, carriers)
    limb_followers, locked = _unlocked(_limbs(controls, keyed, on_ik), hung)
    switches = [(switch, switch.value(mode)) for switch in family.switches]
    switches += [(switch, switch.ik) for limb in on_ik for switch in limb.all_switches]
    switches += [(switch, switch.fk) for limb in on_fk for switch in limb.all_switches]
    neutral = [*family.neutral, *(bone for limb in on_ik for bone in limb.neutral)]
    return FittedRig(
        body=body,
        body_map=body_map,
        controls=hung,
        control_map=BoneMap({role: keyed.get(role) or trunk[bone] for role, bone in body_map.bones.items()}),
        followers=tuple(sorted((*followers, *limb_followers), key=lambda follower: hung.index(follower.control))),
        idle=_idle_controls(family.limbs, on_ik, keyed, properties),
        fk_bones=tuple(_joints(limb, controls)[:2] for limb in on_fk if set(limb.roles) <= controls.keys()),
        poles=poles,
        switches=tuple((s, v) for s, v in switches if v is not None and (s.bone, s.name) in properties),
        neutral={bone: rig.rotation_modes[rig.index(bone)] for bone in neutral if bone in rig},
        rigid=tuple(bone for limb in on_ik for bone in limb.rigid if bone in rig),
        shown=_shown(family.limbs, rig, controls, properties),
        notes=(*locked, *_notes(mode, on_fk, properties)),
    )


def _is_of(family: ControlRig, rig: RigSnapshot, bone_map: BoneMap) -> bool:
    wanted = {role: bone for role, bone in family.controls.items() if role in roles.REQUIRED}
    present = family.torso in rig and len(_spine(family, rig)) > 1 and all(bone in rig for bone in wanted.values())
    limbs = {role: bone for role, bone in bone_map.bones.items() if role.split("_")[-1] in _LIMB_PARTS}
    return present and all(
        bone == wanted.get(role) or bone.startswith(family.driven_prefixes) for role, bone in limbs.items()
    )


def _spine(family: ControlRig, rig: RigSnapshot) -> tuple[Segment, ...]:
    there = [segment.body in rig and segment.control in rig for segment in family.spine]
    return family.spine[: there.index(False)] if False in there else family.spine


def _ik_controls(limb: Limb, rig: RigSnapshot) -> bool:
    return limb.goal in rig and limb.pole in rig


def _can_ik(limb: Limb, rig: RigSnapshot, properties: Collection[tuple[str, str]]) -> bool:
    deciding = [switch for switch in limb.all_switches if switch.fk != switch.ik]
    return _ik_controls(limb, rig) and all((switch.bone, switch.name) in properties for switch in deciding)


def _idle_controls(
    limbs: Iterable[Limb],
    on_ik: Collection[Limb],
    keyed: Mapping[str, str],
    properties: Mapping[tuple[str, str], float],
) -> frozenset[str]:
    """What the take moves of limbs that stand, at present, wholly or partly on their other controls; and poles that
    are not in use."""
    idle: set[str] = set()
    for limb in limbs:
        mode: Mode = "IK" if limb in on_ik else "FK"
        if not _stands(limb.mode_switch, mode, properties):
            idle |= {keyed[role] for role in (*limb.roles, limb.tip_role) if role in keyed}
            idle |= {limb.pole, *limb.neutral, *limb.rigid, *(switch.bone for switch in limb.switches)}
        elif not all(_stands(switch, mode, properties) for switch in limb.switches):
            idle.add(limb.pole)
    return frozenset(idle)


def _stands(switch: Switch, mode: Mode, properties: Mapping[tuple[str, str], float]) -> bool:
    wanted = switch.value(mode)
    return wanted is None or properties.get((switch.bone, switch.name), wanted) == wanted


def _shown(
    limbs: Iterable[Limb], rig: RigSnapshot, controls: Mapping[str, str], properties: Mapping[tuple[str, str], float]
) -> dict[str, tuple[str, FloatArray]]:
    """For the limbs that do not stand on their FK controls now."""
    shown: dict[str, tuple[str, FloatArray]] = {}
    for limb in limbs:
        if _stands(limb.mode_switch, "FK", properties):
            continue
        for role, bone in zip((*limb.roles, limb.tip_role), limb.shown, strict=False):
            if role in controls and bone in rig:
                rest = rig.rest[rig.index(bone)]
                shown[controls[role]] = bone, np.linalg.inv(rest) @ rig.rest[rig.index(controls[role])]
    return shown


def _joints(limb: Limb, controls: Mapping[str, str]) -> tuple[str, str, str]:
    upper, middle, end = (controls[role] for role in limb.roles)
    return upper, middle, end


def _goals(limbs: Iterable[Limb], rig: RigSnapshot, controls: Mapping[str, str]) -> dict[str, str]:
    """Role -> IK control of hands, feet and toes."""
    goals = {limb.roles[2]: limb.goal for limb in limbs}
    return goals | {limb.tip_role: limb.tip for limb in limbs if limb.tip in rig and limb.tip_role in controls}


def _carriers(
    family: ControlRig, rig: RigSnapshot, bones: Collection[str], hung_from: Mapping[str, str]
) -> dict[str, str | None]:
    """Control -> its effective parent; None for one that starts from the armature itself."""
    root = family.root if family.root in rig else None
    moving = {*bones, root}
    carriers: dict[str, str | None] = {}
    for bone in bones:
        above = list(_above(rig, bone, hung_from))
        nearest = next((name for name in above if name in moving), root if above else None)
        given = family.carried_by.get(bone)
        carriers[bone] = given if given and given in moving else nearest
    return carriers


def _above(rig: RigSnapshot, bone: str, hung_from: Mapping[str, str]) -> Iterator[str]:
    """What carries the bone, from the nearest on; a Child Of constraint comes before the parent."""
    passed = {bone}
    while True:
        parent = rig.parents[rig.index(bone)]
        carrier = hung_from.get(bone) or (rig.bone_names[parent] if parent >= 0 else "")
        if carrier in passed or carrier not in rig:
            return
        passed.add(bone := carrier)
        yield bone


def _hung(family: ControlRig, rig: RigSnapshot, carriers: Mapping[str, str | None]) -> RigSnapshot:
    """The controls below their carriers. In between stands each one's own parent, whose axes its channels may use."""
    parents: dict[str, str | None] = _root_chain(family, rig)
    moved_along: set[str] = set()
    for bone, carrier in carriers.items():
        index = rig.parents[rig.index(bone)]
        own = rig.bone_names[index] if index >= 0 else None
        if own is None or own in carriers or (own in parents and parents[own] != carrier):
            parents[bone] = carrier
        else:
            parents[bone] = own
            if own != carrier:
                parents[own] = carrier
                moved_along.add(own)
    return rehang(rig, parents, moved_along)


def _root_chain(family: ControlRig, rig: RigSnapshot) -> dict[str, str | None]:
    if family.root not in rig:
        return {}
    chain = [rig.index(family.root), *rig.ancestors(rig.index(family.root))]
    names: list[str | None] = [rig.bone_names[index] for index in chain]
    return {str(bone): parent for bone, parent in zip(names, [*names[1:], None], strict=True)}


def _body(
    family: ControlRig, rig: RigSnapshot, spine: Sequence[Segment], controls: Mapping[str, str]
) -> tuple[RigSnapshot, BoneMap]:
    root = _root_chain(family, rig)
    trunk = [segment.body for segment in spine]
    placed = spread_spine(range(1, len(trunk)))
    bones = {"pelvis": trunk[0], **{role: trunk[place] for role, place in placed.items()}, **controls}
    parents: dict[str, str | None] = {trunk[0]: next(iter(root), None)}
    parents |= dict(zip(trunk[1:], trunk, strict=False))
    for role, bone in controls.items():
        above = roles.PARENT_ROLE[role]
        while above is not None and above not in bones:
            above = roles.PARENT_ROLE[above]
        parents[bone] = bones[above or "pelvis"]
    ordered = {role: bones[role] for role in roles.ROLES if role in bones}
    return rehang(rig, root | parents, set(parents)), BoneMap(ordered)


def _trunk(family: ControlRig, spine: Sequence[Segment], carriers: Mapping[str, str | None]) -> list[Follower]:
    """The torso turns with the hips; where it is not itself their control, it goes where the spine it carries asks."""
    followers = [Follower(s.control, s.body, moves=s.control == family.torso) for s in spine]
    if not any(follower.moves for follower in followers):
        held = next((s.control for s in spine if carriers[s.control] == family.torso), None)
        followers.append(Follower(family.torso, spine[0].body, moves=True, holds=held))
    return followers


def _limbs(controls: Mapping[str, str], keyed: Mapping[str, str], on_ik: Iterable[Limb]) -> list[Follower]:
    """Every FK control follows itself on the body; on IK the goals follow, and the limb's own bones get no keys."""
    goals = {limb.goal for limb in on_ik}
    bent = {role for limb in on_ik for role in limb.roles[:2]}
    return [
        Follower(keyed[role], bone, moves=keyed[role] in goals) for role, bone in controls.items() if role not in bent
    ]


def _unlocked(followers: Iterable[Follower], hung: RigSnapshot) -> tuple[list[Follower], list[str]]:
    free, notes = [], []
    for follower in followers:
        index = hung.index(follower.control)
        if hung.lock_rotation[index].all() or hung.lock_rotation_w[index]:
            notes.append(f"The rotation of “{follower.control}” is locked, so the control stays as it is posed.")
        else:
            free.append(follower)
    return free, notes


def _notes(mode: Mode, on_fk: Iterable[Limb], properties: Collection[tuple[str, str]]) -> list[str]:
    notes = []
    for limb in on_fk:
        if mode == "IK":
            notes.append(f"The {limb.side} {limb.kind} cannot be switched to IK, so its FK controls are keyed.")
        switch = limb.mode_switch
        if (switch.bone, switch.name) not in properties:
            notes.append(
                f"“{switch.bone}” has no property “{switch.name}”: see to it that the {limb.side} {limb.kind} follows "
                "its FK controls."
            )
    return notes
