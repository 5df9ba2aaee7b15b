"""Import every module of every package, and fail for one that does not come from the environment named."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path

PACKAGES = ("hall", "vision", "edge", "ingest", "dashboards", "twin", "models", "cli")


def main(home: Path) -> None:
    """Import all; say how many modules there were.

    Raises:
        SystemExit: a package comes from elsewhere, such as the checkout.
    """
    count = 0
    for name in PACKAGES:
        package = importlib.import_module(name)
        found = Path(str(package.__file__)).resolve()
        if not found.is_relative_to(home.resolve()):
            sys.exit(f"{name} comes from {found}; expected it under {home}")
        modules = [info.name for info in pkgutil.walk_packages(package.__path__, f"{name}.")]
        for module in modules:
            importlib.import_module(module)
        count += 1 + len(modules)
    sys.stdout.write(f"imported {count} modules of {len(PACKAGES)} packages from {home}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
