# SPDX-License-Identifier: GPL-3.0-or-later
"""Skeletons of character makers and libraries."""

from __future__ import annotations

from tests.rig.family_case import FamilyCase

CHARACTERS: tuple[FamilyCase, ...] = (
    FamilyCase("MikuMikuDance", "MikuMikuDance", ("左", "右"), """
全ての親
 センター
  グルーブ
   腰 = pelvis
    上半身 = spine1
     上半身2 = spine3
      首 = neck
       頭 = head
        両目
      {}肩P
       {}肩 = collar
        {}腕 = shoulder
         {}腕捩
          {}ひじ = elbow
           {}手捩
            {}手首 = wrist
             {}人指１
    下半身
     {}足 = hip
      {}ひざ = knee
       {}足首 = ankle
        {}足先EX = foot
      {}足D
       {}ひざD
        {}足首D
 {}足ＩＫ親
  {}足ＩＫ
   {}つま先ＩＫ
"""),
    FamilyCase("MikuMikuDance without waist, Blender sides", "MikuMikuDance", (".L", ".R"), """
センター = pelvis
 上半身 = spine1
  上半身２ = spine3
   首 = neck
    頭 = head
   肩{} = collar
    腕{} = shoulder
     ひじ{} = elbow
      手首{} = wrist
       人指１{}
 下半身
  足{} = hip
   ひざ{} = knee
    足首{} = ankle
     つま先{} = foot
足ＩＫ{}
"""),
    FamilyCase("MikuMikuDance in English", "MikuMikuDance (English)", ("L", "R"), """
center = pelvis
 upper body = spine1
  upper body2 = spine3
   neck = neck
    head = head
   shoulder_{} = collar
    arm_{} = shoulder
     elbow_{} = elbow
      wrist_{} = wrist
 lower body
  leg_{} = hip
   knee_{} = knee
    ankle_{} = ankle
     toe_{} = foot
leg IK_{}
"""),
    FamilyCase("CATS", "CATS", ("Left", "Right"), """
Hips = pelvis
 Spine = spine1
  Chest = spine3
   Neck = neck
    Head = head
     LeftEye
   {} shoulder = collar
    {} arm = shoulder
     {} elbow = elbow
      {} wrist = wrist
       IndexFinger1_{}
 {} leg = hip
  {} knee = knee
   {} ankle = ankle
    {} toe = foot
"""),
    FamilyCase("Character Creator", "Character Creator / ActorCore", ("L", "R"), """
CC_Base_BoneRoot
 CC_Base_Hip = pelvis
  CC_Base_Pelvis
   CC_Base_{}_Thigh = hip
    CC_Base_{}_ThighTwist01
     CC_Base_{}_ThighTwist02
    CC_Base_{}_Calf = knee
     CC_Base_{}_CalfTwist01
     CC_Base_{}_Foot = ankle
      CC_Base_{}_ToeBaseShareBone
      CC_Base_{}_ToeBase = foot
  CC_Base_Waist = spine1
   CC_Base_Spine01 = spine2
    CC_Base_Spine02 = spine3
     CC_Base_NeckTwist01 = neck
      CC_Base_NeckTwist02
       CC_Base_Head = head
        CC_Base_JawRoot
     CC_Base_{}_Clavicle = collar
      CC_Base_{}_Upperarm = shoulder
       CC_Base_{}_UpperarmTwist01
       CC_Base_{}_Forearm = elbow
        CC_Base_{}_ForearmTwist01
        CC_Base_{}_Hand = wrist
         CC_Base_{}_Index1
     CC_Base_{}_Breast
"""),
    FamilyCase("Daz Genesis 8", "Daz Genesis 3 / 8", ("l", "r"), """
hip = pelvis
 pelvis
  {}ThighBend = hip
   {}ThighTwist
    {}Shin = knee
     {}Foot = ankle
      {}Metatarsals
       {}Toe = foot
 abdomenLower
  abdomenUpper = spine1
   chestLower = spine2
    chestUpper = spine3
     {}Collar = collar
      {}ShldrBend = shoulder
       {}ShldrTwist
        {}ForearmBend = elbow
         {}ForearmTwist
          {}Hand = wrist
           {}Thumb1
     neckLower = neck
      neckUpper
       head = head
        upperTeeth
     {}Pectoral
""".replace(" abdomenLower\n  abdomenUpper = spine1\n   chestLower = spine2",
            " abdomenLower = spine1\n  abdomenUpper\n   chestLower = spine2")),
    FamilyCase("Daz Genesis 2", "Daz Genesis 3 / 8", ("l", "r"), """
hip = pelvis
 pelvis
  {}Thigh = hip
   {}Shin = knee
    {}Foot = ankle
     {}Toe = foot
 abdomen = spine1
  abdomen2 = spine2
   chest = spine3
    {}Collar = collar
     {}Shldr = shoulder
      {}ForeArm = elbow
       {}Hand = wrist
    neck = neck
     head = head
"""),
    FamilyCase("Daz Genesis 9", "Daz Genesis 9", ("l", "r"), """
hip = pelvis
 pelvis
  {}_thigh = hip
   {}_thightwist1
   {}_shin = knee
    {}_foot = ankle
     {}_metatarsal
     {}_toes = foot
 spine1 = spine1
  spine2
   spine3 = spine2
    spine4 = spine3
     {}_shoulder = collar
      {}_upperarm = shoulder
       {}_upperarmtwist1
       {}_forearm = elbow
        {}_forearmtwist1
        {}_hand = wrist
         {}_index1
     neck1 = neck
      neck2
       head = head
"""),
    FamilyCase("KayKit", "KayKit", ("l", "r"), """
root
 hips = pelvis
  spine = spine1
   chest = spine3
    upperarm.{} = shoulder
     lowerarm.{} = elbow
      wrist.{} = wrist
       hand.{}
        handslot.{}
    head = head
  upperleg.{} = hip
   lowerleg.{} = knee
    foot.{} = ankle
     toes.{} = foot
 kneeIK.{}
 handIK.{}
 control-toe-roll.{}
  control-heel-roll.{}
   IK-foot.{}
"""),
    FamilyCase("Renderpeople", "Renderpeople", ("l", "r"), """
rp_eric_rigged_001_yup_t_root
 rp_eric_rigged_001_yup_t_hip = pelvis
  rp_eric_rigged_001_yup_t_spine_01 = spine1
   rp_eric_rigged_001_yup_t_spine_02 = spine2
    rp_eric_rigged_001_yup_t_spine_03 = spine3
     rp_eric_rigged_001_yup_t_neck = neck
      rp_eric_rigged_001_yup_t_head = head
     rp_eric_rigged_001_yup_t_shoulder_{} = collar
      rp_eric_rigged_001_yup_t_upperarm_{} = shoulder
       rp_eric_rigged_001_yup_t_upperarm_twist_{}
       rp_eric_rigged_001_yup_t_lowerarm_{} = elbow
        rp_eric_rigged_001_yup_t_hand_{} = wrist
  rp_eric_rigged_001_yup_t_upperleg_{} = hip
   rp_eric_rigged_001_yup_t_lowerleg_{} = knee
    rp_eric_rigged_001_yup_t_foot_{} = ankle
     rp_eric_rigged_001_yup_t_ball_{} = foot
"""),
)  # fmt: skip
