# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of the motion VAE and of the latent denoiser, from a data set to a pack."""
