"""Tests of the web server and of both ways to Stripe."""
