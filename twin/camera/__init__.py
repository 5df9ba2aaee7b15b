"""Rendered cameras: people of an atlas in a rendered hall, with the exact truth of what can be seen of them."""

from twin.camera.compositor import Compositor, Rendered
from twin.camera.look import Look, Sensor
from twin.camera.scene import Scene, load_scene, scene_names
from twin.camera.truth import PersonTruth, clip_frame

__all__ = [
    "Compositor",
    "Look",
    "PersonTruth",
    "Rendered",
    "Scene",
    "Sensor",
    "clip_frame",
    "load_scene",
    "scene_names",
]
