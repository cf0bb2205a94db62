# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks: masks, memory, skip connections, both norms, and the layout made for speed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mld_engine.checkpoints.config import DenoiserConfig, Norm, VaeConfig
from mld_engine.errors import PackError
from mld_engine.models.blocks import (
    Attention,
    Block,
    TransformerStack,
    length_mask,
    position_table,
    sinusoidal_embedding,
)
from mld_engine.models.denoiser import Denoiser, Kind
from mld_engine.models.loading import build
from mld_engine.models.vae import MotionDecoder, MotionEncoder, Posterior

VAE = VaeConfig(
    tokens=2, latent_dim=6, width=16, layers=3, heads=2, feedforward=32, dropout=0.0, max_frames=40,
    positions="learned", norm="pre", features=9,
)  # fmt: skip
DENOISER = DenoiserConfig(
    tokens=2, latent_dim=6, width=16, layers=5, heads=4, feedforward=32, dropout=0.0, norm="pre",
    actions=5, styles=3, text_dim=10,
)  # fmt: skip
# The shape of the first published checkpoints: one wide token, post-norm, more layers.
PUBLISHED_SHAPE: dict[str, Any] = {"tokens": 1, "latent_dim": 16, "layers": 9, "norm": "post"}
PLAIN_SHAPE: dict[str, Any] = {"layers": 4, "norm": "post", "skips": False, "final_norm": False}
CROSS_SHAPE: dict[str, Any] = {"architecture": "decoder"}
SHAPES = pytest.mark.parametrize(
    "shape",
    [{}, PUBLISHED_SHAPE, PLAIN_SHAPE, CROSS_SHAPE, {**PLAIN_SHAPE, **CROSS_SHAPE}],
    ids=["pack", "published", "plain", "cross", "plain_cross"],
)


