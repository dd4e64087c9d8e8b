"""Floor 4: functions to functions. Every transform records a function once and walks what it recorded."""
