"""Telling others what changed: signing and sending; reads changes, decides nothing."""
