"""The networks of the ofa package: pieces, checkpoints, images and files."""
