"""What a box keeps of an event: a picture in which nobody can be recognised, sealed, for some weeks.

A picture is blurred, encoded and sealed in memory; only then is there a file. The event names it; it stays on the box.
"""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import msgspec

from edge._closing import cameras_of
from edge._stages import Emitted
from edge.blur import Box, Detect, anonymous
from edge.clip import ClipRing, video
from edge.seal import Seal, sealed
from hall.clock import Instant, to_datetime, to_iso
from hall.errors import InputError, RecordsError
from hall.files import write_whole
from hall.labels import LabelTable
from hall.layout import Evidence, Floor, Window, Zone
from hall.messages import ClipBody, EventBody
from hall.topics import Address
from vision.types import Frame

log = logging.getLogger(__name__)

KEY_VARIABLE = "HALLWATCH_EVIDENCE_KEY"
KEPT_FOLDER = "false_alarms"
_QUALITY = 85
_TOO_OLD_S = 15.0
"""A picture that was taken so long before the event was raised shows something else."""
_EXPIRE_EVERY_S = 600.0
_LEAST_KEY = 16
_SETTLED_S = 5.0
"""A clip is made so long after its end: by then its last picture is in."""
_MOST_BEHIND = 2
"""So many pictures of each camera may wait to be blurred for clips."""
_MOST_CLIPS = 16
"""So many may wait for their end; further events have no clip."""


def evidence_key(folder: Path, environ: Mapping[str, str]) -> bytes:
    """The key of the box: that of `HALLWATCH_EVIDENCE_KEY`, else one made once, in `evidence.key` beside the outbox.

    Raises:
        InputError: the variable holds less than 16 characters.
        RecordsError: the file cannot be read or made.
    """
    given = environ.get(KEY_VARIABLE, "")
    if given:
        if len(given) < _LEAST_KEY:
            raise InputError(f"{KEY_VARIABLE}: found {len(given)} characters; expected {_LEAST_KEY} at least")
        return given.encode()
    path = folder / "evidence.key"
    try:
        if not path.exists():
            write_whole(path, secrets.token_hex(32).encode())
        return path.read_bytes()
    except OSError as exc:
        raise RecordsError(f"{path}: {exc}; expected a file that can be read and written") from exc


class EvidenceStore:
    """The folder of sealed pictures. What is too old goes, and the oldest of what is too much.

    False alarms are labelled data: they are kept in a folder of their own, `false_alarms` beside this one.

    Args:
        folder: made with the first picture.
        settings: how long and how much.
    """

    def __init__(self, folder: Path, settings: Evidence) -> None:
        self._folder, self._kept_folder = folder, folder.with_name(KEPT_FOLDER)
        self.settings = settings

    def put(self, name: str, data: bytes, at: Instant) -> None:
        """Keep a file, dated by what it shows.

        Raises:
            OSError: it cannot be written.
        """
        write_whole(self._folder / name, data)
        os.utime(self._folder / name, (at, at))
        self.expire(at)

    def get(self, name: str) -> bytes | None:
        """A file that is kept, also as a false alarm; None where there is none.

        Raises:
            OSError: it cannot be read.
        """
        for folder in (self._folder, self._kept_folder):
            try:
                return (folder / name).read_bytes()
            except FileNotFoundError:
                continue
        return None

    def keep(self, event_ids: Collection[str]) -> int:
        """Put pictures and clips of false alarms where they do not go in time; how many files that were.

        Raises:
            OSError: they cannot be moved.
        """
        return _move(event_ids, self._folder, self._kept_folder)

    def put_back(self, event_ids: Collection[str]) -> int:
        """Put pictures and clips of events that are no false alarms any more back; how many files that were.

        Raises:
            OSError: they cannot be moved.
        """
        return _move(event_ids, self._kept_folder, self._folder)

    def expire(self, now: Instant) -> int:
        """Let go of what is too old or too much; how many files went."""
        if not self._folder.is_dir():
            return 0
        files = sorted((stat.st_mtime, path.name, stat.st_size) for path, stat in _files(self._folder))
        spare_bytes = sum(size for *_, size in files) - self.settings.quota_mb * 1e6
        oldest, gone = now - self.settings.keep_days * 86400.0, 0
        for at, name, size in files:
            if at >= oldest and spare_bytes <= 0:
                break
            (self._folder / name).unlink(missing_ok=True)
            spare_bytes -= size
            gone += 1
        return gone


