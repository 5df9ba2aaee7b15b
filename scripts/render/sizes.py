"""Measures that figures, props and halls share. Sprites were posed for the heights, metres."""

SEAT_Z = 0.455
"""Top of a chair of the waiting area."""
OFFICE_SEAT_Z = 0.50
"""Top of an office chair."""
DESK_Z = 0.765
"""Top of a low desk."""

PX_PER_M, DISTANCE_M, PITCH_DEG, AIM_M = 150.0, 9.0, 28.0, 0.80
"""How sprites are taken: pixels a metre at the height aimed at, the distance from there, and how far down."""
