"""Network definitions and the tools that turn them into model bundles."""
