"""Static files only: the tracker and the console."""
