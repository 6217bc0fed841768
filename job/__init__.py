"""fashiontune-job: tunes a ResNet18 on a catalogue of product photos, and cannot lose work."""

__version__ = "0.1.0"
