"""Tests of the client and the guards for other services."""
