"""What an export is made of: which networks, their files and cards, what they take on a device, and the pages."""
