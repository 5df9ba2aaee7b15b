"""Model zoo: manifest with licence and sha256, checked loading, decoders."""

import os

# onnxruntime reports to its maker since 1.29, unless this stands before it is imported; nothing may leave the box.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
