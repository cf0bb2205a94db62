# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies out of files of SMPL's published layouts, through the real smplx; and files that try to do harm."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile_files import STOP, call, header, name, table, text, values, whole

from mld_engine.body.model_file import read_model_file
from mld_engine.body.skinned import skinned_body
from mld_engine.body.smpl_pickle import read_smpl_pickle
from mld_engine.contract import body
from mld_engine.errors import RequestError
from mld_engine.pickles.machine import MAX_DEPTH
from tests import body_files

BETAS = (1.5, -2.0, 0.0, 0.5)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each model in the form in which it is published."""
    folder = tmp_path_factory.mktemp("models")
    return {
        "SMPL": body_files.write_pickle(folder / "basicModel_f_lbs_10_207_0_v1.0.0.pkl"),
        "SMPL-H": body_files.write_npz(folder / "model.npz", "SMPL-H"),
        "SMPL-X": body_files.write_npz(folder / "SMPLX_NEUTRAL.npz", "SMPL-X"),
    }


@pytest.mark.parametrize("model", ["SMPL", "SMPL-H", "SMPL-X"])
def test_joints_and_shapes_are_those_of_the_file(files: dict[str, Path], model: str) -> None:
    """Against the model's equations, written down again: shape before joints, no pose."""
    arrays = body_files.arrays_of(model, 20 if model == "SMPL-X" else 10)
    made = skinned_body(read_model_file(files[model]), BETAS)
    assert made.model == model
    assert len(made.joints) == {"SMPL": 24, "SMPL-H": 52, "SMPL-X": 55}[model]
    assert made.parents.tolist() == body_files.parents_of(model)
    np.testing.assert_allclose(made.vertices, arrays["v_template"], atol=1e-6)
    np.testing.assert_allclose(made.joints, body_files.joints_of(model), atol=1e-6)
    np.testing.assert_allclose(made.weights, arrays["weights"], atol=1e-7)
    np.testing.assert_array_equal(made.faces, arrays["f"])
    np.testing.assert_array_equal(made.betas, np.float32([*BETAS, *[0.0] * 6]))
    shaped = arrays["v_template"] + arrays["shapedirs"][:, :, :10] @ made.betas.astype(np.float64)
    np.testing.assert_allclose(body.shaped(made.vertices, made.shape_directions, made.betas), shaped, atol=3e-6)
    np.testing.assert_allclose(
        body.shaped(made.joints, made.joint_directions, made.betas), arrays["J_regressor"] @ shaped, atol=3e-6
    )


def test_smplx_itself_has_the_same_joints_in_that_shape(files: dict[str, Path]) -> None:
    """One forward pass at those betas, apart from the linear pieces that the body is made of."""
    import smplx
    import torch
    from smplx.utils import Struct

    made = skinned_body(read_model_file(files["SMPL"]), BETAS)
    model = smplx.SMPL("", data_struct=Struct(**read_model_file(files["SMPL"]).arrays))
    output = model(betas=torch.from_numpy(made.betas)[None])
    np.testing.assert_allclose(
        body.shaped(made.joints, made.joint_directions, made.betas), output.joints[0, :24].detach(), atol=2e-6
    )
    shaped = body.shaped(made.vertices, made.shape_directions, made.betas)
    np.testing.assert_allclose(shaped, output.vertices[0].detach(), atol=2e-6)


def test_pickles_of_python_2s_default_protocol(files: dict[str, Path], tmp_path: Path) -> None:
    """Protocol 0 is text with arbitrary bytes in quotes, in which SMPL-H's .pkl files come."""
    old = body_files.write_pickle(tmp_path / "old.pkl", protocol=0)
    plain, given = read_model_file(files["SMPL"]).arrays, read_model_file(old).arrays
    assert plain.keys() == given.keys()
    for key, array in plain.items():
        np.testing.assert_array_equal(given[key], array, err_msg=key)


def test_a_string_of_python_2_with_any_bytes(tmp_path: Path) -> None:
    """Python 3 writes no such strings, so this one is made by hand: a float64 array in protocol 0."""
    numbers = np.array([1.0, -0.1, 3e300])
    raw = repr(numbers.tobytes())[1:].encode()
    pickled = (
        b"(dS'weights'\ncnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I3\nt"
        b"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nS" + raw + b"\ntbs."
    )
    np.testing.assert_array_equal(read_smpl_pickle(pickled, ["weights"])["weights"], numbers)


