# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on as a user of the panel has it: what the operators say, and requests that run on in the background."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import bpy
import pytest

from blender_addon import generation, runtime, targets


def skip_without_engine() -> None:
    """Most operators do nothing without an engine, so their tests need one."""
    if not os.environ.get("MLD_ENGINE_PYTHON"):
        pytest.skip("MLD_ENGINE_PYTHON is not set: it names the Python of an environment with the engine's packages")


def ask(**settings: object) -> bpy.types.PropertyGroup:
    """Fill in the panel: a short request of few steps, unless told otherwise."""
    panel = bpy.context.scene.mld
    quick = {"condition": "TEXT", "prompt": "a person walks forward", "seconds": 1.0, "steps": 4, "variations": 1}
    for name, value in {**quick, "use_random_seed": False, "seed": 7, **settings}.items():
        setattr(panel, name, value)
    return panel


def refusal(operator: Callable[[], object]) -> str:
    """The message with which an operator refuses."""
    with pytest.raises(RuntimeError) as refused:
        operator()
    return str(refused.value).strip()


def submit_without_waiting(**settings: object) -> generation.Job:
    """What Generate does in a window: send the request and go on."""
    ask(**settings)
    scene = bpy.context.scene
    armature = targets.target_armature(bpy.context)
    job = generation.new_job(armature, generation.request_from_scene(scene), generation.Placement.of(scene))
    runtime.current().submit(job)
    return job


def update_until(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    """Be the main loop: take in events until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s; the panel says {runtime.current().notice}"
        runtime.current().update()
        time.sleep(0.01)
