# SPDX-License-Identifier: GPL-3.0-or-later
"""Learning rate, moving average, and taking up an optimiser where another stopped."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from mld_engine.train.config import load_values, parse
from mld_engine.train.loop import Pace
from mld_engine.train.optimizer import Optimizer, average_decay, rate_factor
from mld_engine.train.options import DenoiserTraining


def _options(**changes: object) -> DenoiserTraining:
    return replace(parse(load_values("tiny")).train_denoiser, **changes)  # type: ignore[arg-type]


def test_the_rate_rises_linearly_and_falls_as_a_cosine() -> None:
    assert [rate_factor(0.0, step, 4, "cosine") for step in (0, 1, 3, 9)] == [0.25, 0.5, 1, 1]
    falling = [rate_factor(progress, 9, 4, "cosine") for progress in (0.25, 0.5, 1.0, 1.5)]
    assert falling == pytest.approx([(2 + 2**0.5) / 4, 0.5, 0, 0], abs=1e-9)
    # A first step that took half of the time box does not skip the rise.
    assert rate_factor(0.5, 1, 4, "cosine") == pytest.approx(0.25)
    assert [rate_factor(progress, 0, 0, "constant") for progress in (0.0, 0.7, 1.0)] == [1, 1, 1]


def test_a_stage_ends_by_its_steps_or_by_the_clock() -> None:
    assert Pace(200).progress(50, 1e9) == 0.25
    assert Pace(200, seconds=40).progress(10**9, 10) == 0.25


def test_the_average_forgets_the_first_weights_and_then_moves_slowly() -> None:
    assert [average_decay(step, 0.9) for step in (0, 10, 1000)] == [0.1, pytest.approx(11 / 20), 0.9]
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    options = _options(ema=0.9, clip=0.0, learning_rate=1.0, warm_up=0, weight_decay=0.0)
    optimizer = Optimizer({"net": network}, options)
    expected, value = 0.0, 0.0
    for step in range(4):
        optimizer.schedule(0.0, step)
        optimizer.step(network.weight.sum())
        value -= 1.0  # Adam's first steps have the size of the rate, whatever the gradient
        decay = average_decay(step, 0.9)
        expected = decay * expected + (1 - decay) * value
    assert float(network.weight.detach()) == pytest.approx(value, rel=1e-4)
    assert float(optimizer.averaged()["net.weight"]) == pytest.approx(expected, rel=1e-4)


def test_gradients_are_clipped_and_only_matrices_decay() -> None:
    network = nn.Linear(2, 2)
    optimizer = Optimizer({"net": network}, _options(clip=1.0, learning_rate=0.1, warm_up=0, weight_decay=0.5))
    before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    optimizer.schedule(0.0, 0)
    optimizer.step((1e3 * network.weight).sum() * 1.0 + 0.0 * network.bias.sum())
    assert float(network.weight.grad.norm()) == pytest.approx(1, rel=1e-4)  # type: ignore[union-attr]
    assert torch.equal(network.bias.detach(), before["bias"])
    torch.testing.assert_close(network.weight.detach(), before["weight"] * (1 - 0.1 * 0.5) - 0.1, atol=1e-5, rtol=0)


def test_a_restored_optimiser_goes_on_bit_for_bit() -> None:
    def make() -> tuple[nn.Linear, Optimizer]:
        torch.manual_seed(0)
        network = nn.Linear(3, 3)
        return network, Optimizer({"net": network}, _options())

    def advance(network: nn.Linear, optimizer: Optimizer, steps: range) -> None:
        for step in steps:
            optimizer.schedule(step / 20, step)
            optimizer.step(network(torch.full((1, 3), float(step))).square().sum())

    straight, optimizer = make()
    advance(straight, optimizer, range(12))
    first, half = make()
    advance(first, half, range(5))
    state = {name: tensor.clone() for name, tensor in half.state().items()}
    second, resumed = make()
    resumed.restore(state)
    advance(second, resumed, range(5, 12))
    assert torch.equal(second.weight, straight.weight)
    assert torch.equal(resumed.averaged()["net.bias"], optimizer.averaged()["net.bias"])


def test_what_is_not_trained_is_taken_up_too() -> None:
    """A linear part that was fitted to the data may come out another way the next time, on another device."""

    def network(fixed: float) -> nn.Sequential:
        layers = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
        nn.init.constant_(layers[0].weight, fixed)
        layers[0].requires_grad_(False)
        return layers

    first, second = network(1.0), network(2.0)
    state = Optimizer({"network": first}, _options()).state()
    Optimizer({"network": second}, _options()).restore(state)
    for name, tensor in first.state_dict().items():
        assert torch.equal(second.state_dict()[name], tensor), name
