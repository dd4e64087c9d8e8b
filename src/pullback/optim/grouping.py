"""Groups of a model's parameters by their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from pullback.core.errors import OptionError
from pullback.tensors import Tensor


def groups_by_name(
    named: Iterable[tuple[str, Tensor]], settings: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Parameters with settings of their own where their names match a pattern, for any optimizer.

    Parameters
    ----------
    named : iterable of (str, Tensor)
        `model.named_parameters()`.
    settings : mapping of patterns to settings
        The first pattern that matches a name counts. In a pattern `*` is any text, `?` any letter, `[ab]` one of these;
        several stand side by side with spaces between them. What none matches is in the last group, with the
        optimizer's settings.

    Returns
    -------
    list of dict
        Groups, none of which is empty.

    Raises
    ------
    OptionError
        If a pattern matches no name.

    >>> import pullback as pb
    >>> model = pb.nn.Sequential(pb.nn.Linear(4, 8), pb.nn.LayerNorm(8), pb.nn.Linear(8, 2))
    >>> groups = groups_by_name(model.named_parameters(), {"*.bias 1.*": {"weight_decay": 0.0}})
    >>> [(len(group["params"]), group.get("weight_decay")) for group in groups]
    [(4, 0.0), (2, None)]
    >>> optimizer = pb.optim.AdamW(groups, lr=1e-3, weight_decay=0.1)
    """
    found: dict[str, list[Tensor]] = {pattern: [] for pattern in settings}
    rest: list[Tensor] = []
    names = []
    for name, parameter in named:
        names.append(name)
        pattern = next((p for p in settings if any(fnmatchcase(name, part) for part in p.split())), None)
        (rest if pattern is None else found[pattern]).append(parameter)
    for pattern, params in found.items():
        if not params:
            raise OptionError(
                "groups_by_name: a pattern matches no parameter that is left", pattern=pattern,
                names=", ".join(names) or "none", fix="leave it out, or mind the order: the first that matches counts",
            )  # fmt: skip
    groups = [{"params": found[pattern], **own} for pattern, own in settings.items()]
    return [*groups, {"params": rest}] if rest else groups
