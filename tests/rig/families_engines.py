# SPDX-License-Identifier: GPL-3.0-or-later
"""Skeletons of game engines and their auto-riggers, and of SMPL."""

from __future__ import annotations

from tests.rig.family_case import FamilyCase

_MIXAMO = """
{p}Hips = pelvis
 {p}Spine = spine1
  {p}Spine1 = spine2
   {p}Spine2 = spine3
    {p}Neck = neck
     {p}Head = head
      {p}HeadTop_End
    {p}{}Shoulder = collar
     {p}{}Arm = shoulder
      {p}{}ForeArm = elbow
       {p}{}Hand = wrist
        {p}{}HandThumb1
        {p}{}HandIndex1
        {p}{}HandMiddle1
 {p}{}UpLeg = hip
  {p}{}Leg = knee
   {p}{}Foot = ankle
    {p}{}ToeBase = foot
     {p}{}Toe_End
"""
_METARIG = """
{p}spine = pelvis
 {p}spine.001 = spine1
  {p}spine.002 = spine2
   {p}spine.003 = spine3
    {p}spine.004 = neck
     {p}spine.005
      {p}spine.006 = head
    {p}shoulder.{} = collar
     {p}upper_arm.{} = shoulder
      {p}forearm.{} = elbow
       {p}hand.{} = wrist
        {p}palm.01.{}
    {p}breast.{}
 {p}pelvis.{}
 {p}thigh.{} = hip
  {p}shin.{} = knee
   {p}foot.{} = ankle
    {p}toe.{} = foot
    {p}heel.02.{}
"""
_SMPL = """
{c}elvis = pelvis
 {}_{h}ip = hip
  {}_{k}nee = knee
   {}_{a}nkle = ankle
    {}_{f}oot = foot
 {s}pine1 = spine1
  {s}pine2 = spine2
   {s}pine3 = spine3
    {n}eck = neck
     {h}ead = head
    {}_{c2}ollar = collar
     {}_{s}houlder = shoulder
      {}_{e}lbow = elbow
       {}_{w}rist = wrist
        {}_{h}and
"""


def _smpl(upper: bool, prefix: str = "") -> str:
    letters = {"c": "p", "h": "h", "k": "k", "a": "a", "f": "f", "s": "s", "n": "n", "c2": "c", "e": "e", "w": "w"}
    text = _SMPL
    for key, letter in letters.items():
        text = text.replace(f"{{{key}}}", letter.upper() if upper else letter)
    return "\n".join(line.replace(line.lstrip(), prefix + line.lstrip()) for line in text.strip("\n").splitlines())


