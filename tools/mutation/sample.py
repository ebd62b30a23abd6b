"""A filter of a cosmic-ray session: keep the mutants that compile, or a random sample of them.

cosmic-ray's own filters mark a mutant as skipped, and its reports count skipped mutants as killed. This filter removes
them from the session, so that the reports count only mutants that were tested.
"""

import argparse
import random
import sys
from pathlib import Path
from typing import Any

from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator
from cosmic_ray.tools.filters.filter_app import FilterApp


class Sample(FilterApp):  # type: ignore[misc]
    """Removes mutants from a session that has no results yet."""

    def description(self) -> str:
        return (__doc__ or "").partition("\n")[0]

    def add_args(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--mutants", type=int, help="size of the sample; default: all")
        parser.add_argument("--seed", type=int, default=1)

    def filter(self, work_db: Any, args: argparse.Namespace) -> None:
        items = [item for item in work_db.pending_work_items if _compiles(item.mutations[0])]
        items.sort(key=lambda item: _identity(item.mutations[0]))
        random.Random(args.seed).shuffle(items)
        kept = items[: args.mutants]
        work_db.clear()
        work_db.add_work_items(kept)
        print(f"{len(kept)} of {len(items)} mutants, seed {args.seed}")


def _compiles(mutant: Any) -> bool:
    """Return True if cosmic-ray can create the mutant and Python compiles it.

    cosmic-ray takes the `*` of `def f(*, a)` for a product, and fails on `except (a.B, a.C)`.
    """
    source = Path(mutant.module_path).read_text(encoding="utf-8")
    try:
        compile(mutate_code(source, get_operator(mutant.operator_name)(), mutant.occurrence), "mutant", "exec")
    except (SyntaxError, AttributeError):
        return False
    return True


def _identity(mutant: Any) -> tuple[str, str, int]:
    return str(mutant.module_path), mutant.operator_name, mutant.occurrence


if __name__ == "__main__":
    sys.exit(Sample().main())
