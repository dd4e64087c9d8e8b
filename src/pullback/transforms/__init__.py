"""Floor 4: functions to functions. Those that differentiate record a function and walk the record."""
