# SPDX-License-Identifier: GPL-3.0-or-later
"""Published checkpoints in our modules: golden arrays, key lists, and the published networks put together plainly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from official_files import (
    ACTION,
    MLD,
    VARIANTS,
    OfficialModel,
    golden_tensor,
    make_official,
    random_tensor,
    shapes,
    small,
    wave,
)
from torch import Tensor

from mld_engine.checkpoints.official.tensor_names import Converted, convert
from mld_engine.checkpoints.official.variant import Variant, variant_configs
from mld_engine.errors import PackError
from mld_engine.models.denoiser import Denoiser, Kind
from mld_engine.models.loading import build
from mld_engine.models.vae import MotionDecoder, MotionEncoder, Posterior

TOLERANCE = 2e-5
SMALL = {name: small(variant) for name, variant in VARIANTS.items()}
WITH_VAE = [name for name, variant in VARIANTS.items() if variant.vae != "none"]


class Ours:
    """Our modules around the converted tensors of a published model."""

    def __init__(self, variant: Variant, converted: Converted) -> None:
        vae, denoiser, _ = variant_configs(variant)
        self.denoiser = build(lambda: Denoiser(denoiser), converted.denoiser, "denoiser")
        if vae is not None:
            assert converted.encoder is not None
            assert converted.decoder is not None
            self.encoder = build(lambda: MotionEncoder(vae), converted.encoder, "encoder")
            self.decoder = build(lambda: MotionDecoder(vae), converted.decoder, "decoder")

    def predict(self, noisy: Tensor, timestep: int, condition: Tensor, guidance: float | None = None) -> Tensor:
        """Text embeddings (B, text_dim), or labels (B,) with -1 for none."""
        rows, config = len(noisy), self.denoiser.config
        filled = partial(torch.full, (rows,), device=noisy.device)
        scales = None if guidance is None else filled(guidance)
        if config.text_dim:
            kinds, text, labels = filled(Kind.TEXT), condition, filled(0)
        else:
            kinds = torch.where(condition < 0, int(Kind.NULL), int(Kind.ACTION))
            text, labels = noisy.new_zeros(rows, 0), condition.clamp_min(0)
        return self.denoiser(noisy, filled(timestep), filled(40), kinds, text, labels, labels, scales)


def load(variant: Variant, fill: Callable[[str, torch.Size], Tensor] = golden_tensor) -> tuple[OfficialModel, Ours]:
    official = make_official(variant, fill=fill)
    return official, Ours(variant, convert(variant, official.state_dict()))


def difference(result: Tensor, expected: Tensor | np.ndarray) -> float:
    expected = torch.as_tensor(expected)
    assert result.shape == expected.shape
    return float((result - expected).abs().max())


@pytest.fixture(scope="module")
def text_tensors() -> Converted:
    return convert(MLD, make_official(MLD).state_dict())


@pytest.fixture(scope="module")
def action_tensors() -> Converted:
    return convert(ACTION, make_official(ACTION).state_dict())


@pytest.fixture(scope="module")
def text_model(text_tensors: Converted) -> Ours:
    return Ours(MLD, text_tensors)


@pytest.fixture(scope="module")
def action_model(action_tensors: Converted) -> Ours:
    return Ours(ACTION, action_tensors)


@pytest.fixture(scope="module")
def published(shared_dir: Path) -> dict[str, np.ndarray]:
    file = shared_dir / "reference" / "mld_golden.npz"
    if not file.is_file():
        pytest.skip(f"the published golden arrays are not in {file}")
    with np.load(file) as arrays:
        return dict(arrays)


def encode(model: Ours, features: Tensor, lengths: list[int]) -> Posterior:
    return model.encoder(features, torch.tensor(lengths))


def text_inputs() -> tuple[Tensor, Tensor]:
    return wave((2, 1, 256), 2.2), wave((2, 1, 768), 0.7)[:, 0]


def action_inputs() -> tuple[Tensor, Tensor]:
    # Four rows of which the published module treats the first two as unconditional.
    return wave((4, 1, 256), 2.2), torch.tensor([-1, -1, 3, 11])


def test_golden_text_vae(text_model: Ours, published: dict[str, np.ndarray]) -> None:
    posterior = encode(text_model, wave((2, 24, 263), 0.3), [24, 16])
    assert difference(posterior.mean.transpose(0, 1), published["vae_mu"]) < TOLERANCE
    assert difference((0.5 * posterior.log_variance).exp().transpose(0, 1), published["vae_std"]) < TOLERANCE
    latents = wave((1, 2, 256), 1.1).transpose(0, 1)
    decoded = text_model.decoder(latents, 24, torch.tensor([24, 16]))
    assert difference(decoded, published["vae_dec"]) < TOLERANCE


@pytest.mark.parametrize("folded", [False, True])
def test_golden_denoisers(
    folded: bool, text_tensors: Converted, action_tensors: Converted, published: dict[str, np.ndarray]
) -> None:
    text, action = Ours(MLD, text_tensors), Ours(ACTION, action_tensors)
    if folded:
        text.denoiser.fold()
        action.denoiser.fold()
    for timestep in (981, 1):
        prediction = text.predict(text_inputs()[0], timestep, text_inputs()[1])
        assert difference(prediction, published[f"den_eps_t{timestep}"]) < TOLERANCE
    assert (
        difference(action.predict(action_inputs()[0], 981, action_inputs()[1]), published["aden_eps_t981"]) < TOLERANCE
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_golden_values_on_the_gpu(text_tensors: Converted, published: dict[str, np.ndarray]) -> None:
    ours = Ours(MLD, text_tensors)
    ours.denoiser.fold()
    ours.denoiser.cuda()
    noisy, text = (tensor.cuda() for tensor in text_inputs())
    assert difference(ours.predict(noisy, 981, text).cpu(), published["den_eps_t981"]) < TOLERANCE
    latents, lengths = wave((1, 2, 256), 1.1).transpose(0, 1).cuda(), torch.tensor([24, 16], device="cuda")
    assert difference(ours.decoder.cuda()(latents, 24, lengths).cpu(), published["vae_dec"]) < TOLERANCE


def test_golden_action_vae(action_model: Ours, published: dict[str, np.ndarray]) -> None:
    posterior = encode(action_model, wave((2, 60, 150), 0.3), [60, 60])
    assert difference(posterior.mean[:, 0], published["avae_mu"]) < TOLERANCE
    assert difference((0.5 * posterior.log_variance[:, 0]).exp(), published["avae_std"]) < TOLERANCE
    decoded = action_model.decoder(wave((1, 2, 256), 1.1).transpose(0, 1), 60)
    assert difference(decoded, published["avae_dec"]) < TOLERANCE


def test_golden_values_without_the_files(text_model: Ours, action_model: Ours) -> None:
    """The first numbers of the published arrays."""
    posterior = encode(text_model, wave((2, 24, 263), 0.3), [24, 16])
    latents = wave((1, 2, 256), 1.1).transpose(0, 1)
    results = {
        posterior.mean: (-0.527425, -1.423748, -0.171702, 1.639466),
        (0.5 * posterior.log_variance).exp(): (0.821898, 0.462046, 0.802226, 2.057377),
        text_model.decoder(latents, 24): (-0.142354, -0.044262, 0.060291, 0.147679),
        text_model.predict(text_inputs()[0], 981, text_inputs()[1]): (-0.551518, -1.086114, 0.410591, 2.033117),
        text_model.predict(text_inputs()[0], 1, text_inputs()[1]): (-0.551413, -1.085913, 0.410805, 2.033241),
        action_model.decoder(latents, 60): (0.5357, 0.77878, 0.855336, 0.748852),
        action_model.predict(action_inputs()[0], 981, action_inputs()[1]): (0.890607, 1.088441, -0.855607, -1.505447),
    }
    for result, expected in results.items():
        assert difference(result.flatten()[:4], torch.tensor(expected)) < TOLERANCE


@pytest.mark.parametrize(("file", "variant"), [("humanml3d", MLD), ("action", ACTION)], ids=["HumanML3D", "HumanAct12"])
def test_the_made_up_files_have_the_published_keys(shared_dir: Path, file: str, variant: Variant) -> None:
    """So that what these tests convert is what people have, and nothing of it is left out."""
    path = shared_dir / "reference" / f"mld_official_statedict_{file}.txt"
    if not path.is_file():
        pytest.skip(f"the list of published keys is not in {path}")
    rows = [line.split("\t") for line in path.read_text().splitlines() if line.startswith(("vae.", "denoiser."))]
    listed = {key: tuple(int(size) for size in shape.strip("()").split(",") if size) for key, shape, *_ in rows}
    assert shapes(make_official(variant, fill=lambda key, shape: torch.zeros(shape)).state_dict()) == listed


@pytest.mark.parametrize("name", SMALL)
def test_the_denoiser_predicts_what_the_published_one_does(name: str) -> None:
    variant = SMALL[name]
    official, ours = load(variant, random_tensor)
    shape = (3, 23, variant.features) if variant.vae == "none" else (3, variant.latent_tokens, variant.latent_dim)
    noisy = wave(shape, 2.2)
    condition = torch.tensor([0, -1, 7]) if variant.actions else wave((3, variant.text_dim), 0.7)
    scale = 7.5 if variant.guidance_dim else None
    for timestep in (999, 481, 0):
        expected = official.denoiser(noisy, timestep, condition, scale)
        assert difference(ours.predict(noisy, timestep, condition, scale), expected) < TOLERANCE
    ours.denoiser.fold()
    assert difference(ours.predict(noisy, 0, condition, scale), expected) < TOLERANCE


@pytest.mark.parametrize("name", WITH_VAE)
def test_the_vae_codes_what_the_published_one_does(name: str) -> None:
    variant = SMALL[name]
    official, ours = load(variant, random_tensor)
    assert official.vae is not None
    lengths = [21, 16]
    features = wave((2, 21, variant.features), 0.3)
    mean, spread = official.vae.encode(features, lengths)
    posterior = encode(ours, features, lengths)
    assert difference(posterior.mean.transpose(0, 1), mean) < TOLERANCE
    assert difference((0.5 * posterior.log_variance).exp().transpose(0, 1), spread) < TOLERANCE
    latents = wave((2, variant.latent_tokens, variant.latent_dim), 1.1)
    expected = official.vae.decode(latents.transpose(0, 1), lengths)
    assert difference(ours.decoder(latents, 21, torch.tensor(lengths)), expected) < TOLERANCE
    assert difference(ours.decoder(latents[:1], 21), expected[:1]) < TOLERANCE


@pytest.mark.parametrize("tokens", [1, 2, 5, 10])
def test_any_number_of_latent_tokens(tokens: int) -> None:
    variant = small(MLD, latent_tokens=tokens)
    official, ours = load(variant, random_tensor)
    assert official.vae is not None
    latents = wave((2, tokens, variant.latent_dim), 1.1)
    expected = official.vae.decode(latents.transpose(0, 1), [17, 17])
    assert difference(ours.decoder(latents, 17), expected) < TOLERANCE
    text = wave((2, variant.text_dim), 0.7)
    assert difference(ours.predict(latents, 300, text), official.denoiser(latents, 300, text)) < TOLERANCE


def test_the_two_halves_of_an_action_batch_are_told_apart_by_the_label_only() -> None:
    """Without a condition the published module puts zeros where the label's vector would stand."""
    ours = load(SMALL["humanact12"])[1]
    noisy = wave((2, 1, 32), 2.2)
    nothing = ours.predict(noisy, 500, torch.tensor([-1, -1]))
    with torch.no_grad():
        assert ours.denoiser.action is not None
        ours.denoiser.action.weight.zero_()
    assert difference(ours.predict(noisy, 500, torch.tensor([2, 5])), nothing) < TOLERANCE


