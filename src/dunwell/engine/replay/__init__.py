"""Replay: any policy over recorded history, on a virtual clock, through the rules that run live (spec 10)."""
