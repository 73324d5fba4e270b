"""What the pages say: every command is read, every example is run."""
