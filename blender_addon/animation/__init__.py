# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes on an armature: Actions with their F-curves, what they were made from, and NLA strips.

`write_take` makes one Action from retargeted channels; `takes` lists, activates and deletes them;
`nla` bakes one to a strip; `source` gives back the motion that a take was made from. All differences
between Blender's versions stand in `compat`.
"""
