# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion Latent Diffusion engine: text or action label in, SMPL motion out.

Importing the package costs nothing: torch is imported by the modules that compute, so that
`mld_engine.contract` can also be read by Blender's Python, which has numpy only.
"""

__version__ = "0.1.0"
