# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints are read without running them: hostile pickles and archives, each of which tries to do harm."""

from __future__ import annotations

import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from hostile_files import (
    MARK,
    STOP,
    Opaque,
    archive,
    call,
    checkpoint,
    header,
    lightning_values,
    name,
    storage,
    table,
    tensor,
    text,
    values,
    whole,
)

from mld_engine.checkpoints.official.lightning import read_checkpoint
from mld_engine.errors import RequestError
from mld_engine.pickles.machine import MAX_DEPTH, Inert
from mld_engine.pickles.torch_file import TorchFile

FOUR = struct.pack("<4f", 1, 2, 3, 4)
GOOD = table({"vae.x": tensor(storage("0", 4), (2, 2), (2, 1))})


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """A file that every attack tries to make."""
    return tmp_path / "executed"


def attacks(marker: Path) -> dict[str, bytes]:
    """Pieces of pickle that make `marker` when Python's own unpickler reads them."""
    shell = f"touch {marker}"
    code = f"open({str(marker)!r}, 'w').close()"
    imported = call(name("builtins", "__import__"), text("os"))
    return {
        "os.system": call(name("os", "system"), text(shell)),
        "posix.system": call(name("posix", "system"), text(shell)),
        "subprocess": call(name("subprocess", "getoutput"), text(shell)),
        "eval": call(name("builtins", "eval"), text(code)),
        "exec": call(name("builtins", "exec"), text(code)),
        "exec of Python 2's name": call(name("__builtin__", "exec"), text(code)),
        "import, then getattr": call(call(name("builtins", "getattr"), imported, text("system")), text(shell)),
        "runpy": call(name("runpy", "run_path"), text(str(marker))),
        "importlib": call(name("importlib", "import_module"), text("antigravity")),
        "open": call(name("builtins", "open"), text(str(marker)), text("w")),
        "INST": MARK + text(shell) + b"ios\nsystem\n",
        "OBJ": MARK + name("os", "system") + text(shell) + b"o",
        "STACK_GLOBAL": text("os") + text("system") + b"\x93" + values(text(shell)) + b"R",
        "torch.hub": call(name("torch.hub", "load"), text("someone/something"), text("model")),
    }


@pytest.mark.parametrize("attack", list(attacks(Path("x"))))
def test_functions_that_run_programs_are_refused_by_name(tmp_path: Path, marker: Path, attack: str) -> None:
    path = archive(tmp_path / "bad.ckpt", checkpoint(GOOD, payload=attacks(marker)[attack]), {"0": FOUR})
    with pytest.raises(RequestError, match="refused, and nothing in it was run: it asks for") as caught:
        read_checkpoint(path)
    assert caught.value.code == "bad_checkpoint"
    assert not marker.exists()


def test_the_attacks_are_real(marker: Path) -> None:
    """Python's own unpickler runs them, so that the test above proves something."""
    pickle.loads(header() + attacks(marker)["exec"] + STOP)  # noqa: S301
    assert marker.exists()


@pytest.mark.parametrize(
    "attack",
    [
        call(name("builtins", "getattr"), name("collections", "OrderedDict"), text("__subclasses__")),
        call(call(name("builtins", "getattr"), name("mld_engine.cli", "main"), text("__globals__")), text("os")),
        call(name("torch.serialization", "load"), text("other.pt")),
        call(name("torch", "load"), text("other.pt")),
        call(name("operator", "attrgetter"), text("system")),
        call(name("functools", "partial"), name("torch", "save"), text("other.pt")),
        call(name("numpy.core.multiarray", "_reconstruct"), name("numpy", "ndarray"), values(whole(0)), text("b")),
        call(name("hostile_files", "Opaque")) + table({"__setstate__": text("x")}) + b"b",
        name("hostile_files", "Opaque") + values() + b"\x81" + table({"a": text("b")}) + b"b",
        name("hostile_files", "Opaque") + values() + table({"a": text("b")}) + b"\x92",
        name("torch.nn.modules.linear", "Linear.forward.__globals__"),
    ],
)
def test_other_names_are_left_inert_and_the_tensors_are_read(tmp_path: Path, attack: bytes) -> None:
    path = archive(tmp_path / "odd.ckpt", checkpoint(GOOD, payload=attack), {"0": FOUR})
    read = read_checkpoint(path)
    assert read.tensors["vae.x"].tolist() == [[1, 2], [3, 4]]
    assert len(read.inert) >= 1
    with TorchFile(path) as file:
        assert type(file.root["payload"]) is Inert


