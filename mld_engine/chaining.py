# SPDX-License-Identifier: GPL-3.0-or-later
"""Motion longer than a pack makes in one take, chained from segments that overlap.

Each segment goes on where the one before it ends: its path is turned and moved so that both have the
same heading and place in the middle of the overlap, and there one fades into the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from .motion import Motion
from .rotations import multiply_quaternions, rotate_about_y, slerp, twist_yaw


def chain(segments: Sequence[Motion], overlap: int) -> Motion:
    """One motion from segments of one pack; `meta` is the first one's.

    Over `overlap` frames the positions fade, the rotations follow the shortest arc, and a foot counts
    as on the ground as far as both segments say so.
    """
    whole = segments[0]
    for following in segments[1:]:
        whole = _joined(whole, _continuing(whole, following, overlap), overlap)
    return whole


def _continuing(before: Motion, after: Motion, overlap: int) -> Motion:
    """`after`, turned and moved onto the end of `before`."""
    middle = overlap // 2
    end = before.frames - overlap + middle
    rotations, root = torch.from_numpy(after.rotations), torch.from_numpy(after.root)
    turn = twist_yaw(torch.from_numpy(before.rotations[end, 0])) - twist_yaw(rotations[middle, 0])
    root = rotate_about_y(turn.expand(len(root)), root)
    shift = torch.from_numpy(before.root[end]) - root[middle]
    shift[1] = 0.0
    zero = torch.zeros(())
    turned = multiply_quaternions(torch.stack([(turn / 2).cos(), zero, (turn / 2).sin(), zero]), rotations[:, 0])
    pelvis = torch.cat([turned[:, None], rotations[:, 1:]], 1)
    return Motion(pelvis.numpy(), (root + shift).numpy(), after.contacts, after.offsets, after.fps, after.meta)


def _joined(before: Motion, after: Motion, overlap: int) -> Motion:
    kept = before.frames - overlap
    time = (torch.arange(overlap) + 1) / (overlap + 1)
    share = time * time * (3 - 2 * time)
    rotations = slerp(
        torch.from_numpy(before.rotations[kept:]), torch.from_numpy(after.rotations[:overlap]), share[:, None, None]
    )
    weight = share[:, None].numpy()
    root = (1 - weight) * before.root[kept:] + weight * after.root[:overlap]
    contacts = np.minimum(before.contacts[kept:], after.contacts[:overlap])
    return Motion(
        np.concatenate([before.rotations[:kept], rotations.numpy(), after.rotations[overlap:]]),
        np.concatenate([before.root[:kept], root.astype(np.float32), after.root[overlap:]]),
        np.concatenate([before.contacts[:kept], contacts, after.contacts[overlap:]]),
        before.offsets,
        before.fps,
        before.meta,
    )
