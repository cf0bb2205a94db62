# SPDX-License-Identifier: GPL-3.0-or-later
"""Skeletons and control rigs of animation tools, and of motion capture files."""

from __future__ import annotations

from tests.rig.family_case import FamilyCase

TOOLS: tuple[FamilyCase, ...] = (
    FamilyCase("Auto-Rig Pro controls", "Auto-Rig Pro", ("l", "r"), """
c_pos
 c_traj
  c_root_master.x = pelvis
   c_root.x
    c_thigh_fk.{} = hip
     c_leg_fk.{} = knee
      c_foot_fk.{} = ankle
       c_toes_fk.{} = foot
    thigh_stretch.{}
     leg_stretch.{}
   c_spine_01.x = spine1
    c_spine_02.x = spine2
     c_spine_03.x = spine3
      c_neck.x = neck
       c_head.x = head
      c_shoulder.{} = collar
       c_arm_fk.{} = shoulder
        c_forearm_fk.{} = elbow
         c_hand_fk.{} = wrist
  c_hand_ik.{}
  c_foot_ik.{}
"""),
    FamilyCase("Auto-Rig Pro export", "Auto-Rig Pro export", ("l", "r"), """
root.x = pelvis
 spine_01.x = spine1
  spine_02.x = spine2
   spine_03.x = spine3
    neck.x = neck
     head.x = head
    shoulder.{} = collar
     arm_stretch.{} = shoulder
      forearm_stretch.{} = elbow
       hand.{} = wrist
        c_index1.{}
      arm_twist.{}
 thigh_stretch.{} = hip
  leg_stretch.{} = knee
   foot.{} = ankle
    toes_01.{} = foot
  thigh_twist.{}
"""),
    FamilyCase("MPFB default", "MakeHuman / MPFB", ("L", "R"), """
root = pelvis
 spine05
  spine04 = spine1
   spine03 = spine2
    spine02
     spine01 = spine3
      neck01 = neck
       neck02
        neck03
         head = head
          jaw
      clavicle.{} = collar
       shoulder01.{}
        upperarm01.{} = shoulder
         upperarm02.{}
          lowerarm01.{} = elbow
           lowerarm02.{}
            wrist.{} = wrist
             metacarpal1.{}
 pelvis.{}
  upperleg01.{} = hip
   upperleg02.{}
    lowerleg01.{} = knee
     lowerleg02.{}
      foot.{} = ankle
       toe1-1.{} = foot
       toe2-1.{}
"""),
    FamilyCase("3ds Max Biped", "Biped", ("L", "R"), """
Bip001
 Bip001 Pelvis = pelvis
  Bip001 Spine = spine1
   Bip001 {} Thigh = hip
    Bip001 {} Calf = knee
     Bip001 {} Foot = ankle
      Bip001 {} Toe0 = foot
       Bip001 {} Toe0Nub
   Bip001 Spine1 = spine2
    Bip001 Spine2 = spine3
     Bip001 Neck = neck
      Bip001 {} Clavicle = collar
       Bip001 {} UpperArm = shoulder
        Bip001 {} Forearm = elbow
         Bip001 {} Hand = wrist
          Bip001 {} Finger0
      Bip001 Head = head
       Bip001 HeadNub
 Bip001 Footsteps
"""),
    FamilyCase("Source engine", "Biped", ("L", "R"), """
ValveBiped.Bip01_Pelvis = pelvis
 ValveBiped.Bip01_{}_Thigh = hip
  ValveBiped.Bip01_{}_Calf = knee
   ValveBiped.Bip01_{}_Foot = ankle
    ValveBiped.Bip01_{}_Toe0 = foot
 ValveBiped.Bip01_Spine = spine1
  ValveBiped.Bip01_Spine1
   ValveBiped.Bip01_Spine2 = spine2
    ValveBiped.Bip01_Spine4 = spine3
     ValveBiped.Bip01_Neck1 = neck
      ValveBiped.Bip01_Head1 = head
     ValveBiped.Bip01_{}_Clavicle = collar
      ValveBiped.Bip01_{}_UpperArm = shoulder
       ValveBiped.Bip01_{}_Forearm = elbow
        ValveBiped.Bip01_{}_Hand = wrist
"""),
    FamilyCase("CMU BVH", "CMU / MotionBuilder BVH", ("Left", "Right"), """
Hips = pelvis
 LHipJoint
  LeftUpLeg = left_hip
   LeftLeg = left_knee
    LeftFoot = left_ankle
     LeftToeBase = left_foot
 RHipJoint
  RightUpLeg = right_hip
   RightLeg = right_knee
    RightFoot = right_ankle
     RightToeBase = right_foot
 LowerBack = spine1
  Spine = spine2
   Spine1 = spine3
    Neck = neck
     Neck1
      Head = head
    {}Shoulder = collar
     {}Arm = shoulder
      {}ForeArm = elbow
       {}Hand = wrist
        {}FingerBase
        {}Thumb
"""),
    FamilyCase("CMU Acclaim", "CMU / Acclaim", ("l", "r"), """
root = pelvis
 {}hipjoint
  {}femur = hip
   {}tibia = knee
    {}foot = ankle
     {}toes = foot
 lowerback = spine1
  upperback = spine2
   thorax = spine3
    lowerneck = neck
     upperneck
      head = head
    {}clavicle = collar
     {}humerus = shoulder
      {}radius = elbow
       {}wrist = wrist
        {}hand
"""),
    FamilyCase("BVH with joint names", "BVH, joint names", ("L", "R"), """
Hip = pelvis
 {}Hip = hip
  {}Knee = knee
   {}Ankle = ankle
    {}Toe = foot
 Chest = spine1
  Chest2 = spine2
   Chest3 = spine3
    Neck = neck
     Head = head
    {}Collar = collar
     {}Shoulder = shoulder
      {}Elbow = elbow
       {}Wrist = wrist
"""),
    FamilyCase("Mixamo control rig", "Mixamo control rig", ("Left", "Right"), """
Ctrl_Master
 Ctrl_Hips = pelvis
  Ctrl_Spine = spine1
   Ctrl_Spine1 = spine2
    Ctrl_Spine2 = spine3
     Ctrl_Neck = neck
      Ctrl_Head = head
     Ctrl_Shoulder_{} = collar
      Ctrl_Arm_FK_{} = shoulder
       Ctrl_ForeArm_FK_{} = elbow
        Ctrl_Hand_FK_{} = wrist
  Ctrl_UpLeg_FK_{} = hip
   Ctrl_Leg_FK_{} = knee
    Ctrl_Foot_FK_{} = ankle
     Ctrl_Toe_FK_{} = foot
 Ctrl_Hand_IK_{}
"""),
)  # fmt: skip
