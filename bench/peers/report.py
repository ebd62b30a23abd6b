"""Print the comparison as tables: each figure and its ratio to the best peer's."""

from collections.abc import Callable, Sequence

from bench.peers.results import ENOUGH, Comparison, Point, Remote, Side
from tools.command.console import table

_MB = 1_000_000
_RECALLS = (0.95, 0.98, 0.99)

Figure = tuple[str, bool, float | None]  # name, True if it is vectord, figure


def show(found: Comparison) -> None:
    """Print all tables."""
    print(f"\npeers: {found.rows:,} x {found.dimension}, cosine ({found.data}), {found.date}")
    table(("fact", "value"), list(found.machine.items()))
    if found.missing:
        print(f"  left out, not installed or not built: {', '.join(found.missing)}")
    _overhead(found)
    _builds(found)
    _curves(found)
    _warm(found)
    _cold(found)
    _adds(found)
    _refreshes(found)


def _overhead(found: Comparison) -> None:
    direct = found.overhead["direct"]
    rows = [
        (
            name,
            f"{large:8.3f}",
            f"{large / direct[0]:6.2f} x",
            f"{small * 1e3:8.2f}",
            f"{(small - direct[1]) * 1e3:+8.2f}",
        )
        for name, (large, small) in found.overhead.items()
    ]
    table(("the stand-in", "64 MiB, s", "of direct", "512 bytes, ms", "over direct"), rows)


def _builds(found: Comparison) -> None:
    built = dict(_ratios([(side.name, side.ours, side.build_seconds) for side in found.sides if side.builds]))
    rows = [
        (
            side.name,
            f"{side.build_seconds:8.2f}",
            built.get(side.name, ""),
            f"{side.size:13,}",
            f"{side.size / found.raw:6.3f} x",
        )
        for side in found.sides
    ]
    table(("build, 2 threads", "s", "of best peer", "bytes", "of raw float32"), rows)


def _curves(found: Comparison) -> None:
    rows = [
        (side.name, _effort(point), f"{point.recall:.4f}", f"{point.p50:8.3f}", f"{point.p99:8.3f}")
        for side in found.sides
        for point in side.warm
    ]
    table(("warm engine, 1 thread", "effort", "recall@10", "p50 ms", "p99 ms"), rows)


def _warm(found: Comparison) -> None:
    at = {recall: [(s.name, s.ours, _p50(s.at(recall))) for s in found.sides] for recall in _RECALLS}
    ratios = {recall: dict(_ratios(figures)) for recall, figures in at.items()}
    rows = []
    for number, side in enumerate(found.sides):
        cells = [side.name]
        for recall in _RECALLS:
            value = at[recall][number][2]
            cells += [f"{value:8.3f}" if value else "    none", ratios[recall].get(side.name, "")]
        rows.append(cells)
    headers = [header for recall in _RECALLS for header in (f"p50 ms at >= {recall}", "of best peer")]
    table(("warm engine", *headers), rows)


def _cold(found: Comparison) -> None:
    rows = []
    for label in ("cold", "cold raw"):
        best = _best([(s.name, s.ours, _if_good(s.remote[label])) for s in found.sides])
        for side in found.sides:
            rows += [_cold_row(side.name, name, side.remote[name], best) for name in _cold_labels(side, label)]
    headers = ("s", "least", "of best peer", "import s", "MB read", "requests", "peak MB", "recall@10", "details")
    table(("cold first answer", "link", *headers), rows)


def _cold_labels(side: Side, label: str) -> list[str]:
    """Return the operations to print under a label: with the link, also those with another recall."""
    return [label] if label != "cold" else [name for name in side.remote if name == "cold" or name.startswith("cold 0")]


def _cold_row(name: str, label: str, remote: Remote, best: float | None) -> Sequence[str]:
    special = label.removeprefix("cold").strip()
    return (
        name if special in {"", "raw"} else f"{name}, recall {special}",
        "none" if special == "raw" else "75 MB/s, 25 ms",
        f"{remote.median:7.3f}",
        f"{min(remote.seconds):7.3f}",
        f"{remote.median / best:6.2f} x" if best else "",
        f"{remote.imported:6.3f}",
        f"{remote.traffic.received / _MB:8.2f}",
        f"{remote.traffic.requests:5}",
        f"{remote.peak / _MB:6.0f}",
        f"{remote.recall:.3f}",
        ", ".join(f"{key} {value}" for key, value in remote.details.items() if key in _DETAILS),
    )


_DETAILS = ("strategy", "plan", "bytes_read", "requests")


def _adds(found: Comparison) -> None:
    rows = []
    for label, link in (("add", "75 MB/s, 25 ms"), ("add raw", "none")):
        best = _best([(side.name, side.ours, side.remote[label].median) for side in found.sides])
        for side in found.sides:
            rows.append((side.name, link, *_travelled(side.remote[label], best)))
    table(("add of 100, cold, without imports", "link", *_TRAVELLED), rows)
    _bare(found)


def _bare(found: Comparison) -> None:
    ours = next((side for side in found.sides if side.ours), None)
    if found.bare_calls is None or ours is None:
        return
    calls = [(name, f"{seconds:7.3f}") for name, seconds in found.bare_calls.calls.items()]
    table(("S3 calls of an add by copy, without the link", "s"), [*calls, ("all", f"{found.bare_calls.seconds:7.3f}")])
    add = ours.remote["add"]
    if add.traffic.sent < ours.size / 2:
        print(
            f"  vectord's add {add.median:.3f} s, without these calls {add.median - found.bare_calls.seconds:.3f} s\n"
        )
    else:
        print("  vectord's add sent its object whole: nothing to subtract\n")


def _refreshes(found: Comparison) -> None:
    best = _best([(side.name, side.ours, side.remote["refresh"].median) for side in found.sides])
    rows = [(side.name, *_travelled(side.remote["refresh"], best)) for side in found.sides]
    table(("search after an add of 100 by another process, warm", *_TRAVELLED), rows)


_TRAVELLED = ("s", "of best peer", "MB sent", "MB read", "requests", "peak MB")


def _travelled(remote: Remote, best: float | None) -> Sequence[str]:
    return (
        f"{remote.median:7.3f}",
        f"{remote.median / best:6.2f} x" if best else "",
        f"{remote.traffic.sent / _MB:8.2f}",
        f"{remote.traffic.received / _MB:8.2f}",
        f"{remote.traffic.requests:5}",
        f"{remote.peak / _MB:6.0f}",
    )


def _effort(point: Point) -> str:
    effort = point.effort
    return "" if effort is None else " x ".join(map(str, effort)) if isinstance(effort, list | tuple) else f"{effort:,}"


def _p50(point: Point | None) -> float | None:
    return point.p50 if point else None


def _if_good(remote: Remote) -> float | None:
    return remote.median if remote.recall >= ENOUGH - 0.05 else None  # tolerance: the recall of a few queries is coarse


def _best(figures: Sequence[Figure]) -> float | None:
    return min((value for _, ours, value in figures if value and not ours), default=None)


def _ratios(figures: Sequence[Figure], show: Callable[[float], str] = "{:6.2f} x".format) -> list[tuple[str, str]]:
    best = _best(figures)
    return [(name, show(value / best)) for name, _, value in figures if value and best]
