# SPDX-License-Identifier: GPL-3.0-or-later
"""Diffusion in latent space: the noise schedule, one step of each sampler, guidance, the loop."""
