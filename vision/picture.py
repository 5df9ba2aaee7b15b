"""Whether a camera's picture can be believed: frozen, dark, covered, or moved from where it was.

Each frame is made small and compared block by block with a slowly learnt reference, by normalised correlation, which
does not mind the light. People hide some blocks and never most; something before the lens hides all; a camera that
was bumped shows the blocks, but all of them elsewhere (block matching and a robust fit: Fischler and Bolles, RANSAC,
CACM 1981). A frozen picture is told by what is missing: the noise of a sensor, or the refresh of an encoder.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from hall.clock import Instant

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

PictureFault = Literal["frozen", "dark", "covered", "moved"]

_SIZE_PX = (160, 90)
_BLOCKS = (6, 10)
"""Rows and columns of blocks: 15 by 16 px each, about as large as a seated person far away."""
_WIDE_PX = (30, 32)
"""Height and width of the blocks that are searched elsewhere: large enough to be found only once."""
_REACH_PX = 20
"""So far they are searched: an eighth of the picture's width."""
_FINE_PX = 140
"""About so many samples across tell whether anything changed: single pixels, as averaging would take the noise away."""
_LEARN_EVERY_S = 1.0
_LEARNT_S = 600.0
"""A reference from before a restart counts as learnt for so long: what it shows now replaces it as slowly."""
_SURE_AFTER = 10
"""So many searches in a row that found the same move."""


@dataclass(frozen=True, slots=True)
class PictureSettings:
    """Thresholds: grey levels of 255, shares of the picture, seconds."""

    dark_mean: float = 22.0  # lights out leave the black level (about 16) and noise; a hall at half light has 50
    dark_bright: int = 48  # and hardly anything is brighter than this:
    dark_bright_share: float = 0.01  # lamps and screens at night are more
    texture: float = 4.0  # standard deviation from which a block has something to recognise; noise has 1
    least_textured: float = 0.1  # with fewer such blocks there is nothing of a hall in a picture
    alike: float = 0.6  # correlation from which a block shows what it did; a stranger's is around 0
    trusted_share: float = 0.6  # so many blocks alike: nothing to look into
    hidden_share: float = 0.2  # fewer alike, with hardly any texture left: covered. People hide four fifths at most
    soft_share: float = 0.4  # of the texture that there was
    lost_share: float = 0.12  # fewer alike, with texture, and found nowhere: another view
    found: float = 0.75  # correlation of a block found elsewhere,
    found_more: float = 0.15  # and by so much better there than in its place
    moved_least: float = 0.011  # share of the width; a foot point jitters as much
    moved_blocks: float = 0.4  # share of the blocks that must agree on where the camera looks
    dark_s: float = 1.5  # holds before it is called a fault: a flash, a frame that broke
    covered_s: float = 3.0  # somebody walks by close to the lens
    moved_s: float = 2.0  # shaken by a door
    lost_s: float = 10.0  # a crowd presses past
    frozen_s: float = 5.0  # nothing changes: noise changes every frame, most encoders refresh within 4 s,
    quiet_factor: float = 2.5  # and one that refreshes less often is given so many times its interval,
    quiet_most_s: float = 25.0  # as far as that is one: smart encoders go to 20 s
    recover_s: float = 1.0  # well again for so long: the fault is over
    changed_share: float = 0.08  # share of samples that differ at all: skipped blocks leave 0.04 within seconds
    changed_block: int = 2  # grey levels by which a patch differs: a hand that moves makes 3
    changed_much: int = 12  # by which people differ, and no refresh of an encoder
    learn_s: float = 60.0  # time constant of the reference: furniture and daylight are learnt, passers-by are not
    learn_crowded_s: float = 300.0  # and where much of it is hidden
    search_every_s: float = 0.5  # how often moved blocks are searched at most


