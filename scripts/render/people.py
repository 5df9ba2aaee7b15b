"""The sixteen figures: bodies, clothes in the order of dressing, hair. Colours are linear."""

from __future__ import annotations

from dataclasses import dataclass, field

from scripts.render.makehuman import Body

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Look:
    """What something is made of.

    Attributes:
        kind: `cloth`, `jacket` (open, over a shirt), `jeans`, `shoes` or `hair`.
        colour: of the cloth; of jeans a tint.
        fade: saturation of jeans.
        shirt, bow, tie, badge, check: colours of what a garment has of these.
        lapel: whether a jacket has lapels.
    """

    kind: str
    colour: Colour
    fade: float = 1.0
    shirt: Colour | None = None
    bow: Colour | None = None
    tie: Colour | None = None
    badge: Colour | None = None
    check: Colour | None = None
    lapel: bool = False


@dataclass(frozen=True)
class Wear:
    """A garment, hair or a bag: the function of `garments.MAKERS` that makes it, what it is made of, its measures."""

    maker: str
    look: Look
    measures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Person:
    """One figure of the atlas."""

    name: str
    role: str
    body: Body
    skin: Colour
    hair: Colour
    wears: tuple[Wear, ...]
    stoop_deg: float = 0.0
    tights: Colour | None = None

    @property
    def poses(self) -> list[str]:
        """The poses that it is rendered in."""
        every = ["stand", "stand2", "sit", *(f"walk{k}" for k in range(6))]
        if self.role == "clerk":
            return [*every, "sit_desk", "sit_phone"]
        return [*every, "reach", *(["sit_phone"] if self.name in _WITH_PHONE else [])]


_WITH_PHONE = frozenset({"m_hoodie", "f_tee", "f_blouse", "teen"})

_BLACK, _BROWN, _GREY, _PEPPER = (0.016, 0.013, 0.012), (0.055, 0.028, 0.016), (0.34, 0.33, 0.32), (0.09, 0.085, 0.08)
_LIGHT_BROWN, _SILVER = (0.15, 0.075, 0.03), (0.45, 0.44, 0.43)
_SKIN_A, _SKIN_B, _SKIN_DARK = (1.0, 0.90, 0.78), (0.93, 0.80, 0.66), (0.72, 0.60, 0.48)
_NAVY, _WHITE = (0.016, 0.021, 0.052), (0.82, 0.83, 0.84)


def _shoes(colour: Colour = (0.03, 0.028, 0.028)) -> Wear:
    return Wear("fitted_shoes", Look("shoes", colour))


_BROWN_SHOES, _WHITE_SHOES = _shoes((0.20, 0.09, 0.04)), _shoes((0.62, 0.62, 0.60))


def _jeans(tint: Colour = (1.0, 1.0, 1.0), fade: float = 1.0) -> Wear:
    return Wear("fitted_jeans", Look("jeans", tint, fade))


def _tee(colour: Colour) -> Wear:
    return Wear("fitted_tee", Look("cloth", colour))


def _trousers(colour: Colour) -> Wear:
    return Wear("trousers", Look("cloth", colour))


def _skirt(colour: Colour, knee: float) -> Wear:
    return Wear("skirt", Look("cloth", colour), {"knee": knee})


def _top(look: Look, off: float, hem: float) -> Wear:
    return Wear("long_top", look, {"off": off, "hem": hem})


def _suit(*, bow: bool) -> Wear:
    red, blue = (0.30, 0.03, 0.06), (0.05, 0.07, 0.22)
    return _top(
        Look(
            "jacket",
            _NAVY,
            shirt=_WHITE,
            badge=(0.85, 0.75, 0.35),
            lapel=True,
            bow=red if bow else None,
            tie=None if bow else blue,
        ),
        0.017,
        -0.10,
    )


def _short(colour: Colour, thick: float = 0.016) -> Wear:
    return Wear("cap", Look("hair", colour), {"thick": thick})


def _long(colour: Colour, down_to: float) -> Wear:
    return Wear("long_hair", Look("hair", colour), {"down_to": down_to})


def _bag(kind: str, colour: Colour) -> Wear:
    return Wear(kind, Look("cloth", colour))