def test_a_file_without_the_unused_table_and_with_other_networks_is_taken() -> None:
    variant = SMALL["mld"]
    tensors = make_official(variant, mem_pos=False).state_dict()
    extra = {"t2m_textencoder.hidden": torch.zeros(2, 1, 4), "denoiser.sequence_pos_encoding.pe": torch.zeros(9, 1, 4)}
    converted = convert(variant, {**tensors, **extra})
    whole = convert(variant, make_official(variant).state_dict())
    assert shapes(converted.denoiser) == shapes(whole.denoiser)
    assert all(torch.equal(converted.denoiser[name], tensor) for name, tensor in whole.denoiser.items())


def test_positions_that_were_never_trained_are_left_out() -> None:
    encoder = convert(SMALL["mld"], make_official(SMALL["mld"]).state_dict()).encoder
    assert encoder is not None
    assert encoder["enc_pos"].shape[0] == 196
    vae, denoiser, _ = variant_configs(SMALL["no_vae_encoder"])
    assert vae is None
    assert denoiser.tokens == 196


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"vae.final_layer.bias": None}, "vae.final_layer.bias is missing"),
        ({"denoiser.query_pos.pe": None}, "denoiser.query_pos.pe is missing"),
        ({"denoiser.query_pos.pe": torch.zeros(2, 1, 32)}, r"denoiser.query_pos.pe has the shape \(2, 1, 32\)"),
        ({"vae.skel_embedding.weight": torch.zeros(32, 9)}, r"\(32, 9\), not \(32, 263\)"),
        ({"vae.encoder.extra": torch.zeros(1)}, "it holds vae.encoder.extra"),
    ],
)
def test_a_file_that_does_not_fit_names_the_key(damage: dict[str, Tensor | None], message: str) -> None:
    tensors = {**make_official(SMALL["mld"]).state_dict(), **damage}
    with pytest.raises(PackError, match=message) as caught:
        convert(SMALL["mld"], {key: tensor for key, tensor in tensors.items() if tensor is not None})
    assert caught.value.code == "checkpoint_not_supported"
    assert caught.value.hint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"denoiser_layers": 8}, "8 denoiser layers with skips"),
        ({"actions": 12}, "no text condition, or another one"),
        ({"latent_dim": 32}, "a latent of another size"),
        ({"latent_tokens": 0}, "a VAE without layers or latent"),
    ],
)
def test_a_combination_that_was_never_published_is_refused(changes: dict[str, int], message: str) -> None:
    with pytest.raises(PackError, match=message):
        replace(MLD, **changes)


def test_the_families_have_their_names() -> None:
    names = ("mld", "kit", "humanact12", "uestc", "no_vae", "motionlcm_v1", "motionlcm_v2_mld", "motionlcm_v2")
    assert [VARIANTS[name].family for name in names] == [
        "mld", "mld", "actor", "actor", "no_vae", "motionlcm_v1", "motionlcm_v2", "motionlcm_v2",
    ]  # fmt: skip
