# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's preferences, and where its files lie in the user's folder."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import bpy

from .chosen_path import chosen_path
from .contract import source_root

PACKS_VARIABLE: Final = "MLD_PACKS_DIR"
"""Names further folders of packs to the engine (`mld_engine/checkpoints/pack.py`)."""
_LEGACY_FOLDER = "motion_latent_diffusion"


@dataclass(frozen=True)
class Settings:
    """What the preferences say, with the same defaults where the add-on is registered without them."""

    engine_python: str = ""
    device: str = "auto"
    cpu_only: bool = False
    idle_minutes: int = 30
    packs_folder: str = ""
    install_clip: bool = False
    clip_weights: str = ""
    t5_model: str = ""


class MLD_AP_preferences(bpy.types.AddonPreferences):
    bl_idname = __package__

    engine_python: bpy.props.StringProperty(
        name="Engine's Python",
        description="Python that runs the engine, instead of the one that Install makes. Empty: the installed one",
        subtype="FILE_PATH",
        default=Settings.engine_python,
    )
    device: bpy.props.EnumProperty(
        name="Device",
        description="Where the engine computes. Counts from its next start",
        items=(
            ("auto", "Automatic", "CUDA where it works, else Apple's MPS, else the CPU"),
            ("cpu", "CPU", "The processor: works everywhere"),
            ("cuda", "NVIDIA GPU (CUDA)", "An NVIDIA graphics card"),
            ("mps", "Apple GPU (MPS)", "The graphics part of an Apple chip"),
        ),
        default=Settings.device,
    )
    cpu_only: bpy.props.BoolProperty(
        name="Install for the CPU Only",
        description="Download the small PyTorch that cannot use a graphics card",
        default=Settings.cpu_only,
    )
    idle_minutes: bpy.props.IntProperty(
        name="Stop When Idle",
        description="Minutes without a request after which the engine gives its memory back. 0: never",
        min=0,
        soft_max=240,
        default=Settings.idle_minutes,
    )
    packs_folder: bpy.props.StringProperty(
        name="Folder of Models",
        description="A further folder in which models are looked for, each in a folder of its own. "
        "Counts from the next look for models, and for the engine from its next start",
        subtype="DIR_PATH",
        default=Settings.packs_folder,
    )

    install_clip: bpy.props.BoolProperty(
        name="Install CLIP",
        description="Install OpenCLIP, too: models that were imported from published checkpoints read text with it",
        default=Settings.install_clip,
    )
    clip_weights: bpy.props.StringProperty(
        name="CLIP Weights",
        description="File with the weights of CLIP ViT-L/14. Empty: looked for in the caches of OpenCLIP and of "
        "Hugging Face. Counts from the engine's next start",
        subtype="FILE_PATH",
        default=Settings.clip_weights,
    )
    t5_model: bpy.props.StringProperty(
        name="Sentence-T5",
        description="Folder of the sentence-t5-large model. Empty: looked for in the cache of Hugging Face. Counts "
        "from the engine's next start",
        subtype="DIR_PATH",
        default=Settings.t5_model,
    )

    def draw(self, _context: bpy.types.Context) -> None:
        column = self.layout.column()
        column.use_property_split = True
        column.prop(self, "device")
        column.prop(self, "idle_minutes", text="Stop When Idle (Minutes)")
        column.prop(self, "packs_folder")
        column.separator()
        column.prop(self, "cpu_only")
        column.prop(self, "engine_python")
        column.separator()
        column.label(text="For models imported from published checkpoints:")
        column.prop(self, "install_clip")
        column.prop(self, "clip_weights")
        column.prop(self, "t5_model")


def settings() -> Settings:
    addon: Any = bpy.context.preferences.addons.get(__package__)
    chosen = addon.preferences if addon else None
    if not chosen:
        return Settings()
    return Settings(**{field.name: getattr(chosen, field.name) for field in fields(Settings)})


def user_folder() -> Path:
    """Where the engine's environment and the logs go; updates of the add-on leave it alone. It need not exist."""
    try:
        return Path(bpy.utils.extension_path_user(__package__, create=False))
    except ValueError:
        return Path(bpy.utils.user_resource("DATAFILES", path=_LEGACY_FOLDER, create=False))


def engine_venv() -> Path:
    return user_folder() / "engine" / "venv"


def log_dir() -> Path:
    return user_folder() / "logs"


def own_packs_folder() -> Path:
    """Where the animator's own packs go. It need not exist."""
    return user_folder() / "packs"


def further_pack_folders() -> list[Path]:
    """Folders of packs besides the shipped ones, in the order in which the engine looks through them."""
    chosen = settings().packs_folder
    named = [chosen, *os.environ.get(PACKS_VARIABLE, "").split(os.pathsep)]
    return [own_packs_folder(), *(chosen_path(folder).absolute() for folder in named if folder)]


def engine_variables() -> dict[str, str]:
    """What the preferences tell the engine by its environment."""
    chosen = settings()
    named = {"MLD_CLIP_WEIGHTS": chosen.clip_weights, "MLD_T5_MODEL": chosen.t5_model}
    variables = {name: bpy.path.abspath(path) for name, path in named.items() if path}
    return variables | {PACKS_VARIABLE: os.pathsep.join(str(folder) for folder in further_pack_folders())}


def pack_folders() -> list[Path]:
    """All folders of packs, the shipped ones first."""
    return [source_root() / "mld_engine" / "packs", *further_pack_folders()]
