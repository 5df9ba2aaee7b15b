"""Heights that figures, props and halls share, metres. Sprites were posed for them."""

SEAT_Z = 0.455
"""Top of a chair of the waiting area."""
OFFICE_SEAT_Z = 0.50
"""Top of an office chair."""
DESK_Z = 0.765
"""Top of a low desk."""
