"""Boxes without a broker, which say yes to everything."""

from __future__ import annotations

from hall.broker import parse_broker
from hall.messages import ReplyBody
from hall.topics import Address
from ingest.boxes import Boxes, BoxPicture


class WillingBoxes(Boxes):
    """Answers at once, with something that says whose it is."""

    def __init__(self) -> None:
        super().__init__(parse_broker("mqtt://127.0.0.1:1"))

    async def ask(self, address: Address, kind: str, *_: object, **_more: object) -> BoxPicture | ReplyBody:
        """See `Boxes.ask`."""
        if kind == "config/set":
            return ReplyBody(kind, accepted=True, sha256="5f8c" * 16)
        return BoxPicture(f"picture of {address.hall}".encode(), {})
