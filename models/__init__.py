"""Model zoo: manifest with licence and sha256, checked loading, decoders."""
