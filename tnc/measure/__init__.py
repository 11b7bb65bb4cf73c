"""Measurements on this machine: devices for the time model, and networks beside what was predicted of them."""