def test_the_command(files: dict[str, Path], tmp_path: Path, repository: Path) -> None:
    run = [sys.executable, "-m", "mld_engine", "body"]
    out = tmp_path / "new" / "body.npz"
    done = subprocess.run(
        [*run, str(files["SMPL"]), "--out", str(out), "--betas", "1.5", "-0.5"],
        cwd=repository, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"wrote {out}: SMPL, 6890 vertices, 24 joints, 10 shape parameters\n"
    assert body.read(out).betas[:3].tolist() == [1.5, -0.5, 0.0]
    wrong = subprocess.run(
        [*run, str(repository / "README.md"), "--out", str(tmp_path / "x.npz")],
        cwd=repository, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert wrong.returncode == 2
    assert wrong.stderr.count("\n") == 1
    assert "README.md cannot be read: it is neither .npz nor .pkl" in wrong.stderr
    assert "smpl.is.tue.mpg.de" in wrong.stderr
    assert not (tmp_path / "x.npz").exists()


@pytest.mark.parametrize(
    ("betas", "said"),
    [((0.0,) * 11, "10 shape parameters, not 11"), ((6.0,), "from -5 to 5"), ((float("nan"),), "from -5 to 5")],
)
def test_betas_that_no_body_has(files: dict[str, Path], betas: tuple[float, ...], said: str) -> None:
    with pytest.raises(RequestError, match=said) as caught:
        skinned_body(read_model_file(files["SMPL"]), betas)
    assert caught.value.code == "bad_betas"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"v_template": np.zeros((100, 3))}, "100 vertices, and SMPL-H has 6890"),
        ({"kintree_table": np.zeros((2, 16))}, "a MANO hand"),
        ({"kintree_table": np.zeros((2, 7))}, "a body of 7 joints"),
        ({"J_regressor": np.zeros((52, 5))}, "the J_regressor of model.npz are no numbers in the shape"),
        ({"weights": np.full((6890, 52), np.nan)}, "the weights of"),
        ({"f": np.array([[0, 1, 9999]])}, "vertices that it does not have"),
        ({"kintree_table": np.tile(np.arange(52), (2, 1))}, "that smplx can use"),
        ({"posedirs": np.array(5)}, "a single number"),
        ({"v_template": np.full((6890, 3), 1e308)}, "the v_template of"),
        ({"shapedirs": np.array([{}], object)}, "“shapedirs” in it is stored as a pickle"),
    ],
)
def test_arrays_that_are_no_body(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    arrays = {**body_files.arrays_of("SMPL-H"), **changed}
    np.savez(tmp_path / "model.npz", **arrays)
    with pytest.raises(RequestError, match=said) as caught:
        skinned_body(read_model_file(tmp_path / "model.npz"))
    assert caught.value.code == "bad_body_file"


def test_a_missing_array_is_named(tmp_path: Path) -> None:
    arrays = body_files.arrays_of("SMPL-H")
    del arrays["J_regressor"]
    np.savez(tmp_path / "model.npz", **arrays)
    with pytest.raises(RequestError, match=r"model\.npz has no J_regressor"):
        skinned_body(read_model_file(tmp_path / "model.npz"))


def attacks(marker: Path) -> dict[str, bytes]:
    """Pickles that make `marker` when Python's own unpickler reads them, each as the value of a wanted array."""
    shell, code = f"touch {marker}", f"open({str(marker)!r}, 'w').close()"
    imported = call(name("builtins", "__import__"), text("os"))
    return {
        "os.system": call(name("os", "system"), text(shell)),
        "posix.system": call(name("posix", "system"), text(shell)),
        "subprocess": call(name("subprocess", "getoutput"), text(shell)),
        "eval": call(name("builtins", "eval"), text(code)),
        "exec of Python 2": call(name("__builtin__", "execfile"), text(str(marker))),
        "getattr": call(call(name("builtins", "getattr"), imported, text("system")), text(shell)),
        "numpy's own loader": call(name("numpy", "load"), text(str(marker)), text("r"), b"\x88"),
        "numpy's file writer": call(name("numpy", "savetxt"), text(str(marker)), text("x")),
        "numpy.testing": call(name("numpy.testing._private.utils", "runstring"), text(code), b"}"),
        "old INST": b"(" + text(shell) + b"ios\nsystem\n",
        "extension registry": b"\x82\x01",
        "persistent": text(shell) + b"Q",
    }


@pytest.mark.parametrize("attack", list(attacks(Path("x"))))
def test_a_hostile_pickle_is_refused_and_does_nothing(tmp_path: Path, attack: str) -> None:
    marker = tmp_path / "executed"
    path = tmp_path / "hostile.pkl"
    path.write_bytes(header() + table({"v_template": attacks(marker)[attack]}) + STOP)
    with pytest.raises(RequestError) as caught:
        read_model_file(path)
    assert caught.value.code == "bad_body_file"
    assert not marker.exists()


def test_harm_in_a_place_that_is_not_read_is_refused_as_well(tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    with pytest.raises(RequestError, match=r"posix\.system, which no arrays need"):
        read_model_file(body_files.write_pickle(tmp_path / "smpl.pkl", extra=_Evil(marker)))
    assert not marker.exists()


class _Evil:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        import os

        return os.system, (f"touch {self.marker}",)


def reconstructed(shape: tuple[int, ...], dtype: str, raw: bytes) -> bytes:
    """A numpy array as pickle has it."""
    made = call(
        name("numpy.core.multiarray", "_reconstruct"), name("numpy", "ndarray"), values(whole(0)), text("b")
    )  # fmt: skip
    numbers = call(name("numpy", "dtype"), text(dtype), whole(0), whole(1))
    state = values(whole(1), values(*map(whole, shape)), numbers, b"\x89", b"C" + bytes([len(raw)]) + raw)
    return made + state + b"b"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (reconstructed((1000000, 1000000), "f8", b"12345678"), "does not fit its 8 bytes"),
        (reconstructed((-1,), "f8", b"12345678"), "impossible shape"),
        (reconstructed((1,), "O", b"12345678"), "objects where numbers are expected"),
        (reconstructed((1,), "V8", b"12345678"), "v_template are damaged"),
        (reconstructed((1,) * 9, "f8", b"12345678"), "impossible shape"),
        (text("no array"), "v_template are damaged"),
        (b"]", "v_template are damaged"),
        (b"N", "v_template are damaged"),
        (call(name("chumpy.ch", "Ch")), "v_template are damaged"),
        (call(name("chumpy.ch_ops", "add")) + table({"a": b"N"}) + b"b", "v_template are damaged"),
        (name("numpy", "ndarray"), "v_template are damaged"),
    ],
)
def test_arrays_that_lie(tmp_path: Path, value: bytes, said: str) -> None:
    path = tmp_path / "hostile.pkl"
    path.write_bytes(header() + table({"v_template": value}) + STOP)
    with pytest.raises(RequestError, match=said):
        read_model_file(path)


