"""Where slow work runs: this machine, or a cluster."""
