"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

from hall.errors import InputError
from hall.layout import Hall
from hall.topics import Address

LOCAL_BROKER = "mqtt://127.0.0.1:1883"

BrokerOption = Annotated[
    str, typer.Option(envvar="HALLWATCH_BROKER", help="mqtt://[USER:PASSWORD@]HOST[:1883] or mqtts://...")
]
NodeOption = Annotated[str | None, typer.Option(help="Which box; may be left out where there is one.")]


def address_of(hall: Hall, node: str | None) -> Address:
    """The node that an option names, else the only one.

    Raises:
        InputError: there is no such node, or several and none is named.
    """
    nodes = {name: floor.id for floor in hall.floors for name in floor.nodes}
    name = node or (next(iter(nodes)) if len(nodes) == 1 else None)
    if name is None:
        raise InputError(f"--node is needed: the hall has {', '.join(nodes)}")
    if name not in nodes:
        raise InputError(f"--node {name}: found no such node; expected one of {', '.join(nodes)}")
    return Address(hall.hall.id, nodes[name], name)
