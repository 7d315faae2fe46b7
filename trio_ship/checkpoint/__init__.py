"""What survives a restart: the TOML checkpoint, its lock, and the journals beside it."""
