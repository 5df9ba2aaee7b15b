"""The rendered hall: clips with exact truth."""