def test_calling_what_an_inert_object_returned_does_nothing_either(tmp_path: Path, marker: Path) -> None:
    """REDUCE of the result of REDUCE, filled like a list and a dictionary, and built with a state."""
    inner = call(name("builtins", "getattr"), call(name("some.module", "Thing")), text("run"))
    nested = call(inner, text(str(marker))) + text("more") + b"a" + table({"deep": inner}) + b"b"
    path = archive(tmp_path / "odd.ckpt", checkpoint(GOOD, payload=nested), {"0": FOUR})
    assert list(read_checkpoint(path).tensors) == ["vae.x"]
    assert not marker.exists()


def test_setstate_and_init_of_real_classes_are_not_called(tmp_path: Path, marker: Path) -> None:
    class Loud:
        def __init__(self) -> None:
            marker.touch()

        def __setstate__(self, state: object) -> None:
            marker.touch()

        def __reduce__(self) -> tuple[object, ...]:
            return Opaque, (), {"x": 1}

    torch.save({"state_dict": {"vae.x": torch.ones(2)}, "extra": Loud.__new__(Loud)}, tmp_path / "loud.ckpt")
    read = read_checkpoint(tmp_path / "loud.ckpt")
    assert read.inert == ("hostile_files.Opaque",)
    assert not marker.exists()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_what_lightning_saves_is_read_whatever_else_is_in_it(tmp_path: Path, protocol: int) -> None:
    base = torch.arange(12.0).view(3, 4)
    state = OrderedDict(
        {
            "vae.a": base.clone(),
            "vae.transposed": base.T,
            "vae.part": base[1:, 1:3],
            "denoiser.half": base.half(),
            "denoiser.bfloat": base.bfloat16(),
            "denoiser.double": base.double(),
            "denoiser.parameter": torch.nn.Parameter(base + 1),
            "denoiser.scalar": torch.tensor(2.5),
            "denoiser.none": torch.zeros(0, 3),
            "text_encoder.text_model.weight": torch.zeros(7),
            "t2m_textencoder.gru.weight": torch.zeros(7),
            "t2m_moveencoder.out.weight": torch.zeros(7),
            "rot2xyz.smpl_model.faces": torch.zeros(7, dtype=torch.int64),
        }
    )
    torch.save(lightning_values(state), tmp_path / "mld.ckpt", pickle_protocol=protocol)
    read = read_checkpoint(tmp_path / "mld.ckpt")
    assert list(read.tensors) == [key for key in state if key.startswith(("vae.", "denoiser."))]
    for key, found in read.tensors.items():
        assert found.dtype == state[key].dtype
        assert torch.equal(found, state[key])
    assert (read.epoch, read.step) == (1222, 345678)
    assert read.dropped == {"text_encoder": 1, "t2m_textencoder": 1, "t2m_moveencoder": 1, "rot2xyz": 1}
    assert "hostile_files.Opaque" in read.inert


