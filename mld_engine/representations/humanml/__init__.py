# SPDX-License-Identifier: GPL-3.0-or-later
"""The feature rows of the HumanML3D family (HumanML3D's 263 numbers, KIT's 251), written and read.

Guo et al., 2022, "Generating Diverse and Natural 3D Human Motions from Text". The preprocessing of
the published data has habits that a compatible extractor must share; each is named where it is done.
"""