def draw(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def seeded(network: nn.Module) -> nn.Module:
    """Every parameter, zero-initialised ones too, gets a value of its own."""
    for index, parameter in enumerate(network.parameters()):
        parameter.data = 0.3 * draw(index, *parameter.shape) + (1.0 if parameter.dim() == 1 else 0.0)
    return network.eval()


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_frames_beyond_a_length_change_nothing(norm: Norm) -> None:
    config = replace(VAE, norm=norm)
    encoder, decoder = seeded(MotionEncoder(config)), seeded(MotionDecoder(config))
    features, lengths = draw(1, 2, 20, 9), torch.tensor([20, 13])
    together = encoder(features, lengths)
    alone = encoder(features[1:, :13])
    torch.testing.assert_close(together.mean[1:], alone.mean, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(together.log_variance[1:], alone.log_variance, atol=1e-5, rtol=1e-4)
    latents = draw(2, 2, 2, 6)
    decoded = decoder(latents, 20, lengths)
    assert decoded.shape == (2, 20, 9)
    torch.testing.assert_close(decoded[1:, :13], decoder(latents[1:], 13), atol=1e-4, rtol=1e-4)
    assert (decoded[1, 13:] == 0).all()


def test_without_lengths_every_frame_counts() -> None:
    encoder, decoder = seeded(MotionEncoder(VAE)), seeded(MotionDecoder(VAE))
    features, lengths = draw(1, 2, 20, 9), torch.tensor([20, 20])
    torch.testing.assert_close(encoder(features).mean, encoder(features, lengths).mean, atol=1e-5, rtol=1e-4)
    latents = draw(2, 2, 2, 6)
    torch.testing.assert_close(decoder(latents, 20), decoder(latents, 20, lengths), atol=1e-4, rtol=1e-4)


def test_the_decoder_knows_how_far_the_end_is() -> None:
    decoder = seeded(MotionDecoder(VAE))
    latents = draw(0, 1, 2, 6)
    assert not torch.allclose(decoder(latents, 30)[:, :10], decoder(latents, 10), atol=1e-3)


@pytest.mark.parametrize("frames", [0, 41])
def test_the_vae_says_which_lengths_it_takes(frames: int) -> None:
    with pytest.raises(AssertionError, match="1 to 40"):
        MotionDecoder(VAE)(draw(0, 1, 2, 6), frames)
    with pytest.raises(AssertionError, match="1 to 40"):
        MotionEncoder(VAE)(draw(0, 1, frames, 9))


def test_a_posterior_is_sampled_with_its_own_mean_and_spread() -> None:
    mean = torch.tensor([[[-1.0, 2.0]]], requires_grad=True)
    log_variance = torch.tensor([[[0.0, -2.0]]], requires_grad=True)
    posterior = Posterior(mean, log_variance)
    generator = torch.Generator().manual_seed(0)
    samples = torch.stack([posterior.sample(generator) for _ in range(4000)])
    torch.testing.assert_close(samples.mean(0), mean, atol=0.06, rtol=0)
    torch.testing.assert_close(samples.std(0), (0.5 * log_variance).exp(), atol=0.05, rtol=0)
    posterior.sample(generator).sum().backward()
    assert mean.grad is not None
    assert log_variance.grad is not None
    assert (log_variance.grad != 0).all()


def test_attention_sees_only_what_the_mask_allows() -> None:
    attention = seeded(Attention(8, 2))
    query, memory = draw(0, 2, 3, 8), draw(1, 2, 5, 8)
    mask = length_mask(torch.tensor([5, 2]), 5)
    changed = memory.clone()
    changed[1, 2:] += 10.0
    torch.testing.assert_close(attention(query, memory, mask), attention(query, changed, mask))
    assert not torch.allclose(attention(query, memory), attention(query, changed))


def test_a_mask_keeps_leading_tokens() -> None:
    mask = length_mask(torch.tensor([1, 3]), 3, extra=2)
    assert mask.shape == (2, 1, 1, 5)
    assert mask[:, 0, 0].tolist() == [[True, True, True, False, False], [True] * 5]


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_the_stack_joins_each_block_with_its_mirror(norm: Norm) -> None:
    """Against the same five blocks and two links, put together by hand."""
    stack = seeded(TransformerStack(8, 5, 2, 16, norm=norm))
    assert isinstance(stack, TransformerStack)
    x = draw(0, 2, 3, 8)
    blocks, links = list(stack.blocks), list(stack.links)
    first = blocks[0](x)
    second = blocks[1](first)
    middle = blocks[2](second)
    fourth = blocks[3](links[0](torch.cat([middle, second], -1)))
    fifth = blocks[4](links[1](torch.cat([fourth, first], -1)))
    torch.testing.assert_close(stack(x), stack.norm(fifth))


def test_norms_stand_before_or_after_each_branch() -> None:
    x = 5 + 3 * draw(0, 1, 4, 8)
    post = Block(8, 2, 16, norm="post").eval()
    torch.testing.assert_close(post(x).mean(-1), torch.zeros(1, 4), atol=1e-5, rtol=0)
    pre = Block(8, 2, 16, norm="pre").eval()
    for layer in (pre.self_attn.out, pre.down):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    torch.testing.assert_close(pre(x), x)


def test_blocks_say_what_is_wrong() -> None:
    with pytest.raises(AssertionError, match="odd number of layers, not 4"):
        TransformerStack(8, 4, 2, 16)
    with pytest.raises(AssertionError, match="does not divide by 3 heads"):
        Attention(8, 3)
    with pytest.raises(AssertionError, match="'pre' or 'post'"):
        Block(8, 2, 16, norm="sandwich")  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="memory goes with cross-attention"):
        Block(8, 2, 16, cross=True)(draw(0, 1, 2, 8))


def test_positions_are_sines_and_cosines_of_falling_rates() -> None:
    table = position_table(5, 4)
    angle = torch.tensor(3.0)
    torch.testing.assert_close(
        table[3], torch.stack([angle.sin(), angle.cos(), (angle / 100).sin(), (angle / 100).cos()])
    )
    wave = sinusoidal_embedding(torch.tensor([3]), 4)[0]
    torch.testing.assert_close(wave, torch.stack([angle.cos(), (angle / 100).cos(), angle.sin(), (angle / 100).sin()]))


@SHAPES
def test_folding_changes_the_layout_and_not_the_answer(shape: dict[str, Any]) -> None:
    denoiser = seeded(Denoiser(replace(DENOISER, **shape)))
    assert isinstance(denoiser, Denoiser)
    tokens, dim = denoiser.config.tokens, denoiser.config.latent_dim
    inputs = (draw(0, 3, tokens, dim), draw(1, 3, 16), draw(2, 3, 16), draw(3, 3, 16))
    with torch.no_grad():
        plain = denoiser.denoise(*inputs)
        denoiser.fold()
        torch.testing.assert_close(denoiser.denoise(*inputs), plain, atol=1e-4, rtol=1e-4)
        # Moving the network moves the folded weights.
        denoiser.double()
        exact = denoiser.denoise(*(tensor.double() for tensor in inputs))
        torch.testing.assert_close(exact.float(), plain, atol=1e-4, rtol=1e-4)
    with pytest.raises(AssertionError, match="already"):
        denoiser.fold()


def test_a_condition_token_depends_on_its_kind_and_on_nothing_else() -> None:
    denoiser = seeded(Denoiser(DENOISER))
    assert isinstance(denoiser, Denoiser)

    def token(kind: Kind, text: int, action: int, style: int) -> Tensor:
        result = denoiser.condition_tokens(
            torch.tensor([kind]), draw(text, 1, 10), torch.tensor([action]), torch.tensor([style])
        )
        return result[0].detach()

    torch.testing.assert_close(token(Kind.NULL, 0, 0, 0), token(Kind.NULL, 1, 2, 3))
    torch.testing.assert_close(token(Kind.TEXT, 0, 0, 0), token(Kind.TEXT, 0, 2, 3))
    torch.testing.assert_close(token(Kind.ACTION, 0, 2, 1), token(Kind.ACTION, 1, 2, 1))
    assert not torch.allclose(token(Kind.TEXT, 0, 0, 0), token(Kind.TEXT, 1, 0, 0))
    assert not torch.allclose(token(Kind.ACTION, 0, 2, 1), token(Kind.ACTION, 0, 2, denoiser.no_style))
    assert not torch.allclose(token(Kind.ACTION, 0, 2, 1), token(Kind.ACTION, 0, 3, 1))


def test_the_whole_denoiser_can_be_trained() -> None:
    denoiser = Denoiser(replace(DENOISER, dropout=0.1)).train()
    kinds = torch.tensor([Kind.NULL, Kind.TEXT, Kind.ACTION])
    labels = torch.tensor([0, 1, 2])
    prediction = denoiser(
        draw(0, 3, 2, 6),
        torch.tensor([1, 500, 999]),
        torch.tensor([24, 60, 300]),
        kinds,
        draw(1, 3, 10),
        labels,
        labels,
    )
    assert (prediction == 0).all()
    (prediction - 1).square().mean().backward()
    assert denoiser.out.bias.grad is not None
    assert (denoiser.out.bias.grad != 0).all()


def test_a_latent_of_another_shape_is_named() -> None:
    denoiser = Denoiser(DENOISER)
    token = draw(0, 1, 16)
    with pytest.raises(AssertionError, match=r"\(3, 6\), not \(2, 6\)"):
        denoiser.denoise(draw(0, 1, 3, 6), token, token, token)


def test_weights_that_do_not_fit_are_refused() -> None:
    tensors = {name: tensor.half() for name, tensor in MotionDecoder(VAE).state_dict().items()}
    decoder = build(lambda: MotionDecoder(VAE), tensors, "here")
    assert {parameter.dtype for parameter in decoder.parameters()} == {torch.float32}
    assert not any(parameter.requires_grad for parameter in decoder.parameters())
    missing = {name: tensor for name, tensor in tensors.items() if name != "mem_pos"}
    with pytest.raises(PackError, match="mem_pos") as caught:
        build(lambda: MotionDecoder(VAE), missing, "here")
    assert caught.value.code == "pack_corrupt"
    with pytest.raises(PackError, match="size mismatch"):
        build(lambda: MotionDecoder(replace(VAE, feedforward=64)), tensors, "here")
