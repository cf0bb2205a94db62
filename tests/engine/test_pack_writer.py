# SPDX-License-Identifier: GPL-3.0-or-later
"""Packs are written whole or not at all, and open as what was written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mld_engine.checkpoints.config import config_values
from mld_engine.checkpoints.pack import PACKS_VARIABLE, Pack, hash_files, list_packs
from mld_engine.checkpoints.writer import write_pack
from mld_engine.errors import EngineError, PackError, RequestError

COMPONENTS = ("encoder", "decoder", "denoiser", "statistics")


def parts(pack: Pack) -> dict[str, Any]:
    """Something to write under the default pack's configuration: a few small tensors a component."""
    tensors = pack.tensors("statistics")
    weights = {f"layer.{name}": tensor.half() for name, tensor in tensors.items()}
    return {
        **{name: weights for name in COMPONENTS if name != "statistics"},
        "statistics": tensors,
        "model_card": "# a card\n",
        "licence_text": "A licence.\n",
    }


def test_a_pack_opens_as_what_was_written(pack: Pack, tmp_path: Path) -> None:
    config = replace(pack.config, name="copy")
    given = parts(pack)
    written = write_pack(tmp_path / "deep" / "copy", config, **given, extra_files={"source.json": b'{"from": "here"}'})
    assert written.config == config
    assert written.directory == tmp_path / "deep" / "copy"
    for name in COMPONENTS:
        found = written.tensors(name)
        assert found.keys() == given[name].keys()
        for key, tensor in given[name].items():
            assert torch.equal(found[key], tensor)
    assert json.loads(written.read("source.json")) == {"from": "here"}
    assert written.read("LICENSE.txt") == b"A licence.\n"
    assert json.loads((written.directory / "hashes.json").read_text()) == hash_files(written.directory)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["copy"]


def test_the_configuration_file_of_the_default_pack_is_reproduced(pack: Pack, tmp_path: Path) -> None:
    written = write_pack(tmp_path / "copy", pack.config, **parts(pack))
    assert json.loads(written.read("config.json")) == json.loads(pack.read("config.json"))
    assert json.loads(written.read("config.json")) == config_values(pack.config)


def test_half_precision_is_used_where_it_is_asked_for_and_values_fit(pack: Pack, tmp_path: Path) -> None:
    changed = parts(pack)
    name = "body.norm.weight"
    changed["denoiser"] = {**changed["denoiser"], name: torch.full((4,), 1e6)}
    half = write_pack(tmp_path / "half", pack.config, **changed)
    single = write_pack(tmp_path / "single", pack.config, **changed, half=False)
    types = {key: tensor.dtype for key, tensor in half.tensors("denoiser").items()}
    assert types.pop(name) == torch.float32
    assert set(types.values()) == {torch.float16}
    assert {tensor.dtype for tensor in half.tensors("statistics").values()} == {torch.float32}
    assert {tensor.dtype for tensor in single.tensors("denoiser").values()} == {torch.float32}
    assert float(half.tensors("denoiser")[name][0]) == 1e6


def test_tensors_that_share_memory_and_gradients_are_written_as_values(pack: Pack, tmp_path: Path) -> None:
    changed = parts(pack)
    table: Tensor = torch.arange(8.0).view(2, 4).requires_grad_()
    changed["statistics"] = {"a": table.T, "b": table[0], "c": table}
    written = write_pack(tmp_path / "copy", pack.config, **changed).tensors("statistics")
    assert torch.equal(written["a"], table.detach().T)
    assert torch.equal(written["b"], table.detach()[0])


def test_what_is_there_stays_unless_it_is_a_pack_to_be_replaced(pack: Pack, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    target.mkdir()
    write_pack(target, replace(pack.config, name="first"), **parts(pack))
    with pytest.raises(RequestError, match="a pack in") as caught:
        write_pack(target, replace(pack.config, name="second"), **parts(pack))
    assert caught.value.code == "output_exists"
    assert Pack.open(target).name == "first"
    write_pack(target, replace(pack.config, name="second"), **parts(pack), overwrite=True)
    assert Pack.open(target).name == "second"
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "cat.jpg").write_bytes(b"cat")
    (tmp_path / "file").write_text("text")
    for other in (photos, tmp_path / "file"):
        with pytest.raises(RequestError, match="exists and is no pack"):
            write_pack(other, pack.config, **parts(pack), overwrite=True)
    assert (photos / "cat.jpg").read_bytes() == b"cat"


def test_a_failed_write_leaves_the_old_pack_and_nothing_else(pack: Pack, tmp_path: Path) -> None:
    """The configuration contradicts itself, which opening the written pack finds out."""
    target = tmp_path / "copy"
    write_pack(target, pack.config, **parts(pack))
    before = hash_files(target)
    with pytest.raises(PackError, match=r"denoiser\.n_styles"):
        write_pack(target, replace(pack.config, styles=("one",)), **parts(pack), overwrite=True)
    assert hash_files(target) == before
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


def test_a_folder_that_takes_no_files_is_said_to_be_one(pack: Pack, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with pytest.raises(EngineError, match="Cannot write the pack") as caught:
        write_pack(tmp_path / "file" / "copy", pack.config, **parts(pack))
    assert caught.value.code == "output_failed"


def test_a_pack_that_is_being_written_is_not_listed(
    pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = write_pack(tmp_path / "mine", replace(pack.config, name="mine"), **parts(pack))
    written.directory.rename(tmp_path / ".mine.0123.part")
    monkeypatch.setenv(PACKS_VARIABLE, str(tmp_path))
    assert [found.name for found in list_packs()] == ["research", "studio"]