@dataclass(frozen=True, slots=True)
class Look:
    """What may be believed of a frame.

    Attributes:
        state: `seen`: it shows the hall. `still`: nothing has changed for a while, so it proves nothing until
            something does. `doubtful`: something is wrong, or has just been. Else a fault.
        since: since when the picture is at fault, dated back to its first sign; None while it is not.
        shift: how far the middle of the picture moved, as a share of its width; None where nobody knows.
    """

    state: Literal["seen", "still", "doubtful"] | PictureFault
    since: Instant | None = None
    shift: float | None = None

    @property
    def shows(self) -> bool:
        """Whether people can be looked for in it."""
        return self.state in {"seen", "still"}

    @property
    def kind(self) -> PictureFault | None:
        """The fault in one word; None where there is none, or nobody knows yet."""
        return None if self.state in {"seen", "still", "doubtful"} else cast("PictureFault", self.state)

    @property
    def fault(self) -> str | None:
        """The fault in words, such as `moved by 3.2 % of the picture's width`."""
        if self.shows or self.state == "doubtful":
            return None
        if self.state != "moved":
            return self.state
        if self.shift is None:
            return "moved: it shows another view"
        return f"moved by {100 * self.shift:.1f} % of the picture's width"


@dataclass(frozen=True, slots=True)
class _Sign:
    """What is wrong with one frame by itself. `lost`: it shows something, but nothing of the reference."""

    kind: Literal["dark", "covered", "moved", "lost"]
    shift: float | None = None


class PictureWatch:
    """Judges the pictures of one camera in order of capture time.

    The reference begins with the first picture that shows something: a camera that was moved while nobody watched
    is not noticed. It stays as it is while the picture is at fault, so a camera that stays moved is at fault until
    it is turned back or the watch begins anew.

    Args:
        settings: thresholds.
        reference: what `moved_from` gave before a restart.
    """

    def __init__(self, settings: PictureSettings | None = None, reference: bytes | None = None) -> None:
        self.settings = settings or PictureSettings()
        self.look = Look("seen")
        self._at: Instant | None = None
        self._scene = _Scene(self.settings)
        if reference is not None and len(reference) == _SIZE_PX[0] * _SIZE_PX[1]:
            self._scene.remember(np.frombuffer(reference, np.uint8).reshape(_SIZE_PX[1], _SIZE_PX[0]))
        self._stillness = _Stillness(self.settings)
        self._trouble_since: Instant | None = None
        self._well_since: Instant | None = None

    @property
    def moved_from(self) -> bytes | None:
        """While the camera is moved, what it showed before, for a watch after a restart; else None."""
        return self._scene.reference if self.look.state == "moved" else None

    def judge(self, at: Instant, image: Image) -> Look:
        """Take a frame.

        Args:
            at: capture time; a frame that is not newer than the last one changes nothing.
            image: (H, W, 3) uint8, of any size; 400 px across are enough.
        """
        if self._at is None or at > self._at:
            self._at = at
            sign = self._scene.sign(at, image, moved=self.look.state == "moved")
            still_since = self._stillness.step(at, image)
            self.look = self._trouble(at, sign) or self._stillness_of(at, still_since)
        return self.look

    def _trouble(self, at: Instant, sign: _Sign | None) -> Look | None:
        """What frames look like is held for a while before it is a fault, and before that is over."""
        at_fault = self.look.state in {"dark", "covered", "moved"}
        if sign is not None:
            self._well_since = None
            since = self._trouble_since = at if self._trouble_since is None else self._trouble_since
            if not at_fault and at - since < self._hold_s(sign):
                return Look("doubtful")
            # Somebody in the way may hide how far a camera has moved.
            shift = self.look.shift if sign.kind == "lost" else sign.shift
            return Look("moved" if sign.kind == "lost" else sign.kind, since, shift)
        self._well_since = at if self._well_since is None else self._well_since
        if at_fault and at - self._well_since < self.settings.recover_s:
            return self.look
        self._trouble_since = None
        return None

    def _hold_s(self, sign: _Sign) -> float:
        settings = self.settings
        holds_s = {"dark": settings.dark_s, "covered": settings.covered_s, "moved": settings.moved_s}
        return holds_s.get(sign.kind, settings.lost_s)

    def _stillness_of(self, at: Instant, since: Instant | None) -> Look:
        if since is None:
            return Look("seen")
        return Look("frozen", since) if at - since >= self._stillness.patience_s else Look("still")


