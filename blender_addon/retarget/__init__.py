# SPDX-License-Identifier: GPL-3.0-or-later
"""From a generated motion on the SMPL skeleton to the channels of a character's own bones; numpy only.

`pipeline.retarget` is the way in: SourceMotion + RigSnapshot + BoneMap + RetargetOptions -> PoseTrack.
"""
