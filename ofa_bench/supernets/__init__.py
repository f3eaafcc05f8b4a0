"""Builds the networks of the ofa package: supernets, their pieces, checkpoints, images and files."""
