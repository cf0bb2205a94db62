# SPDX-License-Identifier: GPL-3.0-or-later
"""The form in which a family of control rigs is described: which controls to key, and what switches stand where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

Mode = Literal["FK", "IK"]

SIDES: Final = ("left", "right")
LIMB_PARTS: Final = {"arm": ("shoulder", "elbow", "wrist", ""), "leg": ("hip", "knee", "ankle", "foot")}
"""Limb -> the parts of its roles: upper, middle, end and tip."""


@dataclass(frozen=True)
class Switch:
    """A custom property of a pose bone that decides what moves what: its value in each mode, None where it is idle."""

    bone: str
    name: str
    fk: float | None
    ik: float | None
    gradual: bool = False
    """Whether values in between are of use, so that a blend may pass through them."""

    def value(self, mode: Mode) -> float | None:
        return self.ik if mode == "IK" else self.fk


@dataclass(frozen=True)
class Segment:
    """One part of the trunk."""

    body: str
    """The bone whose head is the joint and whose place the body's skin follows; it may be the control itself."""
    control: str


@dataclass(frozen=True)
class Limb:
    """An arm or a leg. Its FK controls stand in `ControlRig.controls`."""

    side: str
    kind: str
    """`arm` or `leg`."""
    mode_switch: Switch
    """Between FK and IK."""
    switches: tuple[Switch, ...] = ()
    """Further ones that must stand as described."""
    goal: str = ""
    """IK control that carries the hand or foot; empty where inverse kinematics is not described."""
    pole: str = ""
    """Control towards which elbow or knee point."""
    tip: str = ""
    """Control of the toes below the goal."""
    neutral: tuple[str, ...] = ()
    """Further controls of the IK limb that must stay at rest."""
    shown: tuple[str, ...] = ()
    """Bones that upper, middle and end control and that of the toes snap to when the limb comes from IK: they stand
    where it is, whatever its FK controls say."""
    rigid: tuple[str, ...] = ()
    """Bones of the IK chain that must keep their length: with an IK Stretch above 0 the solver shortens them, and
    bends the limb otherwise than meant, even where the goal is in reach."""

    @property
    def all_switches(self) -> tuple[Switch, ...]:
        return (self.mode_switch, *self.switches)

    @property
    def roles(self) -> tuple[str, str, str]:
        """Upper, middle and end role."""
        upper, middle, end, _ = LIMB_PARTS[self.kind]
        return f"{self.side}_{upper}", f"{self.side}_{middle}", f"{self.side}_{end}"

    @property
    def tip_role(self) -> str:
        tip = LIMB_PARTS[self.kind][3]
        return f"{self.side}_{tip}" if tip else ""


@dataclass(frozen=True)
class ControlRig:
    """A family of control rigs.

    A control's effective parent, whose posed place its own channels start from, is the control in `carried_by`, else
    the nearest control above it in the hierarchy, where a Child Of constraint counts for a parent, else the root, or
    the armature for a bone without any parent. Mechanism bones in between must follow that parent rigidly when the
    switches stand as described.
    """

    name: str
    """As the panel shows it."""
    root: str
    """The control that moves the whole rig; it keeps its present pose."""
    torso: str
    """The control that gets the travel and turns with the hips."""
    spine: tuple[Segment, ...]
    """From the hips to the chest. A rig may have fewer: those up to the first missing one count."""
    controls: Mapping[str, str]
    """Role -> FK control, for every role but those of the spine."""
    limbs: tuple[Limb, ...]
    switches: tuple[Switch, ...] = ()
    """Switches that belong to no limb."""
    neutral: tuple[str, ...] = ()
    """Controls that must stay at rest in either mode."""
    carried_by: Mapping[str, str] = field(default_factory=dict)
    driven_prefixes: tuple[str, ...] = ()
    """How the names of bones begin that the rig itself moves."""


def both_sides(names: tuple[str, str], controls: Mapping[str, str]) -> dict[str, str]:
    """Role -> control on both sides, from part of the role -> name; `{}` stands for the side."""
    return {
        f"{side}_{part}": control.replace("{}", name)
        for side, name in zip(SIDES, names, strict=True)
        for part, control in controls.items()
    }


def both_limbs(names: tuple[str, str], limbs: Iterable[Limb]) -> tuple[Limb, ...]:
    """The limbs on both sides; `{}` in their names stands for the side."""
    return tuple(_filled(limb, side, name) for limb in limbs for side, name in zip(SIDES, names, strict=True))


def both_carried(names: tuple[str, str], carried_by: Mapping[str, str]) -> dict[str, str]:
    """Control -> its effective parent, on both sides; `{}` stands for the side."""
    return {
        control.replace("{}", name): parent.replace("{}", name)
        for name in names
        for control, parent in carried_by.items()
    }


def _filled(limb: Limb, side: str, name: str) -> Limb:
    return replace(
        limb,
        side=side,
        mode_switch=_sided(limb.mode_switch, name),
        switches=tuple(_sided(switch, name) for switch in limb.switches),
        goal=limb.goal.replace("{}", name),
        pole=limb.pole.replace("{}", name),
        tip=limb.tip.replace("{}", name),
        neutral=tuple(bone.replace("{}", name) for bone in limb.neutral),
        shown=tuple(bone.replace("{}", name) for bone in limb.shown),
        rigid=tuple(bone.replace("{}", name) for bone in limb.rigid),
    )


def _sided(switch: Switch, name: str) -> Switch:
    return replace(switch, bone=switch.bone.replace("{}", name))
