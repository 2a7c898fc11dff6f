"""Tests: real databases, real sockets, no mock library."""
