# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects whose scale no bone channel can make up for are refused, whatever asks for keys."""

from __future__ import annotations

from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")

from mathutils import Matrix  # noqa: E402

from blender_addon import targets  # noqa: E402
from blender_addon.generation import NotPossible  # noqa: E402
from tests.blender import golden_takes  # noqa: E402
from tests.blender.panel_session import refusal  # noqa: E402

UNEVEN = Matrix.Diagonal((1.0, 1.0, 2.0, 1.0))
CASES = {
    "uneven": (UNEVEN, Matrix.Identity(4), ["scaled differently along its axes (1, 1, 2)", "Apply the scale"]),
    "sheared": (Matrix.Rotation(0.8, 4, "X"), UNEVEN, ["“Mannequin” is", "Apply the scale"]),
    "parent uneven": (Matrix.Identity(4), UNEVEN, ["scaled differently", "parented to"]),
    "mirrored": (Matrix.Scale(-1.0, 4, (1.0, 0.0, 0.0)), Matrix.Identity(4), ["mirrored by a negative scale"]),
    "parent mirrored": (Matrix.Identity(4), Matrix.Scale(-1.0, 4), ["mirrored by a negative scale"]),
}


@pytest.mark.parametrize("case", CASES)
def test_refused_with_the_reason(addon, mannequin, repository: Path, case: str) -> None:
    own, above, said = CASES[case]
    action = golden_takes.key(mannequin, repository)
    parent = bpy.data.objects.new("Parent", None)
    bpy.context.scene.collection.objects.link(parent)
    parent.matrix_world = above
    mannequin.parent = parent
    mannequin.matrix_basis = own
    bpy.context.view_layer.update()
    with pytest.raises(NotPossible) as refused:
        golden_takes.key(mannequin, repository)
    again = refusal(bpy.ops.mld.rekey_take)
    line = targets.RigStatusCache().status(mannequin)
    for text in (str(refused.value), again, line.text):
        assert all(words in text for words in said), text
    assert not line.usable
    assert list(bpy.data.actions) == [action]
