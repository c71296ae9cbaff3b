"""A stage → the stages before it in its graph, wherever they are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["before", "stages_in"]


def before(source: object, kind: type) -> Iterator[Any]:
    """Yield a stage and all that it draws from, the nearest first.

    Args:
        source: A pipe or a node; anything else is passed over.
        kind: The class of all pipes, or of all nodes.
    """
    queue: list[Any] = [source] if isinstance(source, kind) else []
    seen = {id(source)}
    while queue:
        stage = queue.pop(0)
        yield stage
        for value in list(vars(stage).values()):
            for other in stages_in(value, kind):
                if id(other) not in seen:
                    seen.add(id(other))
                    queue.append(other)


def stages_in(value: Any, kind: type) -> list[Any]:
    """Return the stages that an attribute of a stage is, or holds: in a list, a tuple or a dict."""
    if isinstance(value, dict):
        members: Collection[Any] = [*value.keys(), *value.values()]
    else:
        members = value if isinstance(value, (list, tuple)) else (value,)
    # A source may hold a list of a million rows: asking for their types first takes a twentieth of the time.
    if not any(issubclass(one, kind) for one in set(map(type, members))):
        return []
    return [member for member in members if isinstance(member, kind)]