class _Scene:
    """What the camera is used to show, and how a frame differs from it."""

    def __init__(self, settings: PictureSettings) -> None:
        self._settings = settings
        self._reference: Floats | None = None
        self._blocks: _Blocks | None = None
        self._learnt_at: Instant = 0.0
        self._learnt_s = 0.0
        self._searched_at: Instant | None = None
        self._found: _Sign | None = None
        self._times_found = 0

    @property
    def reference(self) -> bytes | None:
        return None if self._reference is None else np.round(self._reference).astype(np.uint8).tobytes()

    def remember(self, small: Image) -> None:
        """Begin with what another watch has learnt."""
        self._reference, self._blocks, self._learnt_s = small.astype(np.float32), _Blocks.of(small), _LEARNT_S

    def sign(self, at: Instant, image: Image, *, moved: bool) -> _Sign | None:
        """What is wrong with a frame; where nothing is, the reference learns from it.

        A camera that has `moved` is back once it is trusted again: that nobody knows where it looks is no return.
        """
        settings, small = self._settings, _small(image)
        bright = np.count_nonzero(small > settings.dark_bright) / small.size
        if small.mean() < settings.dark_mean and bright < settings.dark_bright_share:
            return _Sign("dark")
        blocks = _Blocks.of(small)
        textured = float((blocks.deviation >= settings.texture).mean())
        if self._reference is None or self._blocks is None:
            if textured < settings.least_textured:
                return _Sign("covered")
            self._reference, self._blocks, self._learnt_at = small.astype(np.float32), blocks, at
            return None
        known = self._blocks.deviation >= settings.texture
        alike = float((blocks.correlation(self._blocks)[known] >= settings.alike).mean())
        if alike >= settings.trusted_share:
            self._learn(at, small, settings.learn_s)
            return None
        if alike < settings.hidden_share and textured < settings.soft_share * float(known.mean()):
            return _Sign("covered")
        found = self._search(at, small)
        if found is None and (moved or alike < settings.lost_share):
            return _Sign("lost")
        if found is None:
            self._learn(at, small, settings.learn_crowded_s)
        return found

    def _learn(self, at: Instant, small: Image, time_s: float) -> None:
        """About once a second; a picture after a gap counts for one second too."""
        if self._reference is None or 0 <= at - self._learnt_at < _LEARN_EVERY_S:
            return
        self._learnt_at = at
        self._learnt_s += _LEARN_EVERY_S
        # At first a plain mean: nobody who stood in the first picture is furniture.
        share = _LEARN_EVERY_S / min(time_s, self._learnt_s + _LEARN_EVERY_S)
        cv2.accumulateWeighted(small, self._reference, share)
        self._blocks = _Blocks.of(self._reference)

    def _search(self, at: Instant, small: Image) -> _Sign | None:
        """Where the camera looks now, if most of what it showed is found elsewhere and agrees on where."""
        every_s = self._settings.search_every_s
        if self._times_found > _SURE_AFTER:
            every_s *= 10  # it stays there; when it is back in its place is seen without a search
        if self._searched_at is None or not 0 <= at - self._searched_at < every_s:
            self._searched_at = at
            assert self._reference is not None
            shift = _shift(np.round(self._reference).astype(np.uint8), small, self._settings)
            self._found = None if shift is None else _Sign("moved", shift)
            self._times_found = 0 if shift is None else self._times_found + 1
        return self._found


@dataclass(frozen=True, slots=True)
class _Blocks:
    """A small picture as blocks (B, P) less their means, and the standard deviation (B,) of each."""

    values: Floats
    deviation: Floats

    @classmethod
    def of(cls, small: NDArray[np.generic]) -> _Blocks:
        rows, columns = _BLOCKS
        height, width = _SIZE_PX[1] // rows, _SIZE_PX[0] // columns
        blocks = small.reshape(rows, height, columns, width).swapaxes(1, 2).reshape(rows * columns, height * width)
        values = blocks - blocks.mean(axis=1, keepdims=True, dtype=np.float32)
        return cls(values, np.sqrt(np.einsum("bp,bp->b", values, values) / values.shape[1]))

    def correlation(self, other: _Blocks) -> Floats:
        """(B,) -1 to 1; 0 where a block has nothing to compare."""
        together = np.einsum("bp,bp->b", self.values, other.values) / self.values.shape[1]
        return np.asarray(together / np.maximum(self.deviation * other.deviation, 1e-3), np.float32)


