# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints of the official layout, made by the tests, through `import-checkpoint` to motion in a file."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from engine_process import REPOSITORY, quiet_environment
from hostile_files import archive, call, checkpoint, lightning_values, name, table, text
from official_files import MLD, VARIANTS, make_official, shapes, small, wave
from small_t5 import small_t5_tensors, write_small_t5
from torch import Tensor

from mld_engine.checkpoints.official.importer import TEXT_ENCODERS, ImportOptions, import_checkpoint
from mld_engine.checkpoints.official.inference import infer_variant
from mld_engine.checkpoints.official.variant import Variant
from mld_engine.checkpoints.pack import Pack
from mld_engine.cli import main
from mld_engine.errors import RequestError
from mld_engine.export.amass import read_amass
from mld_engine.models.denoiser import Denoiser, Kind
from mld_engine.models.loading import build
from mld_engine.models.vae import MotionDecoder, MotionEncoder
from mld_engine.pipeline import MotionPipeline
from mld_engine.synthesis import NOTHING, Condition, Synthesis

SMALL = {key: small(variant, **({"time_dim": 768, "text_dim": 768} if variant.text_dim else {}))
         for key, variant in VARIANTS.items()}  # fmt: skip


@pytest.fixture
def statistics(tmp_path: Path) -> Callable[[int], Path]:
    """`statistics(263)`: a folder with Mean.npy and Std.npy."""

    def write(features: int) -> Path:
        folder = tmp_path / f"statistics{features}"
        folder.mkdir(exist_ok=True)
        np.save(folder / "Mean.npy", np.linspace(-0.2, 0.9, features))
        np.save(folder / "Std.npy", np.linspace(0.1, 0.4, features))
        return folder

    return write


def save_checkpoint(path: Path, variant: Variant, part: str = "", **model: Any) -> Path:
    """A Lightning file of this variant, or of the part of it whose names begin with `part`."""
    state = make_official(variant, **model).state_dict()
    torch.save(lightning_values({key: value for key, value in state.items() if key.startswith(part)}), path)
    return path


def options_for(variant: Variant, statistics: Callable[[int], Path], **others: Any) -> ImportOptions:
    folder = statistics(variant.features)
    text = {"text_encoder": "t5", "mean": folder / "Mean.npy", "std": folder / "Std.npy"}
    return ImportOptions(**{**(text if variant.condition == "text" else {}), **others})


@pytest.mark.parametrize("key", SMALL)
@pytest.mark.parametrize("mem_pos", [True, False])
def test_names_and_shapes_tell_which_model_it_is(key: str, mem_pos: bool) -> None:
    state = make_official(SMALL[key], mem_pos=mem_pos).state_dict()
    assert infer_variant(state, prediction=SMALL[key].prediction) == SMALL[key]


@pytest.mark.parametrize(("file", "key"), [("humanml3d", "mld"), ("action", "humanact12")])
def test_the_published_key_lists_are_recognised(shared_dir: Path, file: str, key: str) -> None:
    path = shared_dir / "reference" / f"mld_official_statedict_{file}.txt"
    if not path.is_file():
        pytest.skip(f"the published key lists are not in {path.parent}")
    rows = [line.split("\t") for line in path.read_text().splitlines() if not line.startswith("#") and line]
    published = {row[0]: torch.empty(json.loads(f"[{row[1].strip('(,)')}]"), device="meta") for row in rows}
    assert infer_variant(published) == VARIANTS[key]