def test_a_view_of_itself_ends(tmp_path: Path) -> None:
    itself = call(name("chumpy.reordering", "Reshape")) + b"q\x00}" + text("a") + b"h\x00s" + b"b"
    path = tmp_path / "hostile.pkl"
    path.write_bytes(header() + table({"v_template": itself}) + STOP)
    with pytest.raises(RequestError, match="v_template are damaged"):
        read_model_file(path)


@pytest.mark.parametrize(
    "pickled",
    [
        header() + b"(" * (MAX_DEPTH + 1),
        header() + b"}",
        header() + b"0" * 5 + STOP,
        header() + b"X\xff\xff\xff\x7f",
        header() + b"\xff",
        header() + b"h\x07" + STOP,
        b"(S'unquoted\n.",
        header() + whole(3) + STOP,
    ],
)
def test_damaged_pickles(tmp_path: Path, pickled: bytes) -> None:
    path = tmp_path / "cut.pkl"
    path.write_bytes(pickled)
    with pytest.raises(RequestError) as caught:
        read_model_file(path)
    assert "nothing in it was run" in caught.value.message


def test_body_files_of_others_are_not_read(tmp_path: Path, files: dict[str, Path]) -> None:
    """What the add-on builds from is checked again: the file may have been exchanged on its way."""
    made = skinned_body(read_model_file(files["SMPL"]))
    path = tmp_path / "body.npz"
    path.write_bytes(body.to_bytes(made))
    again = body.read(path)
    np.testing.assert_array_equal(again.joint_directions, made.joint_directions)
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files}
    for key, value, said in [
        ("format", 2, "another version"),
        ("model", "MANO", "'MANO' body"),
        ("faces", np.array([[0, 1, -1]]), "does not have"),
        ("parents", np.zeros(24, np.int32), "no order"),
        ("joints", np.zeros((3, 3)), "joints have the shape"),
    ]:
        np.savez(path, **{**arrays, key: value})
        with pytest.raises(ValueError, match=said):
            body.read(path)