_CLERKS = (
    Person(
        "clerk_m1",
        "clerk",
        Body(1.74, weight=0.42),
        _SKIN_A,
        _BLACK,
        (_trousers(_NAVY), _suit(bow=False), _shoes(), _short(_BLACK, 0.018)),
    ),
    Person(
        "clerk_m2",
        "clerk",
        Body(1.69, weight=0.62, old=0.45),
        _SKIN_B,
        _PEPPER,
        (_trousers(_NAVY), _suit(bow=False), _shoes(), _short(_PEPPER, 0.013)),
    ),
    Person(
        "clerk_f1",
        "clerk",
        Body(1.62, female=1, weight=0.42),
        _SKIN_A,
        _BLACK,
        (_trousers(_NAVY), _suit(bow=True), _shoes(), _short(_BLACK, 0.013), Wear("bun", Look("hair", _BLACK))),
    ),
    Person(
        "clerk_f2",
        "clerk",
        Body(1.58, female=1, weight=0.5, old=0.15),
        _SKIN_A,
        _BROWN,
        (_skirt(_NAVY, 0.02), _suit(bow=True), _shoes(), _short(_BROWN, 0.012), _long(_BROWN, -0.01)),
        tights=(0.42, 0.30, 0.23),
    ),
)
_MEN = (
    Person(
        "m_tee",
        "citizen",
        Body(1.76, muscle=0.6, weight=0.45),
        _SKIN_A,
        _BLACK,
        (
            _jeans(),
            _tee((0.78, 0.78, 0.76)),
            _WHITE_SHOES,
            _short(_BLACK, 0.024),
            _bag("backpack", (0.05, 0.055, 0.06)),
        ),
    ),
    Person(
        "m_check",
        "citizen",
        Body(1.71, weight=0.7, old=0.3),
        _SKIN_B,
        _BLACK,
        (
            _jeans((0.35, 0.35, 0.4), 0.7),
            _top(Look("cloth", (0.30, 0.05, 0.05), check=(0.04, 0.05, 0.12)), 0.015, -0.08),
            _BROWN_SHOES,
            _short(_BLACK, 0.014),
        ),
    ),
    Person(
        "m_hoodie",
        "citizen",
        Body(1.78, weight=0.42),
        _SKIN_A,
        _BROWN,
        (
            _trousers((0.035, 0.036, 0.042)),
            _top(Look("cloth", (0.20, 0.21, 0.22)), 0.021, -0.07),
            _WHITE_SHOES,
            _short(_BROWN, 0.022),
        ),
    ),
    Person(
        "m_polo",
        "citizen",
        Body(1.68, weight=0.75, old=0.35),
        _SKIN_B,
        _BLACK,
        (_trousers((0.30, 0.24, 0.16)), _tee((0.03, 0.17, 0.10)), _shoes(), _short(_BLACK, 0.012)),
    ),
    Person(
        "m_jacket",
        "citizen",
        Body(1.80, muscle=0.6, weight=0.5, origin=(("african", 0.6), ("caucasian", 0.4))),
        _SKIN_DARK,
        _BLACK,
        (
            _jeans((0.6, 0.6, 0.66), 0.8),
            _top(Look("jacket", (0.06, 0.07, 0.035), shirt=(0.55, 0.55, 0.53)), 0.021, -0.08),
            _BROWN_SHOES,
            _short(_BLACK, 0.011),
        ),
    ),
    Person(
        "m_old",
        "citizen",
        Body(1.63, old=1, weight=0.5),
        _SKIN_B,
        _GREY,
        (
            _trousers((0.13, 0.125, 0.12)),
            _top(Look("jacket", (0.33, 0.28, 0.20), shirt=(0.36, 0.44, 0.56)), 0.017, -0.09),
            _shoes(),
            _short(_GREY, 0.010),
        ),
        stoop_deg=9,
    ),
)
_WOMEN = (
    Person(
        "f_blouse",
        "citizen",
        Body(1.63, female=1, weight=0.42),
        _SKIN_A,
        _BLACK,
        (
            _trousers((0.03, 0.03, 0.034)),
            _top(Look("cloth", (0.42, 0.035, 0.045)), 0.011, -0.04),
            _shoes(),
            _short(_BLACK, 0.013),
            _long(_BLACK, -0.13),
            _bag("shoulder_bag", (0.22, 0.11, 0.05)),
        ),
    ),
    Person(
        "f_tee",
        "citizen",
        Body(1.60, female=1, weight=0.38),
        _SKIN_A,
        _BLACK,
        (
            _jeans((0.8, 0.9, 1.1)),
            _tee((0.72, 0.52, 0.12)),
            _WHITE_SHOES,
            _short(_BLACK, 0.013),
            Wear("tail", Look("hair", _BLACK)),
        ),
    ),
    Person(
        "f_coat",
        "citizen",
        Body(1.67, female=1, weight=0.5, old=0.2, origin=(("caucasian", 0.7), ("asian", 0.3))),
        (1.0, 0.95, 0.9),
        _LIGHT_BROWN,
        (
            _trousers((0.05, 0.06, 0.09)),
            _top(Look("jacket", (0.45, 0.36, 0.25), shirt=(0.12, 0.14, 0.2)), 0.022, -0.13),
            _BROWN_SHOES,
            _short(_LIGHT_BROWN, 0.013),
            _long(_LIGHT_BROWN, -0.03),
        ),
    ),
    Person(
        "f_old",
        "citizen",
        Body(1.53, female=1, old=1, weight=0.62),
        _SKIN_B,
        _SILVER,
        (
            _trousers((0.09, 0.085, 0.09)),
            _top(Look("jacket", (0.20, 0.085, 0.24), shirt=(0.62, 0.60, 0.54)), 0.017, -0.12),
            _shoes(),
            _short(_SILVER, 0.019),
        ),
        stoop_deg=11,
    ),
    Person(
        "f_pink",
        "citizen",
        Body(1.57, female=1, weight=0.5, old=0.1),
        _SKIN_A,
        _BROWN,
        (
            _skirt((0.07, 0.08, 0.11), -0.12),
            _top(Look("cloth", (0.58, 0.30, 0.33)), 0.016, -0.05),
            _BROWN_SHOES,
            _short(_BROWN, 0.013),
            _long(_BROWN, -0.08),
        ),
        tights=(0.10, 0.09, 0.09),
    ),
    Person(
        "teen",
        "citizen",
        Body(1.40, female=0.35, child=1.0, weight=0.45),
        _SKIN_A,
        _BLACK,
        (
            _trousers((0.05, 0.06, 0.12)),
            _top(Look("cloth", (0.16, 0.36, 0.52)), 0.014, -0.04),
            _WHITE_SHOES,
            _short(_BLACK, 0.018),
            _bag("backpack", (0.42, 0.05, 0.05)),
        ),
    ),
)

PEOPLE = (*_CLERKS, *_MEN, *_WOMEN)
