"""The comparison as a Markdown table: what docs/routing.md shows."""

from collections.abc import Sequence

from hub.samples.simulation.comparison import Comparison

_ROWS: Sequence[tuple[str, str, str]] = (
    ("share_in_time", "in time, all", "share"),
    ("share_urgent", "in time, urgent", "share"),
    ("share_routine", "in time, routine", "share"),
    ("share_weekday", "in time, Monday to Friday", "share"),
    ("share_weekend", "in time, weekend", "share"),
    ("share_surge", "**in time, surge days**", "share"),
    ("share_surge_urgent", "in time, urgent of surge days", "share"),
    ("wait_p50", "median wait, all", "hours"),
    ("wait_p95", "95th percentile of waits, all", "hours"),
    ("urgent_wait_p95", "95th percentile, urgent", "hours"),
    ("surge_urgent_wait_p95", "95th percentile, urgent of surge days", "hours"),
    ("unevenness", "unevenness inside teams", "plain"),
    ("hand_offs", "hand-offs a referral", "plain"),
    ("continuity", "same worker again", "share"),
)


def lines_of(compared: Comparison) -> list[str]:
    """Return mean (lowest to highest) by policy, the bound, and each day of the first seed."""
    names = [*compared.measures]
    first, last = compared.seeds[0], compared.seeds[-1]
    lines = [
        f"Seeds {first} to {last}, {compared.span.days} days from {compared.span.first}: "
        "mean (lowest to highest).",
        "",
        f"| | {' | '.join(names)} | bound |",
        f"|---|{'---|' * (len(names) + 1)}",
    ]
    for field, title, kind in _ROWS:
        cells = [
            _cell([getattr(each, field) for each in compared.measures[name]], kind)
            for name in names
        ]
        bound = compared.bounds.get(field)
        lines.append(f"| {title} | {' | '.join(cells)} | {_cell(bound, kind) if bound else ''} |")
    points = ", ".join(
        f"{title} {_cell(compared.points(field), 'plain')}"
        for field, title in (
            ("share_in_time", "all"),
            ("share_surge", "surge days"),
            ("share_surge_urgent", "urgent of surge days"),
        )
    )
    lines += ["", f"Points ahead of round-robin: {points}.", ""]
    lines += [f"| day (seed {first}) | referrals | {' | '.join(names)} | bound |"]
    lines += [f"|---|{'---:|' * (len(names) + 2)}"]
    for each in compared.days:
        mark = " (surge)" if each.day in compared.span.surge_days else ""
        mark += " (stress hour)" if each.day == compared.span.stress_day else ""
        reached = " | ".join(str(each.in_time[name]) for name in names)
        lines.append(f"| {each.day:%a %d %b}{mark} | {each.cases} | {reached} | {each.bound:.1f} |")
    return lines


def _cell(values: Sequence[float], kind: str) -> str:
    mean = sum(values) / len(values)
    if kind == "share":
        return f"{100 * mean:.1f}% ({100 * min(values):.1f} to {100 * max(values):.1f})"
    if kind == "hours":
        return f"{mean:.1f} h ({min(values):.1f} to {max(values):.1f})"
    return f"{mean:.2f} ({min(values):.2f} to {max(values):.2f})"