@pytest.mark.parametrize("key", SMALL)
def test_every_variant_becomes_a_pack_that_makes_motion(
    key: str, tmp_path: Path, statistics: Callable[[int], Path]
) -> None:
    variant = SMALL[key]
    path = save_checkpoint(tmp_path / "model.ckpt", variant)
    options = options_for(variant, statistics, prediction=variant.prediction)
    imported = import_checkpoint(path, tmp_path / "pack", options)
    pack = Pack.open(tmp_path / "pack")
    assert imported.variant == variant
    assert pack.name == "pack"
    assert pack.conditions == (variant.condition, "unconditional")
    assert pack.config.representation.features == variant.features
    assert "Non-commercial" in pack.licence
    assert len(pack.actions) == variant.actions
    synthesis = Synthesis(pack, torch.device("cpu"))
    frames = pack.config.min_frames
    steps = min(pack.config.schedule.step_choices, default=2)
    generator = torch.Generator().manual_seed(1)
    told = [Condition(Kind.TEXT, text=wave((variant.text_dim,), phase)) for phase in (0.7, 0.2) if variant.text_dim]
    condition, unconditional = told or (Condition(Kind.ACTION, action=3), NOTHING)
    latent = synthesis.latent(
        synthesis.noise(generator, frames),
        frames,
        condition,
        guidance=2.0,
        steps=steps,
        unconditional=unconditional,
        generator=generator,
    )
    features = synthesis.features(latent, frames)
    assert features.shape == (frames, variant.features)
    assert bool(features.isfinite().all())


def test_the_numbers_are_those_of_the_checkpoint(tmp_path: Path, statistics: Callable[[int], Path]) -> None:
    """The decoded features are the published decoder's, in the statistics that were given."""
    variant = SMALL["mld"]
    official = make_official(variant)
    torch.save({"state_dict": official.state_dict()}, tmp_path / "model.ckpt")
    pack = import_checkpoint(tmp_path / "model.ckpt", tmp_path / "pack", options_for(variant, statistics)).pack
    latent = wave((1, 32), 1.1)
    assert official.vae is not None
    expected = official.vae.decode(latent[:, None], [24])[0]
    folder = statistics(263)
    mean, std = (torch.from_numpy(np.load(folder / file)).float() for file in ("Mean.npy", "Std.npy"))
    features = Synthesis(pack, torch.device("cpu")).features(latent, 24)
    assert float((features - (expected * std + mean)).abs().max()) < 2e-5


def test_the_source_and_what_was_left_out_stand_in_the_pack(tmp_path: Path, statistics: Callable[[int], Path]) -> None:
    from hashlib import sha256

    variant = SMALL["mld"]
    state: dict[str, Tensor] = {
        **make_official(variant).state_dict(),
        "text_encoder.text_model.visual_projection.weight": torch.zeros(3, 3),
        "t2m_textencoder.gru.weight": torch.zeros(3),
        "t2m_moveencoder.out.bias": torch.zeros(3),
        "HUMANACTMetrics.gru_classifier.weight": torch.zeros(3),
        "rot2xyz.smpl_model.faces": torch.zeros(3, dtype=torch.int64),
    }
    path = tmp_path / "mld.ckpt"
    torch.save(lightning_values(state), path)
    imported = import_checkpoint(path, tmp_path / "pack", options_for(variant, statistics))
    dropped = {"text_encoder": 1, "t2m_textencoder": 1, "t2m_moveencoder": 1, "HUMANACTMetrics": 1, "rot2xyz": 1}
    assert imported.dropped == dropped
    assert "hostile_files.Opaque" in imported.inert
    source = json.loads(imported.pack.read("source.json"))
    digest = sha256(path.read_bytes()).hexdigest()
    assert source["files"] == [{"name": "mld.ckpt", "sha256": digest, "epoch": 1222, "step": 345678}]
    assert source["statistics"] == {"mean": "Mean.npy", "std": "Std.npy"}
    card, licence = (imported.pack.read(file).decode() for file in ("MODEL_CARD.md", "LICENSE.txt"))
    for words in (digest, "epoch 1222, step 345678", "rot2xyz (1 tensors)", "CVPR 2023", "Non-commercial"):
        assert words in card
    for words in ("MIT", "non-commercial", "AMASS", "HumanML3D"):
        assert words in licence
    for component in ("encoder", "decoder", "denoiser"):
        tensors = imported.pack.tensors(component)
        assert not any(("text_encoder" in key or "smpl" in key or "t2m" in key) for key in tensors)
        assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}


