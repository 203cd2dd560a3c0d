"""The parts of tools/dev/parity.py. `weights` and `peer_*` also run in the peers' environment."""
