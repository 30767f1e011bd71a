"""The outermost layer: what people and platforms call."""
