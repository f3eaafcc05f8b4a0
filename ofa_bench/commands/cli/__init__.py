"""The command line: arguments, messages, progress, tables, interrupts."""
