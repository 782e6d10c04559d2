"""Installed packages that do not go together, and how to fix that."""

import importlib.metadata
from collections.abc import Iterable
from collections.abc import Iterator

OWN = "kerasseg"
# Extras for its developers, which name exact versions.
PRIVATE = {"lint", "test"}


def conflicts(
    modules: Iterable[str], packages: Iterable[str]
) -> list[tuple[str, str]]:
    """Looks for packages that contradict each other.

    Args:
        modules: Names under which packages are imported.
        packages: Names of packages as pip knows them; those that are not
            installed are passed over.

    Returns:
        List of what is wrong and the command that fixes it.
    """
    return [*_doubles(modules), *_versions([OWN, *packages])]


def _doubles(modules):
    """Several packages that write into the same folder."""
    owners = importlib.metadata.packages_distributions()
    for module in modules:
        names = sorted(set(owners.get(module, ())))
        if len(names) > 1:
            listed = " ".join(names)
            yield (
                f"{' and '.join(names)} overwrite each other",
                f"pip uninstall -y {listed} && pip install {names[0]}",
            )


def _versions(packages):
    """Versions that another package refuses."""
    needs = {}
    for package in packages:
        for need in _needs(package):
            needs.setdefault(need.name, []).append((package, need))
    for name, wanted in needs.items():
        found = _version(name)
        refused = [
            (package, need)
            for package, need in wanted
            if not _fits(package, need, found)
        ]
        if refused:
            specifier = _joined(wanted, found)
            yield (
                "; ".join(
                    f"{package} needs {need.name}{need.specifier}"
                    for package, need in refused
                )
                + f", found {found or 'none'}",
                f'pip install "{name}{specifier}"',
            )


def _fits(package, need, found):
    if found is None:
        # The extras of this package are for the user to choose.
        return package == OWN
    return need.specifier.contains(found, prereleases=True)


def _joined(wanted, found):
    """What all of the packages together ask for."""
    if found is None:
        wanted = [(p, need) for p, need in wanted if p != OWN]
    parts = {str(s) for _, need in wanted for s in need.specifier}
    return ",".join(sorted(parts))


def _needs(package) -> Iterator:
    """The requirements of an installed package on this machine."""
    from packaging.requirements import Requirement

    try:
        metadata = importlib.metadata.metadata(package)
    except importlib.metadata.PackageNotFoundError:
        return
    extras = {""}
    if package == OWN:
        extras.update(set(metadata.get_all("Provides-Extra", [])) - PRIVATE)
    for text in importlib.metadata.requires(package) or []:
        need = Requirement(text)
        marker = need.marker
        if marker is None or any(
            marker.evaluate({"extra": extra}) for extra in extras
        ):
            yield need


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
