# SPDX-License-Identifier: GPL-3.0-or-later
"""Environments made for real: nothing to do the second time, repair of what was interrupted or broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mld_engine.setup import repair, stamp
from mld_engine.setup.console import Console
from mld_engine.setup.environment import LOCK_NAME, PATH_FILE, Environment
from mld_engine.setup.errors import SetupError
from mld_engine.setup.lock import only_one_run
from mld_engine.setup.plan import Group, PipStep

MakeGroup = Callable[..., Group]


def no_check(_python: Path) -> None:
    """Nothing to import."""


def output(python: Path, code: str, cwd: Path | None = None) -> str:
    told = subprocess.run([str(python), "-c", code], cwd=cwd, capture_output=True, text=True, check=True)
    return told.stdout.strip()


def alpha_version(environment: Environment) -> str:
    return output(environment.python, "import mldalpha; print(mldalpha.VERSION)")


def site_packages(environment: Environment) -> Path:
    return Path(output(environment.python, "import sysconfig; print(sysconfig.get_path('purelib'))"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, make_group: MakeGroup) -> Path:
    """An environment with mldalpha 1.0; see `environment` for how each test gets it."""
    folder = tmp_path_factory.mktemp("home")
    source = folder / "source"
    source.mkdir()
    (source / "mld_marker.py").write_text("PLACE = 'first'\n")
    made = Environment(folder / "venv", Console(), source_root=source)
    made.ensure(sys.executable, [make_group("alpha", "mldalpha==1.0")], no_check)
    return folder


@pytest.fixture
def environment(home: Path, make_group: MakeGroup) -> Environment:
    """The module's environment, brought back to mldalpha 1.0 by the very code under test."""
    made = Environment(home / "venv", Console(), source_root=home / "source")
    made.ensure(sys.executable, [make_group("alpha", "mldalpha==1.0")], no_check)
    return made


def test_the_second_run_finds_everything_there_and_is_fast(environment: Environment, make_group: MakeGroup) -> None:
    group = make_group("alpha", "mldalpha==1.0")
    before = (environment.folder / stamp.NAME).stat().st_mtime_ns
    begun = time.monotonic()
    assert environment.is_complete({"alpha": group.fingerprint})
    environment.ensure("no-such-python", [group], no_check)
    assert time.monotonic() - begun < 1.0
    assert (environment.folder / stamp.NAME).stat().st_mtime_ns == before
    assert alpha_version(environment) == "1.0"


