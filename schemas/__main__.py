"""`python -m perceptdata.schemas` writes the schema files; `--check` only compares, and exits 1 on a difference."""

import argparse

from . import FOLDER, differing, write


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m perceptdata.schemas", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file differs from its model")
    if parser.parse_args().check:
        names = differing()
        for name in names:
            print(f"{name} differs from its model; run python -m perceptdata.schemas")
        return 1 if names else 0
    for name in write():
        print(f"{name} updated in {FOLDER}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
