"""What of a pipeline survives a restart."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import msgspec

from edge.camera_fault import CameraFaultState
from edge.gate import Points
from edge.overload import OverloadState
from edge.rules import AbsenceState, OvertimeState, WaitState
from edge.watch import SavedWindow, SavedZone, ServiceTimes
from hall.clock import Instant
from hall.duty import DutyTable


class WindowRules(msgspec.Struct):
    """Memory of the rules of one window."""

    absence: AbsenceState = AbsenceState()
    overtime: OvertimeState = OvertimeState()
    times: ServiceTimes = msgspec.field(default_factory=ServiceTimes)


class SavedView(msgspec.Struct, frozen=True):
    """What a camera showed before it was moved, small and grey, and for which areas that counts."""

    areas: str
    reference: bytes


class Saved(msgspec.Struct):
    """Everything of a pipeline that survives a restart."""

    windows: dict[str, SavedWindow] = {}
    window_rules: dict[str, WindowRules] = {}
    zones: dict[str, SavedZone] = {}
    zone_rules: dict[str, WaitState] = {}
    cameras: dict[str, CameraFaultState] = {}
    moved: dict[str, SavedView] = {}
    overload: OverloadState = OverloadState()
    duty: DutyTable = DutyTable()
    version: int = 1

    def view_of(self, camera: str, areas: str) -> bytes | None:
        """What a moved camera showed before; None where there is nothing, or its areas were drawn anew since."""
        view = self.moved.get(camera)
        return view.reference if view is not None and view.areas == areas else None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Saved)


def drawn(address: str, areas: Sequence[Points]) -> str:
    """A name for the areas of a camera as they are drawn."""
    return sha256(repr((address, areas)).encode()).hexdigest()[:16]


def load_saved(content: bytes | None) -> Saved:
    """What stands in a saved state; nothing of none.

    Raises:
        MsgspecError: another version wrote it.
    """
    return _decoder.decode(content) if content else Saved()


def latest(saved: Saved) -> Instant | None:
    """The last moment that a state knows of; None of an empty one."""
    known = [state.at for state in saved.cameras.values()]
    known.append(saved.overload.at)
    known += [rules.absence.at for rules in saved.window_rules.values()]
    known += [presence.at for window in saved.windows.values() for presence in window.clerk.values()]
    return max((at for at in known if at is not None), default=None)


def dump_saved(saved: Saved) -> bytes:
    """A state to keep."""
    return _encoder.encode(saved)