def test_vae_and_denoiser_may_lie_in_two_files(tmp_path: Path, statistics: Callable[[int], Path]) -> None:
    variant = SMALL["motionlcm_v2"]
    whole = import_checkpoint(
        save_checkpoint(tmp_path / "whole.ckpt", variant), tmp_path / "whole", options_for(variant, statistics)
    )
    source = save_checkpoint(tmp_path / "lcm.ckpt", variant, "denoiser.", mem_pos=False)
    with pytest.raises(RequestError, match="without its VAE") as caught:
        import_checkpoint(source, tmp_path / "pack", options_for(variant, statistics))
    assert caught.value.code == "missing_vae"
    assert "--vae FILE" in caught.value.hint
    state = make_official(variant).state_dict()
    torch.save({key[4:]: value for key, value in state.items() if key.startswith("vae.")}, tmp_path / "vae.ckpt")
    options = options_for(variant, statistics, vae=tmp_path / "vae.ckpt", text_encoder=None)
    parted = import_checkpoint(source, tmp_path / "pack", options)
    assert parted.pack.config.text_encoder == TEXT_ENCODERS["t5"]
    for component in ("encoder", "decoder", "denoiser", "statistics"):
        found, expected = parted.pack.tensors(component), whole.pack.tensors(component)
        assert shapes(found) == shapes(expected)
        assert all(torch.equal(found[key], expected[key]) for key in expected)
    assert len(json.loads(parted.pack.read("source.json"))["files"]) == 2


def test_the_texts_layer_is_found_under_both_of_its_names(tmp_path: Path, statistics: Callable[[int], Path]) -> None:
    variant = SMALL["motionlcm_v2_mld"]
    state = make_official(variant).state_dict()
    renamed = {key.replace("emb_proj.1.", "emb_proj."): value for key, value in state.items()}
    assert renamed.keys() != state.keys()
    torch.save({"state_dict": renamed}, tmp_path / "model.ckpt")
    assert (
        import_checkpoint(tmp_path / "model.ckpt", tmp_path / "p", options_for(variant, statistics)).variant == variant
    )


def test_what_cannot_be_told_from_the_file_is_asked_for(tmp_path: Path, statistics: Callable[[int], Path]) -> None:
    path = save_checkpoint(tmp_path / "model.ckpt", SMALL["mld"])
    options = options_for(SMALL["mld"], statistics)

    def refuse(code: str, *words: str, **changes: Any) -> None:
        with pytest.raises(RequestError) as caught:
            import_checkpoint(path, tmp_path / "pack", replace(options, **changes))
        assert caught.value.code == code
        for word in words:
            assert word in str(caught.value)
        assert not (tmp_path / "pack").exists()

    refuse("missing_text_encoder", "--text-encoder clip", "--text-encoder t5", "MotionLCM", text_encoder=None)
    refuse("missing_statistics", "Mean.npy", "Std.npy", "HumanML3D", "263", "--statistics", mean=None, std=None)
    refuse("missing_statistics", "Mean.npy", mean=None)
    refuse("missing_statistics", "nowhere.npy", mean=tmp_path / "nowhere.npy")
    kit = statistics(251)
    refuse("bad_statistics", "(251,)", "(263,)", mean=kit / "Mean.npy")
    refuse("bad_statistics", "not above 0", "exchanged", std=statistics(263) / "Mean.npy")
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}], dtype=object))
    refuse("bad_statistics", "no .npy file of numbers", mean=tmp_path / "objects.npy")
    np.save(tmp_path / "nan.npy", np.full(263, np.nan))
    refuse("bad_statistics", "not finite", mean=tmp_path / "nan.npy")
    imported = import_checkpoint(path, tmp_path / "pack", replace(options, text_encoder="clip", licence="My licence"))
    assert imported.pack.config.text_encoder == TEXT_ENCODERS["clip"]
    assert imported.pack.licence == "My licence"
    refuse_again = replace(options, name="again")
    with pytest.raises(RequestError, match="a pack in"):
        import_checkpoint(path, tmp_path / "pack", refuse_again)
    assert import_checkpoint(path, tmp_path / "pack", replace(refuse_again, overwrite=True)).pack.name == "again"


