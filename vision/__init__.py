"""Frames to people on the floor: detector, tracker, areas, presence. No network, no wall clock."""
