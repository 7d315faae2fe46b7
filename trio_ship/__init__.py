"""trio-ship: many log files, one stream in true time order, exact across restarts."""
