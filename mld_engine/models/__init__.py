# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks: motion VAE and latent denoiser, on one set of transformer blocks."""