def without(part: str) -> Callable[[dict[str, Tensor]], Mapping[str, Tensor]]:
    return lambda state: {key: value for key, value in state.items() if part not in key}


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (without("time_embedding.linear_1.weight"), "bad_checkpoint", "linear_1.weight is missing"),
        (without("skel_embedding.weight"), "bad_checkpoint", "vae.skel_embedding.weight is missing"),
        (without("denoiser."), "missing_denoiser", "VAE without a denoiser"),
        (without("linear_blocks.0.bias"), "checkpoint_not_supported", "linear_blocks.0.bias is missing"),
        (without("encoder.norm.weight"), "checkpoint_not_supported", "norm.weight is missing"),
        (lambda s: {**s, "vae.surprise": torch.ones(2)}, "checkpoint_not_supported", "vae.surprise"),
        (lambda s: {**s, "vae.final_layer.bias": torch.ones(7)}, "checkpoint_not_supported", "has the shape (7,)"),
        (lambda s: {**s, "vae.skel_embedding.weight": torch.ones(4)}, "bad_checkpoint", "has the shape [4]"),
    ],
)
def test_an_incomplete_or_foreign_checkpoint_names_the_tensor(
    tmp_path: Path, statistics: Callable[[int], Path], change: Callable[..., Any], code: str, message: str
) -> None:
    torch.save({"state_dict": change(make_official(SMALL["mld"]).state_dict())}, tmp_path / "model.ckpt")
    with pytest.raises(RequestError) as caught:
        import_checkpoint(tmp_path / "model.ckpt", tmp_path / "pack", options_for(SMALL["mld"], statistics))
    assert caught.value.code == code
    assert message in caught.value.message
    assert [path.name for path in tmp_path.glob("*pack*")] == []


def test_motion_of_an_unknown_kind_is_refused(tmp_path: Path, statistics: Callable[[int], Path]) -> None:
    variant = replace(SMALL["mld"], features=70)
    path = save_checkpoint(tmp_path / "model.ckpt", variant)
    with pytest.raises(RequestError, match=r"70 numbers a frame; this engine knows 263 \(humanml263\)"):
        import_checkpoint(path, tmp_path / "pack", options_for(variant, statistics))


def test_action_classes_have_their_names_or_are_asked_for(tmp_path: Path) -> None:
    """No statistics are needed: these models' features are not normalised."""
    for key, count, example in (("humanact12", 12, "turn_steering_wheel"), ("uestc", 40, "high_knees_running")):
        path = save_checkpoint(tmp_path / f"{key}.ckpt", SMALL[key])
        pack = import_checkpoint(path, tmp_path / key).pack
        assert len(pack.actions) == count
        assert example in pack.actions
        assert pack.config.text_encoder is None
        assert float(pack.tensors("statistics")["feature_std"].min()) == 1
        motion = MotionPipeline.from_pack(pack, "cpu")(action=example, seconds=1.0, steps=2)[0]
        assert motion.meta["action"] == example
    path = save_checkpoint(tmp_path / "five.ckpt", replace(SMALL["humanact12"], actions=5))
    with pytest.raises(RequestError, match="5 action classes") as caught:
        import_checkpoint(path, tmp_path / "five")
    assert caught.value.code == "missing_actions"
    assert "action_classes.txt" in caught.value.hint
    with pytest.raises(RequestError, match="2 names were given"):
        import_checkpoint(path, tmp_path / "five", ImportOptions(actions=("a", "b")))
    names = tmp_path / "names.txt"
    names.write_text("one\ntwo\nthree\nfour\n\nfive\n")
    assert main(["import-checkpoint", str(path), str(tmp_path / "five"), "--actions", str(names), "--fps", "30"]) == 0
    assert Pack.open(tmp_path / "five").actions == ("one", "two", "three", "four", "five")
    assert Pack.open(tmp_path / "five").fps == 30