@pytest.mark.parametrize(
    ("stored", "size", "stride", "offset", "message"),
    [
        (storage("0", 5), (5,), (1,), 0, "data/0 holds 16 bytes, but 20 are asked of it"),
        (storage("0", 1 << 60), (4,), (1,), 0, "data/0 holds 16 bytes"),
        (storage("7", 4), (4,), (1,), 0, "data/7, which is not in the file"),
        (storage("../../etc/passwd", 4), (4,), (1,), 0, "refers to data by the name"),
        (storage("0", -4), (4,), (1,), 0, "in a way that torch.save never writes"),
        (storage("0", 4), (5,), (1,), 0, "larger than its data"),
        (storage("0", 4), (2, 2), (4, 1), 0, "larger than its data"),
        (storage("0", 4), (4,), (1,), 1, "larger than its data"),
        (storage("0", 4), (1 << 40,), (0,), 0, "larger than its data"),
        (storage("0", 4), (-1,), (1,), 0, "impossible shape"),
        (storage("0", 4), (1 << 2000,), (0,), 0, "impossible shape"),
        (storage("0", 4), (4,), (-1,), 0, "impossible shape"),
        (storage("0", 4), (4,), (1, 1), 0, "described in a way"),
        (storage("0", 4), (1,) * 9, (1,) * 9, 0, "impossible shape"),
        (storage("0", 4, "ComplexStorage"), (4,), (1,), 0, "in a way that torch.save never writes"),
        (values(text("storage"), name("os", "system"), text("0"), text("cpu"), whole(4)) + b"Q", (4,), (1,), 0, "os"),
        (values(text("module"), text("0")) + b"Q", (4,), (1,), 0, "in a way that torch.save never writes"),
        (text("0") + b"Q", (4,), (1,), 0, "in a way that torch.save never writes"),
    ],
)
def test_tensors_that_do_not_lie_inside_the_file_are_refused(
    tmp_path: Path, stored: bytes, size: tuple[int, ...], stride: tuple[int, ...], offset: int, message: str
) -> None:
    state = table({"vae.x": tensor(stored, size, stride, offset)})
    with pytest.raises(RequestError, match=message) as caught:
        read_checkpoint(archive(tmp_path / "bad.ckpt", checkpoint(state), {"0": FOUR}))
    assert caught.value.code == "bad_checkpoint"


def test_many_tensors_over_the_same_numbers_are_refused(tmp_path: Path) -> None:
    """A file of 40 kB could otherwise ask for any amount of memory."""
    state = table({f"vae.{index}": tensor(storage("0", 4), (4,), (1,)) for index in range(100)})
    with pytest.raises(RequestError, match="far more numbers than its data"):
        read_checkpoint(archive(tmp_path / "bad.ckpt", checkpoint(state), {"0": FOUR}))


@pytest.mark.parametrize(
    ("pickled", "message"),
    [
        (header() + b"P0\n" + STOP, "operation PERSID"),
        (header() + b"\x82\x01" + STOP, "operation EXT1"),
        (header(5) + b"\x97" + STOP, "operation NEXT_BUFFER"),
        (header(6) + b"N" + STOP, "protocol 6"),
        (header() + MARK * (MAX_DEPTH + 1) + STOP, "nested deeper"),
        (header() + b"}" + text("a") + b"R" + STOP, "calls something that is no function"),
        (header() + values() + b"h\x05" + STOP, "damaged"),
        (header() + b"R" + STOP, "damaged"),
        (header() + b"t" + STOP, "damaged"),
        (header() + b"\xff" + STOP, "damaged"),
        (header() + b"X\xff\xff\xff\xffshort", "damaged"),
        (header() + b"}", "damaged"),
        (header() + STOP, "damaged"),
        (b"", "damaged"),
    ],
)
def test_pickles_that_torch_never_writes_are_refused(tmp_path: Path, pickled: bytes, message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        read_checkpoint(archive(tmp_path / "bad.ckpt", pickled))
    assert caught.value.code == "bad_checkpoint"
    assert "refused" in caught.value.message


def test_deep_nesting_neither_recurses_nor_crashes(tmp_path: Path) -> None:
    """A tuple in a tuple, 200,000 deep, also as the key of a dictionary."""
    deep = b")" + b"\x85" * 200_000
    pickled = checkpoint(GOOD, deep=deep, key=b"}" + deep + b"N" + b"s")
    assert list(read_checkpoint(archive(tmp_path / "deep.ckpt", pickled, {"0": FOUR})).tensors) == ["vae.x"]


def test_a_container_that_holds_itself_is_harmless(tmp_path: Path) -> None:
    looped = b"]q\x00h\x00a" + b"}q\x01" + text("self") + b"h\x01s\x86"
    path = archive(tmp_path / "loop.ckpt", checkpoint(GOOD, loop=looped), {"0": FOUR})
    assert list(read_checkpoint(path).tensors) == ["vae.x"]


def test_a_network_tensor_that_is_no_tensor_is_named(tmp_path: Path) -> None:
    state = table({"vae.x": call(name("some.module", "Thing"))})
    with pytest.raises(RequestError, match=r"vae\.x is no tensor"):
        read_checkpoint(archive(tmp_path / "bad.ckpt", checkpoint(state)))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_named(tmp_path: Path, bad: float) -> None:
    torch.save({"state_dict": {"vae.x": torch.tensor([1.0, bad])}}, tmp_path / "bad.ckpt")
    with pytest.raises(RequestError, match=r"vae\.x in the checkpoint holds values that are not finite"):
        read_checkpoint(tmp_path / "bad.ckpt")


@pytest.mark.parametrize("entry", ["../outside", "/etc/outside", "archive/../../outside", "..\\outside", "C:outside"])
def test_archives_with_paths_outside_of_themselves_are_refused(tmp_path: Path, entry: str) -> None:
    path = archive(tmp_path / "bad.ckpt", checkpoint(GOOD), {"0": FOUR})
    with zipfile.ZipFile(path, "a") as file:
        info = zipfile.ZipInfo("x")
        info.filename = entry
        file.writestr(info, b"x")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(RequestError, match="outside of itself"):
        read_checkpoint(path)
    assert sorted(tmp_path.rglob("*")) == before


def test_compressed_numbers_are_refused(tmp_path: Path) -> None:
    """A few bytes could unpack to any amount."""
    path = archive(tmp_path / "bomb.ckpt", checkpoint(GOOD))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("archive/data/0", b"\0" * (1 << 20))
    with pytest.raises(RequestError, match="data/0 is compressed"):
        read_checkpoint(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_of_one_name_are_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "twice.ckpt", checkpoint(GOOD), {"0": FOUR})
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("archive/data.pkl", checkpoint(GOOD))
    with pytest.raises(RequestError, match="twice"):
        read_checkpoint(path)


def test_two_pickles_in_one_file_are_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "two.ckpt", checkpoint(GOOD), {"0": FOUR})
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("other/data.pkl", checkpoint(GOOD))
    with pytest.raises(RequestError, match=r"no data\.pkl as torch\.save writes it"):
        read_checkpoint(path)


