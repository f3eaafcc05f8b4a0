"""Records on disk: their schema, journals, frontiers and regret."""
