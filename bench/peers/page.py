"""Write the figures of a comparison into docs/benchmark.md, between two markers."""

from collections.abc import Callable, Sequence
from pathlib import Path

from bench import markdown
from bench.peers.results import Comparison, Remote, Side

START, END = "<!-- figures -->\n", "<!-- end of figures -->\n"
_MB = 1_000_000

Cell = Callable[[Side], float | None]


def write(found: Comparison, page: Path) -> None:
    """Replace the text between the markers of a page."""
    markdown.replace_between(page, START, END, figures(found))


def figures(found: Comparison) -> str:
    """Return the tables: each figure, and in brackets its ratio to the best peer's."""
    facts = "; ".join(f"{name}: {value}" for name, value in found.machine.items())
    about = f"{found.date}, {found.rows:,} x {found.dimension} ({found.data}), cosine. {facts}."
    engine = _table(
        found,
        ("build, s", lambda s: s.build_seconds if s.builds else None, ".1f"),
        ("bytes / raw float32", lambda s: s.size / found.raw, ".2f"),
        ("p50 ms at recall ≥ 0.95", lambda s: _p50(s, 0.95), ".2f"),
        ("at ≥ 0.98", lambda s: _p50(s, 0.98), ".2f"),
        ("at ≥ 0.99", lambda s: _p50(s, 0.99), ".2f"),
    )
    cold = _table(
        found,
        ("cold, s", lambda s: s.remote["cold"].median, ".2f"),
        ("without link, s", lambda s: s.remote["cold raw"].median, ".2f"),
        *_traffic("cold", "received"),
        ("peak MB", lambda s: s.remote["cold"].peak / _MB, ".0f"),
        ("recall@10", lambda s: s.remote["cold"].recall, ".3f"),
        ranked=5,
    )
    add = _table(
        found,
        ("add, s", lambda s: s.remote["add"].median, ".2f"),
        *_traffic("add", "sent"),
        ("refresh, s", lambda s: s.remote["refresh"].median, ".2f"),
        *_traffic("refresh", "received"),
    )
    return "\n".join([about, "", engine, cold, add, *_notes(found)])


def _traffic(what: str, moved: str) -> Sequence[tuple[str, Cell, str]]:
    return (
        (f"MB {moved}", lambda s: getattr(s.remote[what].traffic, moved) / _MB, ".2f"),
        ("requests", lambda s: s.remote[what].traffic.requests, ".0f"),
    )


def _table(found: Comparison, *columns: tuple[str, Cell, str], ranked: int = 99) -> str:
    """Return a table with a row for each participant and, in the first `ranked` columns, the ratio to the best peer."""
    lines = [f"| | {' | '.join(title for title, _, _ in columns)} |", "|---|" + "---|" * len(columns)]
    best = [_best(found, cell) if number < ranked else None for number, (_, cell, _) in enumerate(columns)]
    for side in found.sides:
        cells = [_cell(cell(side), shape, least) for (_, cell, shape), least in zip(columns, best, strict=True)]
        name = f"**{side.name}**" if side.ours else side.name
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _best(found: Comparison, cell: Cell) -> float | None:
    return min((value for side in found.sides if not side.ours and (value := cell(side))), default=None)


def _cell(value: float | None, shape: str, best: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:{shape}}" + (f" ({value / best:.2f})" if best else "")


def _p50(side: Side, recall: float) -> float | None:
    point = side.at(recall)
    return point.p50 if point else None


def _notes(found: Comparison) -> Sequence[str]:
    ours = next(side for side in found.sides if side.ours)
    higher = [_higher(name, remote) for name, remote in ours.remote.items() if name.startswith("cold 0")]
    direct, linked = found.overhead["direct"], found.overhead["link without limits"]
    notes = [
        *higher,
        f"The proxy without limits: 64 MiB in {linked[0] / direct[0]:.2f} times the seconds without it, "
        f"and {(linked[1] - direct[1]) * 1e3:.1f} ms more for a small object.",
    ]
    if found.bare_calls:
        add = ours.remote["add"].median
        notes.append(
            f"The S3 calls of an add by multipart copy take {found.bare_calls.seconds:.2f} s of the stand-in, without "
            f"the link; vectord's add takes {add:.2f} s, {add - found.bare_calls.seconds:.2f} s without them."
        )
    if found.missing:
        notes.append(f"Left out, not installed or not built: {', '.join(found.missing)}.")
    return [f"- {note}" for note in notes]


def _higher(name: str, remote: Remote) -> str:
    return (
        f"vectord with target recall {name.removeprefix('cold ')}: cold {remote.median:.2f} s, "
        f"{remote.traffic.received / _MB:.2f} MB in {remote.traffic.requests} requests, recall@10 {remote.recall:.3f}."
    )
