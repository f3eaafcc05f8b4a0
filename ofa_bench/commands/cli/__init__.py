"""Words of the command line: parsing, messages, progress, terminal, interrupts."""
