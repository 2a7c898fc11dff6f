"""Tests of the program as a process: how it starts, stops, and lives through troubles."""