def test_the_source_tree_is_importable_from_anywhere(environment: Environment, tmp_path: Path) -> None:
    code = "import mld_marker; print(mld_marker.PLACE)"
    told = subprocess.run(
        [str(environment.python), "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "first"


def test_a_moved_source_tree_is_linked_anew_without_pip(
    environment: Environment, make_group: MakeGroup, tmp_path: Path
) -> None:
    moved = tmp_path / "Bücher und Filme"
    moved.mkdir()
    (moved / "mld_marker.py").write_text("PLACE = 'second'\n")
    there = Environment(environment.folder, Console(), source_root=moved)
    impossible = Group("alpha", make_group("alpha", "mldalpha==1.0").fingerprint, (PipStep("", ("no-such-package",)),))
    assert not there.is_complete({"alpha": impossible.fingerprint})
    there.ensure(sys.executable, [impossible], no_check)
    assert output(there.python, "import mld_marker; print(mld_marker.PLACE)") == "second"
    assert (site_packages(there) / PATH_FILE).read_bytes().isascii()


def test_a_new_version_replaces_the_old_one(environment: Environment, make_group: MakeGroup) -> None:
    newer = make_group("alpha", "mldalpha==2.0", replaces=("mldalpha",))
    assert not environment.is_complete({"alpha": newer.fingerprint})
    environment.ensure(sys.executable, [newer], no_check)
    assert alpha_version(environment) == "2.0"


def test_a_package_that_lost_its_files_is_installed_again(environment: Environment, make_group: MakeGroup) -> None:
    group = make_group("alpha", "mldalpha==1.0")
    shutil.rmtree(site_packages(environment) / "mldalpha")
    assert not environment.is_complete({"alpha": group.fingerprint})
    environment.ensure(sys.executable, [group], no_check)
    assert alpha_version(environment) == "1.0"


def test_a_run_interrupted_while_pip_was_writing_is_repaired(environment: Environment, make_group: MakeGroup) -> None:
    """What a kill leaves: a stamp that is not complete, a dist-info without RECORD, files that never came."""
    group = make_group("alpha", "mldalpha==1.0")
    folder = site_packages(environment)
    stamp.write(environment.folder, stamp.Stamp())
    next(folder.glob("mldalpha-*.dist-info/RECORD")).unlink()
    (folder / "mldalpha" / "data.txt").unlink()
    (folder / "~ldalpha").mkdir()
    assert not environment.is_complete({"alpha": group.fingerprint})
    environment.ensure(sys.executable, [group], no_check)
    assert (folder / "mldalpha" / "data.txt").is_file()
    assert not (folder / "~ldalpha").exists()
    assert repair.damaged_distributions(folder) == []


def test_groups_that_are_already_there_are_kept_when_another_is_added(
    environment: Environment, make_group: MakeGroup
) -> None:
    unreachable = Group("alpha", make_group("alpha", "mldalpha==1.0").fingerprint, (PipStep("", ("no-such-package",)),))
    environment.ensure(sys.executable, [unreachable, make_group("beta", "mldbeta==1.0")], no_check)
    assert output(environment.python, "import mldbeta; print(mldbeta.VERSION)") == "1.0"
    assert set(environment.known().groups) == {"alpha", "beta"}


def test_a_failed_check_leaves_the_environment_unfinished(environment: Environment, make_group: MakeGroup) -> None:
    def failing(_python: Path) -> None:
        raise SetupError("it does not start")

    newer = make_group("alpha", "mldalpha==2.0")
    with pytest.raises(SetupError, match="does not start"):
        environment.ensure(sys.executable, [newer], failing)
    assert not environment.is_complete({"alpha": newer.fingerprint})


def test_a_package_that_nobody_has_fails_with_a_cause_and_a_hint(
    environment: Environment, make_group: MakeGroup
) -> None:
    with pytest.raises(SetupError, match="no build") as caught:
        environment.ensure(sys.executable, [make_group("gamma", "mldgamma==1.0")], no_check)
    assert any("mldgamma" in line for line in caught.value.lines)
    assert caught.value.hint


def test_an_index_that_lacks_the_package_is_replaced_by_the_fallback(
    environment: Environment, make_group: MakeGroup, tmp_path: Path
) -> None:
    fallback = make_group("beta", "mldbeta==1.0").steps[0]
    step = PipStep("Installing beta", fallback.packages, ("--no-index", "--find-links", str(tmp_path)), fallback)
    environment.ensure(sys.executable, [Group("beta", "from elsewhere", (step,))], no_check)
    assert output(environment.python, "import mldbeta; print(mldbeta.VERSION)") == "1.0"


def test_a_python_that_is_gone_means_a_new_environment(environment: Environment, make_group: MakeGroup) -> None:
    group = make_group("alpha", "mldalpha==1.0")
    environment.python.unlink()
    assert not environment.is_complete({"alpha": group.fingerprint})
    environment.ensure(sys.executable, [group], no_check)
    assert alpha_version(environment) == "1.0"
    assert environment.is_complete({"alpha": group.fingerprint})


def test_a_folder_with_other_things_is_never_touched(tmp_path: Path, make_group: MakeGroup) -> None:
    (tmp_path / "novel.txt").write_text("chapter one")
    with pytest.raises(SetupError, match="not empty"):
        Environment(tmp_path, Console()).ensure(sys.executable, [make_group("alpha", "mldalpha==1.0")], no_check)
    assert [entry.name for entry in tmp_path.iterdir()] == ["novel.txt"]


def test_a_damaged_stamp_counts_as_none(tmp_path: Path) -> None:
    for text in ("", "{", "[]", '{"format": 99}', '{"entries": [], "surprise": 1}'):
        (tmp_path / stamp.NAME).write_text(text)
        assert stamp.read(tmp_path) is None


def test_a_second_run_waits_for_the_first(tmp_path: Path, repository: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from mld_engine.setup.lock import only_one_run\n"
        "with only_one_run(Path(sys.argv[1]), lambda: None):\n    print('locked', flush=True); time.sleep(1.0)"
    )
    lock = tmp_path / LOCK_NAME
    command = [sys.executable, "-c", code, str(lock)]
    with subprocess.Popen(command, cwd=repository, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        waited: list[bool] = []
        with pytest.raises(SetupError, match="Another run"), only_one_run(lock, lambda: waited.append(True), 0.1):
            pass
        assert waited == [True]
        with only_one_run(lock, lambda: None, 30.0):
            assert other.wait() == 0


def test_a_lock_of_a_dead_run_does_not_hold(tmp_path: Path, repository: Path) -> None:
    lock = tmp_path / LOCK_NAME
    lock.write_bytes(b"")
    with only_one_run(lock, lambda: pytest.fail("waited for nobody"), 1.0):
        pass