def _small(image: Image) -> Image:
    """Green, which is most of the light, in (90, 160)."""
    step = max(1, image.shape[1] // _SIZE_PX[0])
    green = np.ascontiguousarray(image[::step, ::step, 1])
    # By area would be smoother and takes ten times as long.
    return np.asarray(cv2.resize(green, _SIZE_PX, interpolation=cv2.INTER_LINEAR), np.uint8)


def _shift(reference: Image, small: Image, settings: PictureSettings) -> float | None:
    """How far the middle moved, as a share of the width; None where too few blocks are found and agree."""
    height, width = _WIDE_PX
    reach = _REACH_PX
    around = cv2.copyMakeBorder(small, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    was: list[tuple[float, float]] = []
    now: list[tuple[float, float]] = []
    count = 0
    for top in range(0, _SIZE_PX[1] - height + 1, height // 2):
        for left in range(0, _SIZE_PX[0] - width + 1, width // 2):
            block = reference[top : top + height, left : left + width]
            if float(block.std()) < settings.texture:
                continue
            count += 1
            field = around[top : top + height + 2 * reach, left : left + width + 2 * reach]
            score = cv2.matchTemplate(field, block, cv2.TM_CCOEFF_NORMED)
            _, best, _, (x, y) = cv2.minMaxLoc(score)
            if best >= settings.found:
                stays = best < float(score[reach, reach]) + settings.found_more
                was.append((left + width / 2, top + height / 2))
                now.append(was[-1] if stays else (left + width / 2 + x - reach, top + height / 2 + y - reach))
    if len(was) < max(4.0, settings.moved_blocks * count):
        return None
    return _agreed_shift(np.array(was, np.float32), np.array(now, np.float32), count, settings)


def _agreed_shift(was: Floats, now: Floats, count: int, settings: PictureSettings) -> float | None:
    matrix, inliers = cv2.estimateAffinePartial2D(was, now, method=cv2.RANSAC, ransacReprojThreshold=2.0)
    if matrix is None or int(inliers.sum()) < max(4.0, settings.moved_blocks * count):
        return None
    moved = matrix @ np.array([[0.0, _SIZE_PX[0], 0.0, _SIZE_PX[0]], [0.0, 0.0, *[_SIZE_PX[1]] * 2], [1.0] * 4])
    corners = np.array([[0.0, _SIZE_PX[0], 0.0, _SIZE_PX[0]], [0.0, 0.0, *[_SIZE_PX[1]] * 2]])
    # The mean way of the corners says a turn around the middle as well.
    shift = float(np.hypot(*(moved - corners)).mean()) / _SIZE_PX[0]
    return shift if shift >= settings.moved_least else None


class _Stillness:
    """Since when nothing has changed, and for how long that may be."""

    def __init__(self, settings: PictureSettings) -> None:
        self._settings = settings
        self._anchor: Image | None = None
        self._since: Instant | None = None
        self._anchored_at: Instant = 0.0
        self._quiet_s: deque[float] = deque(maxlen=20)

    def step(self, at: Instant, image: Image) -> Instant | None:
        """Since when the picture has been the same: the first frame of its repeats; None while it changes."""
        fine = _fine(image)
        if self._anchor is None or self._anchor.shape != fine.shape:
            self._anchor, self._anchored_at, self._since = fine, at, None
            return None
        off = cv2.absdiff(fine, self._anchor)
        patches = cv2.resize(off, (max(1, off.shape[1] // 8), max(1, off.shape[0] // 8)), interpolation=cv2.INTER_AREA)
        most = int(patches.max())
        if cv2.countNonZero(off) < self._settings.changed_share * off.size and most < self._settings.changed_block:
            self._since = at if self._since is None else self._since
            return self._since
        if self._since is not None:
            self._learn(at - self._anchored_at, soft=most < self._settings.changed_much)
        self._anchor, self._anchored_at, self._since = fine, at, None
        return None

    @property
    def patience_s(self) -> float:
        """How long a living picture of this camera may stay the same.

        Its encoder's refresh, from the second longest of the last quiet runs: one long run may be a freeze.
        """
        second_s = sorted(self._quiet_s)[-2] if len(self._quiet_s) > 1 else 0.0
        return max(self._settings.frozen_s, self._settings.quiet_factor * second_s)

    def _learn(self, run_s: float, *, soft: bool) -> None:
        """A run that a refresh ended, and not somebody who moved: for a while this camera sends nothing new."""
        if soft and 1.0 <= run_s <= self._settings.quiet_most_s:
            self._quiet_s.append(run_s)


def _fine(image: Image) -> Image:
    """Single pixels of the picture, green, about 140 across."""
    step = max(1, round(image.shape[1] / _FINE_PX))
    return np.ascontiguousarray(image[::step, ::step, 1])
