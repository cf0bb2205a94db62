# SPDX-License-Identifier: GPL-3.0-or-later
"""Skeletons of well-known families of rigs, written as outlines: real names and real hierarchies.

One bone a line, indented below its parent, with `= role` where it plays one. A bone with `{}` stands
for both sides. Joints are those of the parametric humanoid; other bones stand between the joints
around them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from blender_addon.rig.roles import ROLES
from blender_addon.rig.snapshot import RigSnapshot
from tests.rig.humanoids import make_humanoid
from tests.rig.rig_builder import Builder, Vector, snapshot_of


@dataclass
class Node:
    """A bone of an outline."""

    bone: str
    role: str
    parent: Node | None
    children: list[Node]


@dataclass(frozen=True)
class FamilyCase:
    """An outline, the words for left and right, and the table that should recognise it."""

    title: str
    source: str
    sides: tuple[str, str]
    outline: str

    def build(self) -> tuple[RigSnapshot, dict[str, str]]:
        """The rig and its true bone map."""
        roots = _parse(self.outline, self.sides)
        nodes = list(_walk(roots))
        joints = _joint_positions()
        builder = Builder()
        places: dict[int, Vector] = {}
        for node in nodes:
            places[id(node)] = _place(node, joints, places)
        for node in nodes:
            head = places[id(node)]
            onward = [child for child in node.children if child.role] or node.children
            tail = places[id(onward[0])] if onward else head + np.array([0.0, -0.02, 0.04])
            if np.linalg.norm(tail - head) < 1e-3:
                tail = head + np.array([0.0, -0.02, 0.04])
            builder.add(node.bone, node.parent.bone if node.parent else None, head, tail)
        truth = {node.role: node.bone for node in nodes if node.role}
        return snapshot_of(builder, name=self.title), {role: truth[role] for role in ROLES if role in truth}


def _parse(outline: str, sides: tuple[str, str]) -> list[Node]:
    roots: list[Node] = []
    open_nodes: list[tuple[int, Node]] = []
    for line in outline.strip("\n").splitlines():
        text = line.strip()
        bone, _, role = (part.strip() for part in text.partition("="))
        depth = len(line) - len(line.lstrip())
        while open_nodes and open_nodes[-1][0] >= depth:
            open_nodes.pop()
        parent = open_nodes[-1][1] if open_nodes else None
        node = Node(bone, role, parent, [])
        (parent.children if parent else roots).append(node)
        open_nodes.append((depth, node))
    return [copy for root in roots for copy in _sided(root, None, None, sides)]


def _sided(node: Node, parent: Node | None, side: int | None, words: tuple[str, str]) -> list[Node]:
    """The node, or its left and right copies, with everything below."""
    copies = []
    for own_side in (0, 1) if side is None and "{}" in node.bone else (side,):
        role = node.role
        if own_side is not None and role:
            role = f"{('left', 'right')[own_side]}_{role}"
        bone = node.bone if own_side is None else node.bone.replace("{}", words[own_side])
        copy = Node(bone, role, parent, [])
        copy.children = [child for below in node.children for child in _sided(below, copy, own_side, words)]
        copies.append(copy)
    return copies


def _walk(nodes: list[Node]) -> list[Node]:
    return [found for node in nodes for found in (node, *_walk(node.children))]


def _joint_positions() -> dict[str, Vector]:
    rig, truth = make_humanoid(arm_angle=10.0)
    return {role: rig.heads[rig.index(bone)] for role, bone in truth.items()}


def _place(node: Node, joints: dict[str, Vector], places: dict[int, Vector]) -> Vector:
    if node.role:
        return joints[node.role]
    if node.parent is None:
        return np.zeros(3)
    above = places[id(node.parent)]
    below = next((joints[found.role] for found in _walk(node.children) if found.role), None)
    if below is not None:
        return (above + below) / 2.0
    if re.search(r"end|nub", node.bone, re.IGNORECASE):
        before = places[id(node.parent.parent)] if node.parent.parent else np.zeros(3)
        return above + 0.15 * (above - before) / np.linalg.norm(above - before)
    return above + np.array([0.03 * np.sign(above[0]), -0.06, 0.02])


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


CASES: tuple[FamilyCase, ...] = (
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
"""Every table, and the variants of names and hierarchy that its rigs come in."""
