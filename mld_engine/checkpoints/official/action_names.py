# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of the action classes of HumanAct12 and UESTC, in the order of their numbers.

HumanAct12: Guo et al., 2020. UESTC: Ji et al., 2018, as in its file info/action_classes.txt.
"""

from __future__ import annotations

from typing import Final

HUMANACT12: Final = (
    "warm_up",
    "walk",
    "run",
    "jump",
    "drink",
    "lift_dumbbell",
    "sit",
    "eat",
    "turn_steering_wheel",
    "phone",
    "boxing",
    "throw",
)
UESTC: Final = (
    "punching_and_knee_lifting",
    "marking_time_and_knee_lifting",
    "jumping_jack",
    "squatting",
    "forward_lunging",
    "left_lunging",
    "left_stretching",
    "raising_hand_and_jumping",
    "left_kicking",
    "rotation_clapping",
    "front_raising",
    "pulling_chest_expanders",
    "punching",
    "wrist_circling",
    "single_dumbbell_raising",
    "shoulder_raising",
    "elbow_circling",
    "dumbbell_one_arm_shoulder_pressing",
    "arm_circling",
    "dumbbell_shrugging",
    "pinching_back",
    "head_anticlockwise_circling",
    "shoulder_abduction",
    "deltoid_muscle_stretching",
    "straight_forward_flexion",
    "spinal_stretching",
    "dumbbell_side_bend",
    "standing_opposite_elbow_to_knee_crunch",
    "standing_rotation",
    "overhead_stretching",
    "upper_back_stretching",
    "knee_to_chest",
    "knee_circling",
    "alternate_knee_lifting",
    "bent_over_twist",
    "rope_skipping",
    "standing_toe_touches",
    "standing_gastrocnemius_calf",
    "single_leg_lateral_hopping",
    "high_knees_running",
)
BY_COUNT: Final = {len(names): names for names in (HUMANACT12, UESTC)}
