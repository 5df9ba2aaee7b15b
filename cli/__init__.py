"""The command line: one file per command, wires the rooms and only wires."""
