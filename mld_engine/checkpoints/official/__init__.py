# SPDX-License-Identifier: GPL-3.0-or-later
"""The published checkpoints of motion latent diffusion and MotionLCM, brought to the names of our packs."""
