# SPDX-License-Identifier: GPL-3.0-or-later
"""BoneMap: which bone plays which role. Detection: how it was found and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from . import roles
from .name_matching import match_tables
from .plausibility import check_body
from .presets import Preset
from .snapshot import RigSnapshot
from .structure_matching import match_structure
from .token_matching import match_words

CONFIDENCE_BAR: Final = 0.6
"""Below it a detection must not be used without the animator looking at it."""
_TABLE_CONFIDENCE: Final = 0.98
_WORDS_CONFIDENCE: Final = 0.9
_MISPLACED_FACTOR: Final = 0.6
_LOOSE_FACTOR: Final = 0.99
_CONSTRAINED_FACTOR: Final = 0.5
_LOOSE: Final = frozenset({"left_collar", "right_collar", "spine1", "spine2", "spine3", "neck"})
"""What hangs on these in a body may hang elsewhere in a rig: control rigs carry limbs by constraints."""


@dataclass(frozen=True)
class BoneMap:
    """`bones`: role -> bone name. Roles the rig does not have are absent; a bone plays one role at most."""

    bones: Mapping[str, str] = field(default_factory=dict)

    def __contains__(self, role: object) -> bool:
        return role in self.bones

    def __len__(self) -> int:
        return len(self.bones)

    def get(self, role: str) -> str | None:
        """The bone that plays the role, None when there is none."""
        return self.bones.get(role)

    @property
    def missing(self) -> tuple[str, ...]:
        """Required roles without a bone."""
        return roles.missing_required(self.bones)


@dataclass(frozen=True)
class Detection:
    """A bone map and where it comes from.

    When `usable` is False the map is a partial or doubtful one: show `missing` and `notes`, key nothing.
    """

    bone_map: BoneMap
    source: str
    """`preset: <name>`, the name of a table such as `Mixamo`, `names`, `structure`, or `none`."""
    confidence: float
    """0 .. 1"""
    missing: tuple[str, ...] = ()
    """Required roles that no bone was found for."""
    notes: tuple[str, ...] = ()
    """Sentences for the animator: what looked odd, what was left out."""

    @property
    def usable(self) -> bool:
        return not self.missing and self.confidence >= CONFIDENCE_BAR


@dataclass(frozen=True)
class Problem:
    """Something wrong with a bone map. A blocking one makes the map unusable, another is worth a look."""

    role: str
    message: str
    blocking: bool = True


def detect(rig: RigSnapshot, presets: Sequence[Preset] = ()) -> Detection:
    """Find the bones of all roles: by presets, then name tables, then words, then the rig's structure.

    The first complete map that is sure enough wins; otherwise the attempt that misses the fewest roles is
    returned with what is missing or odd, and `usable` is False. Nothing is guessed silently.
    """
    failed_presets: list[Detection] = []
    for preset in presets:
        if preset.fits(rig):
            attempt = from_preset(rig, preset)
            if attempt.usable:
                return attempt
            failed_presets.append(attempt)
    attempts: list[Detection] = []
    for find in (_by_tables, _by_words, _by_structure):
        attempt = find(rig)
        if attempt.usable:
            return attempt
        attempts.append(attempt)
    # What names found is easier to judge for the animator than what the structure did, so the first one wins a tie.
    best = min([*attempts, *failed_presets], key=lambda attempt: len(attempt.missing))
    if best.missing or best.notes:
        return best
    return replace(best, notes=("This rig is built unlike the humans the search knows: check every bone.",))


def from_preset(rig: RigSnapshot, preset: Preset) -> Detection:
    """The map of a preset on this rig: those of its bones that the rig has, and what is wrong with them there."""
    bone_map = BoneMap({role: bone for role, bone in preset.bones.items() if bone in rig})
    problems = [problem for problem in validate(bone_map, rig) if problem.blocking]
    notes = tuple(problem.message for problem in problems)
    confidence = 0.0 if problems else 1.0
    return Detection(bone_map, f"preset: {preset.name}", confidence, bone_map.missing, notes)


def validate(bone_map: BoneMap, rig: RigSnapshot) -> tuple[Problem, ...]:
    """Everything wrong with a map, in the order of the roles; empty for a map that can be used as it is."""
    problems = []
    seen: dict[str, str] = {}
    for role, bone in bone_map.bones.items():
        if role not in roles.LABELS:
            problems.append(Problem(role, f"There is no role “{role}”."))
        elif bone not in rig:
            problems.append(Problem(role, f"{roles.LABELS[role]}: the armature has no bone “{bone}”."))
        elif bone in seen:
            problems.append(Problem(role, f"“{bone}” is both {roles.LABELS[seen[bone]]} and {roles.LABELS[role]}."))
        seen.setdefault(bone, role)
    if not problems:
        problems = _misplaced(bone_map, rig)
    problems += [Problem(role, f"{roles.LABELS[role]} has no bone.") for role in bone_map.missing]
    order = {role: place for place, role in enumerate(roles.ROLES)}
    return tuple(sorted(problems, key=lambda problem: order.get(problem.role, len(order))))


def _misplaced(bone_map: BoneMap, rig: RigSnapshot) -> list[Problem]:
    """Bones that do not hang below the bone of the nearest mapped role above them."""
    problems = []
    for role, bone in bone_map.bones.items():
        above = roles.PARENT_ROLE[role]
        while above is not None and above not in bone_map:
            above = roles.PARENT_ROLE[above]
        if above is None or rig.is_below(rig.index(bone), rig.index(bone_map.bones[above])):
            continue
        pelvis = bone_map.get("pelvis")
        line = (rig.index(bone), *rig.ancestors(rig.index(bone)))
        by_constraint = any(rig.constrained[index] for index in line)
        carried = by_constraint or (pelvis is not None and rig.index(pelvis) in line)
        message = f"{roles.LABELS[role]} “{bone}” is not below {roles.LABELS[above]} “{bone_map.bones[above]}”."
        problems.append(Problem(role, message, blocking=above not in _LOOSE or not carried))
    return problems


def _by_tables(rig: RigSnapshot) -> Detection:
    match = match_tables(rig)
    if match is None:
        return _detection(rig, {}, "none", 0.0)
    return _detection(rig, match.bones, match.family, _TABLE_CONFIDENCE)


def _by_words(rig: RigSnapshot) -> Detection:
    return _detection(rig, match_words(rig), "names", _WORDS_CONFIDENCE)


def _by_structure(rig: RigSnapshot) -> Detection:
    match = match_structure(rig)
    return _detection(rig, match.bones, "structure", match.confidence, match.notes)


def _detection(
    rig: RigSnapshot, bones: Mapping[str, int], source: str, confidence: float, notes: Sequence[str] = ()
) -> Detection:
    """Order the roles, weigh in what hierarchy and rest pose say, and name what is missing."""
    bone_map = BoneMap({role: rig.bone_names[bones[role]] for role in roles.ROLES if role in bones})
    all_notes = list(notes)
    if bone_map.missing:
        found = len(roles.REQUIRED) - len(bone_map.missing)
        confidence = min(confidence, 0.5 * found / len(roles.REQUIRED))
        return Detection(bone_map, source, round(max(confidence, 0.0), 3), bone_map.missing, tuple(all_notes))
    for problem in validate(bone_map, rig):
        confidence *= _MISPLACED_FACTOR if problem.blocking else _LOOSE_FACTOR
        all_notes.append(problem.message)
    moved = [name for name in bone_map.bones.values() if rig.constrained[rig.index(name)]]
    if moved:
        # In a mechanism of unknown names the structure cannot tell controls from what they move.
        doubtful = source == "structure" or len(moved) > len(bone_map) / 2
        confidence *= _CONSTRAINED_FACTOR if doubtful else _LOOSE_FACTOR
        shown = ", ".join(moved[:3]) + (", …" if len(moved) > 3 else "")
        text = f"Constraints move {len(moved)} of these bones ({shown}): keys on them may not show."
        if doubtful:
            text += " Choose the controls that move them instead, or mute the constraints."
        all_notes.append(text)
    plausibility = check_body(rig, bones)
    confidence *= plausibility.factor
    return Detection(bone_map, source, round(confidence, 3), (), (*all_notes, *plausibility.notes))