def _move(event_ids: Collection[str], source: Path, target: Path) -> int:
    moved = 0
    for name in (f"{event_id}{ending}" for event_id in event_ids for ending in (".jpg", ".mp4")):
        if (source / name).is_file():
            target.mkdir(mode=0o700, parents=True, exist_ok=True)
            (source / name).replace(target / name)
            moved += 1
    return moved


def _files(folder: Path) -> list[tuple[Path, os.stat_result]]:
    return [(path, path.stat()) for path in folder.iterdir() if path.is_file()]


@dataclass(frozen=True, slots=True)
class _Clip:
    """A clip to be made once its time is over."""

    name: str
    seal: Seal
    start: Instant
    end: Instant


@dataclass(frozen=True, slots=True)
class _Picture:
    """The last picture of a camera that shows the hall, and whom it was known to show."""

    frame: Frame
    known: list[Box]


class EvidenceTaker:
    """Takes a picture of each event when it is raised, and a clip around it where that is wanted.

    Not thread-safe: the loop that judges calls it. Clips are blurred and encoded in a thread of their own.

    Args:
        store: where pictures go.
        key: seals them.
        address: the box.
        detect: finds people, those of low score included.
        score: from which on a detection counts by itself.
    """

    def __init__(self, store: EvidenceStore, key: bytes, address: Address, detect: Detect, score: float) -> None:
        self.store = store
        self._key, self._address, self._detect, self._score = key, address, detect, score
        self._pictures: dict[str, _Picture] = {}
        self._blurred: dict[str, tuple[Frame, bytes]] = {}
        self._rings: dict[str, ClipRing] = {}
        self._clips: list[_Clip] = []
        self._kept = deque[Emitted]()
        self._behind: list[Future[None]] = []
        self._encoder = ThreadPoolExecutor(1, "evidence")
        self._expired_at = float("-inf")
        self._error: str | None = None
        self._labelled: frozenset[str] = frozenset()

    def see(self, frame: Frame, known: list[Box]) -> None:
        """Remember a picture that is believed, and where people are followed in it, seen or not."""
        self._pictures[frame.camera_id] = _Picture(frame, known)
        clip_s = self.store.settings.clip
        if clip_s is None:
            self._rings.clear()
            return
        ring = self._rings.setdefault(frame.camera_id, ClipRing(self._detect, self._score, 0.0))
        ring.span_s = 2 * (clip_s + _SETTLED_S)
        done = [future for future in self._behind if future.done()]
        for error in filter(None, (future.exception() for future in done)):
            self._report(f"clip of {frame.camera_id}: {error}")
        self._behind = [future for future in self._behind if future not in done]
        # A box that cannot keep up leaves out pictures of clips before anything else.
        if len(self._behind) < _MOST_BEHIND * len(self._rings):
            self._behind.append(self._encoder.submit(ring.see, frame, known))

    def label(self, table: LabelTable) -> None:
        """Keep what belongs to these events, also what is still being made; what is unlabelled goes in time again."""
        self._labelled = frozenset(one.event_id for one in table.labels)
        try:
            back = self.store.put_back(table.unlabelled)
        except OSError as exc:
            self._report(f"false alarms: {exc}")
            back = 0
        if back:
            log.info("evidence: %d file(s) are of no false alarm any more and go in time", back)
        self._keep_labelled()

    def _keep_labelled(self) -> None:
        try:
            kept = self.store.keep(self._labelled)
        except OSError as exc:
            self._report(f"false alarms: {exc}")
            return
        if kept:
            log.info("evidence: %d file(s) of false alarms kept as labelled data", kept)

    def forget(self, camera_id: str) -> None:
        """A camera is there no more, or is another one."""
        self._pictures.pop(camera_id, None)
        self._blurred.pop(camera_id, None)
        self._rings.pop(camera_id, None)

    def close(self) -> None:
        """Make the clips that wait of what there is, and come to an end."""
        self._make_clips(float("inf"))
        self._encoder.shutdown()

    def clips(self) -> list[Emitted]:
        """The clips that were kept since this was asked last; after `close`, the last ones."""
        return [self._kept.popleft() for _ in range(len(self._kept))]

    def tick(self, now: Instant) -> None:
        """Make clips whose time is over; let go of what is too old, now and then."""
        self._make_clips(now)
        if not 0 <= now - self._expired_at < _EXPIRE_EVERY_S:
            self._expired_at = now
            self._keep_labelled()  # a clip may have come after its label
            self.store.expire(now)

    def taken(self, emitted: Sequence[Emitted], floor: Floor) -> list[Emitted]:
        """The same, with the name of its picture in each event that is raised."""
        if not self.store.settings.snapshots:
            return list(emitted)
        return [self._with_picture(item, floor) for item in emitted]

    def _with_picture(self, item: Emitted, floor: Floor) -> Emitted:
        event = item.body
        if not isinstance(event, EventBody) or event.phase != "raised":
            return item
        picture = self._picture_of(event, item.at, floor)
        if picture is None:
            return item
        name = f"{event.event_id}.jpg"
        try:
            self.store.put(name, sealed(self._jpeg(picture), self._seal(event, picture.frame), self._key), item.at)
        except OSError as exc:
            self._report(f"{name}: {exc}")
            return item
        self._error = None
        self._plan_clip(event, item.at, picture.frame)
        return Emitted(item.at, msgspec.structs.replace(event, snapshot=name))

    def _plan_clip(self, event: EventBody, at: Instant, frame: Frame) -> None:
        clip_s = self.store.settings.clip
        if clip_s is None or len(self._clips) >= _MOST_CLIPS:
            return
        start, end = at - clip_s, at + clip_s
        seal = msgspec.structs.replace(self._seal(event, frame), captured_at=to_iso(start), until=to_iso(end))
        self._clips.append(_Clip(f"{event.event_id}.mp4", seal, start, end))

    def _make_clips(self, now: Instant) -> None:
        done = [clip for clip in self._clips if now >= clip.end + _SETTLED_S]
        for clip in done:
            self._clips.remove(clip)
            ring = self._rings.get(clip.seal.camera)
            if ring is not None:
                self._encoder.submit(self._write_clip, clip, ring)

    def _write_clip(self, clip: _Clip, ring: ClipRing) -> None:
        """In the thread of the encoder, as all that a ring does."""
        frames = ring.between(clip.start, clip.end)
        if not frames:
            return
        try:
            data = video(frames, self._detect, self._score)
            self.store.put(clip.name, sealed(data, clip.seal, self._key), clip.end)
        except (OSError, av.FFmpegError) as exc:
            self._report(f"{clip.name}: {exc}")
            return
        first, last = frames[0].at, frames[-1].at
        self._kept.append(Emitted(last, ClipBody(clip.seal.event_id, clip.name, to_datetime(first), to_datetime(last))))

    def _picture_of(self, event: EventBody, at: Instant, floor: Floor) -> _Picture | None:
        """The newest picture of those that show the subject; none where a camera itself is at fault."""
        kind, _, name = event.subject.partition("/")
        items: list[Window | Zone] = [*floor.windows, *floor.zones] if kind in {"window", "zone"} else []
        cameras = {camera for item in items if item.id == name for camera in cameras_of(item)}
        shown = [self._pictures[camera] for camera in sorted(cameras) if camera in self._pictures]
        shown = [picture for picture in shown if abs(at - picture.frame.captured_at) <= _TOO_OLD_S]
        return max(shown, key=lambda picture: picture.frame.captured_at, default=None)

    def _jpeg(self, picture: _Picture) -> bytes:
        """Blurred and encoded; of several events at once the same."""
        frame = picture.frame
        done = self._blurred.get(frame.camera_id)
        if done is not None and done[0] is frame:
            return done[1]
        began = time.perf_counter()
        image = anonymous(frame.image, picture.known, self._detect, self._score)
        _, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        data = jpeg.tobytes()
        self._blurred[frame.camera_id] = frame, data
        log.debug("picture of %s blurred in %.0f ms", frame.camera_id, 1000 * (time.perf_counter() - began))
        return data

    def _seal(self, event: EventBody, frame: Frame) -> Seal:
        return Seal(
            event_id=event.event_id,
            rule=event.rule,
            subject=event.subject,
            severity=event.severity,
            started_at=to_iso(event.started_at.timestamp()),
            hall=self._address.hall,
            floor=self._address.floor,
            node=self._address.node,
            camera=frame.camera_id,
            captured_at=to_iso(frame.captured_at),
        )

    def _report(self, error: str) -> None:
        if error != self._error:
            log.error("evidence: %s; the event goes on without it", error)
        self._error = error
