"""The networks that likeness ships bundles of, as plain trainable modules without weights."""
