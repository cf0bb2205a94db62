# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped packs give the numbers of their golden arrays, in 32-bit floats, to 1e-4 of their size.

Other code than this engine's has computed those: the prototype of the networks, and scipy's cosine transform.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from mld_engine.checkpoints.pack import Pack
from mld_engine.conditions.text import load_text_encoder
from mld_engine.models.denoiser import Denoiser, Kind
from mld_engine.models.loading import build
from mld_engine.pipeline import MotionPipeline
from mld_engine.synthesis import Condition, Synthesis

CLIPS = range(4)


@pytest.fixture(scope="module", params=["research", "studio"])
def pack(request: pytest.FixtureRequest) -> Pack:
    return Pack.open(request.param)


@pytest.fixture(scope="module")
def golden(pack: Pack) -> dict[str, Tensor]:
    """The pack's own inputs and expected outputs."""
    return pack.tensors("golden")


@pytest.fixture(scope="module")
def golden_texts(pack: Pack) -> list[str]:
    texts: list[str] = json.loads(pack.read("golden.json"))["texts"]
    return texts


@pytest.fixture(scope="module")
def pipeline(pack: Pack) -> MotionPipeline:
    return MotionPipeline.from_pack(pack, "cpu")


@pytest.fixture(scope="module")
def synthesis(pack: Pack) -> Synthesis:
    return Synthesis(pack, torch.device("cpu"))


def relative_error(result: Tensor, expected: Tensor) -> float:
    assert result.shape == expected.shape
    return float((result - expected).abs().max() / expected.abs().max())


def condition_of(golden: dict[str, Tensor], clip: int) -> Condition:
    kind = Kind(int(golden["kind"][clip]))
    if kind == Kind.TEXT:
        return Condition(kind, text=golden["text_embeddings"][clip])
    return Condition(kind, action=int(golden["action"][clip]))


@pytest.mark.parametrize("folded", [False, True])
def test_denoiser(pack: Pack, golden: dict[str, Tensor], folded: bool) -> None:
    denoiser = build(lambda: Denoiser(pack.config.denoiser), pack.tensors("denoiser"), "denoiser")
    if folded:
        denoiser.fold()
    names = ("noise", "t", "frames", "kind", "text_embeddings", "action", "style")
    output = denoiser(*(golden[name] for name in names))
    assert relative_error(output, golden["denoiser_out"]) < 1e-4


@pytest.mark.parametrize("steps", [50, 10])
@pytest.mark.parametrize("clip", CLIPS)
def test_ddim_with_guidance(synthesis: Synthesis, golden: dict[str, Tensor], clip: int, steps: int) -> None:
    latent = synthesis.latent(
        golden["noise"][clip],
        int(golden["frames"][clip]),
        condition_of(golden, clip),
        guidance=4.0,
        steps=steps,
    )
    assert relative_error(latent, golden[f"ddim{steps}_cfg4"][clip]) < 1e-4


@pytest.mark.parametrize("clip", CLIPS)
def test_decoder_and_motion(synthesis: Synthesis, golden: dict[str, Tensor], clip: int) -> None:
    expected_features, expected_root = golden[f"features_{clip}"], golden[f"trans_{clip}"]
    motion = synthesis.decode(golden["ddim50_cfg4"][clip], int(golden["frames"][clip]))
    assert relative_error(motion.root, expected_root) < 1e-4
    assert (1 - (motion.rotations * golden[f"quat_{clip}"]).sum(-1).abs()).max() < 1e-6
    exact = synthesis.representation.to_motion(expected_features)
    assert relative_error(exact.rotations, golden[f"quat_{clip}"]) < 1e-4
    assert relative_error(exact.root, expected_root) < 1e-4


def test_decoder_features(synthesis: Synthesis, golden: dict[str, Tensor]) -> None:
    for clip in CLIPS:
        expected = golden[f"features_{clip}"]
        assert relative_error(synthesis.features(golden["ddim50_cfg4"][clip], len(expected)), expected) < 1e-4


def test_encoder(synthesis: Synthesis, golden: dict[str, Tensor]) -> None:
    posterior = synthesis.posterior(golden["features_0"])
    assert relative_error(posterior.mean, golden["encode_mu_0"][0]) < 1e-4
    assert relative_error(posterior.log_variance, golden["encode_logvar_0"][0]) < 1e-4


def test_text_embeddings(pack: Pack, golden: dict[str, Tensor], golden_texts: list[str]) -> None:
    assert pack.config.text_encoder is not None
    encoder = load_text_encoder(pack.config.text_encoder)
    for text, expected in zip(golden_texts, golden["text_embeddings"], strict=True):
        embedding = encoder.embed(text)
        assert float(embedding.norm()) == pytest.approx(1.0, abs=1e-5)
        assert float(torch.nn.functional.cosine_similarity(embedding, expected, dim=0)) >= 0.9999


def test_text_to_motion_whole(pipeline: MotionPipeline, golden: dict[str, Tensor], golden_texts: list[str]) -> None:
    """From the words to the path, through the public call: the golden noise is that of seed 7."""
    motion = pipeline(golden_texts[0], seconds=4.0, seed=7, guidance=4.0, steps=50)[0]
    assert relative_error(torch.from_numpy(motion.root), golden["trans_0"]) < 1e-4
    assert (1 - (torch.from_numpy(motion.rotations) * golden["quat_0"]).sum(-1).abs()).max() < 1e-6


def test_a_deviation_would_be_seen(pack: Pack, golden: dict[str, Tensor]) -> None:
    """The tolerance above is tight enough to notice another schedule."""
    synthesis = Synthesis(pack, torch.device("cpu"))
    synthesis.schedule = replace(synthesis.schedule, config=replace(synthesis.schedule.config, final_alpha="one"))
    latent = synthesis.latent(golden["noise"][0], 120, condition_of(golden, 0), guidance=4.0, steps=50)
    assert relative_error(latent, golden["ddim50_cfg4"][0]) > 1e-4
