import sys
import sysconfig

import pytest

from kerasseg.cli.conflicts import conflicts

# Loaded while it can still be found.
pytest.importorskip("packaging.requirements")


@pytest.fixture
def install(monkeypatch, tmp_path):
    """Makes packages that seem to be installed, and no others."""
    stdlib = sysconfig.get_path("stdlib")
    own = [p for p in sys.path if p.startswith(stdlib) and "-pack" not in p]
    monkeypatch.setattr(sys, "path", [str(tmp_path), *own])

    def install(name, version, *needs, extras=(), modules=()):
        folder = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        lines = [
            "Metadata-Version: 2.1",
            f"Name: {name}",
            f"Version: {version}",
        ]
        lines += [f"Provides-Extra: {extra}" for extra in extras]
        lines += [f"Requires-Dist: {need}" for need in needs]
        (folder / "METADATA").write_text("\n".join(lines) + "\n")
        (folder / "top_level.txt").write_text("\n".join(modules))

    return install


def test_versions_that_go_together(install):
    install("reader", "1.0", "numbers<3,>=2", 'absent; python_version < "3"')
    install("numbers", "2.5rc1")
    assert conflicts([], ["reader", "numbers", "not-installed"]) == []


def test_a_version_that_another_package_refuses(install):
    install("reader", "1.0", "numbers<2")
    install("writer", "1.0", "numbers>=1.5")
    install("numbers", "2.5")
    assert conflicts([], ["reader", "writer"]) == [
        (
            "reader needs numbers<2, found 2.5",
            'pip install "numbers<2,>=1.5"',
        )
    ]


def test_a_package_that_another_one_lacks(install):
    install("reader", "1.0", "numbers<2", 'hidden; extra == "more"')
    assert conflicts([], ["reader"]) == [
        ("reader needs numbers<2, found none", 'pip install "numbers<2"')
    ]


def test_the_extras_of_this_package(install):
    install(
        "kerasseg",
        "1.0",
        'reader>=2; extra == "read"',
        'writer>=2; extra == "write"',
        'tester==7; extra == "test"',
        extras=("read", "write", "test"),
    )
    install("reader", "1.0")
    install("tester", "8.0")
    assert conflicts([], []) == [
        ("kerasseg needs reader>=2, found 1.0", 'pip install "reader>=2"')
    ]


def test_two_packages_in_one_folder(install):
    install("runtime", "1.0", modules=("runtime",))
    install("runtime-gpu", "1.0", modules=("runtime",))
    install("reader", "1.0", modules=("reader",))
    assert conflicts(["runtime", "reader"], []) == [
        (
            "runtime and runtime-gpu overwrite each other",
            "pip uninstall -y runtime runtime-gpu && pip install runtime",
        )
    ]


def test_what_is_installed_here_can_be_read():
    for problem, command in conflicts(["keras"], ["keras", "numpy"]):
        assert problem
        assert command.startswith("pip ")
