"""The core, proved on real SQLite files."""
