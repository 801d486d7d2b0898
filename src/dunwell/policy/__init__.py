"""The pure core: facts in, decision out. No I/O, no framework, no clock, no globals."""
