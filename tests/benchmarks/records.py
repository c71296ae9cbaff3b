"""What is compared with what, and what was measured: ours, an alternative, floors that nobody can go below."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from interpreters import ALTERNATIVES, is_at_hand
from measuring import Run, Work, WorkError, run

__all__ = ["Bound", "Record", "Result", "Side", "measure", "without_targets"]

Kind = Literal["seconds", "held"]  # memory: private and mapped


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What ours is compared with: an alternative to leave behind, or a floor to come near."""

    work: Work
    times: float | None = (
        None  # the target: an alternative's is to be missed by so much, a floor's not exceeded
    )
    same: bool = True  # its answer must be equal to ours
    pairs: int | None = None  # at most so many runs, where one takes minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One row of the table."""

    key: str  # what the command line calls it, and the rows like it
    what: str  # what is measured, with its size
    ours: Work
    alternative: Bound | None = None
    floors: Sequence[Bound] = ()
    seconds: float | None = None  # the target of ours by itself, and
    private: float | None = None  # of its peak of private memory, in 2**20 bytes
    of: Kind = "seconds"  # what the ratios are of
    size: tuple[int, int] | None = None  # tokens and dim, of what is also measured at other sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The medians of one side's runs, and of the ratios pair by pair."""

    name: str
    seconds: float
    private: float  # 2**20 bytes
    mapped: float  # 2**20 bytes
    ratio: float | None = None  # an alternative's over ours, ours over a floor's; None for ours
    target: float | None = None
    runs: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A row as measured; or why it was not."""

    key: str
    what: str
    of: Kind
    ours: Side | None
    alternative: Side | None
    floors: tuple[Side, ...]
    seconds: float | None  # targets of ours by itself
    private: float | None
    state: Literal["met", "missed", "no target", "not at hand", "wrong answer", "failed"]
    note: str = ""
    size: tuple[int, int] | None = None

    @property
    def is_sound(self) -> bool:
        """Whether both sides ran, and gave the same answer; a target that was missed is no failure."""
        return self.state not in ("wrong answer", "failed")


def without_targets(record: Record) -> Record:
    """Return a record that is measured and not judged."""
    alternative = record.alternative and replace(record.alternative, times=None)
    floors = tuple(replace(floor, times=None) for floor in record.floors)
    return replace(record, alternative=alternative, floors=floors, seconds=None, private=None)


def measure(record: Record, pairs: int = 3) -> Result:
    """Run ours and what it is compared with in turn, so often; no result counts whose answers differ."""
    bounds = [*([record.alternative] if record.alternative else []), *record.floors]
    missing = sorted({one.work.needs for one in bounds if one.work.needs and not is_at_hand(one.work.needs)})
    present = [one for one in bounds if one.work.needs not in missing]
    runs: list[tuple[Run, dict[int, Run]]] = []
    try:
        for number in range(pairs):
            mine = run(record.ours)
            others = {
                place: run(one.work)
                for place, one in enumerate(present)
                if one.pairs is None or number < one.pairs
            }
            runs.append((mine, others))
            for place, other in others.items():
                if present[place].same and other.answer != mine.answer:
                    name = present[place].work.name
                    note = f"{record.ours.name}: {mine.answer!r:.200}; {name}: {other.answer!r:.200}"
                    return _result(record, None, None, (), "wrong answer", note)
            if mine.answer != runs[0][0].answer:
                note = f"{record.ours.name}: {mine.answer!r:.200}, and before {runs[0][0].answer!r:.200}"
                return _result(record, None, None, (), "wrong answer", note)
    except WorkError as error:
        return _result(record, None, None, (), "failed", str(error))
    ours = _side(record.ours, [mine for mine, _ in runs])
    sides = [_beside(record, one, place, runs) for place, one in enumerate(present)]
    has_alternative = record.alternative in present
    alternative = sides[0] if has_alternative else None
    floors = tuple(sides[has_alternative:])
    state, notes = _judged(record, ours, alternative, floors), [*filter(None, [runs[0][0].said])]
    if missing:
        notes += (
            f"{name} is not at hand: {ALTERNATIVES[name].install}, and set "
            f"{ALTERNATIVES[name].variable} to its Python"
            for name in missing
        )
        state = "missed" if state == "missed" else "not at hand"
    return _result(record, ours, alternative, floors, state, "; ".join(notes))


def _judged(record: Record, ours: Side, alternative: Side | None, floors: Sequence[Side]) -> Any:
    met = [ours.seconds <= record.seconds] if record.seconds is not None else []
    met += [ours.private <= record.private] if record.private is not None else []
    if alternative and alternative.ratio and alternative.target:
        met.append(alternative.ratio >= alternative.target)
    met += [floor.ratio <= floor.target for floor in floors if floor.ratio and floor.target]
    return "no target" if not met else "met" if all(met) else "missed"


def _result(
    record: Record,
    ours: Side | None,
    alternative: Side | None,
    floors: tuple[Side, ...],
    state: Any,
    note: str,
) -> Result:
    return Result(
        key=record.key,
        what=record.what,
        of=record.of,
        ours=ours,
        alternative=alternative,
        floors=floors,
        seconds=record.seconds,
        private=record.private,
        state=state,
        note=note,
        size=record.size,
    )


def _side(work: Work, runs: Sequence[Run], ratio: float | None = None, target: float | None = None) -> Side:
    return Side(
        name=work.name,
        seconds=statistics.median(one.seconds for one in runs),
        private=statistics.median(one.peak.private for one in runs),
        mapped=statistics.median(one.peak.mapped for one in runs),
        ratio=ratio,
        target=target,
        runs=len(runs),
    )


def _beside(record: Record, bound: Bound, place: int, runs: Sequence[tuple[Run, dict[int, Run]]]) -> Side:
    pairs = [(mine, others[place]) for mine, others in runs if place in others]
    ratios = [_amount(other, record.of) / max(_amount(mine, record.of), 1e-9) for mine, other in pairs]
    ratio = statistics.median(ratios)
    is_floor = bound is not record.alternative
    return _side(
        bound.work, [other for _, other in pairs], 1 / max(ratio, 1e-9) if is_floor else ratio, bound.times
    )


def _amount(one: Run, of: Kind) -> float:
    return one.seconds if of == "seconds" else one.peak.held