def test_a_damaged_byte_is_noticed(tmp_path: Path) -> None:
    torch.save({"state_dict": {"vae.x": torch.ones(1000)}}, tmp_path / "cut.ckpt")
    data = bytearray((tmp_path / "cut.ckpt").read_bytes())
    data[data.index(b"\0\0\x80?" * 100) + 50] ^= 1
    (tmp_path / "cut.ckpt").write_bytes(data)
    with pytest.raises(RequestError, match="is damaged"):
        read_checkpoint(tmp_path / "cut.ckpt")


def test_the_format_before_zip_is_not_read_and_says_how_to_get_on(tmp_path: Path) -> None:
    torch.save({"state_dict": {}}, tmp_path / "old.ckpt", _use_new_zipfile_serialization=False)
    with pytest.raises(RequestError, match=r"before 1\.6") as caught:
        read_checkpoint(tmp_path / "old.ckpt")
    assert "torch.save" in caught.value.hint


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"<html>Quota exceeded</html>", b"\0" * 600])
def test_what_is_no_checkpoint_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "page.ckpt").write_bytes(content)
    with pytest.raises(RequestError, match="no checkpoint of PyTorch, or was not downloaded whole"):
        read_checkpoint(tmp_path / "page.ckpt")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"nowhere\.ckpt cannot be read") as caught:
        read_checkpoint(tmp_path / "nowhere.ckpt")
    assert caught.value.code == "missing_file"


@pytest.mark.parametrize("content", [[1, 2], {"state_dict": {}}, {"model": torch.ones(2)}])
def test_a_file_of_another_model_is_said_to_be_one(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(RequestError, match=r"no tensors named vae\.\* or denoiser\.\*"):
        read_checkpoint(tmp_path / "other.pt")


def test_names_without_the_networks_prefix_get_it(tmp_path: Path) -> None:
    torch.save({"global_motion_token": torch.ones(2, 4), "skel_embedding.bias": torch.ones(4)}, tmp_path / "vae.ckpt")
    assert set(read_checkpoint(tmp_path / "vae.ckpt").tensors) == {"vae.global_motion_token", "vae.skel_embedding.bias"}
    torch.save({"state_dict": {"time_embedding.linear_1.weight": torch.ones(4, 4)}}, tmp_path / "denoiser.ckpt")
    assert set(read_checkpoint(tmp_path / "denoiser.ckpt").tensors) == {"denoiser.time_embedding.linear_1.weight"}
