# SPDX-License-Identifier: GPL-3.0-or-later
"""Skinned bodies from the user's own SMPL, SMPL-H and SMPL-X files, which are licensed and never shipped."""
