# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion Latent Diffusion for character animators: prompt or action label -> keys on the armature.

Only `register` and `unregister` live here; both import Blender's API late, so that the numpy
parts (`rig`, `retarget`, `engine_client`) also run, and are tested, without Blender.
"""


def register() -> None:
    from . import registration

    registration.register()


def unregister() -> None:
    from . import registration

    registration.unregister()
