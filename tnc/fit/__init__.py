"""Cores fitted to given weights."""
