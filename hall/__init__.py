"""The shared words: layout of a hall, limits, schedules, messages, topics, clock, errors."""