def test_a_hostile_file_ends_the_command_with_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    marker = tmp_path / "executed"
    payload = call(name("os", "system"), text(f"touch {marker}"))
    bad = archive(tmp_path / "bad.ckpt", checkpoint(table({"vae.x": payload})))
    assert main(["import-checkpoint", str(bad), str(tmp_path / "pack")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("mld_engine: error: The checkpoint is refused, and nothing in it was run")
    assert "os.system" in error
    assert error.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.ckpt"]
    assert main(["import-checkpoint", str(tmp_path / "nowhere.ckpt"), str(tmp_path / "pack")]) == 2
    assert "nowhere.ckpt cannot be read" in capsys.readouterr().err
    assert main(["import-checkpoint", str(bad), str(tmp_path / "pack"), "--actions", str(bad)]) == 2


def assert_golden(pack: Pack) -> None:
    """The networks of the pack give the published arrays, of which these are the first numbers."""
    config = pack.config
    assert config.vae is not None
    vae = config.vae
    encoder = build(lambda: MotionEncoder(vae), pack.tensors("encoder"), "encoder")
    decoder = build(lambda: MotionDecoder(vae), pack.tensors("decoder"), "decoder")
    denoiser = build(lambda: Denoiser(config.denoiser), pack.tensors("denoiser"), "denoiser")
    mean = encoder(wave((2, 24, 263), 0.3), torch.tensor([24, 16])).mean[0, 0]
    decoded = decoder(wave((1, 2, 256), 1.1).transpose(0, 1), 24, torch.tensor([24, 16]))[0, 0]
    text, zero = wave((2, 1, 768), 0.7)[:, 0], torch.zeros(2, dtype=torch.long)
    kind, timestep = torch.full((2,), Kind.TEXT), torch.full((2,), 981)
    noise = denoiser(wave((2, 1, 256), 2.2), timestep, zero, kind, text, zero, zero)[0, 0]
    for found, expected in (
        (mean, [-0.527425, -1.423748, -0.171702, 1.639466]),
        (decoded, [-0.142354, -0.044262, 0.060291, 0.147679]),
        (noise, [-0.551518, -1.086114, 0.410591, 2.033117]),
    ):
        assert float((found[:4] - torch.tensor(expected)).abs().max()) < 2e-5


def test_from_an_official_checkpoint_to_an_amass_file(
    tmp_path: Path, statistics: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of the published size and layout, by the command line, to motion of a prompt."""
    state = make_official(MLD).state_dict()
    torch.save(lightning_values({**state, "t2m_textencoder.w": torch.zeros(9)}), tmp_path / "1222_mld.ckpt")
    command = [sys.executable, "-m", "mld_engine", "import-checkpoint", "1222_mld.ckpt", "packs/mld"]
    told = ["--text-encoder", "t5", "--statistics", str(statistics(263))]
    environment = quiet_environment(PYTHONPATH=str(REPOSITORY))
    done = subprocess.run([*command, *told], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for words in ("recognised: mld, latent 1 x 256, 20 fps", "t2m_textencoder (1 tensors)", "wrote"):
        assert words in done.stdout
    assert_golden(Pack.open(tmp_path / "packs" / "mld"))
    write_small_t5(tmp_path / "t5", small_t5_tensors(768))
    monkeypatch.setenv("MLD_T5_MODEL", str(tmp_path / "t5"))
    monkeypatch.setenv("MLD_PACKS_DIR", str(tmp_path / "packs"))
    out = tmp_path / "take.npz"
    request = ["generate", "--pack", "mld", "--text", "a person walks", "--seconds", "2", "--seed", "3", "--steps", "4"]
    assert main([*request, "--device", "cpu", "--out", str(out)]) == 0
    motion = read_amass(out)
    assert (motion.frames, motion.fps) == (40, 20.0)
    assert motion.meta["text"] == "a person walks"
    assert motion.meta["pack_sha256"] == Pack.open("mld").sha256
    assert np.isfinite(motion.rotations).all()
    with np.load(out) as arrays:
        assert arrays["poses"].shape == (40, 156)
