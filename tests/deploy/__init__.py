"""Tests of what is handed to other programs: rules, dashboard, container, unit."""