ENGINES: tuple[FamilyCase, ...] = (
    FamilyCase("Mixamo", "Mixamo", ("Left", "Right"), _MIXAMO.replace("{p}", "mixamorig:")),
    FamilyCase("Mixamo, second prefix", "Mixamo", ("Left", "Right"), _MIXAMO.replace("{p}", "mixamorig1:")),
    FamilyCase("Mixamo, colon lost", "Mixamo", ("Left", "Right"), _MIXAMO.replace("{p}", "mixamorig_")),
    FamilyCase("Mixamo, separator lost", "Mixamo", ("Left", "Right"), _MIXAMO.replace("{p}", "mixamorig")),
    FamilyCase("Mixamo without prefix", "Mixamo", ("Left", "Right"), _MIXAMO.replace("{p}", "")),
    FamilyCase("Mixamo under a namespace", "Mixamo", ("Left", "Right"), _MIXAMO.replace("{p}", "Hero:mixamorig:")),
    FamilyCase("Rigify metarig", "Rigify metarig", ("L", "R"), _METARIG.replace("{p}", "")),
    FamilyCase("Rigify deform bones exported", "Rigify metarig", ("L", "R"), _METARIG.replace("{p}", "DEF-")),
    FamilyCase("SMPL", "SMPL", ("left", "right"), _smpl(upper=False)),
    FamilyCase("SMPL add-on", "SMPL", ("L", "R"), _smpl(upper=True)),
    FamilyCase("SMPL FBX", "SMPL", ("L", "R"), _smpl(upper=True, prefix="f_avg_")),
    FamilyCase("Ready Player Me", "Ready Player Me", ("Left", "Right"), """
Hips = pelvis
 Spine = spine1
  Spine1 = spine2
   Spine2 = spine3
    Neck = neck
     Head = head
      HeadTop_End
      LeftEye
      RightEye
    {}Shoulder = collar
     {}Arm = shoulder
      {}ForeArm = elbow
       {}Hand = wrist
        {}HandIndex1
 {}UpLeg = hip
  {}Leg = knee
   {}Foot = ankle
    {}ToeBase = foot
"""),
    FamilyCase("Unreal 4", "Unreal Engine", ("l", "r"), """
root
 pelvis = pelvis
  spine_01 = spine1
   spine_02 = spine2
    spine_03 = spine3
     clavicle_{} = collar
      upperarm_{} = shoulder
       lowerarm_{} = elbow
        hand_{} = wrist
         index_01_{}
         thumb_01_{}
        lowerarm_twist_01_{}
       upperarm_twist_01_{}
     neck_01 = neck
      head = head
  thigh_{} = hip
   calf_{} = knee
    calf_twist_01_{}
    foot_{} = ankle
     ball_{} = foot
   thigh_twist_01_{}
 ik_foot_root
  ik_foot_{}
 ik_hand_root
  ik_hand_gun
   ik_hand_{}
"""),
    FamilyCase("Unreal 5", "Unreal Engine", ("l", "r"), """
root
 pelvis = pelvis
  spine_01
   spine_02 = spine1
    spine_03 = spine2
     spine_04
      spine_05 = spine3
       clavicle_{} = collar
        upperarm_{} = shoulder
         lowerarm_{} = elbow
          hand_{} = wrist
           index_metacarpal_{}
          lowerarm_twist_02_{}
         upperarm_twist_01_{}
         upperarm_correctiveRoot_{}
       neck_01 = neck
        neck_02
         head = head
  thigh_{} = hip
   calf_{} = knee
    foot_{} = ankle
     ball_{} = foot
     ankle_bck_{}
    calf_twist_02_{}
   thigh_correctiveRoot_{}
"""),
    FamilyCase("Unity humanoid", "Unity humanoid", ("Left", "Right"), """
Hips = pelvis
 Spine = spine1
  Chest = spine2
   UpperChest = spine3
    Neck = neck
     Head = head
      Head_end
    {}Shoulder = collar
     {}UpperArm = shoulder
      {}LowerArm = elbow
       {}Hand = wrist
        {}IndexProximal
 {}UpperLeg = hip
  {}LowerLeg = knee
   {}Foot = ankle
    {}Toes = foot
"""),
    FamilyCase("VRoid", "VRM / VRoid", ("L", "R"), """
Root
 J_Bip_C_Hips = pelvis
  J_Bip_C_Spine = spine1
   J_Bip_C_Chest = spine2
    J_Bip_C_UpperChest = spine3
     J_Bip_C_Neck = neck
      J_Bip_C_Head = head
       J_Adj_{}_FaceEye
       J_Sec_Hair1_01
        J_Sec_Hair2_01
     J_Bip_{}_Shoulder = collar
      J_Bip_{}_UpperArm = shoulder
       J_Bip_{}_LowerArm = elbow
        J_Bip_{}_Hand = wrist
         J_Bip_{}_Index1
     J_Sec_{}_Bust1
  J_Bip_{}_UpperLeg = hip
   J_Sec_{}_SkirtFront0_01
   J_Bip_{}_LowerLeg = knee
    J_Bip_{}_Foot = ankle
     J_Bip_{}_ToeBase = foot
"""),
    FamilyCase("VRM add-on", "VRM / VRoid", ("L", "R"), """
root
 hips = pelvis
  spine = spine1
   chest = spine2
    upper_chest = spine3
     neck = neck
      head = head
       eye.{}
     shoulder.{} = collar
      upper_arm.{} = shoulder
       lower_arm.{} = elbow
        hand.{} = wrist
         index.proximal.{}
  upper_leg.{} = hip
   lower_leg.{} = knee
    foot.{} = ankle
     toes.{} = foot
"""),
)  # fmt: skip
