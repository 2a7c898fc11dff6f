"""Turn facts into words, in English and French. A leaf: it knows the core's types, and nothing of Discord."""
